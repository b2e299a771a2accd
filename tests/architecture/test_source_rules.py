# SPDX-License-Identifier: Apache-2.0
"""Rules of the house that no linter knows: licence lines, sizes, late imports, `__all__`, work at import."""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import ROOT

SPDX = "# SPDX-License-Identifier: Apache-2.0"
MAX_LINES = 600
SOURCES = sorted((ROOT / "src").rglob("*.py"))
FOLDERS = ("src", "tests", "bench", "vectors", "scripts", "docs", "examples")
ALL_PYTHON = [*sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")), ROOT / "noxfile.py"]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", ALL_PYTHON, ids=name_of)
def test_a_file_starts_with_its_licence_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    first, *rest = text.split("\n", 2)
    if first.startswith("#!"):
        first = rest[0]
    docstring = ast.get_docstring(ast.parse(text))
    assert first == SPDX
    assert docstring, "a module says in its docstring what it is for"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_is_not_too_long(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_cellar(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}


# ------------------------------------------------------------------------------------- late imports


def late_imports_without_a_reason(text: str) -> list[int]:
    """Lines of imports inside functions that no comment explains (on the line itself, or right above it)."""
    tree = ast.parse(text)
    late = {
        statement.lineno: statement
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in ast.walk(function)
        if isinstance(statement, ast.Import | ast.ImportFrom)
    }
    lines = iter(text.splitlines(keepends=True))
    commented = {
        token.start[0]
        for token in tokenize.generate_tokens(lambda: next(lines, ""))
        if token.type == tokenize.COMMENT and not re.fullmatch(r"#\s*(noqa|type:)\S*.{0,12}", token.string)
    }
    unexplained = []
    for line, statement in sorted(late.items()):
        above = line - 1
        while above in late and above not in commented:  # a group of imports shares the comment above it
            above -= 1
        if above not in commented and not commented & set(range(line, (statement.end_lineno or line) + 1)):
            unexplained.append(line)
    return unexplained


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_an_import_inside_a_function_says_why(path: Path) -> None:
    lines = late_imports_without_a_reason(path.read_text(encoding="utf-8"))
    assert not lines, "an optional extra, or a heavy import?"


def test_a_late_import_without_a_reason_is_seen() -> None:
    assert late_imports_without_a_reason("def f():\n    import ssl\n") == [2]
    assert late_imports_without_a_reason("def f():\n    import ssl  # noqa: PLC0415\n") == [2]
    assert late_imports_without_a_reason(
        "class A:\n    async def f(self):\n        from ssl import PROTOCOL_TLS\n"
    ) == [3]
    assert not late_imports_without_a_reason("def f():\n    import ssl  # heavy\n")
    assert not late_imports_without_a_reason("def f():\n    # heavy, both\n    import ssl\n    import tuf\n")
    assert not late_imports_without_a_reason("if TYPE_CHECKING:\n    import ssl\n")


# ------------------------------------------------------------------------------------- forbidden imports


def imported_modules(tree: ast.Module) -> Iterator[str]:
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def wrong_tuf(text: str) -> list[str]:
    """What is imported of tuf beyond ``tuf.api`` (``tuf.ngclient`` drags in fifteen signers and a fetcher)."""
    return [
        name
        for name in imported_modules(ast.parse(text))
        if f"{name}.".startswith("tuf.") and "tuf.api." not in f"{name}."
    ]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_the_metadata_of_tuf_is_used(path: Path) -> None:
    wrong = wrong_tuf(path.read_text(encoding="utf-8"))
    assert not wrong


def test_the_wrong_half_of_tuf_is_seen() -> None:
    assert wrong_tuf("from tuf.ngclient import Updater") == ["tuf.ngclient.Updater"]
    assert wrong_tuf("import tuf") == ["tuf"]
    assert not wrong_tuf("from tuf.api.metadata import Root\nimport tuf.api.exceptions")


CONCRETE = {"SQLiteStore", "DirectorySink", "FileKeyRing"}


def concrete_names(text: str) -> set[str]:
    """The concrete stores, sinks and key rings that a module imports."""
    return {name.rpartition(".")[2] for name in imported_modules(ast.parse(text))} & CONCRETE


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_the_composition_root_names_a_concrete_driver(path: Path) -> None:
    found = concrete_names(path.read_text(encoding="utf-8"))
    assert found == (CONCRETE if path.stem == "wiring" else set())


def test_a_concrete_driver_elsewhere_is_seen() -> None:
    assert concrete_names("from holdfast.control.signers import FileKeyRing, KeyRing") == {"FileKeyRing"}


# ------------------------------------------------------------------------------------- no work at import

_AT_IMPORT = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign,
)  # fmt: skip


def works_at_import(text: str) -> list[int]:
    """Lines of module-level statements that do more than define."""
    found = []
    for statement in ast.parse(text).body:
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        guarded = isinstance(statement, ast.If) and (
            "TYPE_CHECKING" in ast.unparse(statement.test)
            or "__name__" in ast.unparse(statement.test)
            or "sys." in ast.unparse(statement.test)
        )
        optional = isinstance(statement, ast.Try) and isinstance(statement.body[0], ast.Import | ast.ImportFrom)
        if not (isinstance(statement, _AT_IMPORT) or docstring or guarded or optional):
            found.append(statement.lineno)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_importing_a_module_does_no_work(path: Path) -> None:
    wrong = works_at_import(path.read_text(encoding="utf-8"))
    assert not wrong


def test_work_at_import_is_seen() -> None:
    assert works_at_import('"""Doc."""\nimport logging\nlogging.basicConfig()\n') == [3]
    assert works_at_import("for name in ():\n    pass\n") == [1]
    assert not works_at_import('"""Doc."""\nX = {}\nif TYPE_CHECKING:\n    import ssl\n')


# ------------------------------------------------------------------------------------------- __all__


def wrong_all(text: str) -> list[str]:
    """What is wrong with a module's ``__all__``: missing, naming nothing, or silent about something public."""
    tree = ast.parse(text)
    defined: set[str] = set()
    own: set[str] = set()
    declared: list[str] | None = None
    for statement in itertools.chain(tree.body, *(s.body for s in tree.body if isinstance(s, ast.If | ast.Try))):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(statement.name)
            own.add(statement.name)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            defined |= names
            if names == {"__all__"} and statement.value is not None:
                declared = list(ast.literal_eval(statement.value))
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            defined |= {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    if declared is None:
        return ["no __all__"] if own else []
    wrong = [
        f"{name} is declared and not defined" for name in declared if name not in defined and "__getattr__" not in own
    ]
    wrong += [f"{name} is public and not declared" for name in own if name[0] != "_" and name not in declared]
    return wrong


# Commands are reached through the argument tree, and offer nothing to import.
OFFERING = [path for path in SOURCES if "cli" not in path.relative_to(ROOT / "src" / "holdfast").parts]


@pytest.mark.parametrize("path", OFFERING, ids=name_of)
def test_a_module_declares_what_it_offers(path: Path) -> None:
    wrong = wrong_all(path.read_text(encoding="utf-8"))
    assert not wrong


def test_a_wrong_all_is_seen() -> None:
    assert wrong_all("def f(): ...\n") == ["no __all__"]
    assert wrong_all("__all__ = ['g']\ndef f(): ...\n") == [
        "g is declared and not defined",
        "f is public and not declared",
    ]
    assert not wrong_all("__all__ = ['f']\ndef f(): ...\ndef _g(): ...\n")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_what_a_module_declares_is_there(path: Path) -> None:
    module = importlib.import_module(module_of(path))
    assert not [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)]


# --------------------------------------------------------------------------------------- workplaces


def test_no_file_names_somebodys_machine() -> None:
    """Paths of a workplace, in any file that git knows, would be read by everybody and be true for one."""
    home = re.compile(rb"(?<![\w.])/(?:root|home/[a-z]+|Users/[a-z]+)/")
    named = [
        name_of(path)
        for folder in ("src", "tests", "spec", "docs", "bench", "scripts", "requirements")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and path.suffix in {".py", ".md", ".toml", ".sh", ".txt", ".in"}
        and home.search(path.read_bytes())
    ]
    assert not [name for name in named if name != name_of(Path(__file__))]

# SPDX-License-Identifier: Apache-2.0
"""The mutation runner sees a check that nobody tests, on a small house of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.mutants import Mutant, find_mutants
from tests.tools import ROOT, clean_environment

CODE = '''
"""A toy."""
from __future__ import annotations

MAX_BYTES = 4 * 2

class Nothing:
    """Doc."""

def check(value: int) -> bool:
    """Doc."""
    if value < 0:
        raise ValueError(value)
    if value in {7} and not odd(value):
        note(value)
    try:
        return value > MAX_BYTES
    except TypeError:
        return False
'''


def mutants_of(tmp_path: Path, code: str = CODE) -> list[Mutant]:
    path = tmp_path / "toy.py"
    path.write_text(code, encoding="utf-8")
    return list(find_mutants(path, "holdfast.core.toy"))


def test_each_check_is_broken_in_each_way(tmp_path: Path) -> None:
    changes = {(mutant.kind, mutant.change) for mutant in mutants_of(tmp_path)}
    assert changes == {
        ("limit", "MAX_BYTES = 4 * 2  ->  MAX_BYTES = 9"),
        ("limit", "MAX_BYTES = 4 * 2  ->  MAX_BYTES = 7"),
        ("compare", "value < 0  ->  value >= 0"),
        ("boundary", "value < 0  ->  value <= 0"),
        ("drop-raise", "raise ValueError(value)  ->  pass"),
        ("never", "value in {7} and (not odd(value))  ->  False"),
        ("compare", "value in {7}  ->  value not in {7}"),
        ("drop-operand", "value in {7} and (not odd(value))  ->  value in {7}"),
        ("drop-operand", "value in {7} and (not odd(value))  ->  not odd(value)"),
        ("drop-call", "note(value)  ->  pass"),
        ("compare", "value > MAX_BYTES  ->  value <= MAX_BYTES"),
        ("boundary", "value > MAX_BYTES  ->  value >= MAX_BYTES"),
        ("drop-handler", "except TypeError  ->  except ()"),
        ("bool", "return False  ->  return True"),
    }


def test_every_mutant_is_another_module_that_compiles(tmp_path: Path) -> None:
    mutants = mutants_of(tmp_path)
    for mutant in mutants:
        compile(mutant.source, "toy", "exec")
    assert len({mutant.source for mutant in mutants}) == len(mutants)
    assert len({mutant.identity for mutant in mutants}) == len(mutants)


def test_an_identity_stays_when_lines_move(tmp_path: Path) -> None:
    before = [mutant.identity for mutant in mutants_of(tmp_path)]
    after = mutants_of(tmp_path, CODE.replace('"""Doc."""', '"""Doc.\n\n    More.\n    """\n    # why'))
    assert [mutant.identity for mutant in after] == before


TOY = '''"""A toy."""
__all__ = ["check"]

def check(value):
    """Doc."""
    if value < 0:
        raise ValueError(value)
    if value > 100:
        raise OverflowError(value)
'''

GOOD_TEST = """import pytest
from holdfast.core.toy import check

def test_small():
    check(0)
    with pytest.raises(ValueError):
        check(-1)
"""

BETTER_TEST = """
def test_large():
    check(100)
    with pytest.raises(OverflowError):
        check(101)
"""


CONFIGURATION = """
[tool.pytest.ini_options]
markers = ["slow", "serial"]
pythonpath = ["src"]
filterwarnings = ["error"]
asyncio_default_fixture_loop_scope = "function"
"""


def run_on_toy(folder: Path, tests: str, survivors: str = "") -> tuple[int, str]:
    shutil.copytree(ROOT / "tests" / "mutation", folder / "tests" / "mutation")
    (folder / "tests" / "__init__.py").touch()
    (folder / "tests" / "mutation" / "survivors.toml").write_text(survivors, encoding="utf-8")
    for path, text in {
        "src/holdfast/__init__.py": "",
        "src/holdfast/core/__init__.py": "",
        "src/holdfast/core/toy.py": TOY,
        "tests/unit/core/test_toy.py": tests,
        "pyproject.toml": CONFIGURATION,
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutation", "--jobs", "2"],
        cwd=folder, env=clean_environment(PYTHONPATH=str(folder / "src")), capture_output=True, text=True, timeout=110,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_a_check_that_nobody_tests_survives(tmp_path: Path) -> None:
    code, said = run_on_toy(tmp_path, GOOD_TEST)
    assert code == 1, said
    assert "raise ValueError(value)  ->  pass" not in said
    assert "unreached" in said
    assert "raise OverflowError(value)  ->  pass" in said
    assert "value > 100  ->  value >= 100" in said


@pytest.mark.slow
def test_a_tested_house_has_no_survivor(tmp_path: Path) -> None:
    code, said = run_on_toy(tmp_path, GOOD_TEST + BETTER_TEST)
    assert code == 0, said
    assert "8 mutants, 8 killed (100.0 %)" in said


@pytest.mark.slow
def test_an_explanation_that_explains_nothing_is_refused(tmp_path: Path) -> None:
    code, said = run_on_toy(tmp_path, GOOD_TEST + BETTER_TEST, '[[survivor]]\nid = "00000000"\nreason = "x"\n')
    assert code == 1, said
    assert "00000000" in said


@pytest.mark.slow
def test_a_test_that_fails_beforehand_proves_nothing(tmp_path: Path) -> None:
    code, said = run_on_toy(tmp_path, GOOD_TEST + "\n    assert False\n")
    assert code == 3, said
    assert "fail before anything was changed" in said

# SPDX-License-Identifier: Apache-2.0
"""What a clean clone stands on: the Makefile, the scripts that make the environments, and the locks."""

from __future__ import annotations

import email
import importlib.metadata
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.tools import ROOT, clean_environment

LOCKS = ("requirements/demo.txt", "requirements/dev.txt", "requirements/mitmproxy.txt")


def run(*command: str, path: Path | None = None, **variables: str) -> tuple[int, str]:
    environment = clean_environment(**variables)
    if path is not None:
        environment["PATH"] = str(path)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


# ------------------------------------------------------------------------------------------- the environment


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A PATH with nothing on it but what the scripts need of a system; tests put Pythons there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "env", "cat", "sed", "mktemp", "rm", "tail", "dirname", "chmod"):
        (folder / name).symlink_to(shutil.which(name) or name)
    put(folder, "id", "echo 1000")  # nobody's root here
    return folder


def put(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!{shutil.which('bash')}\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


OLD = "exit 1  # python -c 'sys.exit(too old)'"
BROKEN_SHIM = "echo 'pyenv: python3.12: command not found' >&2; exit 127"
NO_ENSUREPIP = """case $2 in
*ensurepip*) exit 1 ;;
*python3-venv*) echo python3-venv python3.11-venv ;;
*) exit 0 ;;
esac"""
GOOD = """case $1 in
--version) echo Python 3.99.0 ;;
-m) echo "made $4" >&2 ;;
esac"""


def make_venv(shelf: Path, target: str = "somewhere", **variables: str) -> tuple[int, str]:
    return run("bash", "scripts/make-venv.sh", target, path=shelf, **variables)


def test_without_any_python_it_says_so(shelf: Path) -> None:
    code, said = make_venv(shelf)
    assert code == 1
    assert "error: no Python of 3.11 or later was found" in said
    assert "hint: " in said


def test_an_old_python_and_a_broken_shim_are_passed_over(shelf: Path) -> None:
    put(shelf, "python3", OLD)
    put(shelf, "python3.13", BROKEN_SHIM)
    put(shelf, "python3.12", GOOD)
    code, said = make_venv(shelf)
    assert code == 0, said
    assert "making somewhere with Python 3.99.0" in said
    assert f"({shelf}/python3.12)" in said
    assert "made somewhere" in said


def test_a_python_that_was_named_and_does_not_run_is_not_replaced(shelf: Path) -> None:
    put(shelf, "python3", GOOD)
    code, said = make_venv(shelf, PYTHON="/nonexistent/python")
    assert code == 1
    assert "PYTHON=/nonexistent/python" in said


def test_without_ensurepip_the_debian_package_is_named(shelf: Path) -> None:
    put(shelf, "python3", NO_ENSUREPIP)
    code, said = make_venv(shelf)
    assert code == 1
    assert "ensurepip is not installed" in said
    assert "sudo apt-get install python3-venv" in said


def test_root_gets_the_debian_package_installed_and_is_told(shelf: Path) -> None:
    put(shelf, "id", "echo 0")
    put(shelf, "python3", NO_ENSUREPIP)
    put(shelf, "apt-get", f'echo "apt-get $*" >>{shelf}/log')
    _, said = make_venv(shelf)
    assert "running as root: installing Debian's python3-venv" in said
    assert "install --no-install-recommends -y python3-venv python3.11-venv" in (shelf / "log").read_text()


def debian_packages(shelf: Path, **variables: str) -> tuple[int, str]:
    return run("bash", "scripts/debian-packages.sh", path=shelf, **variables)


@pytest.fixture
def bare_system(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The scripts in a folder of their own, with a list that names a program that no system has."""
    house = tmp_path / "house"
    shutil.copytree(ROOT / "scripts", house / "scripts")
    (house / "requirements").mkdir()
    (house / "requirements" / "debian.txt").write_text(
        "# x\nno-such-package no-such-tool\nbash bash\n", encoding="utf-8"
    )
    monkeypatch.setattr("tests.architecture.test_set_up.ROOT", house)
    return shelf


def test_a_user_is_told_what_is_missing(bare_system: Path) -> None:
    code, said = debian_packages(bare_system)
    assert code == 0
    assert "not installed: no-such-package; the tests that need them are skipped" in said
    assert "hint: sudo apt-get install no-such-package" in said


def test_what_cannot_be_installed_is_an_error_that_is_told(bare_system: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    put(bare_system, "id", "echo 0")
    put(bare_system, "apt-get", f"test -x {policy} && echo E: no network; exit 100")
    code, said = debian_packages(bare_system, POLICY_RC_D=str(policy))
    assert code == 0
    assert "running as root: installing Debian packages for the tests: no-such-package" in said
    assert "E: no network" in said
    assert "error: Debian packages could not be installed" in said
    assert not policy.exists()


# ------------------------------------------------------------------------------------------- the Makefile


def makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):.*  ## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_help_shows_every_target() -> None:
    code, said = run("make", "help")
    assert code == 0, said
    assert set(re.findall(r"^  make ([a-z-]+) ", said, re.MULTILINE)) == makefile_targets()
    assert makefile_targets() >= {
        "demo", "test", "lint", "bench", "conformance", "mutation", "lock", "docs-check", "clean", "test-all-pythons",
    }  # fmt: skip


def test_the_demo_needs_the_demos_packages_only() -> None:
    code, said = run("make", "--dry-run", "demo", "VENV=/nonexistent/venv")
    assert code == 0, said
    assert "requirements/demo.txt" in said
    assert "requirements/dev.txt" not in said
    assert "apt-get" not in said


def test_make_writes_nothing_that_git_would_see() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert {".venv/", ".venv-*/", ".nox/", "__pycache__/", "bench/out/", ".hypothesis/", ".coverage"} <= set(ignored)


def test_scripts_are_sound() -> None:
    for path in [*(ROOT / "scripts").glob("*.sh"), ROOT / ".ci" / "run"]:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("#!/usr/bin/env bash\n# SPDX-License-Identifier: Apache-2.0\n"), path
        assert re.search(r"\nset -e?uo pipefail\n", text), path
        assert os.access(path, os.X_OK), path
        code, said = run("bash", "-n", str(path))
        assert code == 0, said


# ------------------------------------------------------------------------------------------------ the locks


def locked(lock: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_machine_and_hashes_everything(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"https?:|file:|--index|--find-links|--extra-index|(?<![\w.])/[a-z]", text)
    entries = re.findall(r"^[a-z0-9-]+==.*?(?=^[a-z0-9-]+==|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(entries) > 10
    assert not [entry.split("\n")[0] for entry in entries if "--hash=sha256:" not in entry]


def test_one_environment_serves_the_demo_and_the_tests() -> None:
    demo, dev = locked("requirements/demo.txt"), locked("requirements/dev.txt")
    assert {name: versions for name, versions in demo.items() if dev.get(name) != versions} == {}


def project_requirements(*extras: str, groups: tuple[str, ...]) -> list[Requirement]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    texts = list(settings["project"]["dependencies"])
    for extra in extras:
        texts += settings["project"]["optional-dependencies"][extra]
    for group in groups:
        texts += settings["dependency-groups"][group]
    return [requirement for requirement in map(Requirement, texts) if requirement.name != "holdfast"]


@pytest.mark.parametrize(
    ("lock", "extras", "groups"),
    [
        ("requirements/demo.txt", ("cli", "server"), ("build",)),
        (
            "requirements/dev.txt",
            ("cli", "server", "requests", "urllib3", "httpx", "aiohttp"),
            ("build", "test", "lint", "tools"),
        ),
    ],
)
def test_the_locks_are_not_behind_the_project(lock: str, extras: tuple[str, ...], groups: tuple[str, ...]) -> None:
    versions = locked(lock)
    behind = [
        str(requirement)
        for requirement in project_requirements(*extras, groups=groups)
        if not any(Version(v) in requirement.specifier for v in versions.get(requirement.name.lower(), ()))
    ]
    assert not behind, "make lock"


def test_this_environment_is_the_locked_one() -> None:
    """What runs here is what the lock says: a version by hand would make a result that nobody can repeat."""
    code, said = run(sys.executable, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check")
    if code != 0:  # an environment made by uv has no pip: nox's
        code, said = run(str(Path(sys.executable).parent / "uv"), "pip", "list", "--format=freeze")
    assert code == 0, said
    installed = dict(line.lower().split("==") for line in said.splitlines() if re.fullmatch(r"[\w.-]+==\S+", line))
    dev = locked("requirements/dev.txt")
    wrong = {
        name: (versions, installed[name])
        for name, versions in dev.items()
        if name in installed and installed[name] not in versions
    }
    assert not wrong


# ---------------------------------------------------------------------------------------------- the package


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that would be published."""
    folder = tmp_path_factory.mktemp("wheel")
    code, said = run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    assert code == 0, said
    (path,) = folder.glob("holdfast-*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_package_its_types_and_its_licence(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    sources = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("*.py")}
    assert sources <= names
    assert "holdfast/py.typed" in names
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"holdfast"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".db", ".pem"))]


def test_the_wheel_asks_for_what_the_architecture_says(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(wheel.read(name))
    base = {Requirement(text).name for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text}
    assert base == {"cryptography", "securesystemslib", "tuf"}
    assert set(metadata.get_all("Provides-Extra", [])) >= {"cli", "server", "requests", "httpx", "aiohttp", "all"}
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Version"] == importlib.metadata.version("holdfast")

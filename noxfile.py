# SPDX-License-Identifier: Apache-2.0
"""Every supported Python that this machine has: ``make test-all-pythons``.

An interpreter that is not here is named and left out; it is not a skipped test. The packages come from the same lock
as the Makefile's.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import nox

# HOLDFAST_PYTHONS="3.12 3.13" takes some of them only; HOLDFAST_BESIDE=.venv/bin/python leaves out the interpreter
# from which that environment was made.
PYTHONS = tuple(os.environ.get("HOLDFAST_PYTHONS", "3.11 3.12 3.13").split())
BESIDE = os.environ.get("HOLDFAST_BESIDE")
# What depends on the interpreter: parsing, ssl, sockets, asyncio. Documents and linters do not.
SUITES = ("tests/unit", "tests/property", "tests/vectors", "tests/attack", "tests/typing")

nox.options.default_venv_backend = "uv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False
nox.options.stop_on_first_error = False
nox.needs_version = ">=2025.5"


def ask(python: str) -> tuple[str, str] | None:
    """The version of an interpreter, such as ``3.11``, and its real path; None if it does not run."""
    code = "import os, sys; print('%d.%d' % sys.version_info[:2], os.path.realpath(sys._base_executable))"
    try:
        said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    version, _, path = said.strip().partition(" ")
    return version, path


def find_python(version: str) -> str | None:
    """An interpreter of this version that really runs.

    The distribution's own comes first, because it is what most people have, and because its ssl differs (Debian's sets
    no lowest TLS version, for one); then what PATH has, then what pyenv made and does not show.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    made = sorted(pyenv.glob(f"{version}.*/bin/python{version}"), reverse=True)
    for candidate in [f"/usr/bin/python{version}", f"python{version}", "python3", *map(str, made)]:
        found = ask(candidate)
        if found is not None and found[0] == version:
            return found[1]
    return None


def run_tests(session: nox.Session) -> None:
    """Run the suites, or the words after ``--``."""
    suites = ["--numprocesses=2", "-m", "not serial", *(suite for suite in SUITES if Path(suite).is_dir())]
    session.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *(session.posargs or suites))


def tests(session: nox.Session) -> None:
    """Run the suites on one Python, with the locked packages."""
    session.install("--quiet", "--require-hashes", "--only-binary", ":all:", "-r", "requirements/dev.txt")
    session.install("--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")
    run_tests(session)


def lowest(session: nox.Session) -> None:
    """Run the suites with the oldest packages that pyproject.toml allows, so that its ranges are no guess."""
    session.install("--quiet", "--resolution", "lowest-direct", "--editable", ".[all]", "--group", "test")
    run_tests(session)


def nothing(session: nox.Session) -> None:
    """No interpreter that was asked for is here, which is no fault."""
    session.log("no other CPython of %s is on this machine: nothing to run", ", ".join(PYTHONS))


os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")
_found = False
for _version in PYTHONS:
    _path = find_python(_version)
    if _path is None:
        print(f"CPython {_version} is not on this machine: left out")
        continue
    if BESIDE and ask(BESIDE) == (_version, _path):
        print(f"CPython {_version} is the one of {BESIDE}: left out")
        continue
    nox.session(python=_path, name=f"tests-{_version}")(tests)
    if not _found:
        nox.session(python=_path, name="lowest", default=False)(lowest)
    _found = True
if not _found:
    nox.session(venv_backend="none")(nothing)

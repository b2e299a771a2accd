# SPDX-License-Identifier: Apache-2.0
"""ruff and mypy --strict hold over the whole tree, and planted faults are seen by each."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import ROOT, clean_environment

BIN = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path = ROOT) -> tuple[int, str]:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=clean_environment(), capture_output=True, text=True, timeout=280,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_ruff_holds() -> None:
    code, said = run(BIN / "ruff", "check", "--no-cache", "--output-format", "concise", ".")
    assert code == 0, said


def test_the_code_is_formatted() -> None:
    code, said = run(BIN / "ruff", "format", "--no-cache", "--check", ".")
    assert code == 0, said


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_mypy_strict_holds() -> None:
    code, said = run(BIN / "mypy")
    assert code == 0, said


# ------------------------------------------------------------------------------------------ planted faults


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the configuration and of src/, for faults."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def plant(house: Path, where: str, code: str) -> Path:
    path = house / "src" / "holdfast" / where / "planted.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'# SPDX-License-Identifier: Apache-2.0\n"""Planted."""\n\n{code}', encoding="utf-8")
    return path


CLOCKS = {
    "datetime.now": "from datetime import UTC, datetime\n\nX = datetime.now(UTC)\n",
    "datetime.utcnow": "import datetime\n\nX = datetime.datetime.utcnow()\n",
    "date.today": "import datetime as d\n\nX = d.date.today()\n",
    "time": "import time\n\nX = time.time()\n",
    "monotonic": "from time import monotonic\n\nX = monotonic()\n",
    "random": "import random\n\nX = random.SystemRandom()\n",
    "os": "from os import urandom\n\nX = urandom(1)\n",
}


@pytest.mark.parametrize("room", ["core", "trust", "trust/deeper"])
@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_in_a_pure_room_is_seen(name: str, room: str, house: Path) -> None:
    path = plant(house, room, CLOCKS[name])
    try:
        code, said = run(BIN / "ruff", "check", "--no-cache", "--output-format", "concise", path, cwd=house)
    finally:
        path.unlink()
    assert code == 1, said
    assert "TID251" in said


def test_a_clock_elsewhere_is_nobodys_business(house: Path) -> None:
    path = plant(house, "client", CLOCKS["datetime.now"])
    try:
        code, said = run(BIN / "ruff", "check", "--no-cache", "--output-format", "concise", path, cwd=house)
    finally:
        path.unlink()
    assert code == 0, said


RUFF_FAULTS = {
    "D103": "def public(value: int) -> int:\n    return value\n",
    "BLE001": "def _f() -> None:\n    try:\n        _f()\n    except Exception:\n        return\n",
    "S105": 'PASSWORD = "hunter2"\n',
    "T201": 'print("x")\n',
    "FIX002": "# TODO: later\n",
    "E501": f"X = ({'1 + ' * 40}1)\n",
    "PGH003": "X = 1  # type: ignore\n",
    "DTZ001": "import datetime\n\nX = datetime.datetime(2026, 1, 1)\n",
}


@pytest.mark.parametrize("rule", RUFF_FAULTS)
def test_a_fault_of_style_or_safety_is_seen(rule: str, house: Path) -> None:
    path = plant(house, "client", RUFF_FAULTS[rule])
    try:
        code, said = run(BIN / "ruff", "check", "--no-cache", "--output-format", "concise", path, cwd=house)
    finally:
        path.unlink()
    assert code == 1, said
    assert rule in said


MYPY_FAULTS = {
    "no-untyped-def": "def f(value):\n    return value\n",
    "type-arg": "def f(value: dict) -> None: ...\n",
    "no-any-return": "import json\n\n\ndef f(value: str) -> int:\n    return json.loads(value)\n",
    "arg-type": "from holdfast.core.pin import format_digest\n\nX = format_digest('not bytes')\n",
    "ignore-without-code": "X: int = 'a'  # type: ignore\n",
    "unused-ignore": "X: int = 1  # type: ignore[assignment]\n",
}


@pytest.mark.slow
def test_a_fault_of_type_is_seen(house: Path) -> None:
    paths = []
    for number, fault in enumerate(MYPY_FAULTS.values()):
        path = plant(house, f"core/planted{number}", fault)
        (path.parent / "__init__.py").touch()
        paths.append(path)
    try:
        code, said = run(BIN / "mypy", "--cache-dir", house / "cache", *paths, cwd=house)
    finally:
        for path in paths:
            shutil.rmtree(path.parent)
    assert code == 1, said
    for number, name in enumerate(MYPY_FAULTS):
        assert any(f"planted{number}" in line and f"[{name}]" in line for line in said.splitlines()), f"{name}\n{said}"

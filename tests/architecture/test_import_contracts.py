# SPDX-License-Identifier: Apache-2.0
"""The floors of the house hold, and a fault planted for each contract is seen.

The contracts stand in ``pyproject.toml``; ``docs/architecture.md`` says why. A contract that nothing can break is no
contract: for each there is at least one line here that, written into a copy of the sources, turns exactly that
contract red.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.tools import ROOT, clean_environment

# contract -> (module, line) pairs; each line alone must break it
FAULTS: dict[str, list[tuple[str, str]]] = {
    "floors": [
        ("errors", "import holdfast.telemetry.events"),
        ("telemetry/events", "import holdfast.core.pin"),
        ("core/pin", "import holdfast.trust.bundle"),
        ("trust/bundle", "import holdfast.client.config"),
        ("client/config", "import holdfast.adapters.httpx"),
        ("adapters/httpx", "import holdfast.control.model"),
        ("control/model", "import holdfast.adapters.httpx"),
        ("control/service", "import holdfast.server.app"),
        ("server/app", "import holdfast.wiring"),
        ("wiring", "import holdfast.cli.main"),
        ("newroom/__init__", "x = 1"),
    ],
    "core-is-pure": [
        ("core/pin", "import socket"),
        ("core/certificate", "from cryptography import x509"),
        ("core/freshness", "import time"),
        ("errors", "import ssl"),
        ("telemetry/events", "import logging"),
    ],
    "trust-is-pure": [
        ("trust/verification", "import time"),
        ("trust/bundle", "from urllib.request import urlopen"),
        ("trust/roles", "import threading"),
    ],
    "sdk-is-alone": [
        ("client/config", "import holdfast.control.model"),
        ("client/config", "import click"),
        ("client/config", "import sqlite3"),
        ("adapters/httpx", "import holdfast.wiring"),
    ],
    "client-needs-no-http-library": [("client/refresh/fetcher", "import httpx")],
    "control-never-reaches-client": [
        ("control/model", "import holdfast.client.config"),
        ("control/service", "from holdfast.adapters import httpx"),
    ],
    "only-wiring-names-drivers": [
        ("control/service", "import holdfast.control.db.sqlite"),
        ("cli/main", "import holdfast.control.sinks.directory"),
        ("server/app", "from holdfast.control.db import sqlite"),
    ],
    "drivers-are-strangers": [("control/sinks/directory", "import holdfast.control.db.sqlite")],
    "adapters-are-strangers": [("adapters/httpx", "import holdfast.adapters.aiohttp")],
}


def lint_imports(sources: Path, *contracts: str) -> tuple[int, str]:
    """Run import-linter over a source folder; its exit code and what it said."""
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [str(program), "--no-cache", "--config", str(ROOT / "pyproject.toml"), *chosen],
        env=clean_environment(PYTHONPATH=str(sources)), cwd=sources.parent, capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of src/, for faults."""
    target = tmp_path_factory.mktemp("house") / "src"
    shutil.copytree(ROOT / "src", target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def test_all_contracts_hold() -> None:
    code, said = lint_imports(ROOT / "src")
    assert code == 0, said
    assert "0 broken" in said


def test_every_contract_has_a_fault() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {contract["id"] for contract in settings["tool"]["importlinter"]["contracts"]} == set(FAULTS)


@pytest.mark.parametrize(
    ("contract", "module", "line"),
    [(contract, module, line) for contract, faults in FAULTS.items() for module, line in faults],
)
def test_a_planted_fault_is_seen(contract: str, module: str, line: str, copied: Path) -> None:
    path = copied / "holdfast" / f"{module}.py"
    is_new = module.startswith("newroom/")
    assert path.exists() != is_new, "the module has moved: plant the fault where it is now"
    before = None if is_new else path.read_bytes()
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    try:
        code, said = lint_imports(copied, contract)
    finally:
        if before is None:
            shutil.rmtree(path.parent)
        else:
            path.write_bytes(before)
    assert code == 1, said
    assert "1 broken" in said or "exhaustive" in said.lower(), said


def test_the_sdk_stands_on_three_libraries() -> None:
    """What stands in the base install is exactly what the architecture allows."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = {dependency.split(">")[0] for dependency in settings["project"]["dependencies"]}
    assert names == {"cryptography", "securesystemslib", "tuf"}

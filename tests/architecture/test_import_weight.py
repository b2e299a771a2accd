# SPDX-License-Identifier: Apache-2.0
"""``import holdfast`` is light: what an app pays before it has opened a connection."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

import pytest

from tests.tools import ROOT, clean_environment

#: What the first import must leave to the first verification, the first refresh, or to the app itself.
HEAVY = frozenset(
    {
        "aiohttp", "asyncio", "certifi", "click", "concurrent.futures", "cryptography", "email", "http.client", "httpx",
        "importlib.metadata", "logging.config", "msgspec", "multiprocessing", "publicsuffixlist", "requests", "rich",
        "securesystemslib", "sqlite3", "subprocess", "tempfile", "tuf", "urllib.request", "urllib3", "uvicorn",
    }
)  # fmt: skip

#: `make bench` aims at 2.5; a test on a shared machine refuses above this.
MAX_RATIO = 3.5


def run(code: str, *flags: str) -> str:
    done = subprocess.run(
        [sys.executable, *flags, "-c", code],
        env=clean_environment(), cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout


def modules_after(statement: str) -> set[str]:
    return set(json.loads(run(f"import sys, json\n{statement}\nprint(json.dumps(sorted(sys.modules)))")))


def test_nothing_heavy_is_imported() -> None:
    assert not (modules_after("import holdfast") & HEAVY) - modules_after("pass")


#: What an app names first; it brings ssl and threads, and nothing that only some apps need.
FACE = "from holdfast import PinStore, PinnedSSLContext, create_default_context, pin_error"


def test_the_face_of_the_sdk_leaves_the_rest_to_the_first_use() -> None:
    """No asyncio for who has no loop, no HTTP before the first refresh, no tuf before the first verification."""
    loaded = modules_after(FACE)
    assert {"ssl", "holdfast.client.pin_store"} <= loaded
    assert not loaded & (HEAVY - {"concurrent.futures"})


def test_the_measure_sees_what_is_heavy() -> None:
    assert {"tuf", "cryptography"} <= modules_after("import holdfast.trust.verification")


def test_the_first_import_knows_nothing_of_the_publisher() -> None:
    loaded = modules_after("import holdfast")
    assert "holdfast" in loaded
    rooms = {name.split(".")[1] for name in loaded if name.startswith("holdfast.")}
    assert not rooms & {"adapters", "cli", "control", "server", "sim", "trust", "wiring"}


def cpu_seconds(statement: str) -> float:
    """CPU time of one import in a fresh interpreter, without the interpreter's own start."""
    code = f"import time\nstart = time.process_time()\n{statement}\nprint(time.process_time() - start)"
    return float(run(code, "-I", "-X", "frozen_modules=on"))


@pytest.mark.serial
def test_import_costs_little_more_than_ssl() -> None:
    run("import ssl, holdfast")  # compiled files are there, as in an installed app
    ssl, ours = [], []
    for _ in range(9):  # interleaved, so that a busy neighbour meets both
        ssl.append(cpu_seconds("import ssl"))
        ours.append(cpu_seconds("import holdfast"))
    assert statistics.median(ours) / statistics.median(ssl) < MAX_RATIO


def test_the_conformance_client_needs_the_base_install_only() -> None:
    """tuf, securesystemslib and cryptography are all that ``holdfast-conformance`` may need."""
    missing = sorted(
        HEAVY & {"aiohttp", "click", "httpx", "msgspec", "publicsuffixlist", "requests", "rich", "uvicorn"}
    )
    hide = f"import sys\nfor name in {missing!r}: sys.modules[name] = None\n"
    run(f"{hide}import holdfast.cli.conformance")
    run(f"{hide}import holdfast; holdfast.PinStore; holdfast.create_default_context; holdfast.inject_into_ssl")


def test_the_program_without_its_extra_says_what_to_install() -> None:
    hide = "import sys\nfor name in ('click', 'rich', 'msgspec'): sys.modules[name] = None\n"
    start = "sys.argv = ['holdfast', '--help']\nfrom holdfast.cli.main import main\nsys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", hide + start],
        env=clean_environment(), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "error: " in done.stderr
    assert "holdfast[cli]" in done.stderr
    assert "Traceback" not in done.stderr

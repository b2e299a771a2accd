# SPDX-License-Identifier: Apache-2.0
"""The rules of ``tests/conftest.py`` bite: each is broken on purpose, in a pytest of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.tools import ROOT, find_tool, free_port, requires

SKIPS = {
    "skip_in_a_test": "def test_it():\n    pytest.skip('no tool')\n",
    "skipif_mark": "@pytest.mark.skipif(True, reason='no tool')\ndef test_it(): pass\n",
    "skip_in_a_fixture": "@pytest.fixture\ndef thing():\n    pytest.skip('no tool')\ndef test_it(thing): pass\n",
    "importorskip": "def test_it():\n    pytest.importorskip('no_such_module_at_all')\n",
    "importorskip_of_a_module": "pytest.importorskip('no_such_module_at_all')\ndef test_it(): pass\n",
    "module_level_skip": "pytest.skip('no tool', allow_module_level=True)\ndef test_it(): pass\n",
    "requires": "from tests.tools import requires\n@requires('no-such-tool')\ndef test_it(): pass\n",
}

_ESCAPE = """
import contextlib, socket, warnings
def test_it():
    warnings.simplefilter('ignore')
    with contextlib.suppress(Exception):
        {}
"""
ESCAPES = {
    "connect": "socket.create_connection(('192.0.2.1', 9), timeout=0.1)",
    "connect_ex": "socket.socket().connect_ex(('192.0.2.1', 9))",
    "sendto": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))",
    "resolve": "socket.getaddrinfo('example.com', 443)",
    "ipv6": "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 9))",
}

OTHER_FAULTS = {
    "unexpected_pass": "@pytest.mark.xfail(reason='planted')\ndef test_it(): pass\n",
    "warning": "import warnings\ndef test_it():\n    warnings.warn('planted')\n",
    "unknown_mark": "@pytest.mark.sloow\ndef test_it(): pass\n",
}

CONTROLS = {
    "plain": "def test_it(): pass\n",
    "loopback": """
import socket
def test_it():
    with socket.create_server(('127.0.0.1', 0)) as server:
        with socket.create_connection(server.getsockname()), server.accept()[0]: pass
    assert socket.getaddrinfo('localhost', 1)
""",
    "environment": """
import os
def test_it():
    assert 'https_proxy' not in os.environ
    assert 'HOLDFAST_CONFIG' not in os.environ
""",
}

PLANTED = {
    **SKIPS,
    **{name: _ESCAPE.format(line) for name, line in ESCAPES.items()},
    **OTHER_FAULTS,
    **CONTROLS,
}

Outcomes = dict[str, tuple[str, str]]


def run_pytest(folder: Path, *, require_all: bool) -> Outcomes:
    """Run every planted module under our conftest.py; per module what became of it, and what was said."""
    (folder / "tests").mkdir()
    (folder / "requirements").mkdir()
    for name in (
        "tests/__init__.py",
        "tests/conftest.py",
        "tests/tools.py",
        "pyproject.toml",
        "requirements/debian.txt",
    ):
        shutil.copy(ROOT / name, folder / name)
    for name, code in PLANTED.items():
        (folder / "tests" / f"test_{name}.py").write_text(f"import pytest\n{code}", encoding="utf-8")
    report = folder / "report.xml"
    hostile = {"https_proxy": "http://192.0.2.1:3128", "HOLDFAST_CONFIG": "/nonexistent"}
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors",
         f"--junitxml={report}", "tests"],
        cwd=folder, env={**os.environ, **hostile, "HOLDFAST_REQUIRE_ALL": str(int(require_all))},
        capture_output=True, timeout=120, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    outcomes: Outcomes = {}
    for case in ET.parse(report).iter("testcase"):
        module = f"{case.get('classname')}.{case.get('name')}".partition("tests.test_")[2].partition(".")[0]
        result = next((child for child in case if child.tag in {"failure", "error", "skipped"}), None)
        said = "" if result is None else f"{result.get('message')}\n{result.text}"
        outcomes[module] = ("passed" if result is None else result.tag, said)
    return outcomes


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return run_pytest(tmp_path_factory.mktemp("strict"), require_all=True)


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return run_pytest(tmp_path_factory.mktemp("lenient"), require_all=False)


@pytest.mark.parametrize("name", SKIPS)
def test_a_skip_is_a_failure_under_require_all(name: str, strict: Outcomes) -> None:
    outcome, said = strict[name]
    assert outcome in {"failure", "error"}, said
    assert "a skip is a failure here" in said


@pytest.mark.parametrize("name", SKIPS)
def test_a_skip_is_a_skip_otherwise(name: str, lenient: Outcomes) -> None:
    assert lenient[name][0] == "skipped"


def test_a_missing_tool_is_named_with_its_package(lenient: Outcomes) -> None:
    assert "no-such-tool is not installed: apt-get install no-such-tool" in lenient["requires"][1]


@pytest.mark.parametrize("name", ESCAPES)
def test_a_test_that_leaves_the_machine_fails_though_it_swallowed_the_error(name: str, lenient: Outcomes) -> None:
    outcome, said = lenient[name]
    assert outcome in {"failure", "error"}, said
    assert "tried to leave the machine" in said


@pytest.mark.parametrize(
    ("name", "expected"), [("unexpected_pass", "XPASS(strict)"), ("warning", "planted"), ("unknown_mark", "sloow")]
)
def test_a_surprise_is_a_failure(name: str, expected: str, lenient: Outcomes) -> None:
    outcome, said = lenient[name]
    assert outcome in {"failure", "error"}, said
    assert expected in said


@pytest.mark.parametrize("name", CONTROLS)
def test_an_honest_test_passes(name: str, strict: Outcomes, lenient: Outcomes) -> None:
    assert strict[name][0] == lenient[name][0] == "passed"


def test_tools_are_found_or_named() -> None:
    assert find_tool("no-such-tool") is None
    mark = requires("no-such-tool", "no-other-tool")
    assert mark.args == (True,)
    assert "no-such-tool" in mark.kwargs["reason"]
    assert "no-other-tool" in mark.kwargs["reason"]
    assert 1024 <= free_port() <= 65535

# SPDX-License-Identifier: Apache-2.0
"""Rules that every test lives under.

* **A skip is a failure under ``HOLDFAST_REQUIRE_ALL=1``**: of a test, in a fixture, at import, of a whole module.
* **Loopback only**: a test whose process connects, sends or resolves beyond this machine fails, even when the code
  under test swallowed the error.
* **Nobody's environment**: proxies, CA bundles and Holdfast's own variables of the user are not seen.
* Tests that took long and are not marked ``slow`` are named at the end.
"""

from __future__ import annotations

import ipaddress
import os
import random
import sys
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.tools import is_unwanted_variable

REQUIRE_ALL = os.environ.get("HOLDFAST_REQUIRE_ALL", "") not in {"", "0"}
SLOW_SECONDS = 5.0

# ------------------------------------------------------------------------------------------------ no skips

_FORBIDDEN_SKIP = "HOLDFAST_REQUIRE_ALL=1: a skip is a failure here"


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Turn the skip of a test into its failure."""
    report = yield
    if REQUIRE_ALL and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped: {_reason(report.longrepr)}\n{_FORBIDDEN_SKIP}"
    return report


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Turn the skip of a module (``importorskip``, ``skip(allow_module_level=True)``) into a collection error."""
    report = yield
    if REQUIRE_ALL and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid}: skipped: {_reason(report.longrepr)}\n{_FORBIDDEN_SKIP}"
    return report


def _reason(longrepr: object) -> str:
    if isinstance(longrepr, tuple):
        return str(longrepr[-1]).removeprefix("Skipped: ")
    return str(longrepr)


# ------------------------------------------------------------------------------------------- loopback only

_escapes: list[str] = []


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in {"", "localhost", "localhost."}:
        return True
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback or address.is_unspecified


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    # Audit events come from the interpreter's own C code: no client library can go round them by having bound the
    # function earlier. (uvloop resolves and connects by itself; what it is given here are loopback addresses.)
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = arguments[1]
        if not isinstance(address, tuple):  # AF_UNIX, AF_NETLINK, or a connected socket
            return
        host = address[0]
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0]
    else:
        return
    if not _is_local(host):
        _escapes.append(f"{event} {host!r}")
        message = f"the tests may reach this machine only, and this went to {host!r} ({event})"
        raise OSError(message)


sys.addaudithook(_guard)


@pytest.fixture(autouse=True)
def _loopback_only() -> Iterator[None]:
    """Fail the test that tried to leave the machine, whoever caught the error."""
    _escapes.clear()
    yield
    if _escapes:
        tried = ", ".join(_escapes)
        _escapes.clear()
        pytest.fail(f"this test tried to leave the machine: {tried}")


# ------------------------------------------------------------------------------------ nobody's environment


def pytest_configure(config: pytest.Config) -> None:
    """Forget the user's proxies, CA bundles and settings, for this process and the programs that tests start."""
    del config
    for name in list(os.environ):
        if is_unwanted_variable(name):
            del os.environ[name]


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Repeatable chance: one generator a test, seeded with the test's own name."""
    return random.Random(request.node.nodeid)


# -------------------------------------------------------------------------------------- honest about speed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that took long and do not say so."""
    durations: dict[str, float] = {}
    marked: set[str] = set()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                durations[report.nodeid] = durations.get(report.nodeid, 0.0) + report.duration
                if "slow" in report.keywords:
                    marked.add(report.nodeid)
    long = sorted(((took, node) for node, took in durations.items() if took > SLOW_SECONDS and node not in marked))
    if long:
        terminalreporter.section(f"took over {SLOW_SECONDS:g} s and are not marked slow")
        for took, node in reversed(long):
            terminalreporter.write_line(f"{took:6.1f} s  {node}")

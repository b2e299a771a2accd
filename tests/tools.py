# SPDX-License-Identifier: Apache-2.0
"""What tests share and production code must not have: tools of the machine, free ports, clean environments.

A test that needs a program of the machine says so with :func:`requires`; where the program is missing the test is
skipped *with the program's name and its package*, and fails under ``HOLDFAST_REQUIRE_ALL=1`` (see ``conftest.py``).
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

__all__ = [
    "ROOT",
    "clean_environment",
    "debian_packages",
    "find_tool",
    "free_port",
    "get_tool",
    "requires",
    "wait_until",
]

#: The repository's root folder.
ROOT = Path(__file__).resolve().parent.parent

# Where programs live that an ordinary user's PATH does not name.
_EXTRA_PATH = ("/usr/sbin", "/sbin", "/usr/local/sbin")

# Programs that the Makefile installs into an environment of their own.
_OWN_ENVIRONMENTS = {
    name: (ROOT / ".venv-mitmproxy" / "bin" / name, "make test-setup") for name in ("mitmdump", "mitmproxy", "mitmweb")
}


def debian_packages() -> dict[str, str]:
    """Program -> Debian package, of all that the full test run needs."""
    lines = (ROOT / "requirements" / "debian.txt").read_text(encoding="utf-8").splitlines()
    return {tool: package for package, tool in (line.split()[:2] for line in lines if line and line[0] != "#")}


def find_tool(name: str) -> Path | None:
    """The path of a program of the machine, or None.

    ``HOLDFAST_TOOL_<NAME>`` in the environment names another one, such as ``HOLDFAST_TOOL_NGINX``.
    """
    named = os.environ.get(f"HOLDFAST_TOOL_{name.upper()}")
    if named:
        return Path(named)
    if name in _OWN_ENVIRONMENTS:
        path, _ = _OWN_ENVIRONMENTS[name]
        return path if path.exists() else None
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_EXTRA_PATH]))
    return Path(found) if found else None


def get_tool(name: str) -> Path:
    """The path of a program, inside a test; the test is skipped (or fails, see above) when there is none."""
    path = find_tool(name)
    if path is None:
        pytest.skip(_missing(name))
    return path


def _missing(name: str) -> str:
    if name in _OWN_ENVIRONMENTS:
        return f"{name} is not installed: {_OWN_ENVIRONMENTS[name][1]}"
    return f"{name} is not installed: apt-get install {debian_packages().get(name, name)}"


def requires(*names: str) -> pytest.MarkDecorator:
    """A mark for tests, classes and modules (``pytestmark``) that need programs of the machine.

    Args:
        names: Programs, such as ``"nginx"``, ``"faketime"``, ``"openssl"``, ``"mitmdump"``.
    """
    missing = [name for name in names if find_tool(name) is None]
    return pytest.mark.skipif(bool(missing), reason="; ".join(map(_missing, missing)))


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that was free a moment ago. Prefer port 0 and asking the server, where the server can say."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment for a program that a test starts: no proxies, no CA overrides, no settings of Holdfast.

    Args:
        extra: Variables to add, as they stand.
    """
    kept = {name: value for name, value in os.environ.items() if not is_unwanted_variable(name)}
    return {**kept, **extra}


def is_unwanted_variable(name: str) -> bool:
    """True for a variable of the user's that would change what a test means."""
    upper = name.upper()
    if upper == "HOLDFAST_REQUIRE_ALL" or upper.startswith("HOLDFAST_TOOL_"):
        return False
    return (
        upper.startswith("HOLDFAST_")
        or upper.endswith("_PROXY")
        or upper in {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSLKEYLOGFILE"}
        or upper in {"SOURCE_DATE_EPOCH", "FAKETIME", "OPENSSL_CONF", "FORCE_COLOR", "NO_COLOR", "COLUMNS"}
    )


def wait_until(condition: Callable[[], bool], *, timeout_seconds: float = 10.0, what: str = "the condition") -> None:
    """Wait until ``condition()`` is true, looking every 10 ms; the test fails after ``timeout_seconds``."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout_seconds} s in vain for {what}")
        time.sleep(0.01)

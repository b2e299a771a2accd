# SPDX-License-Identifier: Apache-2.0
"""A real mitmproxy, as people run it to read an app's traffic: its CA is made at the first start, and trusted then.

It stays in an environment of its own (``make test-setup``), because it pins old versions of what we use.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.tools import clean_environment, free_port, get_tool, wait_until

__all__ = ["Mitmproxy", "run_mitmproxy"]

# What the proxy has decrypted: an addon, run by mitmproxy itself.
_ADDON = """
import json, os

class Tell:
    def __init__(self):
        self.path = os.environ["TOLD"]

    def _tell(self, **facts):
        with open(self.path, "a") as out:
            out.write(json.dumps(facts) + "\\n")

    def requestheaders(self, flow):
        self._tell(kind="request", path=flow.request.path, headers=dict(flow.request.headers))

    def tls_start_client(self, data):
        self._tell(kind="tls")

    def tls_failed_client(self, data):
        self._tell(kind="failed")

addons = [Tell()]
"""


@dataclass
class Mitmproxy:
    """A running proxy.

    Attributes:
        port: Where it listens.
        ca: PEM of its CA.
        told: Where its addon writes.
    """

    port: int
    ca: str
    told: Path

    def _read(self, kind: str) -> list[dict[str, object]]:
        if not self.told.exists():
            return []
        lines = map(json.loads, self.told.read_text(encoding="utf-8").splitlines())
        return [line for line in lines if line["kind"] == kind]

    @property
    def requests(self) -> list[dict[str, object]]:
        """The requests that it has decrypted."""
        return self._read("request")

    @property
    def handshakes(self) -> int:
        """How many clients have begun TLS with it."""
        return len(self._read("tls"))


@contextlib.contextmanager
def run_mitmproxy(folder: Path, *, mode: str) -> Iterator[Mitmproxy]:
    """Run mitmdump.

    Args:
        folder: For its CA and its log.
        mode: As for ``--mode``: ``regular`` for CONNECT, ``reverse:https://host:port`` in front of a server.
    """
    program = get_tool("mitmdump")
    folder.mkdir(parents=True, exist_ok=True)
    addon = folder / "tell.py"
    addon.write_text(_ADDON, encoding="utf-8")
    told = folder / "told.jsonl"
    port = free_port()
    log = folder / "mitmdump.log"
    command = [
        str(program), "--mode", mode, "--listen-host", "127.0.0.1", "--listen-port", str(port),
        "--set", f"confdir={folder / 'conf'}", "--set", "ssl_insecure=true", "--set", "connection_strategy=lazy",
        "-s", str(addon),
    ]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=clean_environment(TOLD=str(told))
        )
    ca = folder / "conf" / "mitmproxy-ca-cert.pem"
    try:
        wait_until(
            lambda: process.poll() is not None or (ca.exists() and b"listening" in log.read_bytes()),
            timeout_seconds=60,
            what="mitmproxy to listen",
        )
        assert process.poll() is None, log.read_text(encoding="utf-8")
        yield Mitmproxy(port, ca.read_text(encoding="ascii"), told)
    finally:
        process.terminate()
        process.wait(20)

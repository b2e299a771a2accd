# SPDX-License-Identifier: Apache-2.0
"""A back end with its CA, and the pin store of a client that protects it among others."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.channels import build_channel
from bench.tls_server import run_server
from holdfast.client.config import ClientConfig
from holdfast.client.pin_store import PinStore
from tests.pki import Authority, Identity

__all__ = ["HOST", "KINDS", "Backend", "connect", "open_store", "run_backends"]

HOST = "api.example.com"
HOSTS = 50  # the size of channel that the targets speak of
KINDS = {"p256": "P-256", "rsa2048": "RSA-2048"}
_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Backend:
    """A TLS server for :data:`HOST`, whose chain is leaf, intermediate, root; all keys of one kind.

    Attributes:
        port: On the loopback interface.
        identity: What it shows.
        cafile: The root, PEM.
        files: Chain and key.
    """

    port: int
    identity: Identity
    cafile: Path
    files: tuple[Path, Path]

    def plain_context(self) -> ssl.SSLContext:
        """Make the context of a client without pins."""
        return ssl.create_default_context(cafile=str(self.cafile))


@contextlib.contextmanager
def run_backends() -> Iterator[dict[str, Backend]]:
    """Run a back end for each kind of key, in one other process."""
    with tempfile.TemporaryDirectory() as name:
        made = {}
        for kind in KINDS:
            folder = Path(name) / kind
            root = Authority.root(f"Example Root {kind}", kind=kind)
            leaf = root.intermediate(f"Example Issuing CA {kind}", kind=kind).leaf(HOST, kind=kind)
            files = leaf.write(folder)
            (folder / "ca.pem").write_text(root.pem, encoding="ascii")
            made[kind] = (leaf, folder / "ca.pem", files)
        with run_server([files for _, _, files in made.values()]) as ports:
            yield {
                kind: Backend(port, leaf, cafile, files)
                for port, (kind, (leaf, cafile, files)) in zip(ports, made.items(), strict=True)
            }


def open_store(*identities: Identity) -> PinStore:
    """Open a pin store whose channel protects :data:`HOST`, by these keys, among 50 other hosts."""
    repository = build_channel(HOSTS, pins={HOST: [identity.pin for identity in identities]})
    return PinStore(ClientConfig(root=repository.anchor, seed=repository.bundle(), mirrors=("http://127.0.0.1:9/",)))


def connect(backend: Backend) -> socket.socket:
    """Connect without TLS; closing resets the connection, so that thousands leave no port waiting."""
    connection = socket.create_connection(("127.0.0.1", backend.port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    return connection

# SPDX-License-Identifier: Apache-2.0
"""An intercepting proxy, as mitmproxy, Burp or a corporate box: it decrypts, reads, and encrypts again.

It has a CA of its own, which the victim's trust store holds (installed by a user, by a management profile, or issued
by a CA that was compelled to), and certifies any name that it is asked for. It takes ``CONNECT`` from a client that
was told to use a proxy, and TLS at once from a client whose traffic was led here. What it decrypted is counted before
anything is passed on.
"""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING, Final

from holdfast.sim.listener import IO_TIMEOUT_SECONDS, Listener, read_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.sim.listener import Address
    from holdfast.sim.pki import CertificateAuthority

__all__ = ["InterceptingProxy"]

_TLS_HANDSHAKE: Final = b"\x16"  # the first byte of a ClientHello's record
_ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"


class InterceptingProxy(Listener):
    """Reads the traffic of every client that believes its CA.

    Args:
        authority: Its CA.
        host: The name that it poses as where a client does not say one.
        resolve: Where the genuine servers are: host name -> address.
    """

    def __init__(self, authority: CertificateAuthority, host: str, resolve: Callable[[str], Address]) -> None:
        self._authority = authority
        self._host = host
        self._resolve = resolve
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self._loot = bytearray()
        self._attempts = 0
        super().__init__("holdfast-proxy")

    @property
    def attempts(self) -> int:
        """How many TLS connections it has tried to intercept."""
        return self._attempts

    @property
    def loot(self) -> bytes:
        """Every application byte that it has decrypted; waits until its connections have ended."""
        self.settle()
        return bytes(self._loot)

    def serve(self, plain: socket.socket) -> None:
        """Intercept one connection."""
        host = self._host
        if plain.recv(1, socket.MSG_PEEK) != _TLS_HANDSHAKE:
            request = read_head(plain).split(b" ", 2)
            if request[0] != b"CONNECT":
                return
            host = request[1].decode("ascii").rpartition(":")[0]
            plain.sendall(_ESTABLISHED)
        with self._lock:
            self._attempts += 1
        with self._pose_as(host).wrap_socket(plain, server_side=True) as victim:
            first = self._take(victim)
            if first:
                self._pass_on(host, victim, first)

    def _pose_as(self, host: str) -> ssl.SSLContext:
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._authority.issue(host).make_server_context()
            return self._contexts[host]

    def _take(self, victim: ssl.SSLSocket) -> bytes:
        data = victim.recv(65536)
        with self._lock:
            self._loot += data
        return data

    def _pass_on(self, host: str, victim: ssl.SSLSocket, data: bytes) -> None:
        """Fetch the genuine answer, so that the victim notices nothing."""
        careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        careless.check_hostname = False
        careless.verify_mode = ssl.CERT_NONE  # an attacker does not care whom he asks
        with (
            socket.create_connection(self._resolve(host), IO_TIMEOUT_SECONDS) as plain,
            careless.wrap_socket(plain, server_hostname=host) as genuine,
        ):
            genuine.sendall(data)
            while piece := genuine.recv(65536):
                victim.sendall(piece)

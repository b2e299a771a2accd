# SPDX-License-Identifier: Apache-2.0
"""A TLS back end whose certificate can be swapped while it serves, and which counts what it decrypted."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from holdfast.sim.listener import Listener, read_head

if TYPE_CHECKING:
    import socket
    import ssl

    from holdfast.sim.pki import Identity

__all__ = ["Backend"]

_BODY = b"balance: 42.00\n"
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(_BODY)
) + _BODY


class Backend(Listener):
    """Answers each HTTP request with a few bytes.

    Args:
        identity: The certificate that it shows, and its key.
    """

    def __init__(self, identity: Identity) -> None:
        self._shown = (identity, identity.make_server_context())
        self._counting = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._handshakes = 0
        self._decrypted_bytes = 0
        super().__init__("holdfast-backend")

    @property
    def identity(self) -> Identity:
        """What new connections are shown."""
        return self._shown[0]

    def swap(self, identity: Identity) -> None:
        """Show another certificate from the next connection on, as a web server does after a reload."""
        self._shown = (identity, identity.make_server_context())  # one assignment: no connection sees half of it

    @property
    def handshakes(self) -> int:
        """How many TLS handshakes were completed on this side."""
        return self._handshakes

    @property
    def decrypted_bytes(self) -> int:
        """How many application bytes came out of TLS."""
        return self._decrypted_bytes

    def count_requests(self, identity: Identity) -> int:
        """Count the requests that were answered under an identity's key."""
        return self._requests[identity.pin]

    def serve(self, plain: socket.socket) -> None:
        """Serve one connection."""
        identity, context = self._shown
        with context.wrap_socket(plain, server_side=True) as tls:
            with self._counting:
                self._handshakes += 1
            if self._read_request(tls):
                tls.sendall(_ANSWER)
                with self._counting:
                    self._requests[identity.pin] += 1

    def _read_request(self, tls: ssl.SSLSocket) -> bool:
        head = read_head(tls)
        with self._counting:
            self._decrypted_bytes += len(head)
        return bool(head)

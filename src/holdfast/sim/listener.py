# SPDX-License-Identifier: Apache-2.0
"""A TCP listener on loopback with a thread for each connection, which knows when all of them have ended.

Counters of a server mean something only when nothing is under way any more: :meth:`Listener.settle` waits for that.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["IO_TIMEOUT_SECONDS", "LOOPBACK", "Address", "Listener", "read_head"]

LOOPBACK: Final = "127.0.0.1"
IO_TIMEOUT_SECONDS: Final = 5.0
_MAX_HEAD_BYTES: Final = 64 * 1024

Address = tuple[str, int]


class Listener:
    """Listens on a free port from construction to :meth:`close`; subclasses say what a connection is for.

    Args:
        name: Of its threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._socket = socket.create_server((LOOPBACK, 0), backlog=128)
        self.address: Address = self._socket.getsockname()[:2]
        self._under_way = 0
        self._idle = threading.Condition()
        self._acceptor = threading.Thread(target=self._accept, name=name, daemon=True)
        self._acceptor.start()

    def serve(self, plain: socket.socket) -> None:
        """Serve one connection; ``OSError`` (and with it ``ssl.SSLError``) ends it quietly."""
        raise NotImplementedError

    def settle(self, *, timeout_seconds: float = IO_TIMEOUT_SECONDS) -> bool:
        """Wait until no connection is under way.

        Returns:
            Whether that came about in time.
        """
        with self._idle:
            return self._idle.wait_for(lambda: self._under_way == 0, timeout_seconds)

    def close(self) -> None:
        """Stop listening; connections that are under way end by themselves."""
        with suppress(OSError):  # wakes the thread that waits in accept()
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._acceptor.join(IO_TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            with self._idle:
                self._under_way += 1
            threading.Thread(target=self._serve, args=(plain,), name=self._name, daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            with plain, suppress(OSError):
                plain.settimeout(IO_TIMEOUT_SECONDS)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.serve(plain)
        finally:
            with self._idle:
                self._under_way -= 1
                self._idle.notify_all()


def read_head(connection: socket.socket) -> bytes:
    """Read the head of an HTTP message, and whatever came with it; what there was if the peer left before its end."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD_BYTES:
        piece = connection.recv(16384)
        if not piece:
            break
        head += piece
    return head

# SPDX-License-Identifier: Apache-2.0
"""A peer that says exactly what a test wants it to say, byte by byte, well-behaved or hostile; loopback only."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

Script = Callable[["Call"], None]


@dataclass
class Call:
    """One accepted connection with the request that came over it."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: socket.socket
    stopping: threading.Event

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, pieces: Iterable[bytes], seconds: float) -> None:
        """Send pieces with a pause after each, until the client or the test goes away."""
        with contextlib.suppress(OSError):
            for piece in pieces:
                self.connection.sendall(piece)
                if self.stopping.wait(seconds):
                    return


def answer(
    status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None, *, length: int | None = None
) -> bytes:
    """Render an HTTP/1.1 answer."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


@dataclass
class ScriptedServer:
    """Serves each connection in a thread by ``script``; ``calls`` is what was asked so far."""

    script: Script
    tls: ssl.SSLContext | None = None
    calls: list[Call] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(5)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(10)
        with plain, contextlib.suppress(OSError, ValueError):
            connection: socket.socket = plain
            if self.tls is not None:
                connection = self.tls.wrap_socket(plain, server_side=True)
            with connection:
                call = self._read(connection)
                self.calls.append(call)
                self.script(call)

    def _read(self, connection: socket.socket) -> Call:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                raise OSError("no request")
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in rest)}
        while len(body) < int(headers.get("content-length", "0")):
            body += connection.recv(65536)
        return Call(line, headers, body, connection, self._stopping)


@contextlib.contextmanager
def serve(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run a scripted server on a free port."""
    with ScriptedServer(script, tls) as server:
        yield server

# SPDX-License-Identifier: Apache-2.0
"""A mirror that counts what it is asked, and a link to it that is as long as a real one.

The link delays, and nothing else: every byte arrives half a round trip after it was sent, and the first byte of a
connection one round trip later, because the three-way handshake that the loopback interface makes instant would take
that long. Bandwidth, loss and TCP's slow start are left out.
"""

from __future__ import annotations

import contextlib
import gzip
import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from tests.repository import Repository

__all__ = ["BASE", "Mirror", "delay_link", "run_mirror"]

BASE = "/v1/c/com.example.bank/production/"
_READ = 64 * 1024


class Mirror(ThreadingHTTPServer):
    """Serves a repository: its bundle, and each file by its name, with entity tags, 304 and gzip.

    Attributes:
        requests: How often each name was asked for, since :meth:`take_requests`.
        sent: Bytes of the bodies that were sent.
    """

    daemon_threads = True

    def __init__(self, repository: Repository) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repository = repository
        self.requests: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def take_requests(self) -> Counter[str]:
        """Return what was asked for, and start counting anew."""
        taken, self.requests = self.requests, Counter()
        return taken

    def find(self, path: str) -> bytes | None:
        """Find a file by the path of a request."""
        name = path.removeprefix(BASE)
        self.requests[name] += 1
        return self.repository.bundle() if name == "bundle.json" else self.repository.files.get(name)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = _READ  # an answer leaves in one piece

    def do_GET(self) -> None:
        body = cast("Mirror", self.server).find(self.path)
        etag = "" if body is None else f'"{sha256(body).hexdigest()[:32]}"'
        if body is None:
            self._answer(404, b"")
        elif self.headers.get("If-None-Match") == etag:
            self._answer(304, b"", ETag=etag)
        elif "gzip" in self.headers.get("Accept-Encoding", "") and self.path.endswith("/bundle.json"):
            self._answer(200, gzip.compress(body, 6), **{"ETag": etag, "Content-Encoding": "gzip"})
        else:
            self._answer(200, body, ETag=etag)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextlib.contextmanager
def run_mirror(repository: Repository) -> Iterator[Mirror]:
    """Serve a repository on the loopback interface."""
    with Mirror(repository) as mirror:
        thread = threading.Thread(target=mirror.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield mirror
        finally:
            mirror.shutdown()
            thread.join(5)


@contextlib.contextmanager
def delay_link(port: int, *, round_trip_seconds: float) -> Iterator[int]:
    """Put a long link before a loopback port.

    Yields:
        The port at the near end.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    relays: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            relay = threading.Thread(target=_relay, args=(near, port, round_trip_seconds), daemon=True)
            relays.append(relay)
            relay.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *relays):
            thread.join(5)


def _relay(near: socket.socket, port: int, round_trip_seconds: float) -> None:
    """Carry one connection until both sides have ended it."""
    established = time.monotonic() + round_trip_seconds
    with near, socket.create_connection(("127.0.0.1", port)) as far:
        threads = []
        for source, sink in ((near, far), (far, near)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line: queue.Queue[tuple[float, bytes]] = queue.Queue()
            read = (source, line, established, round_trip_seconds / 2)
            threads.append(threading.Thread(target=_read, args=read, daemon=True))
            threads.append(threading.Thread(target=_write, args=(sink, line), daemon=True))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _read(source: socket.socket, line: queue.Queue[tuple[float, bytes]], established: float, delay: float) -> None:
    piece = b"-"
    while piece:
        try:
            piece = source.recv(_READ)
        except OSError:
            piece = b""
        line.put((max(time.monotonic(), established) + delay, piece))


def _write(sink: socket.socket, line: queue.Queue[tuple[float, bytes]]) -> None:
    with contextlib.suppress(OSError):
        while True:
            due, piece = line.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not piece:
                sink.shutdown(socket.SHUT_WR)
                return
            sink.sendall(piece)

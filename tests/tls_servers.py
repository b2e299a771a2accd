# SPDX-License-Identifier: Apache-2.0
"""TLS servers on the loopback interface that count what they decrypted, and proxies that lie between.

An attack test asks the *server* what it learned: :attr:`TLSServer.application_bytes` is the number of application
bytes that came out of its TLS layer. It is asked after every connection has ended, so nothing can still be under way.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.pki import Identity

__all__ = ["ConnectProxy", "Connection", "TLSServer", "greet_ftp", "greet_smtp"]

_TIMEOUT_SECONDS = 10.0
_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#: Speaks the clear-text part of a STARTTLS protocol on a plain socket.
Greeting = Callable[[socket.socket], None]
#: Talks with a client over TLS until it has gone.
Handler = Callable[["Connection"], None]


@dataclass
class Connection:
    """One accepted connection, and what the server learned on it."""

    tls: ssl.SSLSocket | None = None
    handshake_done: bool = False
    resumed: bool = False
    data: bytearray = field(default_factory=bytearray)
    client_certificate: bytes | None = None
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    _unread: bytearray = field(default_factory=bytearray)

    def receive(self) -> bytes:
        """Read decrypted bytes and count them; empty at the end."""
        assert self.tls is not None
        piece = self.tls.recv(65536)
        self.data += piece
        return piece

    def send(self, data: bytes) -> None:
        assert self.tls is not None
        self.tls.sendall(data)

    def read_until(self, mark: bytes) -> bytes:
        """Read up to and including a mark; empty if the client left before it came."""
        while mark not in self._unread:
            piece = self.receive()
            if not piece:
                return b""
            self._unread += piece
        end = self._unread.index(mark) + len(mark)
        found = bytes(self._unread[:end])
        del self._unread[:end]
        return found

    def skip(self, size: int) -> None:
        while len(self._unread) < size:
            piece = self.receive()
            if not piece:
                return
            self._unread += piece
        del self._unread[:size]


def serve_http(connection: Connection) -> None:
    """HTTP/1.1 with keep-alive; a WebSocket where the client asks for one."""
    while head := connection.read_until(b"\r\n\r\n"):
        request, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        connection.skip(int(fields.get("content-length", "0")))
        if "sec-websocket-key" in fields:
            return _serve_websocket(connection, fields["sec-websocket-key"])
        body = b"hello " + request.split(" ")[1].encode()
        extra = "".join(f"{name}: {value}\r\n" for name, value in connection.headers.items())
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body)
    return None


def _serve_websocket(connection: Connection, key: str) -> None:
    accept = base64.b64encode(hashlib.sha1(key.encode() + _WEBSOCKET_GUID, usedforsecurity=False).digest()).decode()
    connection.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    while frame := connection.receive():
        if frame[0] == 0x88:  # close
            connection.send(b"\x88\x02" + struct.pack("!H", 1000))
            return
        connection.send(b"\x81\x05hello")


def serve_lines(connection: Connection) -> None:
    """SMTP or FTP after STARTTLS: one positive answer a line."""
    while line := connection.read_until(b"\r\n"):
        verb = line[:4].upper().strip()
        code = {b"USER": 331, b"PASS": 230, b"PBSZ": 200, b"PROT": 200, b"PWD": 257}.get(verb, 250)
        connection.send(b'%d "hello"\r\n' % code)
        if verb == b"QUIT":
            return


def serve_echo(connection: Connection) -> None:
    """Send back whatever comes; say goodbye when the client does."""
    while piece := connection.receive():
        connection.send(piece)
    assert connection.tls is not None
    connection.tls.unwrap()


def serve_sink(connection: Connection) -> None:
    """Say nothing, read everything."""
    while connection.receive():
        pass


def greet_smtp(plain: socket.socket) -> None:
    """SMTP up to and including STARTTLS."""
    _converse(
        plain, b"220 mail\r\n", {b"EHLO": b"250-mail\r\n250 STARTTLS\r\n", b"STARTTLS": b"220 go\r\n"}, b"STARTTLS"
    )


def greet_ftp(plain: socket.socket) -> None:
    """FTP up to and including AUTH TLS."""
    _converse(plain, b"220 files\r\n", {b"AUTH": b"234 go\r\n"}, b"AUTH")


def _converse(plain: socket.socket, greeting: bytes, answers: Mapping[bytes, bytes], last: bytes) -> None:
    plain.sendall(greeting)
    verb = b""
    while verb != last:
        line = b""
        while not line.endswith(b"\r\n"):
            octet = plain.recv(1)
            if not octet:
                raise OSError("the client left before TLS began")
            line += octet
        verb = line.split()[0].upper()
        plain.sendall(answers.get(verb, b"500 what\r\n"))


class _Acceptor:
    """Accepts on 127.0.0.1 and hands each connection to a thread of its own."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._markers: dict[int, threading.Event] = {}
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                plain, peer = self._listener.accept()
            except OSError:
                return
            marker = self._markers.pop(peer[1], None)
            if marker is not None:
                plain.close()
                marker.set()
                continue
            thread = threading.Thread(target=self._serve_safely, args=(plain,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve_safely(self, plain: socket.socket) -> None:
        plain.settimeout(_TIMEOUT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, ValueError), plain:
            self._serve(plain)

    def _serve(self, plain: socket.socket) -> None:
        raise NotImplementedError

    def settle(self) -> None:
        """Wait until every connection that was accepted so far has ended."""
        # A connection may still wait to be accepted; one of our own, made now, comes after it.
        accepted = threading.Event()
        with socket.socket() as marker:
            marker.bind(("127.0.0.1", 0))
            self._markers[marker.getsockname()[1]] = accepted
            marker.connect(("127.0.0.1", self.port))
            assert accepted.wait(_TIMEOUT_SECONDS)
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive(), "a client has left its connection open"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TLSServer(_Acceptor):
    """A TLS server that shows an identity and counts application bytes.

    Args:
        identity: What it shows.
        handler: What it speaks over TLS.
        greeting: What it speaks before TLS.
        version: The one TLS version that it speaks; all by default.
        client_ca: PEM of a CA: ask the client for a certificate (and go on without one).
        headers: Added to every HTTP answer.
        context: A server context that replaces all of this.

    Attributes:
        client_certificates: TLS messages in which clients have shown a certificate, if they were asked for one.
    """

    def __init__(
        self,
        identity: Identity | None = None,
        *,
        handler: Handler = serve_http,
        greeting: Greeting | None = None,
        version: ssl.TLSVersion | None = None,
        client_ca: str | None = None,
        headers: Mapping[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._version = version
        self._client_ca = client_ca
        self._handler = handler
        self._greeting = greeting
        self.headers: Mapping[str, str] = headers or {}
        self.connections: list[Connection] = []
        self.client_certificates: list[bytes] = []
        if context is not None:
            self.context = context
        elif identity is not None:
            self.show(identity)
        super().__init__()

    def show(self, identity: Identity) -> None:
        """Show another identity from the next connection on."""
        context = identity.server_context(version=self._version)
        if self._client_ca is not None:
            context.load_verify_locations(cadata=self._client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
            context._msg_callback = self._watch  # type: ignore[attr-defined]
        self.context = context

    def _watch(self, _: object, direction: str, *message: object) -> None:
        # As soon as it was sent, whether or not the handshake ever ends; an empty list of certificates is short.
        _, _, kind, data = message
        is_certificate = kind == ssl._TLSMessageType.CERTIFICATE  # type: ignore[attr-defined]
        if direction == "read" and is_certificate and isinstance(data, bytes) and len(data) > 64:
            self.client_certificates.append(data)

    def _serve(self, plain: socket.socket) -> None:
        connection = Connection(headers=self.headers)
        self.connections.append(connection)
        try:
            if self._greeting is not None:
                self._greeting(plain)
            with self.context.wrap_socket(plain, server_side=True) as tls:
                connection.tls = tls
                connection.handshake_done = True
                connection.resumed = bool(tls.session_reused)
                connection.client_certificate = tls.getpeercert(binary_form=True)
                self._handler(connection)
        except OSError as error:
            connection.error = str(error)

    @property
    def application_bytes(self) -> int:
        """How many application bytes all clients so far have given away; waits until they have gone."""
        self.settle()
        return sum(len(connection.data) for connection in self.connections)

    @property
    def data(self) -> bytes:
        """What all clients so far have given away; waits until they have gone."""
        self.settle()
        return b"".join(bytes(connection.data) for connection in self.connections)


class ConnectProxy(_Acceptor):
    """An HTTP proxy that takes CONNECT and leads to a port of this machine, whatever was asked for.

    Args:
        port: Where every tunnel leads: to the genuine server, or to an attacker.
        identity: Speak TLS to the client as well (an HTTPS proxy), and show this.
    """

    def __init__(self, port: int, *, identity: Identity | None = None) -> None:
        self._target = port
        self._context = None if identity is None else identity.server_context()
        self.asked: list[str] = []
        super().__init__()

    def _serve(self, plain: socket.socket) -> None:
        client: socket.socket = plain
        if self._context is not None:
            client = self._context.wrap_socket(plain, server_side=True)
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(4096)
                if not piece:
                    return
                head += piece
            self.asked.append(head.split(b"\r\n")[0].decode())
            with socket.create_connection(("127.0.0.1", self._target), timeout=_TIMEOUT_SECONDS) as onward:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(client, onward)


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until either side ends; one thread, because OpenSSL's connections are not made for two."""
    while True:
        if not (isinstance(one, ssl.SSLSocket) and one.pending()):
            readable, _, _ = select.select([one, other], [], [], _TIMEOUT_SECONDS)
        else:
            readable = [one]
        if not readable:
            return
        for source in readable:
            piece = source.recv(65536)
            if not piece:
                return
            (other if source is one else one).sendall(piece)

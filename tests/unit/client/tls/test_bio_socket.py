# SPDX-License-Identifier: Apache-2.0
"""The socket through memory behaves like the standard library's, and keeps the client certificate back."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import select
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from holdfast.client.tls.bio_socket import BioPinnedSSLSocket
from holdfast.client.tls.ssl_context import PinnedSSLContext
from holdfast.client.tls.verification_error import PinVerificationError
from tests.pki import CLIENT_AUTH
from tests.tls_servers import Connection, TLSServer, serve_echo, serve_sink
from tests.tls_world import HOST, VERSIONS, get_world

every_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)


def make_context(**named: Any) -> PinnedSSLContext:
    world = get_world()
    context = world.pinned_context(named.get("judge"))
    world.issuing.leaf("client", usage=[CLIENT_AUTH]).load_into(context)
    return context


@contextlib.contextmanager
def wrap(server: TLSServer, *, timeout: float | None = 10, **named: Any) -> Iterator[BioPinnedSSLSocket]:
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=timeout)
    with plain, make_context().wrap_socket(plain, server_hostname=HOST, **named) as tls:
        assert isinstance(tls, BioPinnedSSLSocket)
        yield tls


def retry(tls: ssl.SSLSocket, operation: Callable[[], Any]) -> Any:
    """Drive a socket that does not block, as an event loop of one's own would."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            return operation()
        except ssl.SSLWantReadError:
            select.select([tls], [], [], 1)
        except ssl.SSLWantWriteError:
            select.select([], [tls], [], 1)
    raise TimeoutError


@every_version
def test_it_answers_what_the_standard_socket_answers(version: ssl.TLSVersion) -> None:
    world = get_world()
    with TLSServer(world.genuine, handler=serve_echo, version=version, client_ca=world.root.pem) as server:
        with wrap(server) as tls:
            assert tls.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]
            cipher = tls.cipher()
            assert cipher is not None
            assert cipher[2] >= 128
            assert tls.getpeercert(binary_form=True) == world.genuine.der
            assert tls.server_hostname == HOST
            assert not tls.session_reused
            assert tls.session is not None
            assert tls.selected_alpn_protocol() is None
            assert tls.compression() is None
            assert tls.pending() == 0
            assert tls.context.sslsocket_class is not None
            if version is ssl.TLSVersion.TLSv1_2:
                assert tls.get_channel_binding()
            tls.sendall(b"x" * 100)
            assert tls.recv(10) == b"x" * 10
            assert tls.pending() == 90
        server.settle()
        assert server.connections[0].client_certificate is not None, "the genuine server is shown the certificate"


@every_version
def test_much_data_both_ways_at_once(version: ssl.TLSVersion) -> None:
    """One thread writes while another reads; more than the buffers of both sockets hold."""
    size = 8 * 1024 * 1024
    data = os.urandom(1024 * 1024) * 8
    received = hashlib.sha256()

    with TLSServer(get_world().genuine, handler=serve_echo, version=version) as server, wrap(server) as tls:
        writer = threading.Thread(target=tls.sendall, args=(data,))
        writer.start()
        count = 0
        buffer = bytearray(100_000)
        while count < size:
            got = tls.recv_into(buffer)
            assert got, "the stream ended early"
            received.update(buffer[:got])
            count += got
        writer.join(10)
        assert not writer.is_alive()
    assert received.digest() == hashlib.sha256(data).digest()


@every_version
def test_a_socket_that_does_not_block_keeps_every_byte(version: ssl.TLSVersion) -> None:
    """The server reads late, so that writes meet a full buffer; what was promised is neither lost nor sent twice."""
    go = threading.Event()

    def serve(connection: Connection) -> None:
        go.wait(10)
        serve_sink(connection)

    data = os.urandom(6 * 1024 * 1024)
    blocked = 0
    with TLSServer(get_world().genuine, handler=serve, version=version) as server:
        with wrap(server, do_handshake_on_connect=False) as tls:
            tls.setblocking(False)
            retry(tls, tls.do_handshake)
            with pytest.raises(ssl.SSLWantReadError):
                tls.recv(1)
            view = memoryview(data)
            while view:
                try:
                    sent = tls.send(view)
                except ssl.SSLWantWriteError:
                    blocked += 1
                    go.set()
                    select.select([], [tls], [], 5)
                else:
                    view = view[sent:]
            tls.setblocking(True)
            # Closing now, with TLS 1.3's session tickets unread, would reset the connection and drop what the server
            # has not read yet, as with any socket: end the stream in order instead.
            with contextlib.suppress(OSError):
                tls.unwrap()
        assert blocked > 0, "the network took everything: this test showed nothing"
        assert hashlib.sha256(server.data).digest() == hashlib.sha256(data).digest()


def test_select_tells_when_there_is_something_to_read() -> None:
    """Nothing is read ahead: a program that reads one message and then selects must not wait for ever."""

    def serve(connection: Connection) -> None:
        connection.receive()
        assert connection.tls is not None
        for _ in range(5):
            connection.send(b"0123456789")  # five records, most likely one segment
        serve_sink(connection)

    with TLSServer(get_world().genuine, handler=serve) as server, wrap(server) as tls:
        tls.sendall(b"go")
        for _ in range(5):
            readable, _, _ = select.select([tls], [], [], 5)
            assert readable
            assert tls.recv(10) == b"0123456789"
        assert not select.select([tls], [], [], 0.05)[0]


def test_a_timeout_is_that_of_the_whole_operation() -> None:
    with TLSServer(get_world().genuine, handler=serve_sink) as server, wrap(server) as tls:
        tls.settimeout(0.1)
        with pytest.raises(TimeoutError):
            tls.recv(1)
        tls.settimeout(5)
        tls.sendall(b"still there")
        tls.close()
        assert server.data == b"still there"


def test_a_handshake_that_drips_is_given_up() -> None:
    """A byte now and then keeps a time-out of single reads from ever striking."""
    stop = threading.Event()

    def drip(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, contextlib.suppress(OSError):
            peer.recv(1024)
            for octet in b"\x16\x03\x03\x40\x00" + bytes(1000):
                peer.sendall(bytes([octet]))
                if stop.wait(0.05):
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        plain = socket.create_connection(listener.getsockname(), timeout=0.4)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            make_context().wrap_socket(plain, server_hostname=HOST)
        assert time.monotonic() - start < 3
        assert plain.fileno() == -1
        stop.set()
        thread.join(5)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\xff\xff" + b"x" * 40, b"\x16\x03\x03", b"", b"\x80" * 200],
    ids=["http", "oversized", "truncated", "nothing", "noise"],
)
def test_what_is_no_tls_is_an_error_at_once(answer: bytes) -> None:
    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(1024)
            peer.sendall(answer)
            if not answer.startswith(b"\x16\x03\x03\xff"):
                peer.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                peer.recv(1024)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        plain = socket.create_connection(listener.getsockname(), timeout=5)
        with pytest.raises(ssl.SSLError):
            make_context().wrap_socket(plain, server_hostname=HOST)
        assert plain.fileno() == -1
        thread.join(5)


def test_an_untrusted_ca_is_the_standard_error() -> None:
    world = get_world()
    stranger = TLSServer(world.stranger.leaf(HOST))
    with stranger as server, pytest.raises(ssl.SSLCertVerificationError) as caught, wrap(server):
        pass
    assert not isinstance(caught.value, PinVerificationError)


@pytest.mark.parametrize("abrupt", [False, True])
def test_the_end_of_the_stream(abrupt: bool) -> None:
    def serve(connection: Connection) -> None:
        connection.send(b"last words")
        if not abrupt:
            with contextlib.suppress(OSError):
                assert connection.tls is not None
                connection.tls.unwrap()

    with TLSServer(get_world().genuine, handler=serve) as server, wrap(server) as tls:
        assert tls.recv(100) == b"last words"
        assert tls.recv(100) == b""
        assert tls.recv_into(bytearray(10)) == 0


def test_a_ragged_end_is_told_where_it_was_asked_for() -> None:
    def serve(connection: Connection) -> None:
        connection.send(b"last words")

    server = TLSServer(get_world().genuine, handler=serve)
    with server, wrap(server, suppress_ragged_eofs=False) as tls:
        assert tls.recv(100) == b"last words"
        if tls.context.options & ssl.OP_IGNORE_UNEXPECTED_EOF:  # the default of Python before 3.11.4 with OpenSSL 3
            assert tls.recv(100) == b""
        else:
            with pytest.raises(ssl.SSLEOFError):
                tls.recv(100)


def test_wrapping_before_connecting() -> None:
    world = get_world()
    unconnected = make_context().wrap_socket(socket.socket(), server_hostname=HOST)
    with TLSServer(world.genuine, handler=serve_echo) as server, unconnected as tls:
        tls.settimeout(5)
        tls.connect(("127.0.0.1", server.port))
        tls.sendall(b"hello")
        assert tls.recv(10) == b"hello"


def test_a_forgotten_socket_is_freed_at_once() -> None:
    """The connection in memory must not keep its socket alive: that would leave closing to the cycle collector."""
    with TLSServer(get_world().genuine, handler=serve_sink) as server:
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        tls = make_context().wrap_socket(plain, server_hostname=HOST)
        reference = weakref.ref(tls)
        gc.disable()
        try:
            with pytest.warns(ResourceWarning):
                del tls
            assert reference() is None
        finally:
            gc.enable()

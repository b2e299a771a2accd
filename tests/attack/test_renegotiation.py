# SPDX-License-Identifier: Apache-2.0
"""Attack: the server renegotiates a TLS 1.2 connection, and shows another certificate than the one that was judged."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path

from OpenSSL import SSL

from tests.pki import Identity
from tests.tls_attack import assert_reached, open_app
from tests.tls_world import HOST, TLS12, get_world

NO_RESUMPTION_ON_RENEGOTIATION = 1 << 16  # of OpenSSL; pyOpenSSL has no name for it


def load(identity: Identity) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate(identity.certificate)
    for issuer in identity.chain:
        context.add_extra_chain_cert(issuer)
    context.use_privatekey(identity.key)
    context.set_options(SSL.OP_NO_TICKET | NO_RESUMPTION_ON_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    return context


class TurncoatServer:
    """Shows one certificate first and another in a renegotiation; ``learned`` is what was said to the second."""

    def __init__(self, first: Identity, second: Identity) -> None:
        self.learned = b""
        self.renegotiated = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._first, self._second = load(first), load(second)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        peer, _ = self._listener.accept()
        peer.settimeout(None)
        tls = SSL.Connection(self._first, peer)
        tls.set_accept_state()
        with contextlib.suppress(SSL.Error):
            tls.do_handshake()
            assert tls.recv(64) == b"hello"
            tls.set_context(self._second)
            tls.renegotiate()
            tls.do_handshake()  # asks for it; the rest happens in recv
            while piece := tls.recv(64):
                self.renegotiated = tls.total_renegotiations() > 0 and not tls.renegotiate_pending()
                self.learned += piece if self.renegotiated else b""
        with contextlib.suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)
        peer.close()

    def finish(self) -> None:
        self._thread.join(10)
        self._listener.close()
        assert not self._thread.is_alive()


def talk(context: ssl.SSLContext, server: TurncoatServer) -> bytes | None:
    """Say hello, listen a while (which is when a client follows a renegotiation), then tell a secret.

    Returns:
        The certificate of the peer to whom it was told.
    """
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    with context.wrap_socket(plain, server_hostname=HOST) as tls:
        tls.sendall(b"hello")
        tls.settimeout(0.3)
        with contextlib.suppress(OSError):
            tls.recv(64)
        told = None
        with contextlib.suppress(OSError):
            tls.sendall(b"secret")
            told = tls.getpeercert(binary_form=True)
    server.finish()
    return told


def attack(context: ssl.SSLContext) -> TurncoatServer:
    world = get_world()
    server = TurncoatServer(world.genuine, world.mis_issued)
    assert talk(context, server) in {world.genuine.der, None}
    return server


def test_nothing_is_said_to_the_second_certificate(tmp_path: Path) -> None:
    world = get_world()
    with open_app(tmp_path) as app:
        assert_reached(app, world.genuine, version=TLS12)
        before = app.enforced()
        server = attack(app.context)
        assert not server.renegotiated
        assert server.learned == b""
        assert app.enforced() == before
        assert_reached(app, world.genuine, version=TLS12)


def test_a_library_cannot_allow_it_again(tmp_path: Path) -> None:
    with open_app(tmp_path) as app:
        app.context.options &= ~ssl.Options.OP_NO_RENEGOTIATION
        assert not attack(app.context).renegotiated


def test_control_a_plain_context_follows_and_talks_to_the_attacker() -> None:
    world = get_world()
    server = TurncoatServer(world.genuine, world.mis_issued)
    assert talk(world.plain_context(), server) == world.mis_issued.der
    assert server.renegotiated
    assert server.learned == b"secret"


def test_the_option_is_what_stops_it() -> None:
    context = get_world().plain_context()
    context.options |= ssl.OP_NO_RENEGOTIATION
    assert not attack(context).renegotiated

# SPDX-License-Identifier: Apache-2.0
"""Attack: a TLS session from before is resumed. It shows no certificates, so there is no path to judge.

A session that was made with an attacker before the host was protected, or with a key that has been revoked since, would
carry that trust over.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from holdfast.client.tls.ssl_context import PinnedSSLContext
from holdfast.client.tls.verification_error import PinVerificationError
from tests.static_judge import StaticJudge
from tests.tls_attack import open_app
from tests.tls_clients import write_through_memory
from tests.tls_servers import TLSServer, serve_echo
from tests.tls_world import HOST, VERSIONS, get_world

every_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)


class Careless(StaticJudge):
    """Likes empty paths."""

    protects_now = False

    def judge(self, host: str, path: object) -> object:  # type: ignore[override]
        return super().judge("nobody", ())

    def protects(self, host: str) -> bool:
        return self.protects_now


def connect(
    context: ssl.SSLContext, server: TLSServer, session: ssl.SSLSession | None = None, *, late: bool = False
) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    tls = context.wrap_socket(
        plain, server_hostname=HOST, session=None if late else session, do_handshake_on_connect=not late
    )
    if late:
        tls.session = session
        tls.do_handshake()
    return tls


def get_session(context: ssl.SSLContext, server: TLSServer) -> ssl.SSLSession:
    """Talk once, and take the session along (in TLS 1.3 it comes with the first data)."""
    with connect(context, server) as tls:
        tls.sendall(b"hello")
        assert tls.recv(10) == b"hello"
        session = tls.session
    assert session is not None
    return session


@every_version
@pytest.mark.parametrize("late", [False, True], ids=["at-wrap", "assigned"])
def test_a_session_is_dropped_for_a_protected_host(tmp_path: Path, version: ssl.TLSVersion, late: bool) -> None:
    world = get_world()
    with open_app(tmp_path) as app, TLSServer(world.genuine, handler=serve_echo, version=version) as server:
        session = get_session(app.context, server)
        with connect(app.context, server, session, late=late) as tls:
            tls.sendall(b"again")
            assert tls.recv(10) == b"again"
            assert not tls.session_reused, "a full handshake, with a path"
        server.settle()
        assert not any(connection.resumed for connection in server.connections)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        made = app.context.wrap_bio(incoming, outgoing, server_hostname=HOST, session=session)
        made.session = session
        assert made.session is None or made.session.id != session.id


@every_version
@pytest.mark.parametrize("late", [False, True], ids=["at-wrap", "assigned"])
def test_control_the_same_session_is_resumed_by_a_plain_context(version: ssl.TLSVersion, late: bool) -> None:
    world = get_world()
    context = world.plain_context()
    with TLSServer(world.genuine, handler=serve_echo, version=version) as server:
        session = get_session(context, server)
        with connect(context, server, session, late=late) as tls:
            assert tls.session_reused
            chain = tls._sslobj.get_verified_chain()  # type: ignore[attr-defined]
            assert not chain, "which is why: nothing to judge"


@every_version
def test_a_session_from_before_the_protection_is_refused(version: ssl.TLSVersion) -> None:
    """Whatever way it came in: the connection that was resumed has no path, and that is a refusal."""
    world = get_world()
    judge = StaticJudge({})
    context = world.pinned_context(judge)
    with TLSServer(world.mis_issued, handler=serve_echo, version=version) as attacker:
        session = get_session(context, attacker)
        with connect(context, attacker, session) as resumed:
            resumed.sendall(b"unprotected")
            assert resumed.session_reused
            judge.set_pins({HOST: [world.genuine.pin]})
            with pytest.raises(PinVerificationError) as caught:
                resumed.sendall(b"secret")
        assert (caught.value.reason, caught.value.live) == ("empty-path", True)
        assert attacker.data == b"hello" + b"unprotected"


@every_version
@pytest.mark.parametrize("through_memory", [False, True], ids=["socket", "object"])
def test_a_resumed_session_is_refused_even_if_the_judge_would_not(
    version: ssl.TLSVersion, through_memory: bool
) -> None:
    """Nothing is left to chance: the session gets past the context, and the judge likes empty paths."""

    world = get_world()
    judge = Careless({HOST: [world.genuine.pin]})
    context: PinnedSSLContext = world.pinned_context(judge)  # type: ignore[arg-type]
    with TLSServer(world.genuine, handler=serve_echo, version=version) as server:
        session = get_session(context, server)
        if through_memory:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname=HOST, session=session)
            judge.protects_now = True
            plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
            with plain, pytest.raises(PinVerificationError) as caught:
                write_through_memory(tls, incoming, outgoing, plain, b"secret")
        else:
            plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
            made = context.wrap_socket(plain, server_hostname=HOST, session=session, do_handshake_on_connect=False)
            judge.protects_now = True
            with pytest.raises(PinVerificationError) as caught:
                made.sendall(b"secret")
        assert caught.value.reason == "session-resumed"
        assert server.data == b"hello"


@every_version
def test_a_resumed_session_ends_when_its_host_becomes_protected_even_if_the_judge_would_not(
    version: ssl.TLSVersion,
) -> None:
    world = get_world()
    judge = Careless({HOST: [world.genuine.pin]})
    context: PinnedSSLContext = world.pinned_context(judge)  # type: ignore[arg-type]
    with TLSServer(world.genuine, handler=serve_echo, version=version) as server:
        session = get_session(context, server)
        with connect(context, server, session) as tls:
            assert tls.session_reused
            judge.protects_now = True
            judge.generation += 1
            with pytest.raises(PinVerificationError):
                tls.sendall(b"secret")
        assert server.data == b"hello"

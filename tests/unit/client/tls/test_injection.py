# SPDX-License-Identifier: Apache-2.0
"""Process-wide injection: it covers what no context reaches, leaves the rest alone, and can be undone exactly."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import truststore

import holdfast
from holdfast.client.tls.exempt_context import ExemptSSLContext
from holdfast.client.tls.injection import extract_from_ssl, inject_into_ssl
from holdfast.client.tls.verification_error import PinVerificationError, pin_error
from holdfast.errors import ConfigError
from tests.static_judge import StaticJudge
from tests.tls_clients import CLIENTS, SECRET, Client, by_http_client, write_through_memory
from tests.tls_servers import TLSServer, serve_echo, serve_http, serve_lines
from tests.tls_world import HOST, TLS12, TLS13, VERSIONS, get_world

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@contextlib.contextmanager
def injected(judge: StaticJudge | None = None, **settings: Any) -> Iterator[StaticJudge]:
    judge = judge or get_world().judge()
    inject_into_ssl(judge, **settings)
    try:
        yield judge
    finally:
        extract_from_ssl()


def connect(context: ssl.SSLContext, port: int, *, name: str | None = HOST, **named: Any) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=5)
    return context.wrap_socket(plain, server_hostname=name, **named)


def unverified_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


# ------------------------------------------------------------------------------------------- it covers


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_every_client_with_a_context_of_its_own_is_pinned(client: Client) -> None:
    world = get_world()
    handler = serve_echo if client.echo else serve_lines if client.lines else serve_http
    with injected(), TLSServer(world.mis_issued, handler=handler, greeting=client.greeting) as attacker:
        with pytest.raises(Exception) as caught:  # each client has its own
            client.call(world.plain_context(), attacker.port)
        assert attacker.application_bytes == 0
        assert pin_error(caught.value) is not None
    with TLSServer(world.genuine, handler=handler, greeting=client.greeting) as server:
        with injected():
            assert client.call(world.plain_context(), server.port)
        assert server.application_bytes > 0
    with TLSServer(world.mis_issued, handler=handler, greeting=client.greeting) as attacker:
        client.call(world.plain_context(), attacker.port)
        assert attacker.application_bytes > 0, "control: without the injection"


def test_a_connection_that_was_there_before_is_judged_at_its_next_message() -> None:
    world = get_world()
    with TLSServer(world.mis_issued, handler=serve_echo) as attacker:
        with connect(world.plain_context(), attacker.port) as tls:
            tls.sendall(b"before")
            with injected(), pytest.raises(PinVerificationError):
                tls.sendall(b"after")
            with pytest.raises(OSError, match="Bad file descriptor"):
                tls.sendall(b"closed for good")
        assert attacker.data == b"before"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_live_connection_ends_with_the_policy(version: ssl.TLSVersion) -> None:
    world = get_world()
    with injected() as judge, TLSServer(world.genuine, handler=serve_echo, version=version) as server:
        with connect(world.plain_context(), server.port) as tls:
            tls.sendall(b"before")
            judge.set_pins({HOST: [world.stranger.pin]})
            with pytest.raises(PinVerificationError) as caught:
                tls.sendall(SECRET.encode())
            assert caught.value.live
        assert server.data == b"before"


def test_an_idle_connection_reads_as_dropped_when_the_policy_ends_it() -> None:
    """So a pool opens another one, instead of failing a request on it."""
    world = get_world()
    with injected() as judge, TLSServer(world.genuine, handler=serve_echo) as server:
        with connect(world.plain_context(), server.port) as tls:
            tls.sendall(b"before")
            assert tls.recv(10) == b"before"
            assert not select.select([tls], [], [], 0.02)[0]
            judge.set_pins({HOST: [world.stranger.pin]})
            assert select.select([tls], [], [], 5)[0]
            for operation in (tls.do_handshake, lambda: tls.write(b"x"), tls.unwrap):
                with pytest.raises(PinVerificationError):
                    operation()
        assert server.data == b"before"


def test_an_object_over_memory_stays_refused_and_throws_its_last_flight_away() -> None:
    world = get_world()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with injected(), TLSServer(world.mis_issued, handler=serve_echo) as attacker:
        tls = world.plain_context().wrap_bio(incoming, outgoing, server_hostname=HOST)
        plain = socket.create_connection(("127.0.0.1", attacker.port), timeout=5)
        with plain, pytest.raises(PinVerificationError):
            write_through_memory(tls, incoming, outgoing, plain, SECRET.encode())
        assert outgoing.pending == 0
        for operation in (tls.do_handshake, lambda: tls.write(b"x"), lambda: tls.read(1), tls.unwrap):
            with pytest.raises(PinVerificationError):
                operation()
        assert attacker.application_bytes == 0


def test_truststore_is_covered_in_either_order(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Linux truststore lets OpenSSL validate against the machine's CAs."""
    world = get_world()
    bundle = tmp_path / "ca.pem"
    bundle.write_text(world.trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with TLSServer(world.mis_issued) as attacker, TLSServer(world.genuine) as server:
        for first, second in (
            (inject_into_ssl, truststore.inject_into_ssl),
            (truststore.inject_into_ssl, inject_into_ssl),
        ):
            for step in (first, second):
                step(world.judge()) if step is inject_into_ssl else step()  # type: ignore[call-arg]
            try:
                context = ssl.create_default_context()
                assert type(context).__module__.startswith("truststore")
                with pytest.raises(PinVerificationError):
                    by_http_client(context, attacker.port)
                assert by_http_client(context, server.port) == "hello /http-client"
            finally:
                extract_from_ssl()
                truststore.extract_from_ssl()
        assert attacker.application_bytes == 0
        assert server.application_bytes > 0
        by_http_client(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), attacker.port)
        assert attacker.application_bytes > 0, "control: truststore alone"


# ----------------------------------------------------------------------------------- weakened contexts


@pytest.mark.parametrize("through_memory", [False, True])
@pytest.mark.parametrize("genuine", [False, True])
def test_a_protected_host_is_refused_on_a_context_that_does_not_validate(genuine: bool, through_memory: bool) -> None:
    """Even with the right key: what was not validated is no path."""
    world = get_world()
    identity = world.genuine if genuine else world.mis_issued
    unchecked_name, optional = world.plain_context(), world.plain_context()
    unchecked_name.check_hostname = False
    optional.verify_mode = ssl.CERT_OPTIONAL
    with injected(), TLSServer(identity, handler=serve_echo) as server:
        for context in (unverified_context(), unchecked_name, optional):
            for client in CLIENTS:
                if client.name == ("wrap-bio" if through_memory else "implicit-handshake"):
                    with pytest.raises(PinVerificationError) as caught:
                        client.call(context, server.port)
                    assert caught.value.reason == "not-validated"
        assert server.application_bytes == 0


@pytest.mark.parametrize("mode", [ssl.CERT_NONE, ssl.CERT_OPTIONAL])
def test_a_connection_from_before_is_judged_by_its_context_as_well(mode: ssl.VerifyMode) -> None:
    world = get_world()
    context = world.plain_context()
    context.check_hostname = mode is ssl.CERT_OPTIONAL
    context.verify_mode = mode
    with TLSServer(world.genuine, handler=serve_echo) as server:
        with connect(context, server.port) as tls, injected(), pytest.raises(PinVerificationError) as caught:
            tls.sendall(SECRET.encode())
        assert caught.value.reason == "not-validated"
        assert server.application_bytes == 0


def test_a_context_that_pretends_to_validate_is_found_out() -> None:
    """Another thread switches validation on again between the making of the connection and the verdict."""
    world = get_world()
    context = unverified_context()
    context.load_verify_locations(cadata=world.trusted)
    with injected(), TLSServer(world.genuine, handler=serve_echo) as server:
        with connect(context, server.port, do_handshake_on_connect=False) as tls:
            context.verify_mode = ssl.CERT_REQUIRED
            context.check_hostname = True
            with pytest.raises(PinVerificationError) as caught:
                tls.sendall(SECRET.encode())
            assert caught.value.reason == "not-validated"
        assert server.application_bytes == 0


def test_an_unprotected_host_may_be_reached_on_any_context() -> None:
    world = get_world()
    judge = StaticJudge({"api.example.com": ["x"]})
    with injected(judge), TLSServer(world.mis_issued, handler=serve_echo) as server:
        with connect(unverified_context(), server.port) as tls:
            tls.sendall(b"hello")
            assert tls.recv(10) == b"hello"
            judge.set_pins({HOST: [world.genuine.pin]})
            with pytest.raises(PinVerificationError):
                tls.sendall(b"now it is protected, and has no validated path")
        assert server.data == b"hello"


def test_who_says_no_name_is_refused_unless_allowed() -> None:
    world = get_world()
    with TLSServer(world.mis_issued, handler=serve_echo) as server:
        with injected(), pytest.raises(PinVerificationError) as caught:
            connect(unverified_context(), server.port, name=None)
        assert caught.value.reason in {"hostname-syntax", "not-validated"}
        with injected(allow_nameless=True), connect(unverified_context(), server.port, name=None) as tls:
            tls.sendall(b"hello")
        assert server.data == b"hello"


def test_renegotiation_is_switched_off_on_client_contexts_only() -> None:
    world = get_world()
    client, server_side = world.plain_context(), world.genuine.server_context(version=TLS12)
    assert not client.options & ssl.Options.OP_NO_RENEGOTIATION
    with injected(), TLSServer(context=server_side, handler=serve_echo) as server:
        connect(client, server.port).close()
        client.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST)
        server.settle()
    assert client.options & ssl.Options.OP_NO_RENEGOTIATION
    assert not server_side.options & ssl.Options.OP_NO_RENEGOTIATION


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_not_resumed_with_a_protected_host(version: ssl.TLSVersion) -> None:
    world = get_world()
    context = world.plain_context()
    with TLSServer(world.genuine, handler=serve_echo, version=version) as server:
        with connect(context, server.port) as tls:
            tls.sendall(b"x")
            tls.recv(1)
            session = tls.session
        with connect(context, server.port, session=session) as control:
            assert control.session_reused, "control: it would be resumed"
        with injected():
            with connect(context, server.port, session=session) as tls:
                assert not tls.session_reused
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            made = context.wrap_bio(incoming, outgoing, server_hostname=HOST, session=session)
            assert made.session is None or made.session.id != session.id  # type: ignore[union-attr]
        with injected(StaticJudge({})), connect(context, server.port, session=session) as tls:
            assert tls.session_reused, "nobody protects it"


# -------------------------------------------------------------------------------- what it leaves alone


def test_servers_are_left_alone() -> None:
    world = get_world()
    judge = StaticJudge({HOST: ["nothing matches"]})
    server = TLSServer(world.genuine, handler=serve_echo, client_ca=world.root.pem)
    with injected(judge), server:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        memory_server = world.genuine.server_context().wrap_bio(incoming, outgoing, server_side=True)
        with pytest.raises(ssl.SSLWantReadError):
            memory_server.do_handshake()
        with pytest.raises(PinVerificationError):
            connect(world.plain_context(), server.port)
        judge.set_pins({HOST: [world.genuine.pin]})
        with connect(world.plain_context(), server.port) as tls:
            tls.sendall(b"hello")
            assert tls.recv(10) == b"hello"
        server.settle()
    assert len(judge.asked) == 2, "the client's side only"


def test_the_fetcher_is_exempt_by_the_identity_of_its_context() -> None:
    world = get_world()
    exempt = ExemptSSLContext(ssl.PROTOCOL_TLS_CLIENT)
    exempt.load_verify_locations(cadata=world.trusted)
    with injected() as judge, TLSServer(world.mis_issued) as server:
        assert by_http_client(exempt, server.port) == "hello /http-client"
        with pytest.raises(PinVerificationError):
            by_http_client(world.plain_context(), server.port)
    assert all(question.host == HOST for question in judge.asked)


def test_a_pinned_context_is_guarded_once() -> None:
    world = get_world()
    own = world.judge()
    with injected() as judge, TLSServer(world.genuine) as server:
        by_http_client(world.pinned_context(own), server.port)
    assert (len(own.asked), len(judge.asked)) == (1, 0)


def test_plain_sockets_of_the_standard_library_keep_their_behaviour() -> None:
    world = get_world()
    with injected(), socket.create_server(("127.0.0.1", 0)) as listener:
        tls = world.plain_context().wrap_socket(socket.socket(), server_hostname=HOST)
        with tls, pytest.raises(OSError):
            tls.send(b"x")
        del listener


# ------------------------------------------------------------------------------------------ in and out


def snapshot() -> dict[tuple[type, str], object]:
    return {(owner, name): value for owner in (ssl.SSLSocket, ssl.SSLObject) for name, value in vars(owner).items()}


def test_it_is_put_back_exactly() -> None:
    before = snapshot()
    with injected():
        assert snapshot() != before
    after = snapshot()
    assert after.keys() == before.keys()
    assert all(after[key] is before[key] for key in before)


def test_it_is_idempotent() -> None:
    before = snapshot()
    judge = get_world().judge()
    extract_from_ssl()
    inject_into_ssl(judge)
    during = snapshot()
    inject_into_ssl(judge)
    assert snapshot() == during
    with pytest.raises(ConfigError, match="another store"):
        inject_into_ssl(StaticJudge({}))
    with pytest.raises(ConfigError, match="another store"):
        inject_into_ssl(judge, allow_nameless=True)
    assert snapshot() == during
    extract_from_ssl()
    extract_from_ssl()
    assert snapshot() == before


def test_it_does_not_undo_what_somebody_else_did_later(monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot()
    with injected(), monkeypatch.context() as patch:
        patch.setattr(ssl.SSLSocket, "read", lambda self, *arguments: b"")
        with pytest.raises(ConfigError, match=r"SSLSocket\.read was replaced"):
            extract_from_ssl()
    assert snapshot() == before


def test_the_package_exports_it() -> None:
    assert holdfast.inject_into_ssl is inject_into_ssl
    assert holdfast.extract_from_ssl is extract_from_ssl


def test_many_threads_connect_while_it_is_injected_and_extracted() -> None:
    """Nobody meets a half-made class: each connection is either guarded or not."""
    world = get_world()
    errors: list[BaseException] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                by_http_client(world.plain_context(), server.port)
            except Exception as error:
                errors.append(error)

    with TLSServer(world.genuine) as server:
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(15):
            with injected():
                by_http_client(world.plain_context(), server.port)
        stop.set()
        for thread in threads:
            thread.join(10)
    assert errors == []


def test_urllib_without_any_context_is_covered(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The purpose of it all: code that takes no context."""
    world = get_world()
    bundle = tmp_path / "ca.pem"
    bundle.write_text(world.trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with TLSServer(world.mis_issued, version=TLS13) as attacker:
        url = f"https://{HOST}:{attacker.port}/"
        with injected(), pytest.raises(Exception) as caught:
            opener.open(url, timeout=5)
        assert pin_error(caught.value) is not None
        assert attacker.application_bytes == 0
        with contextlib.suppress(http.client.HTTPException):
            opener.open(url, timeout=5).close()
        assert attacker.application_bytes > 0

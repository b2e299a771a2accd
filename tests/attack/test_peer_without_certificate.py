# SPDX-License-Identifier: Apache-2.0
"""Attack: a peer that shows no certificate at all, by a pre-shared key or an anonymous cipher.

OpenSSL validates nothing then, whatever ``verify_mode`` says: the handshake succeeds, and so would a check that looks
for a *bad* certificate.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.client.tls.verification_error import PinVerificationError
from holdfast.errors import ConfigError
from tests.static_judge import StaticJudge
from tests.tls_attack import assert_reached, open_app
from tests.tls_clients import write_through_memory
from tests.tls_servers import TLSServer, serve_echo
from tests.tls_world import HOST, TLS12, VERSIONS, get_world

ANONYMOUS = "AECDH-AES256-SHA:@SECLEVEL=0"


def anonymous_server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = TLS12
    context.set_ciphers(ANONYMOUS)
    return context


def connect(context: ssl.SSLContext, port: int) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=5)
    return context.wrap_socket(plain, server_hostname=HOST, do_handshake_on_connect=False)


def test_an_anonymous_cipher_is_refused(tmp_path: Path) -> None:
    """Somebody has added anonymous ciphers to the shared context, which nothing forbids."""
    world = get_world()
    with open_app(tmp_path) as app, TLSServer(context=anonymous_server(), handler=serve_echo) as attacker:
        assert_reached(app, world.genuine)
        before = app.enforced()
        app.context.maximum_version = TLS12
        app.context.set_ciphers(f"{ANONYMOUS}:ECDHE+AESGCM")
        with connect(app.context, attacker.port) as tls, pytest.raises(PinVerificationError) as caught:
            tls.sendall(b"secret")
        assert caught.value.reason == "empty-path"
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        memory = app.context.wrap_bio(incoming, outgoing, server_hostname=HOST)
        plain = socket.create_connection(("127.0.0.1", attacker.port), timeout=5)
        with plain, pytest.raises(PinVerificationError):
            write_through_memory(memory, incoming, outgoing, plain, b"secret")
        assert attacker.application_bytes == 0
        assert app.enforced() == before
        assert_reached(app, world.genuine, version=TLS12)
        # Control: an ordinary context with the same ciphers, which "validates" as strictly.
        control = world.plain_context()
        control.maximum_version = TLS12
        control.set_ciphers(ANONYMOUS)
        assert control.verify_mode == ssl.CERT_REQUIRED
        with connect(control, attacker.port) as tls:
            tls.sendall(b"secret")
        assert attacker.data == b"secret"


def test_it_is_refused_even_if_the_judge_likes_empty_paths() -> None:
    class Careless(StaticJudge):
        def judge(self, host: str, path: object) -> object:  # type: ignore[override]
            return super().judge("nobody", ())

    world = get_world()
    context = world.pinned_context(Careless({HOST: [world.genuine.pin]}))  # type: ignore[arg-type]
    context.maximum_version = TLS12
    context.set_ciphers(ANONYMOUS)
    with TLSServer(context=anonymous_server(), handler=serve_echo) as attacker:
        with connect(context, attacker.port) as tls, pytest.raises(PinVerificationError) as caught:
            tls.sendall(b"secret")
        assert caught.value.reason == "empty-path"
        assert attacker.application_bytes == 0


if hasattr(ssl.SSLContext, "set_psk_client_callback"):  # Python 3.13

    @contextlib.contextmanager
    def psk_server(version: ssl.TLSVersion) -> Iterator[TLSServer]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("PSK:@SECLEVEL=0" if version is TLS12 else "ALL")
        context.set_psk_server_callback(lambda identity: b"shared key")  # type: ignore[attr-defined,unused-ignore]
        with TLSServer(context=context, handler=serve_echo) as server:
            yield server

    def psk_context(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
        context.minimum_version = context.maximum_version = version
        context.set_ciphers("PSK:@SECLEVEL=0" if version is TLS12 else "ALL")
        # Beneath the refusal of our own class.
        set_callback = ssl.SSLContext.set_psk_client_callback  # type: ignore[attr-defined,unused-ignore]
        set_callback(context, lambda hint: ("client", b"shared key"))
        return context

    @pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
    def test_a_pre_shared_key_is_refused(tmp_path: Path, version: ssl.TLSVersion) -> None:
        world = get_world()
        with open_app(tmp_path) as app, psk_server(version) as attacker:
            assert_reached(app, world.genuine)
            with pytest.raises(ConfigError):
                app.context.set_psk_client_callback(lambda hint: ("client", b"shared key"))
            pinned = connect(psk_context(app.context, version), attacker.port)
            with pinned, pytest.raises(PinVerificationError) as caught:
                pinned.sendall(b"secret")
            assert caught.value.reason in {"empty-path", "session-resumed"}
            assert attacker.application_bytes == 0
            control = psk_context(world.plain_context(), version)
            with connect(control, attacker.port) as tls:
                tls.sendall(b"secret")
            assert attacker.data == b"secret"

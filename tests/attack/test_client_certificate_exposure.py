# SPDX-License-Identifier: Apache-2.0
"""Attack: an unpinned server asks for the client's certificate, which names the customer.

It is in the client's last flight. A check that stands after the handshake of a blocking socket comes too late: the
flight has gone. So the peer is judged first, and the flight flushed then.
"""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

import pytest

from holdfast.client.tls.bio_socket import MemoryConnection
from holdfast.client.tls.pinned_socket import PinnedSSLSocket
from holdfast.client.tls.verification_error import pin_error
from tests.pki import CLIENT_AUTH, Identity
from tests.tls_attack import App, assert_reached, open_app
from tests.tls_clients import CLIENTS, SECRET, Client
from tests.tls_servers import TLSServer, serve_echo, serve_http, serve_lines
from tests.tls_world import VERSIONS, get_world

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

every_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)


def customer() -> Identity:
    return get_world().issuing.leaf("customer-4711", usage=[CLIENT_AUTH])


def serve(identity: Identity, client: Client, version: ssl.TLSVersion) -> TLSServer:
    handler = serve_echo if client.echo else serve_lines if client.lines else serve_http
    return TLSServer(
        identity,
        handler=handler,
        greeting=client.greeting,
        version=version,
        client_ca=get_world().root.pem,
    )


@every_version
@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_the_attacker_sees_neither_data_nor_certificate(
    tmp_path: Path, client: Client, version: ssl.TLSVersion
) -> None:
    world = get_world()
    with open_app(tmp_path) as app:
        customer().load_into(app.context)
        before = app.enforced()
        with serve(world.mis_issued, client, version) as attacker:
            with pytest.raises(Exception) as caught:  # each client has its own
                client.call(app.context, attacker.port)
            assert pin_error(caught.value) is not None
            assert attacker.application_bytes == 0
            assert attacker.client_certificates == []
            assert len(attacker.connections) >= 1
        assert app.enforced() == before
        with serve(world.genuine, client, version) as server:
            assert client.call(app.context, server.port)
            assert server.application_bytes > 0
            assert len(server.client_certificates) >= 1, "the genuine server is shown it"


@every_version
@pytest.mark.parametrize("after_the_handshake", [False, True], ids=["unpinned", "checked-too-late"])
def test_control_without_the_wait_the_certificate_is_out(
    tmp_path: Path, version: ssl.TLSVersion, after_the_handshake: bool
) -> None:
    world = get_world()
    client = next(client for client in CLIENTS if client.name == "ssl-socket")
    identity = customer()
    with open_app(tmp_path) as app, serve(world.mis_issued, client, version) as attacker:
        if after_the_handshake:
            identity.load_into(app.context)
            app.context._sockets = PinnedSSLSocket
            with pytest.raises(ssl.SSLCertVerificationError):
                client.call(app.context, attacker.port)
            assert attacker.application_bytes == 0, "the data is safe even so"
        else:
            context = world.plain_context()
            identity.load_into(context)
            assert client.call(context, attacker.port) == SECRET
        attacker.settle()
        assert [identity.der in message for message in attacker.client_certificates] == [True]


def receive_everything(connection: MemoryConnection, _: object) -> None:
    """What ``MemoryConnection`` does with one record, with all that has come."""
    time.sleep(0.05)
    connection._incoming.write(socket.socket.recv(connection._owner(), 65536))


@every_version
def test_a_server_that_sends_its_flight_in_one_piece_sees_no_certificate(
    tmp_path: Path, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then one step of OpenSSL validates the path *and* makes the flight with our certificate."""
    world = get_world()
    client = next(client for client in CLIENTS if client.name == "ssl-socket")
    monkeypatch.setattr(MemoryConnection, "_receive_record", receive_everything)
    with open_app(tmp_path) as app, serve(world.mis_issued, client, version) as attacker:
        customer().load_into(app.context)
        with pytest.raises(ssl.SSLCertVerificationError):
            client.call(app.context, attacker.port)
        assert attacker.application_bytes == 0
        assert attacker.client_certificates == []
        with serve(world.genuine, client, version) as server:
            assert client.call(app.context, server.port) == SECRET


def reach_with_certificate(app: App) -> None:
    customer().load_into(app.context)
    assert_reached(app, get_world().genuine)


def test_a_certificate_that_is_loaded_later_counts_too(tmp_path: Path) -> None:
    world = get_world()
    client = next(client for client in CLIENTS if client.name == "wrap-before-connect")
    with open_app(tmp_path) as app:
        assert_reached(app, world.genuine)
        reach_with_certificate(app)
        with serve(world.mis_issued, client, ssl.TLSVersion.TLSv1_3) as attacker:
            with pytest.raises(ssl.SSLCertVerificationError):
                client.call(app.context, attacker.port)
            attacker.settle()
            assert attacker.client_certificates == []

# SPDX-License-Identifier: Apache-2.0
"""Every client that takes an SSLContext, against real TLS servers, in TLS 1.2 and 1.3.

The genuine server is reached. A server with a certificate that another trusted CA has mis-issued decrypts nothing of
what the client has to say, and the same client with a plain context tells it everything.
"""

from __future__ import annotations

import contextlib
import ssl

import pytest

from holdfast.client.tls.verification_error import PinVerificationError, pin_error
from tests.pki import Identity
from tests.tls_clients import CLIENTS, PROXY_CLIENTS, SECRET, TLS_IN_TLS_CLIENTS, Client, ProxyClient
from tests.tls_servers import ConnectProxy, Handler, TLSServer, serve_echo, serve_http, serve_lines
from tests.tls_world import HOST, TLS12, TLS13, VERSIONS, get_world

# Clients close their sockets in their own time, some of them only when they are collected.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def serve(identity: Identity, client: Client, version: ssl.TLSVersion) -> TLSServer:
    handler: Handler = serve_echo if client.echo else serve_lines if client.lines else serve_http
    return TLSServer(identity, handler=handler, greeting=client.greeting, version=version)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_the_genuine_server_is_reached(client: Client, version: ssl.TLSVersion) -> None:
    world = get_world()
    with serve(world.genuine, client, version) as server:
        assert client.call(world.pinned_context(), server.port)
        assert server.application_bytes > 0


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_a_mis_issued_certificate_learns_nothing(client: Client, version: ssl.TLSVersion) -> None:
    world = get_world()
    with serve(world.mis_issued, client, version) as attacker:
        with pytest.raises(Exception) as caught:  # each client has its own
            client.call(world.pinned_context(), attacker.port)
        assert attacker.application_bytes == 0
        assert not any(connection.data for connection in attacker.connections)
        assert len(attacker.connections) >= 1
    refusal = pin_error(caught.value)
    assert isinstance(refusal, PinVerificationError)
    assert (refusal.host, refusal.reason) == (HOST, "no-match")
    assert refusal.observed[0] == world.mis_issued.pin


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_control_without_pins_the_same_client_tells_everything(client: Client) -> None:
    world = get_world()
    with serve(world.mis_issued, client, TLS13) as attacker:
        client.call(world.plain_context(), attacker.port)
        assert attacker.application_bytes > 0
        assert SECRET.encode() in attacker.data


@pytest.mark.parametrize("client", PROXY_CLIENTS, ids=str)
def test_behind_a_connect_proxy(client: ProxyClient) -> None:
    world = get_world()
    with TLSServer(world.genuine) as server, ConnectProxy(server.port) as proxy:
        assert client.call(world.pinned_context(), server.port, f"http://127.0.0.1:{proxy.port}")
        assert server.application_bytes > 0
        assert proxy.asked[0].startswith(f"CONNECT {HOST}:")


@pytest.mark.parametrize("client", PROXY_CLIENTS, ids=str)
def test_an_intercepting_connect_proxy_learns_nothing(client: ProxyClient) -> None:
    world = get_world()
    with TLSServer(world.mis_issued) as attacker, ConnectProxy(attacker.port) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        with pytest.raises(Exception) as caught:
            client.call(world.pinned_context(), attacker.port, address)
        assert attacker.application_bytes == 0
        assert len(attacker.connections) >= 1
        assert pin_error(caught.value) is not None
        # Control: without pins the same client tells everything.
        client.call(world.plain_context(), attacker.port, address)
        assert SECRET.encode() in attacker.data


@pytest.mark.parametrize("client", TLS_IN_TLS_CLIENTS, ids=str)
def test_tls_in_tls(client: ProxyClient) -> None:
    world = get_world()
    with TLSServer(world.genuine) as server, ConnectProxy(server.port, identity=world.genuine) as proxy:
        assert client.call(world.pinned_context(), server.port, f"https://{HOST}:{proxy.port}")
        assert server.application_bytes > 0


@pytest.mark.parametrize("client", TLS_IN_TLS_CLIENTS, ids=str)
def test_tls_in_tls_with_an_intercepted_inner_connection(client: ProxyClient) -> None:
    world = get_world()
    with TLSServer(world.mis_issued) as attacker, ConnectProxy(attacker.port, identity=world.genuine) as proxy:
        address = f"https://{HOST}:{proxy.port}"
        with pytest.raises(Exception) as caught:
            client.call(world.pinned_context(), attacker.port, address)
        assert attacker.application_bytes == 0
        assert len(attacker.connections) >= 1
        assert pin_error(caught.value) is not None
        client.call(world.plain_context(), attacker.port, address)
        assert SECRET.encode() in attacker.data


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_a_refused_client_recovers_when_its_pins_do(client: Client) -> None:
    """The same context, the same server: refused, then healed by a newly published pin."""
    world = get_world()
    judge = world.judge()
    context = world.pinned_context(judge)
    renewed = world.issuing.leaf(HOST)
    with serve(renewed, client, TLS12) as server:
        with contextlib.suppress(Exception):
            client.call(context, server.port)
        assert server.application_bytes == 0
        judge.set_pins({HOST: [renewed.pin]})
        assert client.call(context, server.port)
        assert server.application_bytes > 0

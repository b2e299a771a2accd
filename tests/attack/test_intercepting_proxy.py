# SPDX-License-Identifier: Apache-2.0
"""Attack: a real mitmproxy, whose CA the client's machine trusts, between the app and its server.

By CONNECT (a proxy in the settings, or a corporate box) and in reverse (a hostile network that leads the name to it).
It must decrypt nothing; a client without pins, through the same proxy, tells it everything and notices nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.client.tls.ssl_context import create_default_context
from holdfast.client.tls.verification_error import pin_error
from holdfast.telemetry.events import PinMismatched
from tests.adapter_clients import ADAPTERS, Adapter
from tests.mitmproxy import Mitmproxy, run_mitmproxy
from tests.tls_attack import assert_reached, open_app
from tests.tls_clients import CLIENTS, PROXY_CLIENTS, SECRET, Client, ProxyClient
from tests.tls_servers import TLSServer
from tests.tls_world import HOST, get_world
from tests.tools import requires

pytestmark = [
    requires("mitmdump"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

HTTP_CLIENTS = tuple(client for client in CLIENTS if client.greeting is None and not client.echo)


@pytest.fixture(scope="module")
def server() -> Iterator[TLSServer]:
    """The genuine server, which the proxy reaches on the client's behalf."""
    with TLSServer(get_world().genuine) as server:
        yield server


@pytest.fixture(scope="module")
def connect_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mitmproxy]:
    with run_mitmproxy(tmp_path_factory.mktemp("connect"), mode="regular") as proxy:
        yield proxy


@pytest.fixture(scope="module")
def reverse_proxy(tmp_path_factory: pytest.TempPathFactory, server: TLSServer) -> Iterator[Mitmproxy]:
    mode = f"reverse:https://{HOST}:{server.port}"
    with run_mitmproxy(tmp_path_factory.mktemp("reverse"), mode=mode) as proxy:
        yield proxy


def trusted_with(proxy: Mitmproxy) -> str:
    """The machine's CA store after somebody has installed the proxy's CA."""
    return get_world().trusted + proxy.ca


@pytest.mark.parametrize("client", HTTP_CLIENTS, ids=str)
def test_in_reverse_it_decrypts_nothing(tmp_path: Path, client: Client, reverse_proxy: Mitmproxy) -> None:
    world = get_world()
    with open_app(tmp_path, trusted=trusted_with(reverse_proxy)) as app:
        assert_reached(app, world.genuine)
        before, seen, met = app.enforced(), len(reverse_proxy.requests), reverse_proxy.handshakes
        with pytest.raises(Exception) as caught:  # each client has its own
            client.call(app.context, reverse_proxy.port)
        refusal = pin_error(caught.value)
        assert refusal is not None
        assert (refusal.host, refusal.reason) == (HOST, "no-match")
        assert reverse_proxy.handshakes > met, "it has met the proxy"
        assert len(reverse_proxy.requests) == seen
        assert app.heard.last(PinMismatched).enforced
        assert app.enforced() == before
        assert_reached(app, world.genuine)
    context = world.plain_context()
    context.load_verify_locations(cadata=reverse_proxy.ca)
    assert "hello" in client.call(context, reverse_proxy.port)
    assert SECRET in str(reverse_proxy.requests[seen:]), "control: without pins it reads along"


@pytest.mark.parametrize("client", PROXY_CLIENTS, ids=str)
def test_by_connect_it_decrypts_nothing(
    tmp_path: Path, client: ProxyClient, connect_proxy: Mitmproxy, server: TLSServer
) -> None:
    world = get_world()
    address = f"http://127.0.0.1:{connect_proxy.port}"
    with open_app(tmp_path, trusted=trusted_with(connect_proxy)) as app:
        before, seen = app.enforced(), len(connect_proxy.requests)
        with pytest.raises(Exception) as caught:
            client.call(app.context, server.port, address)
        assert pin_error(caught.value) is not None
        assert len(connect_proxy.requests) == seen
        assert app.enforced() == before
        assert_reached(app, world.genuine)
    context = world.plain_context()
    context.load_verify_locations(cadata=connect_proxy.ca)
    assert client.call(context, server.port, address)
    assert SECRET in str(connect_proxy.requests[seen:])


@pytest.mark.parametrize("adapter", ADAPTERS, ids=str)
def test_our_adapters_tell_it_nothing(
    tmp_path: Path, adapter: Adapter, connect_proxy: Mitmproxy, server: TLSServer
) -> None:
    """An adapter that forgets proxies (``proxy_manager_for`` in requests) would hand over the bearer token here."""
    with open_app(tmp_path, trusted=trusted_with(connect_proxy)) as app:
        seen = len(connect_proxy.requests)
        session = adapter.open(app.store, app.context, f"http://127.0.0.1:{connect_proxy.port}")
        with session as fetch, pytest.raises(Exception) as caught:
            fetch(f"https://{HOST}:{server.port}/secret")
        assert pin_error(caught.value) is not None
        assert len(connect_proxy.requests) == seen


def test_control_its_ca_is_trusted_by_the_pinned_context_too(tmp_path: Path, reverse_proxy: Mitmproxy) -> None:
    """It is the pins that refuse: a host that nobody protects is reached through the same proxy."""
    world = get_world()
    judge = world.judge()
    judge.set_pins({"api.example.com": ["x"]})
    context = create_default_context(judge, cadata=trusted_with(reverse_proxy))
    assert "hello" in HTTP_CLIENTS[0].call(context, reverse_proxy.port)

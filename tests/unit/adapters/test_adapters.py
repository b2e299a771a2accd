# SPDX-License-Identifier: Apache-2.0
"""What every adapter must do: enforce, also behind proxies; refresh and try once more; follow hints."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.client.tls.verification_error import PinVerificationError, pin_error
from tests.adapter_clients import ADAPTERS, Adapter
from tests.static_judge import StaticJudge
from tests.tls_clients import SECRET
from tests.tls_servers import ConnectProxy, TLSServer
from tests.tls_world import HOST, get_world

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

every_adapter = pytest.mark.parametrize("adapter", ADAPTERS, ids=str)


def refuse(adapter: Adapter, store: StaticJudge, url: str, proxy: str | None = None) -> PinVerificationError:
    """Fetch in vain, and return the refusal."""
    with adapter.open(store, get_world().pinned_context(store), proxy) as fetch:
        with pytest.raises(Exception) as caught:  # each client has its own
            fetch(url)
        refusal = pin_error(caught.value)
        assert isinstance(refusal, PinVerificationError)
        return refusal


@every_adapter
def test_the_genuine_server_is_reached(adapter: Adapter) -> None:
    world = get_world()
    store = world.judge()
    with TLSServer(world.genuine) as server, adapter.open(store, world.pinned_context(store), None) as fetch:
        assert fetch(f"https://{HOST}:{server.port}/page") == "hello /page"
    assert store.refreshes == []


@every_adapter
def test_a_mis_issued_certificate_learns_nothing(adapter: Adapter) -> None:
    world = get_world()
    store = world.judge()
    with TLSServer(world.mis_issued) as attacker:
        refusal = refuse(adapter, store, f"https://{HOST}:{attacker.port}/")
        assert attacker.application_bytes == 0
    assert refusal.observed[0] == world.mis_issued.pin
    assert len(store.refreshes) == 1, "one refresh, in the handshake or in the adapter, never both"


@every_adapter
def test_the_pins_hold_behind_a_connect_proxy(adapter: Adapter) -> None:
    world = get_world()
    store = world.judge()
    with TLSServer(world.mis_issued) as attacker, ConnectProxy(attacker.port) as proxy:
        refuse(adapter, store, f"https://{HOST}:{attacker.port}/", f"http://127.0.0.1:{proxy.port}")
        assert len(proxy.asked) >= 1
        assert attacker.application_bytes == 0
    with (
        TLSServer(world.genuine) as server,
        ConnectProxy(server.port) as proxy,
        adapter.open(store, world.pinned_context(store), f"http://127.0.0.1:{proxy.port}") as fetch,
    ):
        assert fetch(f"https://{HOST}:{server.port}/") == "hello /"


@every_adapter
def test_the_pins_hold_inside_and_at_an_https_proxy(adapter: Adapter) -> None:
    world = get_world()
    with (
        TLSServer(world.mis_issued) as attacker,
        ConnectProxy(attacker.port, identity=world.genuine) as proxy,
    ):
        refuse(adapter, world.judge(), f"https://{HOST}:{attacker.port}/", f"https://{HOST}:{proxy.port}")
        assert attacker.application_bytes == 0
        assert len(proxy.asked) >= 1
    with TLSServer(world.genuine) as server, ConnectProxy(server.port, identity=world.mis_issued) as proxy:
        refuse(adapter, world.judge(), f"https://{HOST}:{server.port}/", f"https://{HOST}:{proxy.port}")
        assert proxy.asked == [], "the proxy is a protected host as well"


@every_adapter
def test_tls_in_tls_heals_too(adapter: Adapter) -> None:
    """TLS inside TLS runs on memory, which cannot refresh in the handshake: the adapter does."""
    world = get_world()
    renewed = world.issuing.leaf(HOST)
    store = StaticJudge({HOST: [world.genuine.pin]}, refreshed={HOST: [world.genuine.pin, renewed.pin]})
    with (
        TLSServer(renewed) as server,
        ConnectProxy(server.port, identity=world.genuine) as proxy,
        adapter.open(store, world.pinned_context(store), f"https://{HOST}:{proxy.port}") as fetch,
    ):
        assert fetch(f"https://{HOST}:{server.port}/x") == "hello /x"
    assert len(store.refreshes) == 1


@every_adapter
def test_a_refresh_heals_an_unplanned_rotation(adapter: Adapter) -> None:
    world = get_world()
    renewed = world.issuing.leaf(HOST)
    store = StaticJudge({HOST: [world.genuine.pin]}, refreshed={HOST: [renewed.pin]})
    with TLSServer(renewed) as server, adapter.open(store, world.pinned_context(store), None) as fetch:
        assert fetch(f"https://{HOST}:{server.port}/x") == "hello /x"
        assert len(server.connections) == (1 if adapter.blocks else 2), "a blocking socket heals the same handshake"
        assert not any(connection.data for connection in server.connections[:-1])
    assert len(store.refreshes) == 1
    assert 0 < store.refreshes[0] < 10.1


@every_adapter
def test_it_tries_once_more_and_not_twice(adapter: Adapter) -> None:
    world = get_world()
    store = StaticJudge({HOST: [world.genuine.pin]}, refreshed={HOST: [world.stranger.pin]})
    with TLSServer(world.mis_issued) as attacker:
        refuse(adapter, store, f"https://{HOST}:{attacker.port}/")
        assert attacker.application_bytes == 0
        assert len(attacker.connections) <= 2


@every_adapter
def test_a_hint_of_an_enforced_connection_is_followed(adapter: Adapter) -> None:
    world = get_world()
    store = world.judge()
    with (
        TLSServer(world.genuine, headers={"Holdfast-Manifest": "43"}) as server,
        adapter.open(store, world.pinned_context(store), None) as fetch,
    ):
        fetch(f"https://{HOST}:{server.port}/")
    assert store.hints == [43]


@pytest.mark.parametrize("value", ["-1", "4 3", "43.0", "9" * 17, "0x2b", "+43", "4_3"])
def test_a_hint_that_is_no_plain_number_is_ignored(value: str) -> None:
    world = get_world()
    store = world.judge()
    with (
        TLSServer(world.genuine, headers={"Holdfast-Manifest": value}) as server,
        ADAPTERS[0].open(store, world.pinned_context(store), None) as fetch,
    ):
        fetch(f"https://{HOST}:{server.port}/")
    assert store.hints == []


@every_adapter
def test_a_hint_of_an_unprotected_host_is_ignored(adapter: Adapter) -> None:
    world = get_world()
    store = StaticJudge({"api.example.com": [world.genuine.pin]})
    with (
        TLSServer(world.genuine, headers={"Holdfast-Manifest": "43"}) as server,
        adapter.open(store, world.pinned_context(store), None) as fetch,
    ):
        fetch(f"https://{HOST}:{server.port}/")
    assert store.hints == []


@every_adapter
def test_a_pooled_connection_that_the_policy_ends_costs_no_request(adapter: Adapter) -> None:
    """The old key is retired while a connection to it waits in the pool: the next request goes over a new one."""
    world = get_world()
    renewed = world.issuing.leaf(HOST)
    store = world.judge()
    with TLSServer(world.genuine) as server, adapter.open(store, world.pinned_context(store), None) as fetch:
        url = f"https://{HOST}:{server.port}/x"
        assert fetch(url) == fetch(url) == "hello /x"
        server.show(renewed)
        store.set_pins({HOST: [renewed.pin]})
        assert fetch(url) == "hello /x"
        before = bytes(server.connections[0].data)
        assert SECRET.encode() in bytes(server.connections[-1].data)
        assert len(before.split(SECRET.encode())) - 1 <= 2, "the ended connection saw nothing of the third request"


def test_a_control_the_pool_does_reuse_its_connections() -> None:
    world = get_world()
    store = world.judge()
    adapter: Any = ADAPTERS[0]
    with TLSServer(world.genuine) as server, adapter.open(store, world.pinned_context(store), None) as fetch:
        fetch(f"https://{HOST}:{server.port}/")
        store.set_pins({HOST: [world.genuine.pin]})  # the policy moves, and still admits
        fetch(f"https://{HOST}:{server.port}/")
        assert len(server.connections) == 1

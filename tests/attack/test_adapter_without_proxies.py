# SPDX-License-Identifier: Apache-2.0
"""Attack: any CONNECT proxy, where the pins of a requests adapter cover direct connections only.

requests asks an adapter for the pool of a proxied connection in another method (``proxy_manager_for``). An adapter that
does not override it, as a well-known one does not, leaves the pins behind as soon as a proxy is set.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from holdfast.adapters.requests import PinningAdapter
from holdfast.client.tls.verification_error import pin_error
from holdfast.errors import ConfigError
from tests.tls_attack import App, assert_reached, open_app
from tests.tls_clients import HEADERS, SECRET, ContextAdapter
from tests.tls_servers import ConnectProxy, TLSServer
from tests.tls_world import HOST, get_world


def fetch(adapter: requests.adapters.HTTPAdapter, port: int, proxy: str, *, verify: str | bool = True) -> str:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", adapter)
        session.proxies = {"https": proxy}
        return session.get(f"https://{HOST}:{port}/", headers=HEADERS, timeout=5, verify=verify).text


def make_adapter(app: App) -> PinningAdapter:
    return PinningAdapter(app.store, context=app.context)


@pytest.mark.parametrize("tls", [False, True], ids=["http-proxy", "https-proxy"])
def test_our_adapter_is_pinned_behind_a_proxy(tmp_path: Path, tls: bool) -> None:
    world = get_world()
    identity = world.genuine if tls else None
    with open_app(tmp_path) as app, TLSServer(world.mis_issued) as attacker:
        with ConnectProxy(attacker.port, identity=identity) as proxy:
            address = f"https://{HOST}:{proxy.port}" if tls else f"http://127.0.0.1:{proxy.port}"
            before = app.enforced()
            with pytest.raises(requests.exceptions.SSLError) as caught:
                fetch(make_adapter(app), attacker.port, address)
            assert pin_error(caught.value) is not None
            assert len(proxy.asked) >= 1
        assert attacker.application_bytes == 0
        assert app.enforced() == before
        assert_reached(app, world.genuine)


def test_control_an_adapter_that_forgets_the_proxy_tells_everything(tmp_path: Path) -> None:
    world = get_world()
    bundle = tmp_path / "ca.pem"
    bundle.write_text(world.trusted)
    with TLSServer(world.mis_issued) as attacker, ConnectProxy(attacker.port) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        assert fetch(ContextAdapter(world.pinned_context()), attacker.port, address, verify=str(bundle)) == "hello /"
        assert SECRET.encode() in attacker.data


def test_the_shared_context_gets_no_cas_of_requests_own(tmp_path: Path) -> None:
    """requests would load certifi's into it, and so let a hundred CAs vouch for everybody who shares it."""
    world = get_world()
    with open_app(tmp_path) as app, TLSServer(world.genuine) as server, ConnectProxy(server.port) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        assert fetch(make_adapter(app), server.port, address) == "hello /"
        bundle = tmp_path / "stranger.pem"
        bundle.write_text(world.stranger.pem)
        assert fetch(make_adapter(app), server.port, address, verify=str(bundle)) == "hello /"
        assert app.context.cert_store_stats()["x509_ca"] == 2


def test_control_another_adapter_does_load_them() -> None:
    world = get_world()
    context = world.pinned_context()
    with TLSServer(world.genuine) as server, requests.Session() as session:
        session.trust_env = False
        session.mount("https://", ContextAdapter(context))
        session.get(f"https://{HOST}:{server.port}/", timeout=5)
    assert context.cert_store_stats()["x509_ca"] > 50


def test_what_would_weaken_it_is_refused(tmp_path: Path) -> None:
    world = get_world()
    with open_app(tmp_path) as app, TLSServer(world.genuine) as server, requests.Session() as session:
        adapter = make_adapter(app)
        session.mount("https://", adapter)
        session.trust_env = False
        url = f"https://{HOST}:{server.port}/"
        for setting in ({"verify": False}, {"cert": "client.pem"}):
            with pytest.raises(ConfigError):
                session.get(url, **setting)
        with pytest.raises(ConfigError):
            adapter.__getstate__()
        assert server.application_bytes == 0

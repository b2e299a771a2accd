# SPDX-License-Identifier: Apache-2.0
"""Settings of the HTTP clients that would weaken the pinned context, or lead round it, are refused by the adapters."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import aiohttp
import httpx
import pytest
import requests

from holdfast.adapters.aiohttp import PinningConnector, create_middleware
from holdfast.adapters.httpx import AsyncPinningTransport, PinningTransport
from holdfast.adapters.requests import PinningAdapter
from holdfast.adapters.urllib3 import PinningPoolManager, PinningProxyManager
from holdfast.client.tls.ssl_context import PinnedSSLContext
from holdfast.errors import ConfigError
from tests.static_judge import StaticJudge
from tests.tls_servers import TLSServer
from tests.tls_world import HOST, get_world

STORE = StaticJudge({})
PROXY = "http://127.0.0.1:9"


@pytest.mark.parametrize("make", [PinningAdapter, PinningPoolManager, PinningTransport, AsyncPinningTransport])
def test_a_context_of_another_store_is_refused(make: Any) -> None:
    for wrong in (ssl.create_default_context(), PinnedSSLContext(StaticJudge({}))):
        with pytest.raises(ConfigError, match="pinned by its own store"):
            make(STORE, context=wrong)


@pytest.mark.parametrize("make", [PinningAdapter, PinningPoolManager, PinningTransport, AsyncPinningTransport])
def test_without_a_context_the_platforms_cas_are_trusted(make: Any) -> None:
    assert make(STORE) is not None


@pytest.mark.parametrize(
    "setting",
    [
        {"ssl_context": None}, {"cert_reqs": "CERT_NONE"}, {"ca_certs": "x"}, {"ca_cert_dir": "x"},
        {"ca_cert_data": "x"}, {"assert_hostname": False}, {"assert_fingerprint": "x"}, {"cert_file": "x"},
        {"key_file": "x"}, {"key_password": "x"}, {"proxy_ssl_context": None}, {"use_forwarding_for_https": True},
    ],
    ids=lambda setting: next(iter(setting)),
)  # fmt: skip
def test_urllib3(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        PinningPoolManager(STORE, **setting)
    with pytest.raises(ConfigError, match=next(iter(setting))):
        PinningProxyManager(STORE, PROXY, **setting)


@pytest.mark.parametrize("setting", [{"verify": False}, {"cert": "x"}, {"trust_env": True}])
def test_httpx(setting: dict[str, Any]) -> None:
    for make in (PinningTransport, AsyncPinningTransport):
        with pytest.raises(ConfigError, match=next(iter(setting))):
            make(STORE, **setting)


def test_httpx_takes_a_proxy_in_each_form() -> None:
    for proxy in (PROXY, httpx.URL(PROXY), httpx.Proxy(PROXY), "https://127.0.0.1:9"):
        assert PinningTransport(STORE, proxy=proxy) is not None
        assert AsyncPinningTransport(STORE, proxy=proxy) is not None


def test_httpx_looks_for_no_proxy_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's own proxy transports would not be pinned; where a transport is given, it makes none."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    with httpx.Client(transport=PinningTransport(STORE)) as client:
        assert client._mounts == {}


@pytest.mark.parametrize(
    "setting", [{"ssl": False}, {"verify_ssl": False}, {"ssl_context": None}, {"fingerprint": b""}]
)
def test_aiohttp(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        PinningConnector(STORE, **setting)


def test_a_request_of_aiohttp_cannot_go_round_its_connector() -> None:
    world = get_world()
    store = world.judge()

    async def run() -> None:
        connector = PinningConnector(store, context=world.pinned_context(store))
        async with aiohttp.ClientSession(connector=connector, middlewares=(create_middleware(store),)) as session:
            url = f"https://{HOST}:{attacker.port}/"
            for own in (False, world.plain_context(), aiohttp.Fingerprint(b"\0" * 32)):
                with pytest.raises(ConfigError, match="go round"):
                    await session.get(url, ssl=own)
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(url, ssl=world.pinned_context(store))

    with TLSServer(world.mis_issued) as attacker:
        asyncio.run(run())
        assert attacker.application_bytes == 0


def test_requests_timeouts_bound_the_refresh() -> None:
    """The refresh of an adapter stays below the connect time-out of the request, in each form of it."""
    world = get_world()
    for timeout, expected in ((5, 4.0), ((2.0, 30), 1.6), (None, 10.0)):
        store = world.judge()
        with TLSServer(world.mis_issued) as attacker, requests.Session() as session:
            session.trust_env = False
            session.mount("https://", PinningAdapter(store, context=world.pinned_context(store)))
            with pytest.raises(requests.exceptions.SSLError):
                session.get(f"https://{HOST}:{attacker.port}/", timeout=timeout)
        assert store.refreshes == [expected]

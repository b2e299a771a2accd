# SPDX-License-Identifier: Apache-2.0
"""The adapters behind one face: a session of requests that carry a secret."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import requests
import trio

from holdfast.adapters.aiohttp import PinningConnector, create_middleware
from holdfast.adapters.httpx import AsyncPinningTransport, PinningTransport
from holdfast.adapters.requests import PinningAdapter
from holdfast.adapters.urllib3 import PinningPoolManager, PinningProxyManager
from holdfast.client.tls.judge import HintedJudge
from holdfast.client.tls.ssl_context import PinnedSSLContext
from tests.tls_clients import HEADERS, TIMEOUT

__all__ = ["ADAPTERS", "Adapter"]

#: Fetches a URL and returns the text of the answer.
Fetch = Callable[[str], str]


@dataclass(frozen=True)
class Adapter:
    """One adapter.

    Attributes:
        name: For test ids.
        open: ``(store, context, proxy) -> context manager of fetch``.
        blocks: True if it drives blocking sockets, which refresh inside the handshake.
    """

    name: str
    open: Callable[[HintedJudge, PinnedSSLContext, str | None], Any]
    blocks: bool

    def __str__(self) -> str:
        return self.name


@contextmanager
def open_requests(store: HintedJudge, context: PinnedSSLContext, proxy: str | None) -> Iterator[Fetch]:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", PinningAdapter(store, context=context))
        if proxy is not None:
            session.proxies = {"https": proxy}
        yield lambda url: session.get(url, headers=HEADERS, timeout=TIMEOUT).text


@contextmanager
def open_urllib3(store: HintedJudge, context: PinnedSSLContext, proxy: str | None) -> Iterator[Fetch]:
    settings: dict[str, Any] = {"context": context, "retries": False, "timeout": TIMEOUT}
    manager = PinningPoolManager(store, **settings) if proxy is None else PinningProxyManager(store, proxy, **settings)
    with manager as pool:
        yield lambda url: pool.request("GET", url, headers=HEADERS).data.decode()


@contextmanager
def open_httpx(store: HintedJudge, context: PinnedSSLContext, proxy: str | None) -> Iterator[Fetch]:
    transport = PinningTransport(store, context=context, proxy=proxy)
    with httpx.Client(transport=transport, timeout=TIMEOUT) as client:
        yield lambda url: client.get(url, headers=HEADERS).text


@contextmanager
def open_httpx_asyncio(store: HintedJudge, context: PinnedSSLContext, proxy: str | None) -> Iterator[Fetch]:
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(
            transport=AsyncPinningTransport(store, context=context, proxy=proxy), timeout=TIMEOUT
        )

        async def fetch(url: str) -> str:
            return (await client.get(url, headers=HEADERS)).text

        yield lambda url: runner.run(fetch(url))
        runner.run(client.aclose())


@contextmanager
def open_httpx_trio(store: HintedJudge, context: PinnedSSLContext, proxy: str | None) -> Iterator[Fetch]:
    async def fetch(url: str) -> str:
        transport = AsyncPinningTransport(store, context=context, proxy=proxy)
        async with httpx.AsyncClient(transport=transport, timeout=TIMEOUT) as client:
            return (await client.get(url, headers=HEADERS)).text

    yield lambda url: str(trio.run(fetch, url))


@contextmanager
def open_aiohttp(store: HintedJudge, context: PinnedSSLContext, proxy: str | None) -> Iterator[Fetch]:
    with asyncio.Runner() as runner:

        async def open_session() -> aiohttp.ClientSession:
            return aiohttp.ClientSession(
                connector=PinningConnector(store, context=context),
                middlewares=(create_middleware(store),),
                timeout=aiohttp.ClientTimeout(TIMEOUT),
            )

        session = runner.run(open_session())

        async def fetch(url: str) -> str:
            async with session.get(url, headers=HEADERS, proxy=proxy) as answer:
                return await answer.text()

        yield lambda url: runner.run(fetch(url))
        runner.run(session.close())


ADAPTERS = (
    Adapter("requests", open_requests, blocks=True),
    Adapter("urllib3", open_urllib3, blocks=True),
    Adapter("httpx", open_httpx, blocks=True),
    Adapter("httpx-asyncio", open_httpx_asyncio, blocks=False),
    Adapter("httpx-trio", open_httpx_trio, blocks=False),
    Adapter("aiohttp", open_aiohttp, blocks=False),
)

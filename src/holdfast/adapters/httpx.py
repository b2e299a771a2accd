# SPDX-License-Identifier: Apache-2.0
"""httpx: transports whose every TLS connection is pinned, for asyncio, trio and threads.

::

    async with httpx.AsyncClient(transport=holdfast.adapters.httpx.AsyncPinningTransport(store)) as client:
        await client.get("https://api.example.com/")

An event loop must never block, so a refused handshake is refreshed for here, and the request sent once more: nothing of
it had been sent. (A client that is given a transport does not look for proxies in the environment: pass ``proxy``.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx

from holdfast.client.tls.adapting import (
    HINT_HEADER,
    choose_context,
    follow_hint,
    prepare_retry,
    prepare_retry_async,
    refuse_settings,
)

if TYPE_CHECKING:
    from holdfast.client.tls.judge import HintedJudge
    from holdfast.client.tls.ssl_context import PinnedSSLContext

__all__ = ["AsyncPinningTransport", "PinningTransport"]

_FORBIDDEN: Final = frozenset({"verify", "cert", "trust_env"})


class PinningTransport(httpx.HTTPTransport):
    """A transport for :class:`httpx.Client`.

    Args:
        store: The pin store.
        context: A context pinned by this store; by default one that trusts the platform's CAs.
        proxy: As in httpx; the connection to an HTTPS proxy is pinned as well.
        settings: Other settings of :class:`httpx.HTTPTransport`.

    Raises:
        ConfigError: A setting that would weaken the context or go round it.
    """

    def __init__(
        self,
        store: HintedJudge,
        *,
        context: PinnedSSLContext | None = None,
        proxy: httpx.Proxy | httpx.URL | str | None = None,
        **settings: Any,
    ) -> None:
        refuse_settings(settings, _FORBIDDEN)
        self._store = store
        context = choose_context(store, context)
        super().__init__(verify=context, trust_env=False, proxy=_pin_proxy(proxy, context), **settings)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; once more if its host was refused and a refresh has changed the pins."""
        try:
            response = super().handle_request(request)
        except (httpx.TransportError, OSError) as error:  # httpcore lets the refusal of a live connection pass as it is
            seconds = _get_connect_timeout(request)
            if not prepare_retry(self._store, error, method=request.method, timeout_seconds=seconds):
                raise
            response = super().handle_request(request)
        _follow_hint(self._store, request, response)
        return response


class AsyncPinningTransport(httpx.AsyncHTTPTransport):
    """A transport for :class:`httpx.AsyncClient`; its arguments are those of :class:`PinningTransport`."""

    def __init__(
        self,
        store: HintedJudge,
        *,
        context: PinnedSSLContext | None = None,
        proxy: httpx.Proxy | httpx.URL | str | None = None,
        **settings: Any,
    ) -> None:
        refuse_settings(settings, _FORBIDDEN)
        self._store = store
        context = choose_context(store, context)
        super().__init__(verify=context, trust_env=False, proxy=_pin_proxy(proxy, context), **settings)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; once more if its host was refused and a refresh has changed the pins."""
        try:
            response = await super().handle_async_request(request)
        except (httpx.TransportError, OSError) as error:  # httpcore lets the refusal of a live connection pass as it is
            seconds = _get_connect_timeout(request)
            if not await prepare_retry_async(self._store, error, method=request.method, timeout_seconds=seconds):
                raise
            response = await super().handle_async_request(request)
        _follow_hint(self._store, request, response)
        return response


def _pin_proxy(proxy: httpx.Proxy | httpx.URL | str | None, context: PinnedSSLContext) -> httpx.Proxy | None:
    if proxy is None:
        return None
    if not isinstance(proxy, httpx.Proxy):
        proxy = httpx.Proxy(proxy)
    if proxy.url.scheme == "https":
        proxy.ssl_context = context
    return proxy


def _get_connect_timeout(request: httpx.Request) -> float | None:
    seconds = request.extensions.get("timeout", {}).get("connect")
    return seconds if isinstance(seconds, int | float) else None


def _follow_hint(store: HintedJudge, request: httpx.Request, response: httpx.Response) -> None:
    follow_hint(store, request.url.scheme, request.url.host, response.headers.get(HINT_HEADER))

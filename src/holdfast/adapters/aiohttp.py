# SPDX-License-Identifier: Apache-2.0
"""aiohttp: a connector whose every TLS connection is pinned, and a middleware that refreshes and tries once more.

::

    connector = holdfast.adapters.aiohttp.PinningConnector(store)
    middlewares = (holdfast.adapters.aiohttp.create_middleware(store),)
    async with aiohttp.ClientSession(connector=connector, middlewares=middlewares) as session:
        await session.get("https://api.example.com/")

The connector enforces; the middleware only heals. Without the middleware a refused handshake is an error at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import aiohttp

from holdfast.client.tls.adapting import HINT_HEADER, choose_context, follow_hint, prepare_retry_async, refuse_settings
from holdfast.client.tls.ssl_context import PinnedSSLContext
from holdfast.errors import ConfigError

if TYPE_CHECKING:
    from aiohttp.client import ClientTimeout
    from aiohttp.client_middlewares import ClientHandlerType, ClientMiddlewareType
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from holdfast.client.tls.judge import HintedJudge

__all__ = ["PinningConnector", "create_middleware"]

_FORBIDDEN: Final = frozenset({"ssl", "verify_ssl", "ssl_context", "fingerprint"})


class PinningConnector(aiohttp.TCPConnector):
    """A :class:`aiohttp.TCPConnector` whose TLS connections are pinned.

    A request's own ``ssl=`` would go round it (``ssl=False`` asks for no validation at all), so it is refused unless it
    is a pinned context too.

    Args:
        store: The pin store.
        context: A context pinned by this store; by default one that trusts the platform's CAs.
        settings: Other settings of :class:`aiohttp.TCPConnector`, but for those that say whom to trust.

    Raises:
        ConfigError: A setting that would weaken the context or go round it.
    """

    def __init__(self, store: HintedJudge, *, context: PinnedSSLContext | None = None, **settings: Any) -> None:
        refuse_settings(settings, _FORBIDDEN)
        super().__init__(ssl=choose_context(store, context), **settings)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - the base method's
    ) -> Connection:
        """Connect as :meth:`aiohttp.BaseConnector.connect`.

        Raises:
            ConfigError: The request brings a context of its own that is not pinned.
        """
        if req.is_ssl() and req.ssl is not True and not isinstance(req.ssl, PinnedSSLContext):
            raise ConfigError("a request's own ssl= would go round the pins", hint="set up the connector's context")
        return await super().connect(req, traces, timeout)


def create_middleware(store: HintedJudge) -> ClientMiddlewareType:
    """Make a client middleware that refreshes when pins refuse a host, tries once more, and follows hints.

    Args:
        store: The pin store.
    """

    async def refresh_and_retry(request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
        try:
            response = await handler(request)
        except (aiohttp.ClientError, AttributeError) as error:  # asyncio of 3.11.2 trips when it closes TLS in TLS
            if not await prepare_retry_async(store, error, method=request.method):
                raise
            response = await handler(request)
        follow_hint(store, request.url.scheme, request.url.host, response.headers.get(HINT_HEADER))
        return response

    return refresh_and_retry

# SPDX-License-Identifier: Apache-2.0
"""urllib3: pool managers whose every TLS connection is pinned, directly and through a proxy.

::

    with holdfast.adapters.urllib3.PinningPoolManager(store) as pool:
        pool.request("GET", "https://api.example.com/")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from holdfast.client.tls.adapting import HINT_HEADER, choose_context, follow_hint, prepare_retry, refuse_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.client.tls.judge import HintedJudge
    from holdfast.client.tls.ssl_context import PinnedSSLContext

__all__ = ["PinningPoolManager", "PinningProxyManager"]

_FORBIDDEN: Final = frozenset(
    {
        *("ssl_context", "cert_reqs", "ca_certs", "ca_cert_dir", "ca_cert_data", "assert_hostname"),
        *("assert_fingerprint", "cert_file", "key_file", "key_password", "proxy_ssl_context"),
        "use_forwarding_for_https",  # the proxy would end the TLS connection in our place
    }
)


class _Retrying(urllib3.PoolManager):
    """Tries once more after a refresh, and follows hints."""

    _store: HintedJudge

    def urlopen(  # type: ignore[override]  # the arguments that follow are passed on as they stand
        self, method: str, url: str, redirect: bool = True, **named: Any
    ) -> urllib3.BaseHTTPResponse:
        """Send a request as :meth:`urllib3.PoolManager.urlopen`."""
        try:
            response = super().urlopen(method, url, redirect=redirect, **named)
        except (HTTPError, OSError) as error:
            if not prepare_retry(self._store, error, method=method):
                raise
            response = super().urlopen(method, url, redirect=redirect, **named)
        address = parse_url(url)
        follow_hint(self._store, address.scheme or "", address.host, response.headers.get(HINT_HEADER))
        return response


class PinningPoolManager(_Retrying):
    """A :class:`urllib3.PoolManager` whose TLS connections are pinned.

    Args:
        store: The pin store.
        num_pools: As in urllib3.
        headers: As in urllib3.
        context: A context pinned by this store; by default one that trusts the platform's CAs.
        settings: Other settings of urllib3, but for those that say whom to trust.

    Raises:
        ConfigError: A setting that would weaken the context or go round it.
    """

    def __init__(
        self,
        store: HintedJudge,
        num_pools: int = 10,
        headers: Mapping[str, str] | None = None,
        *,
        context: PinnedSSLContext | None = None,
        **settings: Any,
    ) -> None:
        refuse_settings(settings, _FORBIDDEN)
        self._store = store
        super().__init__(num_pools, headers, ssl_context=choose_context(store, context), **settings)


class PinningProxyManager(_Retrying, urllib3.ProxyManager):
    """A :class:`urllib3.ProxyManager` whose TLS connections are pinned, the one to an HTTPS proxy included.

    Args:
        store: The pin store.
        proxy_url: Where the proxy is.
        context: A context pinned by this store; by default one that trusts the platform's CAs.
        settings: Other settings of urllib3, but for those that say whom to trust.

    Raises:
        ConfigError: A setting that would weaken the context or go round it.
    """

    def __init__(
        self, store: HintedJudge, proxy_url: str, *, context: PinnedSSLContext | None = None, **settings: Any
    ) -> None:
        refuse_settings(settings, _FORBIDDEN)
        self._store = store
        context = choose_context(store, context)
        super().__init__(proxy_url, ssl_context=context, proxy_ssl_context=context, **settings)

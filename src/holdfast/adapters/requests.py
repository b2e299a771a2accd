# SPDX-License-Identifier: Apache-2.0
"""requests: a transport adapter whose every TLS connection is pinned, directly and through a proxy.

::

    session = requests.Session()
    session.mount("https://", holdfast.adapters.requests.PinningAdapter(store))

requests asks an adapter for its pool in four places, and each of them must give the pinned context: the pool manager,
the manager for a proxy (forgotten, the pins vanish behind any CONNECT proxy), the pool's key, and ``cert_verify``,
which would load certifi's CAs into the shared context.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from holdfast.client.tls.adapting import HINT_HEADER, choose_context, follow_hint, prepare_retry
from holdfast.errors import ConfigError

if TYPE_CHECKING:
    from holdfast.client.tls.judge import HintedJudge
    from holdfast.client.tls.ssl_context import PinnedSSLContext

__all__ = ["PinningAdapter"]

_log = logging.getLogger(__name__)


class PinningAdapter(HTTPAdapter):
    """An adapter to mount on ``https://``.

    ``verify=False`` and ``cert=`` are refused: the context validates always, and a client certificate is loaded into
    it. ``verify=<path>`` (or ``REQUESTS_CA_BUNDLE``) adds no CA: the context says which ones count.

    Args:
        store: The pin store.
        context: A context pinned by this store; by default one that trusts the platform's CAs.
        settings: As in :class:`requests.adapters.HTTPAdapter`.

    Raises:
        ConfigError: The context is not pinned by this store.
    """

    def __init__(self, store: HintedJudge, *, context: PinnedSSLContext | None = None, **settings: Any) -> None:
        self._store = store
        self._context = choose_context(store, context)
        super().__init__(**settings)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        """Make the pool manager of direct connections."""
        named["ssl_context"] = self._context
        super().init_poolmanager(*arguments, **named)

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        """Make the pool manager of connections through a proxy."""
        named["ssl_context"] = self._context
        if not proxy.lower().startswith("socks"):
            named["proxy_ssl_context"] = self._context
        return super().proxy_manager_for(proxy, **named)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        """Name the pool; it has no settings of its own about whom to trust."""
        host, _ = super().build_connection_pool_key_attributes(request, True, None)
        return host, {"cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the shared context alone."""
        conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a request as :meth:`requests.adapters.HTTPAdapter.send`.

        Raises:
            ConfigError: ``verify=False`` or ``cert=`` was given.
            requests.exceptions.SSLError: The pins refuse the peer; see :func:`holdfast.pin_error`.
        """
        if verify is False:
            raise ConfigError("a pinned session validates always: verify=False is refused")
        if cert is not None:
            raise ConfigError("cert= is refused", hint="call load_cert_chain() on the adapter's context")
        if verify is not True:
            _log.debug("verify=%s adds no CA to the pinned context", verify)

        def send() -> requests.Response:
            return super(PinningAdapter, self).send(request, stream, timeout, True, None, proxies)

        method = request.method or "GET"
        try:
            response = send()
        except (requests.exceptions.RequestException, OSError) as error:
            if not prepare_retry(self._store, error, method=method, timeout_seconds=_get_connect_timeout(timeout)):
                raise
            response = send()
        address = urlsplit(request.url or "")
        follow_hint(self._store, address.scheme, address.hostname, response.headers.get(HINT_HEADER))
        return response

    def __getstate__(self) -> dict[str, Any]:
        raise ConfigError("a pinning adapter holds a pin store and cannot be pickled")


def _get_connect_timeout(timeout: Any) -> float | None:
    if isinstance(timeout, tuple):
        timeout = timeout[0]
    return timeout if isinstance(timeout, int | float) else None

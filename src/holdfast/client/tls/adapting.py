# SPDX-License-Identifier: Apache-2.0
"""What the adapters of all HTTP clients share: which context, whether to try once more, what a hint is.

An adapter has no rules of its own; they stand here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from holdfast.client.tls.guard import get_refresh_budget
from holdfast.client.tls.ssl_context import PinnedSSLContext, create_default_context
from holdfast.client.tls.verification_error import PinVerificationError, pin_error
from holdfast.errors import ConfigError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection

    from holdfast.client.tls.judge import HintedJudge, PinJudge

__all__ = [
    "HINT_HEADER",
    "choose_context",
    "follow_hint",
    "prepare_retry",
    "prepare_retry_async",
    "refuse_settings",
]

#: The response header in which a server tells that a newer manifest is out: its version, as a decimal number.
HINT_HEADER: Final = "Holdfast-Manifest"

_MAX_HINT_DIGITS: Final = 16  # 2^53 has as many
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1


def choose_context(store: PinJudge, context: ssl.SSLContext | None) -> PinnedSSLContext:
    """Choose the context of an adapter: the app's own if it is pinned by this store, else one with the platform's CAs.

    Raises:
        ConfigError: The context is not pinned, or pinned by another store.
    """
    if context is None:
        return create_default_context(store)
    if not isinstance(context, PinnedSSLContext) or context.judge is not store:
        raise ConfigError(
            "the adapter's context must be pinned by its own store", hint="holdfast.create_default_context(store)"
        )
    return context


def refuse_settings(given: Collection[str], forbidden: Collection[str]) -> None:
    """Refuse settings of a client that would weaken the context, or go round it.

    Args:
        given: Names that the app has given.
        forbidden: Names that it may not give.

    Raises:
        ConfigError: There is one.
    """
    wrong = sorted(set(given) & set(forbidden))
    if wrong:
        raise ConfigError(f"the pinned context decides, not {', '.join(wrong)}", hint="set up the context instead")


def prepare_retry(store: PinJudge, error: BaseException, *, method: str, timeout_seconds: float | None = None) -> bool:
    """Tell whether a request that failed is worth one more try, after a refresh if that could help. Blocks.

    Args:
        store: The pin store.
        error: What the client raised.
        method: Method of the request.
        timeout_seconds: Time-out of the request; a refresh stays below it.

    Returns:
        True if the pins have changed since they refused the peer (then no byte of the request had been sent), or if
        they ended a connection that had been admitted before and the request changes nothing at the server.
    """
    host = _find_refreshable(error)
    if host is not None:
        return store.refresh_on_mismatch(host, timeout_seconds=get_refresh_budget(timeout_seconds or None) or 0.0)
    return _is_ended(error, method)


async def prepare_retry_async(
    store: PinJudge, error: BaseException, *, method: str, timeout_seconds: float | None = None
) -> bool:
    """Do the same without blocking the event loop."""
    host = _find_refreshable(error)
    if host is not None:
        seconds = get_refresh_budget(timeout_seconds or None) or 0.0
        return await store.refresh_on_mismatch_async(host, timeout_seconds=seconds)
    return _is_ended(error, method)


def follow_hint(store: HintedJudge, url_scheme: str, host: str | None, value: str | None) -> None:
    """Pass an in-band hint to the store, if it came over a connection that pins have admitted.

    Args:
        store: The pin store.
        url_scheme: Of the request.
        host: Host of the request, in any spelling.
        value: The header :data:`HINT_HEADER` of the response, or ``None``. Anything but a plain number is ignored.
    """
    if value is None or host is None or url_scheme != "https":
        return
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) <= _MAX_HINT_DIGITS and store.protects(host):
        store.hint(int(value), host=host)


def _find_refreshable(error: BaseException) -> str | None:
    """Find the host of a refusal that a refresh could heal, and for which none was tried yet."""
    refusal = pin_error(error)
    if not isinstance(refusal, PinVerificationError) or refusal.live or refusal.refreshed or not refusal.observed:
        return None
    return refusal.host


def _is_ended(error: BaseException, method: str) -> bool:
    refusal = pin_error(error)
    return isinstance(refusal, PinVerificationError) and refusal.live and method.upper() in _SAFE_METHODS

# SPDX-License-Identifier: Apache-2.0
"""TLS pinning that survives certificate rotation.

::

    import urllib.request

    import holdfast

    store = holdfast.PinStore.open("anchors/", cache_dir="cache/")
    with store:
        context = holdfast.create_default_context(store)
        urllib.request.urlopen("https://api.example.com/", context=context)

``import holdfast`` is light: what is named here is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from holdfast.errors import (
    AnchorError,
    CertificateSyntaxError,
    ChannelError,
    ConfigError,
    FormatError,
    FreezeError,
    HoldfastError,
    HostnameSyntaxError,
    InputError,
    ManifestSyntaxError,
    MetadataError,
    MixAndMatchError,
    OperationError,
    PinMismatchError,
    PinSyntaxError,
    RollbackError,
    ScopeError,
    SignatureError,
    StoreError,
    TransportError,
    TrustError,
)

if TYPE_CHECKING:
    from holdfast.client.config import ClientConfig
    from holdfast.client.pin_store import PinStore
    from holdfast.client.refresh.refresh_result import RefreshResult
    from holdfast.client.tls.ssl_context import PinnedSSLContext, create_default_context
    from holdfast.client.tls.verification_error import PinVerificationError, pin_error
    from holdfast.core.freshness import State

__all__ = [
    "AnchorError",
    "CertificateSyntaxError",
    "ChannelError",
    "ClientConfig",
    "ConfigError",
    "FormatError",
    "FreezeError",
    "HoldfastError",
    "HostnameSyntaxError",
    "InputError",
    "ManifestSyntaxError",
    "MetadataError",
    "MixAndMatchError",
    "OperationError",
    "PinMismatchError",
    "PinStore",
    "PinSyntaxError",
    "PinVerificationError",
    "PinnedSSLContext",
    "RefreshResult",
    "RollbackError",
    "ScopeError",
    "SignatureError",
    "State",
    "StoreError",
    "TransportError",
    "TrustError",
    "create_default_context",
    "extract_from_ssl",
    "inject_into_ssl",
    "pin_error",
]

# Name -> module. Each of these brings ssl, sockets, threads or tuf, which an app that never connects need not pay for.
_HEAVY = {
    "ClientConfig": "holdfast.client.config",
    "PinStore": "holdfast.client.pin_store",
    "PinVerificationError": "holdfast.client.tls.verification_error",
    "PinnedSSLContext": "holdfast.client.tls.ssl_context",
    "RefreshResult": "holdfast.client.refresh.refresh_result",
    "State": "holdfast.core.freshness",
    "create_default_context": "holdfast.client.tls.ssl_context",
    "extract_from_ssl": "holdfast.client.tls.injection",
    "inject_into_ssl": "holdfast.client.tls.injection",
    "pin_error": "holdfast.client.tls.verification_error",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for the first time."""
    module = _HEAVY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    """Name what is offered, loaded or not."""
    return sorted({*globals(), *__all__})

# SPDX-License-Identifier: Apache-2.0
"""The one kind of TLS context that pins never touch: the fetcher's and the reporter's own.

They are exempt by the *identity of the context*, never by host name: a scope with subdomains may well cover the
manifest host, and a client whose pins have all gone wrong must still be able to fetch the pins that heal it. What is
fetched is signed, so nothing is lost; ordinary CA validation stays on because it costs nothing and hides what is asked
for.

Process-wide injection (:func:`holdfast.inject_into_ssl`) asks :func:`is_exempt` for each socket's context.
"""

from __future__ import annotations

import ssl

from holdfast.client.tls.standard_context import StandardSSLContext

__all__ = ["ExemptSSLContext", "create_exempt_context", "is_exempt"]


class ExemptSSLContext(StandardSSLContext):
    """A plain, CA-validating client context, marked by its type as exempt from pins.

    It is for fetching signed files and for handing in reports. Application data never goes over it.
    """


def create_exempt_context(*, cafile: str | None = None) -> ExemptSSLContext:
    """Make a context that validates certificates and host names and knows no pins.

    Args:
        cafile: PEM file of CA certificates to trust; ``None`` takes the platform's.

    Returns:
        A context with ``CERT_REQUIRED`` and ``check_hostname``, at least TLS 1.2.

    Raises:
        OSError: ``cafile`` cannot be read (``ssl.SSLError`` if it holds no certificate).
    """
    context = ExemptSSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian builds Python without a lower bound of its own
    if cafile is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(cafile=cafile)
    return context


def is_exempt(context: object) -> bool:
    """Tell whether a context belongs to the fetcher or the reporter, so that pins must leave it alone."""
    return isinstance(context, ExemptSSLContext)

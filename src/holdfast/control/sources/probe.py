# SPDX-License-Identifier: Apache-2.0
"""What the addresses of a host show now. Observation only: nothing here ever becomes a pin by itself.

Two looks at each address. The first validates as a client does and keeps the *validated* path, which is what pins are
compared with. If validation fails, the second look takes whatever is served, so that a person can see it.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from holdfast.core.certificate import Certificate, parse_certificate
from holdfast.core.hostname import normalise_hostname
from holdfast.errors import CertificateSyntaxError, InputError, TransportError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HTTPS_PORT", "Endpoint", "Observation", "parse_endpoint", "probe_address", "resolve_addresses"]

HTTPS_PORT: Final = 443
_MAX_ADDRESSES: Final = 32
_DER_ENCODING: Final = 2  # _ssl.ENCODING_DER


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A normalised host name and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Observation:
    """What one address showed.

    Attributes:
        address: IP address.
        path: The validated path, leaf first; if it did not validate, what was served; empty if nothing was.
        is_validated: Whether certificate and name satisfied the TLS stack.
        fault: Why not, or why nothing was seen; empty if all is well.
        is_reachable: Whether a TLS server answered at all.
    """

    address: str
    path: tuple[Certificate, ...] = field(default=(), repr=False)
    is_validated: bool = False
    fault: str = ""
    is_reachable: bool = True


def parse_endpoint(text: str) -> Endpoint:
    """Read ``https://host[:port]/...``, ``host:port`` or ``host``.

    Raises:
        InputError: It is none of these (``url-syntax``); HostnameSyntaxError for the host in it.
    """
    has_scheme = "://" in text
    try:
        parts = urlsplit(text if has_scheme else f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"{text!r} is no URL: {error}", code="url-syntax") from error
    if not host or (has_scheme and parts.scheme != "https") or parts.username is not None:
        raise InputError(f"{text!r} names no https host", code="url-syntax", hint="write https://host/ or host:port")
    return Endpoint(normalise_hostname(host), HTTPS_PORT if port is None else port)


def resolve_addresses(endpoint: Endpoint) -> list[str]:
    """Find every address of a host, IPv4 and IPv6, in the order of the resolver.

    Raises:
        TransportError: It has none (``resolve``).
    """
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TransportError(f"cannot resolve {endpoint.host}: {error}", code="resolve") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:_MAX_ADDRESSES]


def probe_address(
    endpoint: Endpoint, address: str, *, ca_file: Path | None = None, timeout_seconds: float = 10.0
) -> Observation:
    """Look at one address; what goes wrong is part of the answer.

    Args:
        endpoint: The host, as SNI and as the name to validate.
        address: One of its IP addresses.
        ca_file: CAs in PEM to trust instead of the system's.
        timeout_seconds: For connecting and for each step of the handshake.

    Raises:
        InputError: ``ca_file`` cannot be used (``ca-file``).
    """
    context = _make_context(ca_file)
    try:
        path = _read_path(context, endpoint, address, timeout_seconds, validated=True)
        return Observation(address, path, is_validated=True)
    except ssl.SSLCertVerificationError as error:
        fault = error.verify_message or str(error)
    except (OSError, CertificateSyntaxError, UnicodeError) as error:
        return Observation(address, fault=_explain(error), is_reachable=False)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the second look: shown to a person, marked as not validated
    try:
        return Observation(
            address, _read_path(context, endpoint, address, timeout_seconds, validated=False), fault=fault
        )
    except (OSError, CertificateSyntaxError) as error:
        return Observation(address, fault=f"{fault}; {_explain(error)}")


def _make_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"cannot use {ca_file} as CAs: {error}", code="ca-file", hint="PEM certificates") from error


def _read_path(
    context: ssl.SSLContext, endpoint: Endpoint, address: str, timeout_seconds: float, *, validated: bool
) -> tuple[Certificate, ...]:
    with (
        socket.create_connection((address, endpoint.port), timeout=timeout_seconds) as plain,
        context.wrap_socket(plain, server_hostname=endpoint.host) as tls,
    ):
        return tuple(parse_certificate(der) for der in _chain(tls, validated=validated))


def _chain(tls: ssl.SSLSocket, *, validated: bool) -> Sequence[bytes]:
    """Return the chain as DER; public since Python 3.13, before that under the wrapped object."""
    name = "get_verified_chain" if validated else "get_unverified_chain"
    public = getattr(tls, name, None)
    if public is not None:
        return list(public())
    inner: Any = tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001  # no public way before 3.13
    return [certificate.public_bytes(_DER_ENCODING) for certificate in getattr(inner, name)() or ()]


def _explain(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__

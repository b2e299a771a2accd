# SPDX-License-Identifier: Apache-2.0
"""The digests of one certificate, over the bytes *as they stand in it* (RFC 7469, 2.4; RFC 5280, 4.1).

A library that parses and re-encodes the SubjectPublicKeyInfo changes it for RSA-PSS, for explicit curve parameters,
for compressed points and for RSA without NULL parameters; such certificates complete real handshakes. So this is a
walk over DER that cuts the bytes out. It reads tags and lengths and nothing else: whether the certificate is *valid*
is the TLS stack's business, and has been settled before a path comes here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from holdfast.core.limits import MAX_CERTIFICATE_BYTES
from holdfast.errors import CertificateSyntaxError

__all__ = ["Certificate", "find_spki", "parse_certificate"]

_INTEGER: Final = 0x02
_BIT_STRING: Final = 0x03
_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0  # [0] EXPLICIT
_LONG_FORM: Final = 0x80
_MAX_LENGTH_OCTETS: Final = 3


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate of a validated path.

    Attributes:
        spki_sha256: SHA-256 over the DER of its SubjectPublicKeyInfo, 32 bytes.
        certificate_sha256: SHA-256 over the whole DER, 32 bytes.
        der: The certificate.
    """

    spki_sha256: bytes
    certificate_sha256: bytes
    der: bytes = field(repr=False)


def parse_certificate(der: bytes) -> Certificate:
    """Compute the digests of a certificate.

    Args:
        der: Exactly one DER certificate, at most 64 KiB.

    Raises:
        CertificateSyntaxError: The outer structure is not that of a DER certificate (``certificate-syntax``).
    """
    return Certificate(sha256(find_spki(der)).digest(), sha256(der).digest(), bytes(der))


def find_spki(der: bytes) -> bytes:
    """Cut the SubjectPublicKeyInfo out of a certificate.

    Args:
        der: Exactly one DER certificate, at most 64 KiB.

    Returns:
        The bytes of the SubjectPublicKeyInfo, tag and length included, as they stand in the certificate.

    Raises:
        CertificateSyntaxError: See :func:`parse_certificate`.
    """
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise CertificateSyntaxError(f"a certificate of {len(der)} bytes, at most {MAX_CERTIFICATE_BYTES} are allowed")
    start, end = _enter(der, 0, len(der), _SEQUENCE)
    if end != len(der):
        raise CertificateSyntaxError("bytes after the certificate")
    at, tbs_end = _enter(der, start, end, _SEQUENCE)
    if at < tbs_end and der[at] == _VERSION:
        at = _skip(der, at, tbs_end, _VERSION)
    at = _skip(der, at, tbs_end, _INTEGER)  # serialNumber
    for _ in ("signature", "issuer", "validity", "subject"):
        at = _skip(der, at, tbs_end, _SEQUENCE)
    inner, spki_end = _enter(der, at, tbs_end, _SEQUENCE)
    inner = _skip(der, inner, spki_end, _SEQUENCE)  # algorithm
    if _skip(der, inner, spki_end, _BIT_STRING) != spki_end:
        raise CertificateSyntaxError("bytes after the public key")
    return bytes(der[at:spki_end])


def _skip(der: bytes, at: int, limit: int, tag: int) -> int:
    """Return the offset after the element at ``at``."""
    return _enter(der, at, limit, tag)[1]


def _enter(der: bytes, at: int, limit: int, tag: int) -> tuple[int, int]:
    """Return where the content of the element at ``at`` starts and ends; it must have this tag and end by ``limit``."""
    if at + 2 > limit:
        raise CertificateSyntaxError(f"truncated at byte {at}")
    if der[at] != tag:
        raise CertificateSyntaxError(f"tag {der[at]:#04x} at byte {at} where {tag:#04x} belongs")
    length = der[at + 1]
    at += 2
    if length >= _LONG_FORM:
        octets = length - _LONG_FORM
        if not 1 <= octets <= _MAX_LENGTH_OCTETS or at + octets > limit:
            raise CertificateSyntaxError(f"indefinite, oversized or truncated length at byte {at - 1}")
        length = int.from_bytes(der[at : at + octets], "big")
        if length < _LONG_FORM or length >> (8 * (octets - 1)) == 0:
            raise CertificateSyntaxError(f"length at byte {at - 1} is not in its shortest form")
        at += octets
    if at + length > limit:
        raise CertificateSyntaxError(f"length at byte {at - 1} reaches beyond its container")
    return at, at + length

# SPDX-License-Identifier: Apache-2.0
"""Pins from files that people have: a certificate, a signing request, a key. Intent, not observation.

The digest is taken over the SubjectPublicKeyInfo *as it stands in the file*; cryptography is asked only whether the
file is what it claims (a request: whether it is signed by its own key). A private key is read to derive the public one
and goes nowhere.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from re import DOTALL
from re import compile as compile_pattern
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from holdfast.core.certificate import parse_certificate
from holdfast.core.hostname import normalise_hostname
from holdfast.errors import CertificateSyntaxError, HostnameSyntaxError, InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "MAX_FILE_BYTES",
    "FileKey",
    "covers",
    "key_from_certificate",
    "key_from_csr",
    "key_from_key_file",
    "key_from_unknown",
    "read_input_file",
]

MAX_FILE_BYTES: Final = 1024 * 1024
_PEM: Final = compile_pattern(
    rb"-----BEGIN (?P<label>[A-Z0-9 ]{1,64})-----\s*(?P<body>.*?)-----END (?P=label)-----", DOTALL
)
_CERTIFICATE_LABELS: Final = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"})
_CSR_LABELS: Final = frozenset({b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"})


@dataclass(frozen=True, slots=True)
class FileKey:
    """A public key that a file names.

    Attributes:
        spki_sha256: 32 bytes.
        certificate_sha256: 32 bytes; ``None`` unless the file is a certificate.
        origin: ``certificate``, ``csr`` or ``key``.
        names: Host names that a certificate or a request is for, as they stand there.
        notes: What the reader should know.
    """

    spki_sha256: bytes
    certificate_sha256: bytes | None
    origin: str
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_input_file(path: Path) -> bytes:
    """Read a file that somebody named, at most 1 MiB.

    Raises:
        InputError: It cannot be read (``file-unreadable``), is empty or too large (``file-size``).
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", code="file-unreadable") from error
    if not data or len(data) > MAX_FILE_BYTES:
        raise InputError(f"{path} is {'empty' if not data else 'larger than 1 MiB'}", code="file-size")
    return data


def key_from_certificate(data: bytes) -> FileKey:
    """Take the key of a certificate, PEM or DER; of several, the first.

    Raises:
        CertificateSyntaxError: It is none (``certificate-syntax``).
    """
    blocks = _blocks(data, _CERTIFICATE_LABELS)
    if not blocks and data[:1] != b"\x30":
        raise CertificateSyntaxError("there is no certificate in it", hint="PEM or DER; a chain: the leaf first")
    der = blocks[0] if blocks else data
    parsed = parse_certificate(der)
    notes = [] if len(blocks) < 2 else [f"it holds {len(blocks)} certificates; the first one counts"]
    return FileKey(parsed.spki_sha256, parsed.certificate_sha256, "certificate", _certificate_names(der), tuple(notes))


def key_from_csr(data: bytes) -> FileKey:
    """Take the key of a certificate signing request (RFC 2986), PEM or DER, signed by that key.

    Raises:
        InputError: It is none (``csr-syntax``), or its signature does not verify (``csr-signature``).
    """
    blocks = _blocks(data, _CSR_LABELS)
    der = blocks[0] if blocks else data
    try:
        request = x509.load_der_x509_csr(der)
        is_signed = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise InputError(
            f"it is no certificate signing request: {error}", code="csr-syntax", hint="PEM or DER (RFC 2986)"
        ) from error
    if not is_signed:
        raise InputError("the request is not signed by its own key", code="csr-signature", hint="make it again")
    return FileKey(sha256(_find_csr_spki(der)).digest(), None, "csr", _names(request))


def key_from_key_file(data: bytes, passphrase: Callable[[], bytes]) -> FileKey:
    """Take a public key, or the public half of a private one; PEM or DER.

    Args:
        data: The file.
        passphrase: Asked only if the private key is encrypted.

    Raises:
        InputError: It is none (``key-syntax``), or the passphrase is wrong (``key-passphrase``).
    """
    for load, is_pem in ((load_pem_public_key, True), (load_der_public_key, False)):
        try:
            load(data)
        except (ValueError, UnsupportedAlgorithm):
            continue
        blocks = _blocks(data, frozenset({b"PUBLIC KEY"}))
        if is_pem and not blocks:  # PKCS#1: no SubjectPublicKeyInfo stands in it
            break
        return FileKey(sha256(blocks[0] if is_pem else data).digest(), None, "key")
    return FileKey(sha256(_derive_spki(data, passphrase)).digest(), None, "key")


def key_from_unknown(data: bytes, passphrase: Callable[[], bytes]) -> FileKey:
    """Take the key of whatever a file is: a certificate, a request, a key; told by its PEM label.

    Raises:
        InputError: It is none of these.
    """
    if _blocks(data, _CERTIFICATE_LABELS):
        return key_from_certificate(data)
    if _blocks(data, _CSR_LABELS):
        return key_from_csr(data)
    if _PEM.search(data):
        return key_from_key_file(data, passphrase)
    for take in (key_from_certificate, key_from_csr):
        try:
            return take(data)
        except InputError:
            continue
    return key_from_key_file(data, passphrase)


def covers(names: tuple[str, ...], pattern: str) -> bool:
    """Tell whether a certificate's names include a host (RFC 6125, wildcard in the first label only)."""
    wildcard = "*." + pattern.partition(".")[2]
    for name in names:
        text = name.lower()
        if text == wildcard:
            return True
        try:
            if normalise_hostname(text) == pattern:
                return True
        except HostnameSyntaxError:
            continue
    return False


def _derive_spki(data: bytes, passphrase: Callable[[], bytes]) -> bytes:
    is_pem = b"-----BEGIN" in data
    load = load_pem_private_key if is_pem else load_der_private_key
    try:
        try:
            private = load(data, None)
        except TypeError:  # it is encrypted
            private = load(data, passphrase())
        return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if isinstance(error, InputError):
            raise
        if "password" in str(error).lower():
            raise InputError("wrong passphrase for this key", code="key-passphrase") from error
        raise InputError(
            "there is no key in it that can be read", code="key-syntax", hint="a public or private key, PEM or DER"
        ) from error


def _blocks(data: bytes, labels: frozenset[bytes]) -> list[bytes]:
    blocks = []
    for match in _PEM.finditer(data):
        if match["label"] in labels:
            try:
                blocks.append(b64decode(b"".join(match["body"].split()), validate=True))
            except Base64Error as error:
                raise InputError(f"a PEM block is not base64: {error}", code="pem-syntax") from error
    return blocks


def _certificate_names(der: bytes) -> tuple[str, ...]:
    """Read the names for a courtesy; a certificate that cryptography cannot read may still be pinned."""
    try:
        return _names(x509.load_der_x509_certificate(der))
    except (ValueError, UnsupportedAlgorithm):
        return ()


def _names(document: x509.Certificate | x509.CertificateSigningRequest) -> tuple[str, ...]:
    try:
        names = document.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def _find_csr_spki(der: bytes) -> bytes:
    """Cut the SubjectPublicKeyInfo out of a request that cryptography has parsed: version, subject, then the key."""
    at, _ = _enter(der, 0)  # CertificationRequest
    at, _ = _enter(der, at)  # CertificationRequestInfo
    for _ in ("version", "subject"):
        at = _enter(der, at)[1]
    return der[at : _enter(der, at)[1]]


def _enter(der: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the element at ``at`` starts and ends."""
    length, at = der[at + 1], at + 2
    if length & 0x80:
        octets = length & 0x7F
        length, at = int.from_bytes(der[at : at + octets], "big"), at + octets
    return at, at + length

# SPDX-License-Identifier: Apache-2.0
"""Certificates written octet by octet, because no library writes the odd ones (X.690, RFC 5280, RFC 5480, RFC 4055)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from vectors.making.keys import ed, p256, p384, rsa2048, sign_ecdsa, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
PRIME256V1: Final = "1.2.840.10045.3.1.7"
RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
RSASSA_PSS: Final = "1.2.840.113549.1.1.10"


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element in DER."""
    body = b"".join(parts)
    return bytes([tag]) + length(len(body)) + body


def length(size: int) -> bytes:
    """A length in its shortest form."""
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    body = b""
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.insert(0, 0x80 | arc & 0x7F)
        body += bytes(groups)
    return tlv(0x06, body)


def bit_string(body: bytes) -> bytes:
    return tlv(0x03, b"\x00", body)


NULL: Final = tlv(0x05)


def name(common_name: str | None) -> bytes:
    """A distinguished name of one CN, or none at all."""
    if common_name is None:
        return sequence()
    return sequence(tlv(0x31, sequence(oid("2.5.4.3"), tlv(0x0C, common_name.encode()))))


def extension(dotted: str, body: bytes, *, critical: bool = False) -> bytes:
    return sequence(oid(dotted), *([tlv(0x01, b"\xff")] if critical else []), tlv(0x04, body))


# ------------------------------------------------------------------------------- SubjectPublicKeyInfo, in every form


def spki_of(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    """The form that everybody writes."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _point(key: ec.EllipticCurvePrivateKey, *, compressed: bool) -> bytes:
    form = serialization.PublicFormat.CompressedPoint if compressed else serialization.PublicFormat.UncompressedPoint
    return key.public_key().public_bytes(serialization.Encoding.X962, form)


def _rsa_key(key_name: str) -> bytes:
    numbers = rsa2048(key_name).public_key().public_numbers()
    return sequence(integer(numbers.n), integer(numbers.e))


def spki_p256(key_name: str) -> bytes:
    return spki_of(p256(key_name).public_key())


def spki_p384(key_name: str) -> bytes:
    return spki_of(p384(key_name).public_key())


def spki_ed25519(key_name: str) -> bytes:
    return spki_of(ed(key_name).public_key())


def spki_compressed(key_name: str) -> bytes:
    """P-256 with a compressed point (33 octets)."""
    return sequence(sequence(oid(EC_PUBLIC_KEY), oid(PRIME256V1)), bit_string(_point(p256(key_name), compressed=True)))


def spki_explicit(key_name: str) -> bytes:
    """P-256 with its parameters spelled out instead of named."""
    p = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    g = bytes.fromhex(
        "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
        "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"
    )
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    field = sequence(oid("1.2.840.10045.1.1"), integer(p))
    curve = sequence(tlv(0x04, (p - 3).to_bytes(32, "big")), tlv(0x04, b.to_bytes(32, "big")))
    parameters = sequence(integer(1), field, curve, tlv(0x04, g), integer(order), integer(1))
    return sequence(sequence(oid(EC_PUBLIC_KEY), parameters), bit_string(_point(p256(key_name), compressed=False)))


def spki_rsa(key_name: str) -> bytes:
    return sequence(sequence(oid(RSA_ENCRYPTION), NULL), bit_string(_rsa_key(key_name)))


def spki_rsa_without_null(key_name: str) -> bytes:
    """RsaEncryption with absent parameters: RFC 3279 wants NULL, some issuers leave it out."""
    return sequence(sequence(oid(RSA_ENCRYPTION)), bit_string(_rsa_key(key_name)))


def spki_rsa_pss(key_name: str) -> bytes:
    """An RSA key bound to RSASSA-PSS with SHA-256 (RFC 4055, 3.1)."""
    sha256 = sequence(oid("2.16.840.1.101.3.4.2.1"))
    mgf1 = sequence(oid("1.2.840.113549.1.1.8"), sha256)
    parameters = sequence(tlv(0xA0, sha256), tlv(0xA1, mgf1), tlv(0xA2, integer(32)))
    return sequence(sequence(oid(RSASSA_PSS), parameters), bit_string(_rsa_key(key_name)))


def spki_unknown(key_name: str) -> bytes:
    """A key algorithm that nobody knows."""
    return sequence(sequence(oid("1.3.6.1.4.1.32473.1")), bit_string(stream(key_name, 40)))


# ---------------------------------------------------------------------------------------------------- certificates


@dataclass(frozen=True, slots=True)
class Blank:
    """What goes into one certificate, signed with ECDSA P-256 by the key of ``issuer_key``.

    Attributes:
        subject: CN, or ``None`` for an empty subject.
        spki: SubjectPublicKeyInfo.
        issuer: CN of the issuer.
        issuer_key: Name of the issuer's P-256 key.
        host: DNS name in subjectAltName, if any.
        is_ca: Whether basicConstraints says so.
        version: 3, or 1 (then without extensions).
        extra: Further extensions, as they stand.
    """

    subject: str | None
    spki: bytes
    issuer: str
    issuer_key: str
    host: str | None = None
    is_ca: bool = False
    version: int = 3
    extra: tuple[bytes, ...] = ()

    def tbs(self) -> bytes:
        """The part that is signed."""
        parts = [tlv(0xA0, integer(2))] if self.version == 3 else []
        serial = int.from_bytes(hashlib.sha256(repr(self).encode()).digest()[:8], "big") >> 1
        validity = sequence(tlv(0x17, b"250101000000Z"), tlv(0x18, b"20990101000000Z"))
        parts += [
            integer(serial),
            sequence(oid(ECDSA_SHA256)),
            name(self.issuer),
            validity,
            name(self.subject),
            self.spki,
        ]
        if self.version == 3:
            parts.append(tlv(0xA3, sequence(*self.extensions())))
        return sequence(*parts)

    def extensions(self) -> list[bytes]:
        """The extensions that path validation asks for."""
        found = [extension("2.5.29.19", sequence(tlv(0x01, b"\xff")) if self.is_ca else sequence(), critical=True)]
        if self.is_ca:
            found.append(extension("2.5.29.15", tlv(0x03, b"\x01\x06"), critical=True))
        if self.host is not None:
            names = extension("2.5.29.17", sequence(tlv(0x82, self.host.encode())), critical=self.subject is None)
            found.append(names)
        return [*found, *self.extra]

    def der(self) -> bytes:
        """The certificate."""
        tbs = self.tbs()
        return sequence(tbs, sequence(oid(ECDSA_SHA256)), bit_string(sign_ecdsa(p256(self.issuer_key), tbs)))

    def but(self, **changes: object) -> Blank:
        """The same with changes."""
        return replace(self, **changes)  # type: ignore[arg-type]


def digest(data: bytes) -> str:
    """SHA-256 in base64, for expectations and pins."""
    return b64encode(hashlib.sha256(data).digest()).decode()


def key_digest(key_name: str) -> str:
    """The SPKI digest of a P-256 key in its usual form."""
    return digest(spki_p256(key_name))


def pems(certificates: Sequence[bytes]) -> str:
    """PEM text of certificates."""
    bodies = (b64encode(der).decode() for der in certificates)
    return "".join(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n" for body in bodies)

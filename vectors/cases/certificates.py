# SPDX-License-Identifier: Apache-2.0
"""``spec/validation.md``: SPKI digests as the octets stand, and what the walk over DER refuses."""

from __future__ import annotations

from typing import Final

from vectors.making import der
from vectors.making.case import Case, Table, octets, recipe
from vectors.making.der import Blank, digest, extension, length, oid, sequence, tlv

HOST: Final = "api.example.com"
LEAF: Final = Blank(HOST, der.spki_p256("odd leaf"), "Odd CA", "odd ca", host=HOST)
# (name, SubjectPublicKeyInfo, why it is here)
KEYS: Final = (
    ("p256", der.spki_p256("odd leaf"), "P-256, named curve"),
    ("p384", der.spki_p384("odd leaf"), "P-384"),
    ("ed25519", der.spki_ed25519("odd leaf"), "Ed25519, without parameters"),
    ("rsa", der.spki_rsa("odd rsa"), "RSA with the NULL parameter"),
    (
        "rsa-without-null",
        der.spki_rsa_without_null("odd rsa"),
        "the same RSA key without the NULL: other octets, another digest",
    ),
    (
        "rsa-pss",
        der.spki_rsa_pss("odd rsa"),
        "the same RSA key as id-RSASSA-PSS: libraries write it back as rsaEncryption",
    ),
    (
        "ec-explicit",
        der.spki_explicit("odd leaf"),
        "P-256 with explicit parameters: libraries write it back as a named curve",
    ),
    (
        "ec-compressed",
        der.spki_compressed("odd leaf"),
        "P-256 with a compressed point: libraries write it back uncompressed",
    ),
)


def cases() -> list[Case]:
    """All cases of the part."""
    return [*_digests(), *_refused()]


def _digests() -> list[Case]:
    table = Table("certificate")

    def accept(name: str, musts: str, comment: str, body: bytes, spki: bytes) -> None:
        table.accept(name, musts, comment, octets(body), spki_sha256=digest(spki), certificate_sha256=digest(body))

    for name, spki, comment in KEYS:
        accept(f"spki-{name}", "VAL-10 VAL-11", comment, LEAF.but(spki=spki).der(), spki)
    usual = LEAF.spki
    accept(
        "unknown-key-algorithm",
        "VAL-13",
        "a key algorithm nobody knows",
        LEAF.but(spki=der.spki_unknown("odd")).der(),
        der.spki_unknown("odd"),
    )
    accept(
        "no-common-name",
        "VAL-13",
        "an empty subject, the name in a critical subjectAltName",
        LEAF.but(subject=None).der(),
        usual,
    )
    accept(
        "version-1",
        "VAL-13",
        "a version 1 certificate has neither [0] nor extensions",
        LEAF.but(version=1).der(),
        usual,
    )
    unknown = extension("1.3.6.1.4.1.32473.2", b"\x00\xff")
    accept(
        "unknown-extension", "VAL-13", "an extension whose content is no DER", LEAF.but(extra=(unknown,)).der(), usual
    )
    with_odd_signature = sequence(LEAF.tbs(), sequence(oid("1.3.6.1.4.1.32473.3")), der.bit_string(b"no signature"))
    accept("unknown-signature", "VAL-13", "a signature algorithm nobody knows", with_odd_signature, usual)
    large = extension("1.3.6.1.4.1.32473.2", bytes(60_000))
    whole = LEAF.but(extra=(large,)).der()
    table.accept(
        "length-of-two-octets",
        "VAL-12",
        "60,000 octets of extension: lengths of two octets",
        _with_zeros(whole, 60_000),
        spki_sha256=digest(usual),
        certificate_sha256=digest(whole),
    )
    for size in (127, 128, 255, 256):
        named = LEAF.but(issuer=_name_of_size(size))
        accept(
            f"length-{size}",
            "VAL-12",
            f"an issuer of {size} octets, its length in the shortest form",
            named.der(),
            usual,
        )
    whole, zeros = _of_size(65_536)
    table.accept(
        "largest",
        "VAL-12",
        "64 KiB to the octet",
        _with_zeros(whole, zeros),
        spki_sha256=digest(usual),
        certificate_sha256=digest(whole),
    )
    return table.cases


def _refused() -> list[Case]:
    table = Table("certificate")
    good = LEAF.der()

    def refuse(name: str, comment: str, body: bytes) -> None:
        table.refuse(name, "VAL-12", comment, octets(body), "certificate-syntax", "CertificateSyntaxError")

    refuse("empty", "no octets", b"")
    refuse("one-octet", "a tag and nothing else", b"\x30")
    refuse("truncated", "the last octet is missing", good[:-1])
    refuse("truncated-in-key", "cut inside the SubjectPublicKeyInfo", good[: good.index(LEAF.spki) + 20])
    refuse("trailing-octet", "an octet after the certificate", good + b"\x00")
    refuse("two-certificates", "a second certificate after the first", good + good)
    refuse("pem", "PEM is not DER", der.pems([good]).encode())
    refuse("garbage", "no DER at all", b"\xff" * 64)
    refuse("set-outside", "a SET where a SEQUENCE belongs", b"\x31" + good[1:])
    refuse("empty-sequence", "a SEQUENCE of nothing", b"\x30\x00")
    refuse("bare-key", "a SubjectPublicKeyInfo alone", LEAF.spki)
    tbs, rest = LEAF.tbs(), sequence(oid(der.ECDSA_SHA256)) + der.bit_string(b"x")
    refuse("indefinite-length", "indefinite length, as BER allows", b"\x30\x80" + tbs + rest + b"\x00\x00")
    inner = tbs[4:] if tbs[1] == 0x82 else tbs[3:]
    refuse("indefinite-length-inside", "the same one level deeper", sequence(b"\x30\x80" + inner + b"\x00\x00" + rest))
    refuse(
        "length-not-minimal",
        "a length with a leading zero octet",
        b"\x30\x83\x00" + (len(tbs) + len(rest)).to_bytes(2, "big") + tbs + rest,
    )
    refuse("length-long-form-of-short", "the long form for a length under 128", _replace_serial(b"\x02\x81\x01\x05"))
    refuse("length-bomb", "a length of 2^32 - 1", b"\x30\x84\xff\xff\xff\xff" + good[4:])
    refuse("length-bomb-127", "a length of 127 octets", b"\x30\xff" + b"\xff" * 127)
    refuse(
        "length-beyond-parent",
        "the serial number reaches beyond tbsCertificate",
        _replace_serial(b"\x02\x82\x7f\xff\x05"),
    )
    refuse(
        "length-beyond-parent-by-one",
        "a tbsCertificate longer than the certificate",
        sequence(b"\x30" + length(len(inner) + len(rest) + 1) + inner + rest),
    )
    refuse("serial-of-other-type", "an OCTET STRING where the serial number belongs", _replace_serial(b"\x04\x01\x05"))
    refuse("no-serial", "no serial number", _replace_serial(b""))
    refuse(
        "key-of-other-type",
        "a SET where the SubjectPublicKeyInfo belongs",
        LEAF.but(spki=b"\x31" + LEAF.spki[1:]).der(),
    )
    refuse("key-empty", "an empty SubjectPublicKeyInfo", LEAF.but(spki=sequence()).der())
    refuse(
        "key-without-bits",
        "a SubjectPublicKeyInfo without a key",
        LEAF.but(spki=sequence(sequence(oid(der.EC_PUBLIC_KEY)))).der(),
    )
    three = sequence(sequence(oid(der.EC_PUBLIC_KEY)), der.bit_string(b"k"), der.NULL)
    refuse("key-of-three", "a SubjectPublicKeyInfo of three elements", LEAF.but(spki=three).der())
    refuse("ends-at-subject", "tbsCertificate ends before the key", _without_key())
    refuse("truncated-in-length", "the length of the certificate is cut", b"\x30\x82\x01")
    refuse("truncated-before-length", "and missing", b"\x30\x82")
    refuse("truncated-in-inner-length", "tbsCertificate ends inside the length of its serial number", _cut_serial())
    whole, zeros = _of_size(65_537)
    given = _with_zeros(whole, zeros)
    table.refuse(
        "too-large", "VAL-12", "one octet more than 64 KiB", given, "certificate-syntax", "CertificateSyntaxError"
    )
    deep = recipe(("\x30\x03", 30_000))
    table.refuse(
        "nested",
        "VAL-12",
        "SEQUENCE in SEQUENCE, 30,000 times, each a lie",
        deep,
        "certificate-syntax",
        "CertificateSyntaxError",
    )
    return table.cases


def _name_of_size(size: int) -> str:
    """A CN whose name has a content of this many octets."""
    header = len(length(size)) + 1
    return next("x" * count for count in range(size) if len(der.name("x" * count)) == size + header)


def _of_size(size: int) -> tuple[bytes, int]:
    """A right certificate of this size, and how many zeros its longest run has."""
    for zeros in range(size - 600, size):
        whole = LEAF.but(extra=(extension("1.3.6.1.4.1.32473.2", bytes(zeros)),)).der()
        if len(whole) == size:
            return whole, zeros
    raise AssertionError("no such size: the signature varies by an octet, try another name")


def _cut_serial() -> bytes:
    return sequence(
        sequence(tlv(0xA0, der.integer(2)), b"\x02\x82"), sequence(oid(der.ECDSA_SHA256)), der.bit_string(b"x")
    )


def _with_zeros(body: bytes, zeros: int) -> dict[str, object]:
    """Write a certificate with one long run of zeros as a recipe."""
    start = body.index(bytes(zeros))
    head, tail = octets(body[:start]), octets(body[start + zeros :])
    return {"recipe": [{**head, "times": 1}, {"repeat": "\x00", "times": zeros}, {**tail, "times": 1}]}


def _replace_serial(element: bytes) -> bytes:
    """The usual certificate with something else in place of its serial number."""
    tbs = LEAF.tbs()
    header = 4 if tbs[1] == 0x82 else 3
    at = header + 5  # after [0] { INTEGER 2 }
    body = tbs[header:at] + element + tbs[at + 2 + tbs[at + 1] :]
    return sequence(sequence(body), sequence(oid(der.ECDSA_SHA256)), der.bit_string(b"x"))


def _without_key() -> bytes:
    tbs = LEAF.tbs()
    header = 4 if tbs[1] == 0x82 else 3
    body = tlv(0x30, tbs[header : tbs.index(LEAF.spki)])
    return sequence(body, sequence(oid(der.ECDSA_SHA256)), der.bit_string(b"x"))

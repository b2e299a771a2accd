# SPDX-License-Identifier: Apache-2.0
"""``holdfast.core.certificate``: the public key is cut out as it stands, and anything else is refused."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import pytest

from holdfast.core.certificate import find_spki, parse_certificate
from holdfast.core.limits import MAX_CERTIFICATE_BYTES
from holdfast.errors import CertificateSyntaxError
from tests.pki import Authority, Identity

SEQUENCE, INTEGER, BIT_STRING, VERSION = 0x30, 0x02, 0x03, 0xA0


def der(tag: int, *content: bytes) -> bytes:
    """One DER element."""
    body = b"".join(content)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


EMPTY = der(SEQUENCE)
SPKI = der(SEQUENCE, der(SEQUENCE, b"\x06\x01\x2a"), der(BIT_STRING, b"\x00key"))
SERIAL = der(INTEGER, b"\x01")


def certificate(*fields: bytes, after: bytes = b"") -> bytes:
    """A certificate of these fields of its TBSCertificate."""
    return der(SEQUENCE, der(SEQUENCE, *fields), EMPTY, der(BIT_STRING, b"\x00"), after)


V1 = certificate(SERIAL, EMPTY, EMPTY, EMPTY, EMPTY, SPKI)
V3 = certificate(der(VERSION, der(INTEGER, b"\x02")), SERIAL, EMPTY, EMPTY, EMPTY, EMPTY, SPKI, der(0xA3, EMPTY))


@pytest.mark.parametrize("data", [V1, V3])
def test_the_key_is_cut_out_as_it_stands(data: bytes) -> None:
    assert find_spki(data) == SPKI
    parsed = parse_certificate(data)
    assert parsed.spki_sha256 == sha256(SPKI).digest()
    assert parsed.certificate_sha256 == sha256(data).digest()
    assert parsed.der == data
    assert "der=" not in repr(parsed)


@pytest.mark.parametrize("identity", [Authority.root("Root"), Authority.root("Root").leaf("api.example.com")])
def test_real_certificates(identity: Identity) -> None:
    parsed = parse_certificate(identity.der)
    assert b64encode(parsed.spki_sha256).decode() == identity.pin
    assert b64encode(parsed.certificate_sha256).decode() == identity.certificate_digest


def test_any_kind_of_octets() -> None:
    for data in (bytearray(V3), memoryview(V3)):
        assert find_spki(data) == SPKI  # type: ignore[arg-type]  # what ssl hands out differs by version
        assert parse_certificate(data) == parse_certificate(V3)  # type: ignore[arg-type]


LONG_KEY = der(SEQUENCE, EMPTY, der(BIT_STRING, b"\x00" * 70_000))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x00",
        b"\x31" + V3[1:],
        V3 + b"\x00",
        V3[:-1],
        V3[:-10],
        der(SEQUENCE, EMPTY),
        der(SEQUENCE, der(SEQUENCE, SERIAL)),
        certificate(der(VERSION, der(INTEGER, b"\x02"))),
        certificate(EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, SPKI),
        certificate(SERIAL, EMPTY, EMPTY, EMPTY, SPKI),
        certificate(SERIAL, EMPTY, EMPTY, EMPTY, EMPTY),
        certificate(SERIAL, EMPTY, der(0x31), EMPTY, EMPTY, SPKI),
        certificate(SERIAL, EMPTY, EMPTY, EMPTY, EMPTY, der(SEQUENCE, EMPTY)),
        certificate(SERIAL, EMPTY, EMPTY, EMPTY, EMPTY, der(SEQUENCE, der(BIT_STRING, b"\x00"))),
        certificate(SERIAL, EMPTY, EMPTY, EMPTY, EMPTY, der(SEQUENCE, EMPTY, der(BIT_STRING, b"\x00"), EMPTY)),
        certificate(SERIAL, EMPTY, EMPTY, EMPTY, EMPTY, der(SEQUENCE, EMPTY, der(0x04, b"\x00"))),
        certificate(SERIAL, EMPTY, EMPTY, EMPTY, EMPTY, LONG_KEY),
    ],
)
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(CertificateSyntaxError) as caught:
        parse_certificate(data)
    assert caught.value.code == "certificate-syntax"


def with_length(octets: bytes, content: bytes = V3[2:]) -> bytes:
    return bytes([SEQUENCE]) + octets + content


CONTENT = der(SEQUENCE, SERIAL, EMPTY, EMPTY, EMPTY, EMPTY, SPKI)
LONGER = CONTENT + der(SEQUENCE, b"\x00" * 0x80)


@pytest.mark.parametrize(
    "data",
    [
        with_length(b"\x80", CONTENT + b"\x00\x00"),  # indefinite
        with_length(b"\x81" + bytes([len(CONTENT)]), CONTENT),  # the long form of a short length
        with_length(b"\x82\x00" + bytes([len(LONGER)]), LONGER),  # a leading zero
        with_length(b"\x84\x00\x00\x00" + bytes([len(LONGER)]), LONGER),  # more octets than any certificate has
        with_length(b"\x84" + len(LONGER).to_bytes(4, "big"), LONGER),
        with_length(b"\xff", LONGER),  # reserved
        with_length(b"\x81", b""),  # the length itself is cut off
        with_length(b"\x82\x01", b""),
        with_length(bytes([len(CONTENT) + 1]), CONTENT),  # beyond the end
        with_length(bytes([len(CONTENT) - 1]), CONTENT),  # less than there is
    ],
)
def test_a_length_in_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(CertificateSyntaxError):
        find_spki(data)


def test_a_length_in_its_one_form() -> None:
    assert len(CONTENT) < 0x80 < len(LONGER) < 0x100
    assert find_spki(with_length(bytes([len(CONTENT)]), CONTENT)) == SPKI
    assert find_spki(with_length(b"\x81" + bytes([len(LONGER)]), LONGER)) == SPKI
    longest = CONTENT + der(SEQUENCE, b"\x00" * 0x100)
    assert find_spki(with_length(b"\x82" + len(longest).to_bytes(2, "big"), longest)) == SPKI


def test_an_element_may_end_with_its_parent_and_not_after_it() -> None:
    # The algorithm reaches one byte beyond the SubjectPublicKeyInfo: into what follows, which is there.
    reaching = der(SEQUENCE, bytes([SEQUENCE, 3, 0, 0])) + der(BIT_STRING, b"\x00")
    with pytest.raises(CertificateSyntaxError, match="beyond its container"):
        find_spki(certificate(SERIAL, EMPTY, EMPTY, EMPTY, EMPTY, reaching))


def test_as_large_as_allowed() -> None:
    def padded(size: int) -> bytes:
        padding = size - len(certificate(SERIAL, EMPTY, EMPTY, EMPTY, EMPTY, SPKI, der(0x04, b"\x00" * 0x7000)))
        return certificate(SERIAL, EMPTY, EMPTY, EMPTY, EMPTY, SPKI, der(0x04, b"\x00" * (0x7000 + padding)))

    largest = padded(MAX_CERTIFICATE_BYTES)
    assert len(largest) == MAX_CERTIFICATE_BYTES
    assert find_spki(largest) == SPKI
    with pytest.raises(CertificateSyntaxError, match="bytes"):
        find_spki(padded(MAX_CERTIFICATE_BYTES + 1))

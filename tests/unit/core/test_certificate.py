# SPDX-License-Identifier: Apache-2.0
"""The walk over DER at its edges: lengths that just fit, just do not, or are not written in their shortest form."""

from __future__ import annotations

from hashlib import sha256

import pytest

from holdfast.core.certificate import find_spki, parse_certificate
from holdfast.core.limits import MAX_CERTIFICATE_BYTES
from holdfast.errors import CertificateSyntaxError


def element(tag: int, content: bytes) -> bytes:
    """One DER element with the shortest length."""
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(octets)]) + octets + content


def sequence(*parts: bytes) -> bytes:
    return element(0x30, b"".join(parts))


SPKI = sequence(sequence(), element(0x03, b"\0key"))


def certificate(*, spki: bytes = SPKI, subject: bytes | None = None, after: bytes = b"") -> bytes:
    """The outline of a certificate: nothing but what the walk reads, and ``after`` the key."""
    names = [sequence(), sequence(), sequence(), sequence() if subject is None else subject]
    return sequence(sequence(element(0x02, b"\1"), *names, spki, after), sequence(), element(0x03, b"\0"))


def of_size(size: int) -> bytes:
    filler = size - len(certificate(after=element(0x04, bytes(60_000)))) + 60_000
    result = certificate(after=element(0x04, bytes(filler)))
    assert len(result) == size
    return result


def test_the_key_is_cut_out_as_it_stands() -> None:
    assert find_spki(certificate()) == SPKI
    assert parse_certificate(certificate()).spki_sha256 == sha256(SPKI).digest()


def test_a_certificate_of_just_the_largest_size_is_read() -> None:
    assert find_spki(of_size(MAX_CERTIFICATE_BYTES)) == SPKI
    with pytest.raises(CertificateSyntaxError, match="at most"):
        find_spki(of_size(MAX_CERTIFICATE_BYTES + 1))


def test_an_empty_element_may_end_its_container() -> None:
    spki = sequence(sequence(), element(0x03, b""))
    assert find_spki(certificate(spki=spki)) == spki


@pytest.mark.parametrize("size", [127, 128, 129, 255, 256, 257])
def test_lengths_on_both_sides_of_a_longer_form(size: int) -> None:
    assert find_spki(certificate(subject=element(0x30, bytes(size)))) == SPKI


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(b"\x30\x80" + bytes(128), id="indefinite"),
        pytest.param(b"\x30\x81\x7f" + bytes(127), id="long-form-of-a-short-length"),
        pytest.param(b"\x30\x82\x00\x80" + bytes(128), id="leading-zero"),
        pytest.param(b"\x30\x84\x00\x00\x00\x80" + bytes(128), id="four-octets"),
        pytest.param(b"\x31\x00", id="another-tag"),
        pytest.param(b"\x30\x7f", id="beyond-its-container"),
    ],
)
def test_a_length_in_another_form_is_refused(subject: bytes) -> None:
    with pytest.raises(CertificateSyntaxError):
        find_spki(certificate(subject=subject))


def test_an_empty_certificate_is_refused_without_looking_behind_its_end() -> None:
    with pytest.raises(CertificateSyntaxError):
        find_spki(sequence(sequence()))


@pytest.mark.parametrize("cut", range(len(certificate())))
def test_a_truncated_certificate_is_refused(cut: int) -> None:
    with pytest.raises(CertificateSyntaxError):
        find_spki(certificate()[:cut])


def test_bytes_that_belong_nowhere_are_refused() -> None:
    with pytest.raises(CertificateSyntaxError, match="after the certificate"):
        find_spki(certificate() + b"\0")
    with pytest.raises(CertificateSyntaxError, match="after the public key"):
        find_spki(certificate(spki=sequence(sequence(), element(0x03, b"\0key"), element(0x05, b""))))


def test_a_log_line_does_not_carry_the_whole_certificate() -> None:
    assert "der=" not in repr(parse_certificate(certificate()))

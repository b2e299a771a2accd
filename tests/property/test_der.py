# SPDX-License-Identifier: Apache-2.0
"""The walk over DER against a library's reading of generated certificates, and against anything."""

from __future__ import annotations

from base64 import b64encode
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.certificate import find_spki, parse_certificate
from holdfast.errors import CertificateSyntaxError
from tests.pki import Authority, Identity, make_key
from tests.property.strategies import damaged
from tests.property.totality import attempt, examples

names = st.from_regex(r"[a-z]{1,12}(\.[a-z]{1,12}){1,3}", fullmatch=True)


@cache
def authority(kind: str) -> Authority:
    return Authority.root("Example Root", kind=kind).intermediate("Example Issuing CA")


@cache
def key(kind: str) -> object:
    return make_key(kind)


@cache
def some_certificate() -> Identity:
    return authority("p256").leaf("api.example.com", "www.example.com")


@examples(30)
@given(st.lists(names, min_size=1, max_size=12, unique=True), st.sampled_from(["p256", "p384", "rsa2048"]))
def test_generated_certificates(hosts: list[str], kind: str) -> None:
    leaf = authority(kind).leaf(*hosts, key=key(kind))  # type: ignore[arg-type]
    for shown in (leaf.certificate, *leaf.chain):
        der = shown.public_bytes(Encoding.DER)
        assert find_spki(der) == shown.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert b64encode(parse_certificate(leaf.der).spki_sha256).decode() == leaf.pin


def is_total(data: bytes) -> None:
    spki, error = attempt(find_spki, data, raises=CertificateSyntaxError)
    if error is None:
        assert spki in data
        assert spki[0] == 0x30
    else:
        assert error.code == "certificate-syntax"


@given(st.binary(max_size=200))
def test_any_octets(data: bytes) -> None:
    is_total(data)


@given(st.data())
def test_damaged_certificates(data: st.DataObject) -> None:
    octets = data.draw(damaged(some_certificate().der))
    is_total(octets)
    try:
        read = x509.load_der_x509_certificate(octets)
        expected = read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception:  # whatever the library thinks of it: it is no certificate to it
        return
    assert find_spki(octets) == expected, "what the library reads, the walk reads too"


@given(st.integers(0, 500))
def test_truncated_certificates(cut: int) -> None:
    der = some_certificate().der
    is_total(der[: max(0, len(der) - cut)])

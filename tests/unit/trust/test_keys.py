# SPDX-License-Identifier: Apache-2.0
"""``holdfast.trust.keys``: what verifies, and that everything else merely does not."""

from __future__ import annotations

import sys
import warnings
from base64 import b64encode
from hashlib import sha512
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import SSlibKey

from holdfast.trust import keys
from holdfast.trust.keys import SCHEMES, find_signer

PAYLOAD = b'{"_type":"timestamp"}'


def pem(public: Any, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    return str(public.public_bytes(Encoding.PEM, form).decode())


def listed(keytype: str, scheme: str, public: str, keyid: str = "k") -> SSlibKey:
    return SSlibKey(keyid, keytype, scheme, {"public": public})


P256 = ec.generate_private_key(ec.SECP256R1())
P256_SIGNATURE = P256.sign(PAYLOAD, ec.ECDSA(SHA256()))
P256_KEY = listed("ecdsa", "ecdsa-sha2-nistp256", pem(P256.public_key()))
ED25519 = ed25519.Ed25519PrivateKey.generate()
ED25519_HEX = ED25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def sign_pss(salt: int) -> bytes:
    return RSA.sign(PAYLOAD, PSS(MGF1(SHA256()), salt), SHA256())


LONGEST_SALT = 2048 // 8 - 32 - 2


GOOD = {
    "p256": (P256_KEY, P256_SIGNATURE),
    "p256 of old": (listed("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", P256_KEY.keyval["public"]), P256_SIGNATURE),
    "ed25519": (listed("ed25519", "ed25519", ED25519_HEX), ED25519.sign(PAYLOAD)),
    "ed25519 in capitals": (listed("ed25519", "ed25519", ED25519_HEX.upper()), ED25519.sign(PAYLOAD)),
    "rsa": (listed("rsa", "rsassa-pss-sha256", pem(RSA.public_key())), sign_pss(32)),
    "rsa with no salt": (listed("rsa", "rsassa-pss-sha256", pem(RSA.public_key())), sign_pss(0)),
    "rsa with the longest salt": (listed("rsa", "rsassa-pss-sha256", pem(RSA.public_key())), sign_pss(LONGEST_SALT)),
}


@pytest.mark.parametrize("name", GOOD)
def test_each_scheme_verifies(name: str) -> None:
    key, signature = GOOD[name]
    assert find_signer(key, signature, PAYLOAD) is not None
    assert find_signer(key, signature, PAYLOAD + b" ") is None
    assert find_signer(key, signature[:-1] + bytes([signature[-1] ^ 1]), PAYLOAD) is None
    assert find_signer(key, b"", PAYLOAD) is None


def test_a_deprecated_key_type_is_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_signer(*GOOD["p256 of old"], PAYLOAD) is not None


def test_ml_dsa_where_the_platform_has_it() -> None:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    private = mldsa.MLDSA65PrivateKey.generate()
    key = listed("ml-dsa", "ml-dsa-65/1", pem(private.public_key()))
    signature = private.sign(b"tuf\x01" + sha512(PAYLOAD).digest())
    public = find_signer(key, signature, PAYLOAD)
    assert public is not None
    assert public == find_signer(key, signature, PAYLOAD)
    assert find_signer(key, private.sign(PAYLOAD), PAYLOAD) is None
    other = mldsa.MLDSA44PrivateKey.generate()
    weaker = listed("ml-dsa", "ml-dsa-65/1", pem(other.public_key()))
    assert find_signer(weaker, other.sign(b"tuf\x01" + sha512(PAYLOAD).digest()), PAYLOAD) is None


def test_ml_dsa_where_the_platform_does_not_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    assert find_signer(listed("ml-dsa", "ml-dsa-65/1", pem(P256.public_key())), P256_SIGNATURE, PAYLOAD) is None


P384 = ec.generate_private_key(ec.SECP384R1())
K256 = ec.generate_private_key(ec.SECP256K1())
P256_PEM = pem(P256.public_key())

NEVER = {
    "another curve": (
        listed("ecdsa", "ecdsa-sha2-nistp256", pem(P384.public_key())),
        P384.sign(PAYLOAD, ec.ECDSA(SHA256())),
    ),
    "a curve of the same size": (
        listed("ecdsa", "ecdsa-sha2-nistp256", pem(K256.public_key())),
        K256.sign(PAYLOAD, ec.ECDSA(SHA256())),
    ),
    "another hash": (P256_KEY, P256.sign(PAYLOAD, ec.ECDSA(SHA384()))),
    "an RSA key as ECDSA": (listed("ecdsa", "ecdsa-sha2-nistp256", pem(RSA.public_key())), sign_pss(32)),
    "an ECDSA key as RSA": (listed("rsa", "rsassa-pss-sha256", P256_PEM), P256_SIGNATURE),
    "another padding": (
        listed("rsa", "rsassa-pss-sha256", pem(RSA.public_key())),
        RSA.sign(PAYLOAD, PKCS1v15(), SHA256()),
    ),
    "a PKCS#1 key": (listed("rsa", "rsassa-pss-sha256", pem(RSA.public_key(), PublicFormat.PKCS1)), sign_pss(32)),
    "an unknown scheme": (listed("ecdsa", "ecdsa-sha2-nistp521", P256_PEM), P256_SIGNATURE),
    "an unknown type": (listed("later", "ecdsa-sha2-nistp256", P256_PEM), P256_SIGNATURE),
    "no key": (listed("ecdsa", "ecdsa-sha2-nistp256", ""), P256_SIGNATURE),
    "no key in a PEM": (listed("ecdsa", "ecdsa-sha2-nistp256", P256_PEM[:80]), b"x"),
    "text before the PEM": (listed("ecdsa", "ecdsa-sha2-nistp256", f"x\n{P256_PEM}"), P256_SIGNATURE),
    "a PEM that is not ASCII": (listed("ecdsa", "ecdsa-sha2-nistp256", f"{P256_PEM}é"), P256_SIGNATURE),
    "an empty Ed25519 key": (listed("ed25519", "ed25519", ""), ED25519.sign(PAYLOAD)),
    "Ed25519 with spaces": (
        listed("ed25519", "ed25519", f"{ED25519_HEX[:32]} {ED25519_HEX[32:]}"),
        ED25519.sign(PAYLOAD),
    ),
    "Ed25519 short": (listed("ed25519", "ed25519", ED25519_HEX[:-2]), ED25519.sign(PAYLOAD)),
    "Ed25519 no hexadecimal": (listed("ed25519", "ed25519", "g" * 64), ED25519.sign(PAYLOAD)),
    "Ed25519 as PEM": (listed("ed25519", "ed25519", pem(ED25519.public_key())), ED25519.sign(PAYLOAD)),
    "garbage for a signature": (P256_KEY, b"\x30\xff" * 40),
}


@pytest.mark.parametrize("name", NEVER)
def test_what_never_verifies_is_no_error(name: str) -> None:
    key, signature = NEVER[name]
    assert find_signer(key, signature, PAYLOAD) is None


def test_a_library_that_warns_where_warnings_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: bytes) -> Any:
        warnings.warn("such keys are deprecated", UserWarning, stacklevel=2)

    monkeypatch.setattr(keys, "load_pem_public_key", load)
    assert find_signer(P256_KEY, P256_SIGNATURE, PAYLOAD) is None


def test_one_key_is_one_however_it_is_written() -> None:
    public = P256.public_key()
    body = b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    one_line = f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
    texts = [P256_PEM, P256_PEM.replace("\n", "\r\n"), f"{P256_PEM}and more", one_line]
    found = [find_signer(listed("ecdsa", "ecdsa-sha2-nistp256", text), P256_SIGNATURE, PAYLOAD) for text in texts]
    assert all(key is not None and key == public for key in found)
    other = ec.generate_private_key(ec.SECP256R1())
    other_key = listed("ecdsa", "ecdsa-sha2-nistp256", pem(other.public_key()))
    assert find_signer(other_key, other.sign(PAYLOAD, ec.ECDSA(SHA256())), PAYLOAD) != public


def test_the_baseline_is_known() -> None:
    assert {("ecdsa", "ecdsa-sha2-nistp256"), ("ed25519", "ed25519"), ("rsa", "rsassa-pss-sha256")} <= SCHEMES

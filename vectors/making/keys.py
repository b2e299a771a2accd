# SPDX-License-Identifier: Apache-2.0
"""Keys that are functions of their names, and signatures that are functions of key and message.

ECDSA is deterministic (RFC 6979), Ed25519 is by nature, RSA-PSS takes its salt from the message. ML-DSA in the library
at hand is hedged: its signatures are kept in ``mldsa-signatures.json`` beside this file, and made anew only for a new
message.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa

_KEPT: Final = Path(__file__).with_name("mldsa-signatures.json")
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P384_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
_SMALL_PRIMES: Final = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)


def stream(name: str, length: int) -> bytes:
    """Return octets that depend on the name alone."""
    return hashlib.shake_256(f"holdfast vectors: {name}".encode()).digest(length)


@cache
def p256(name: str) -> ec.EllipticCurvePrivateKey:
    """Return the P-256 key of a name."""
    return ec.derive_private_key(int.from_bytes(stream(name, 40), "big") % (_P256_ORDER - 1) + 1, ec.SECP256R1())


@cache
def p384(name: str) -> ec.EllipticCurvePrivateKey:
    """Return the P-384 key of a name."""
    return ec.derive_private_key(int.from_bytes(stream(name, 56), "big") % (_P384_ORDER - 1) + 1, ec.SECP384R1())


@cache
def ed(name: str) -> ed25519.Ed25519PrivateKey:
    """Return the Ed25519 key of a name."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(stream(name, 32))


@cache
def ml_dsa(name: str) -> mldsa.MLDSA65PrivateKey:
    """Return the ML-DSA-65 key of a name."""
    return mldsa.MLDSA65PrivateKey.from_seed_bytes(stream(name, 32))


@cache
def rsa2048(name: str) -> rsa.RSAPrivateKey:
    """Return the RSA-2048 key of a name: two primes found from its stream."""
    p, q, e = _prime(f"{name} p"), _prime(f"{name} q"), 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()


def _prime(name: str) -> int:
    candidate = int.from_bytes(stream(name, 128), "big") | 1 | 3 << 1022
    while not _is_prime(candidate):
        candidate += 2
    return candidate


def _is_prime(n: int) -> bool:
    if any(n % small == 0 for small in _SMALL_PRIMES) or n % 65537 == 1:
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(n, base, odd, twos) for base in (2, *_SMALL_PRIMES[:15]))


def _passes(n: int, base: int, odd: int, twos: int) -> bool:
    x = pow(base, odd, n)
    if x in (1, n - 1):
        return True
    for _ in range(twos - 1):
        x = x * x % n
        if x == n - 1:
            return True
    return False


def sign_ecdsa(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Sign with ECDSA over SHA-256, deterministically."""
    return key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def sign_pss(key: rsa.RSAPrivateKey, message: bytes) -> bytes:
    """Sign with RSASSA-PSS, SHA-256, a salt of 32 octets that the message determines (RFC 8017, 9.1.1)."""
    numbers = key.private_numbers()
    n, length = numbers.public_numbers.n, 255
    salt = stream(f"salt {message.hex()}", 32)
    digest = hashlib.sha256(bytes(8) + hashlib.sha256(message).digest() + salt).digest()
    block = bytes(256 - 32 - 32 - 2) + b"\x01" + salt
    mask = b"".join(hashlib.sha256(digest + i.to_bytes(4, "big")).digest() for i in range(8))[: len(block)]
    masked = bytearray(a ^ b for a, b in zip(block, mask, strict=True))
    masked[0] &= 0x7F
    encoded = int.from_bytes(bytes(masked) + digest + b"\xbc", "big")
    return pow(encoded, numbers.d, n).to_bytes(length + 1, "big")


def sign_ml_dsa(key: mldsa.MLDSA65PrivateKey, payload: bytes) -> bytes:
    """Sign as TUF asks (``tuf`` 01 SHA-512), from the kept signatures where there is one."""
    message = b"tuf\x01" + hashlib.sha512(payload).digest()
    name = hashlib.sha256(key.public_key().public_bytes_raw() + message).hexdigest()
    kept = json.loads(_KEPT.read_text()) if _KEPT.exists() else {}
    if name not in kept:
        kept[name] = key.sign(message).hex()
        _KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    signature = bytes.fromhex(kept[name])
    key.public_key().verify(signature, message)
    return signature


@dataclass(frozen=True, slots=True)
class TufKey:
    """A key of a TUF role: its entry in a ``keys`` table, and its signature.

    Attributes:
        name: Names the private key.
        keytype, scheme: As in the entry.
        alias: Set to make another keyid for the same key.
    """

    name: str
    keytype: str = "ecdsa"
    scheme: str = "ecdsa-sha2-nistp256"
    alias: str = ""

    @property
    def public(self) -> str:
        """``keyval.public``."""
        match self.keytype:
            case "ed25519":
                return ed(self.name).public_key().public_bytes_raw().hex()
            case "rsa":
                return _pem(rsa2048(self.name).public_key())
            case "ml-dsa":
                return _pem(ml_dsa(self.name).public_key())
            case _:
                return _pem(p256(self.name).public_key())

    @property
    def entry(self) -> dict[str, object]:
        """The entry in a ``keys`` table."""
        return {"keytype": self.keytype, "scheme": self.scheme, "keyval": {"public": self.public}}

    @property
    def keyid(self) -> str:
        """The key's name in TUF: here SHA-256 over readable things; the value of a keyid means nothing to a client."""
        return hashlib.sha256(f"{self.name} {self.keytype} {self.scheme} {self.alias}".encode()).hexdigest()

    def sign(self, payload: bytes) -> str:
        """Sign, in hexadecimal."""
        match self.keytype:
            case "ed25519":
                return ed(self.name).sign(payload).hex()
            case "rsa":
                return sign_pss(rsa2048(self.name), payload).hex()
            case "ml-dsa":
                return sign_ml_dsa(ml_dsa(self.name), payload).hex()
            case _:
                return sign_ecdsa(p256(self.name), payload).hex()


def _pem(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | mldsa.MLDSA65PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

# SPDX-License-Identifier: Apache-2.0
"""A private key as encrypted PKCS#8 (RFC 5958) under PBES2 (RFC 8018) with scrypt (RFC 7914) and AES-256-CBC.

``openssl pkey -in FILE`` opens such a file with the passphrase, so nothing of ours is needed to recover a key.
cryptography itself would write PBKDF2 with 2,048 rounds there, which is no protection for a root key; it reads this.
"""

from __future__ import annotations

import os
from base64 import b64encode
from binascii import a2b_base64
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ObjectIdentifier

__all__ = ["SCRYPT_COST", "ScryptCost", "UnsafeFastScryptCost", "encrypt_private_key", "is_encrypted_key"]

_PBES2: Final = ObjectIdentifier("1.2.840.113549.1.5.13")
_SCRYPT: Final = ObjectIdentifier("1.3.6.1.4.1.11591.4.11")
_AES_256_CBC: Final = ObjectIdentifier("2.16.840.1.101.3.4.1.42")


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """The work that one guess of a passphrase costs: n (a power of two), r and p of RFC 7914."""

    n: int
    r: int
    p: int


# OWASP's equivalent of n = 2^17, r = 8, p = 1 in 16 MiB: more memory would exceed what openssl is willing to open.
SCRYPT_COST: Final = ScryptCost(n=2**14, r=8, p=5)


class UnsafeFastScryptCost(ScryptCost):
    """Next to no work: for tests that make hundreds of keys."""

    def __init__(self) -> None:
        super().__init__(n=2, r=8, p=1)


@asn1.sequence
class _ScryptParameters:
    salt: bytes
    cost: int
    block_size: int
    parallelization: int


@asn1.sequence
class _KeyDerivation:
    algorithm: ObjectIdentifier
    parameters: _ScryptParameters


@asn1.sequence
class _EncryptionScheme:
    algorithm: ObjectIdentifier
    iv: bytes


@asn1.sequence
class _Pbes2Parameters:
    key_derivation: _KeyDerivation
    encryption: _EncryptionScheme


@asn1.sequence
class _EncryptionAlgorithm:
    algorithm: ObjectIdentifier
    parameters: _Pbes2Parameters


@asn1.sequence
class _EncryptedPrivateKeyInfo:
    encryption: _EncryptionAlgorithm
    data: bytes


def encrypt_private_key(private: EllipticCurvePrivateKey, passphrase: bytes, cost: ScryptCost) -> bytes:
    """Encode a private key as encrypted PKCS#8 in PEM.

    Args:
        private: The key.
        passphrase: Not empty; any bytes.
        cost: What a guess costs.
    """
    salt, iv = os.urandom(16), os.urandom(16)
    derived = Scrypt(salt=salt, length=32, n=cost.n, r=cost.r, p=cost.p).derive(passphrase)
    plain = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(derived), modes.CBC(iv)).encryptor()
    data = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    parameters = _Pbes2Parameters(
        key_derivation=_KeyDerivation(
            algorithm=_SCRYPT,
            parameters=_ScryptParameters(salt=salt, cost=cost.n, block_size=cost.r, parallelization=cost.p),
        ),
        encryption=_EncryptionScheme(algorithm=_AES_256_CBC, iv=iv),
    )
    algorithm = _EncryptionAlgorithm(algorithm=_PBES2, parameters=parameters)
    der = asn1.encode_der(_EncryptedPrivateKeyInfo(encryption=algorithm, data=data))
    body = "\n".join(wrap(b64encode(der).decode("ascii"), 64))
    return f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}\n-----END ENCRYPTED PRIVATE KEY-----\n".encode("ascii")


def is_encrypted_key(pem: bytes) -> bool:
    """Tell whether this is a whole key file as :func:`encrypt_private_key` writes it, whatever its passphrase."""
    try:
        asn1.decode_der(_EncryptedPrivateKeyInfo, a2b_base64(b"".join(pem.split(b"\n")[1:-2]), strict_mode=True))
    except ValueError:
        return False
    return True

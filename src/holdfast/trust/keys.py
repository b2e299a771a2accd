# SPDX-License-Identifier: Apache-2.0
"""Public keys: which kinds count, and whether one of them made a signature (TUF 4.2; ``spec/trust.md``).

*A key of unknown kind, a malformed key, a malformed signature never verify, and are never an error*: otherwise one new
algorithm in one root would lock every older client out. So there is one answer, the key or ``None``, and no exception.
"""

from __future__ import annotations

from hashlib import sha512
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from securesystemslib.signer import Key

__all__ = ["SCHEMES", "find_signer"]

_PEM_START: Final = "-----BEGIN PUBLIC KEY-----"
_ECDSA_SHA256: Final = ECDSA(SHA256())
_PSS_SHA256: Final = PSS(MGF1(SHA256()), PSS.AUTO)
_SHA256: Final = SHA256()
_ED25519_DIGITS: Final = 64


def find_signer(key: Key, signature: bytes, payload: bytes) -> PublicKeyTypes | None:
    """Return the key if it made a signature, else ``None``; raises nothing.

    Two results are equal if and only if they are one key, whatever their keyids and however their texts were written.

    Args:
        key: As a root or a delegation lists it.
        signature: The bytes of ``sig``.
        payload: The canonical form of what was signed.
    """
    verify = _SCHEMES.get((key.keytype, key.scheme))
    if verify is None:
        return None
    try:
        return verify(key.keyval["public"], signature, payload)
    except (InvalidSignature, UnsupportedAlgorithm, ImportError, ValueError, TypeError, Warning):
        return None  # a warning: where the app turns warnings into errors, and the library deprecates such a key


def _verify_p256(text: str, signature: bytes, payload: bytes) -> PublicKeyTypes:
    public = _load_pem(text)
    if not isinstance(public, EllipticCurvePublicKey) or not isinstance(public.curve, SECP256R1):
        raise TypeError("not a P-256 key")
    public.verify(signature, payload, _ECDSA_SHA256)
    return public


def _verify_ed25519(text: str, signature: bytes, payload: bytes) -> PublicKeyTypes:
    if len(text) != _ED25519_DIGITS:  # white space would be skipped
        raise ValueError("not 64 hexadecimal digits")
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    public.verify(signature, payload)
    return public


def _verify_rsa_pss(text: str, signature: bytes, payload: bytes) -> PublicKeyTypes:
    public = _load_pem(text)
    if not isinstance(public, RSAPublicKey):
        raise TypeError("not an RSA key")
    public.verify(signature, payload, _PSS_SHA256, _SHA256)
    return public


def _verify_ml_dsa_65(text: str, signature: bytes, payload: bytes) -> PublicKeyTypes:
    # Absent before cryptography 48, and with a TLS library that has no ML-DSA: then it never verifies.
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey

    public = _load_pem(text)
    if not isinstance(public, MLDSA65PublicKey):
        raise TypeError("not an ML-DSA-65 key")
    public.verify(signature, b"tuf\x01" + sha512(payload).digest())
    return public


def _load_pem(text: str) -> PublicKeyTypes:
    if not text.startswith(_PEM_START):
        raise ValueError("not the PEM of a SubjectPublicKeyInfo")
    return load_pem_public_key(text.encode("ascii"))


_SCHEMES: Final[MappingProxyType[tuple[str, str], Callable[[str, bytes, bytes], PublicKeyTypes]]] = MappingProxyType(
    {
        ("ecdsa", "ecdsa-sha2-nistp256"): _verify_p256,
        ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"): _verify_p256,  # the keytype of older repositories
        ("ed25519", "ed25519"): _verify_ed25519,
        ("rsa", "rsassa-pss-sha256"): _verify_rsa_pss,
        ("ml-dsa", "ml-dsa-65/1"): _verify_ml_dsa_65,
    }
)

SCHEMES: Final = frozenset(_SCHEMES)
"""What counts as a known key: ``(keytype, scheme)``. The rest never verifies."""

# SPDX-License-Identifier: Apache-2.0
"""A certificate authority in memory, for the back ends of the demonstration and for its attackers.

It does what a public CA does for a web server, without the paperwork: it certifies whatever key it is given. That is
the point of the demonstration: a client that trusts a CA trusts each of its certificates, and pins say which key.
"""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from holdfast.core.pin import format_digest

__all__ = ["CertificateAuthority", "Identity", "make_key", "make_request"]

_BACKDATE = timedelta(hours=1)
_CA_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=47)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def make_key() -> Key:
    """Make an ECDSA P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_request(host: str, key: Key) -> bytes:
    """Make a certificate signing request in PEM: what an operator has *before* there is a certificate."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM)


@dataclass(frozen=True)
class Identity:
    """A certificate and its key.

    Attributes:
        certificate: The end entity.
        key: Its private key.
    """

    certificate: x509.Certificate
    key: Key = field(repr=False)

    @property
    def pin(self) -> str:
        """Base64 SHA-256 of the SubjectPublicKeyInfo."""
        spki = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return format_digest(sha256(spki).digest())

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def make_server_context(self) -> ssl.SSLContext:
        """Make the TLS context of a server that shows this identity."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        private = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:  # ssl takes private keys from files only
            path = Path(folder) / "identity.pem"
            path.touch(mode=0o600)
            path.write_bytes(private + self.pem)
            context.load_cert_chain(path)
        return context


class CertificateAuthority:
    """A root CA that issues at once.

    Args:
        name: Its common name.
    """

    def __init__(self, name: str) -> None:
        self._key = make_key()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _start(self._name, self._name, self._key, self._key, life=_CA_LIFE, ca=True)
        self.certificate = builder.sign(self._key, SHA256())

    @property
    def pem(self) -> str:
        """Its certificate in PEM: what a client's trust store holds."""
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    def issue(self, host: str, key: Key | None = None) -> Identity:
        """Issue a certificate for a host.

        Args:
            host: DNS name.
            key: The key to certify; a new one if ``None``.
        """
        key = key or make_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        builder = (
            _start(subject, self._name, key, self._key, life=_LEAF_LIFE, ca=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        )
        return Identity(builder.sign(self._key, SHA256()), key)


def _start(
    subject: x509.Name, issuer: x509.Name, key: Key, issuer_key: Key, *, life: timedelta, ca: bool
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )

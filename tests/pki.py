# SPDX-License-Identifier: Apache-2.0
"""Our own CA: roots, intermediates, cross-signs, renewals with the same or another key, and every odd certificate.

Nothing here uses ``src``: digests are computed from what :mod:`cryptography` encodes, so a fault in the code under
test cannot hide in its own expectations. All certificates satisfy OpenSSL's strict mode unless a test asks otherwise.

>>> root = Authority.root("Example Root")
>>> issuing = root.intermediate("Example Issuing CA")
>>> leaf = issuing.leaf("api.example.com")
>>> renewed = issuing.leaf("api.example.com", key=leaf.key)
>>> renewed.pin == leaf.pin
True
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

__all__ = ["CLIENT_AUTH", "SERVER_AUTH", "Authority", "Identity", "Key", "make_key", "spki_pin", "write_pem"]

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
_DAY = dt.timedelta(days=1)


def make_key(kind: str = "p256") -> Key:
    """Make a private key: ``p256``, ``p384`` or ``rsa2048``."""
    if kind == "rsa2048":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])


def spki_pin(certificate: x509.Certificate | Key) -> str:
    """The base64 SHA-256 of a certificate's or key's SubjectPublicKeyInfo."""
    public = certificate.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def write_pem(path: Path, *certificates: x509.Certificate, key: Key | None = None) -> Path:
    """Write certificates, and a key before them, as PEM."""
    parts = [certificate.public_bytes(Encoding.PEM) for certificate in certificates]
    if key is not None:
        parts.insert(0, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.write_bytes(b"".join(parts))
    path.chmod(0o600)
    return path


@dataclass(frozen=True)
class Identity:
    """A certificate with its key and the chain that a server shows with it.

    Attributes:
        certificate: The end entity (or the CA itself, for an :class:`Authority`).
        key: Its private key.
        chain: What is shown after the certificate, nearest issuer first, roots left out.
    """

    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def pin(self) -> str:
        """Base64 SHA-256 of the SubjectPublicKeyInfo."""
        return spki_pin(self.certificate)

    @property
    def certificate_digest(self) -> str:
        """Base64 SHA-256 of the whole certificate."""
        return base64.b64encode(hashlib.sha256(self.der).digest()).decode()

    @property
    def der(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        """The certificate, PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The private key, unencrypted PKCS#8 PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def chain_pem(self) -> str:
        """The certificate and its chain, PEM."""
        return "".join(part.public_bytes(Encoding.PEM).decode() for part in (self.certificate, *self.chain))

    def with_chain(self, *chain: x509.Certificate) -> Identity:
        """The same identity that shows another chain."""
        return Identity(self.certificate, self.key, chain)

    def write(self, folder: Path, stem: str = "server") -> tuple[Path, Path]:
        """Write ``<stem>.pem`` (with chain) and ``<stem>.key``; return both paths."""
        folder.mkdir(parents=True, exist_ok=True)
        certificates = write_pem(folder / f"{stem}.pem", self.certificate, *self.chain)
        return certificates, write_pem(folder / f"{stem}.key", key=self.key)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Load certificate, chain and key into a context."""
        with tempfile.TemporaryDirectory() as folder:
            context.load_cert_chain(*self.write(Path(folder)))

    def server_context(self, *, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """Make a server context that shows this identity, of one TLS version or of all."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        self.load_into(context)
        return context


@dataclass(frozen=True)
class Authority(Identity):
    """A certificate authority; ``chain`` is what its leaves show besides its own certificate.

    Attributes:
        is_root: Whether the certificate signs itself, so that leaves do not show it.
    """

    is_root: bool = field(default=True, kw_only=True)

    @classmethod
    def root(cls, name: str, *, key: Key | None = None, kind: str = "p256") -> Authority:
        """Make a self-signed root."""
        key = key or make_key(kind)
        return cls(_build(name, key, issuer=None, ca=True), key, is_root=True)

    def intermediate(
        self,
        name: str,
        *,
        key: Key | None = None,
        kind: str = "p256",
        days: tuple[float, float] = (-1, 365),
        permitted: Sequence[str] = (),
    ) -> Authority:
        """Make a CA below this one.

        Args:
            name: Its common name.
            key: Its key; a new one of ``kind`` if ``None``. The key of another CA makes a cross-sign.
            kind: See :func:`make_key`.
            days: First and last day of validity, counted from now.
            permitted: DNS name constraints.
        """
        key = key or make_key(kind)
        certificate = _build(name, key, issuer=self, ca=True, days=days, permitted=permitted)
        return Authority(certificate, key, self._shown, is_root=False)

    def cross_sign(self, other: Authority) -> Authority:
        """Sign another CA's name and key: the same CA on another path."""
        return self.intermediate(_common_name(other.certificate), key=other.key)

    def leaf(
        self,
        *names: str,
        key: Key | None = None,
        kind: str = "p256",
        days: tuple[float, float] = (-1, 30),
        usage: Sequence[ObjectIdentifier] = (SERVER_AUTH,),
        common_name: str | None = None,
        ca: bool = False,
    ) -> Identity:
        """Issue an end-entity certificate.

        Args:
            names: DNS names and IP addresses; none makes a certificate without subjectAltName.
            key: Its key (a renewal with the same key), or ``None`` for a new one.
            kind: See :func:`make_key`.
            days: First and last day of validity, counted from now.
            usage: Extended key usages; none leaves the extension out.
            common_name: Subject; the first name if ``None``, no common name at all if empty.
            ca: Whether basicConstraints says that it is a CA.
        """
        key = key or make_key(kind)
        subject = names[0] if common_name is None else common_name
        return Identity(_build(subject, key, issuer=self, names=names, days=days, usage=usage, ca=ca), key, self._shown)

    @staticmethod
    def self_signed(*names: str, key: Key | None = None) -> Identity:
        """Make an end-entity certificate that signs itself."""
        key = key or make_key()
        return Identity(_build(names[0], key, issuer=None, names=names, usage=(SERVER_AUTH,)), key)

    @cached_property
    def _shown(self) -> tuple[x509.Certificate, ...]:
        return () if self.is_root else (self.certificate, *self.chain)


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _build(
    subject: str,
    key: Key,
    *,
    issuer: Identity | None,
    names: Sequence[str] = (),
    days: tuple[float, float] = (-1, 365),
    usage: Sequence[ObjectIdentifier] = (),
    ca: bool = False,
    permitted: Sequence[str] = (),
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)] if subject else [])
    signer = key if issuer is None else issuer.key
    issuer_spki = key.public_key() if issuer is None else issuer.certificate.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * _DAY)
        .not_valid_after(now + days[1] * _DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_key_usage(ca=ca, encipher=isinstance(key, rsa.RSAPrivateKey)), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_spki),  # type: ignore[arg-type]  # only EC and RSA here
            critical=False,
        )
    )
    if names:
        alternative = x509.SubjectAlternativeName([_general_name(text) for text in names])
        builder = builder.add_extension(alternative, critical=not subject)
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    if permitted:
        constraints = x509.NameConstraints([x509.DNSName(text) for text in permitted], None)
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(signer, hashes.SHA256())


def _key_usage(*, ca: bool, encipher: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=encipher and not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )

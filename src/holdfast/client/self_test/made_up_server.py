# SPDX-License-Identifier: Apache-2.0
"""A CA and a server certificate made up for one self-test, and thrown away after it."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from holdfast.core.hostname import is_ip

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["make_up_files"]

_LIFE = timedelta(hours=1)
_CA_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Holdfast self-test, worthless")])


def make_up_files(folder: Path, host: str) -> tuple[Path, Path]:
    """Make a CA and a leaf for a host.

    Args:
        folder: Where the two files go; the caller removes it.
        host: Normalised host name or IP address.

    Returns:
        PEM file of the CA; PEM file of the server's key and certificate.
    """
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = (
        _start(_CA_NAME, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.IPAddress(ipaddress.ip_address(host)) if is_ip(host) else x509.DNSName(host)
    leaf = (
        _start(x509.Name([]), key.public_key())
        .add_extension(x509.SubjectAlternativeName([name]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    ca_file, chain_file = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(ca.public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain_file.touch(mode=0o600)
    chain_file.write_bytes(secret + leaf.public_bytes(Encoding.PEM))
    return ca_file, chain_file


def _start(subject: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    # By the device's own clock, right or wrong: so the test says nothing about the clock.
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_CA_NAME)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )

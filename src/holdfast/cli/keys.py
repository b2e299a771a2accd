# SPDX-License-Identifier: Apache-2.0
"""``KEY`` on the command line: a digest, or a file that names a key; and the pin records that come of it."""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from holdfast.control.encrypted_key import encrypt_private_key
from holdfast.control.model import HostRecord, PinList, PinRecord, PinUse
from holdfast.control.signers import write_key_file
from holdfast.control.sources.key_files import FileKey, covers, key_from_unknown, read_input_file
from holdfast.core.instant import format_instant
from holdfast.core.pin import PinType, Position, format_digest, parse_digest
from holdfast.errors import InputError
from holdfast.wiring import find_scrypt_cost

if TYPE_CHECKING:
    from holdfast.cli.output import Output
    from holdfast.control.signers import Passphrases

__all__ = ["KeyReader", "describe_host", "describe_pin", "make_backup_key", "parse_digest_argument", "pin_rows"]

_HEX: Final = re.compile(r"[0-9a-fA-F]{64}|(?:[0-9a-fA-F]{2}:){31}[0-9a-fA-F]{2}")
_BASE64: Final = re.compile(r"(?:sha256/)?[A-Za-z0-9+/]{43}=")


def parse_digest_argument(text: str) -> bytes:
    """Read a SHA-256 digest as people have it: base64 (with or without ``sha256/``), or hex (with or without colons).

    Raises:
        InputError: It is neither (``digest-syntax``).
    """
    if _HEX.fullmatch(text):
        return unhexlify(text.replace(":", ""))
    if _BASE64.fullmatch(text):
        return parse_digest(text.removeprefix("sha256/"))
    raise InputError(
        f"{text[:80]!r} is no SHA-256 digest", code="digest-syntax", hint="44 characters of base64, or 64 of hex"
    )


@dataclass(frozen=True, slots=True)
class KeyReader:
    """Reads ``KEY`` arguments.

    Attributes:
        output: For notes about files.
        passphrases: For private keys that are encrypted.
        now: When the pins are added.
    """

    output: Output
    passphrases: Passphrases
    now: datetime

    def read(self, text: str, *, host: str = "") -> FileKey:
        """Read a digest or a file.

        Args:
            text: The argument.
            host: If given, a certificate that is not for this host is remarked.
        """
        if _HEX.fullmatch(text) or _BASE64.fullmatch(text):
            return FileKey(parse_digest_argument(text), None, "digest")
        path = Path(text)
        if not path.exists():
            raise InputError(
                f"{text!r} is neither a digest nor a file",
                code="key-syntax",
                hint="a certificate, a request, a key (PEM or DER), or its SHA-256 in base64 or hex",
            )
        key = key_from_unknown(read_input_file(path), self.ask_passphrase)
        self.remark(key, text, host)
        return key

    def ask_passphrase(self) -> bytes:
        """Ask for the passphrase of an encrypted private key."""
        return self.passphrases("offline")

    def remark(self, key: FileKey, file: str, host: str) -> None:
        """Say what the person should know about a file."""
        for note in key.notes:
            self.output.say(f"note: {file}: {note}")
        if host and key.origin == "certificate" and key.names and not covers(key.names, host):
            self.output.warn(f"{file} is for {', '.join(key.names[:5])}, not for {host}")

    def pin(
        self, key: FileKey, into: PinList, *, at: Position, use: PinUse | None = None, reason: str = ""
    ) -> PinRecord:
        """Make a record of a key."""
        return PinRecord(
            list=into,
            type=PinType.SPKI_SHA256,
            at=at,
            digest=key.spki_sha256,
            use=use,
            reason=reason,
            origin=key.origin,
            key=key.spki_sha256,
            added=self.now.replace(microsecond=0),
        )


def make_backup_key(path: Path, passphrases: Callable[[str], bytes]) -> FileKey:
    """Make an ECDSA P-256 server key in an encrypted file: the one that is kept apart until the day it is needed."""
    private = generate_private_key(SECP256R1())
    write_key_file(path, encrypt_private_key(private, passphrases("offline"), find_scrypt_cost()))
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return FileKey(sha256(spki).digest(), None, "key")


def describe_pin(pin: PinRecord) -> dict[str, Any]:
    """Return a pin as JSON."""
    return {
        "list": pin.list.value,
        "type": pin.type.value,
        "at": pin.at.value,
        "digest": format_digest(pin.digest),
        "use": pin.use.value if pin.use else None,
        "reason": pin.reason or None,
        "origin": pin.origin,
        "added": format_instant(pin.added),
    }


def describe_host(host: HostRecord) -> dict[str, Any]:
    """Return a host as JSON."""
    return {
        "host": host.pattern,
        "include_subdomains": host.include_subdomains,
        "mode": host.mode.value,
        "until": format_instant(host.until) if host.until else None,
        "allow_leaf": host.allow_leaf,
        "pins": [describe_pin(pin) for pin in host.pins],
    }


def pin_rows(host: HostRecord) -> list[tuple[str, ...]]:
    """Return the rows of a table of pins."""
    return [
        (
            pin.list.value,
            pin.type.value,
            pin.at.value,
            format_digest(pin.digest),
            pin.use.value if pin.use else pin.reason,
            pin.origin,
            format_instant(pin.added),
        )
        for pin in host.pins
    ]

# SPDX-License-Identifier: Apache-2.0
"""One pin: what is hashed, where on the validated path it may stand, and the digest (RFC 7469, 2.1 and 2.4)."""

from __future__ import annotations

import binascii
from base64 import b64encode
from dataclasses import dataclass, field
from enum import Enum, unique
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from holdfast.core.limits import MAX_LABEL_TEXT
from holdfast.errors import PinSyntaxError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DIGEST_BYTES", "Pin", "PinType", "Position", "format_digest", "parse_digest", "parse_pin"]

DIGEST_BYTES: Final = 32
_DIGEST_TEXT_LENGTH: Final = 44


@unique
class PinType(Enum):
    """What is hashed."""

    SPKI_SHA256 = "spki-sha256"
    CERTIFICATE_SHA256 = "certificate-sha256"


@unique
class Position(Enum):
    """Where on the validated path: index 0 is the leaf, 1 and up are CAs."""

    LEAF = "leaf"
    CA = "ca"
    ANY = "any"


_TYPES: Final = MappingProxyType({member.value: member for member in PinType})
_POSITIONS: Final = MappingProxyType({member.value: member for member in Position})


@dataclass(frozen=True, slots=True)
class Pin:
    """A pin that can match.

    Attributes:
        type: What is hashed.
        at: Where it may stand. ``certificate-sha256`` stands at the leaf only.
        digest: Exactly 32 bytes.
        label: ``use`` or ``reason``, for people and gates; no part of the pin's identity, no client decides by it.
    """

    type: PinType
    at: Position
    digest: bytes
    label: str = field(default="", compare=False)

    @property
    def positions(self) -> frozenset[Position]:
        """The positions that it covers: ``any`` is both."""
        return frozenset((Position.LEAF, Position.CA)) if self.at is Position.ANY else frozenset((self.at,))


def parse_digest(text: object) -> bytes:
    """Parse a SHA-256 digest in base64.

    Args:
        text: Canonical base64 (RFC 4648, 4) of exactly 32 bytes: 44 characters, padded, unused bits zero.

    Returns:
        32 bytes.

    Raises:
        PinSyntaxError: ``code`` is ``digest-syntax``.
    """
    if not isinstance(text, str) or len(text) != _DIGEST_TEXT_LENGTH:
        raise PinSyntaxError("a digest must be 44 characters of base64", code="digest-syntax")
    try:
        digest = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise PinSyntaxError(f"a digest is not base64: {error}", code="digest-syntax") from error
    # Two texts can decode to one digest (the last character carries two unused bits): only one of them counts.
    if len(digest) != DIGEST_BYTES or format_digest(digest) != text:
        raise PinSyntaxError("a digest is not the canonical base64 of 32 bytes", code="digest-syntax")
    return digest


def format_digest(digest: bytes) -> str:
    """Format a digest as canonical base64."""
    return b64encode(digest).decode("ascii")


def parse_pin(fields: Mapping[str, object]) -> Pin | None:
    """Parse one pin of a scope or a manifest.

    Args:
        fields: A JSON object with ``type``, ``at``, ``digest`` and perhaps ``use`` or ``reason``; others are ignored.

    Returns:
        The pin, or ``None`` if its type, its position or their pairing is unknown: a pin that never matches.

    Raises:
        PinSyntaxError: ``type`` or ``at`` is no text (``pin-syntax``), or a known pin's digest is malformed
            (``digest-syntax``).
    """
    kind, at = fields.get("type"), fields.get("at")
    if not isinstance(kind, str) or not isinstance(at, str):
        raise PinSyntaxError("a pin needs the texts `type` and `at`", code="pin-syntax")
    pin_type, position = _TYPES.get(kind), _POSITIONS.get(at)
    if pin_type is None or position is None:
        return None
    digest = parse_digest(fields.get("digest"))
    if pin_type is PinType.CERTIFICATE_SHA256 and position is not Position.LEAF:
        return None
    return Pin(pin_type, position, digest, _label(fields))


def _label(fields: Mapping[str, object]) -> str:
    text = fields.get("use", fields.get("reason", ""))
    if not isinstance(text, str) or len(text) > MAX_LABEL_TEXT:
        raise PinSyntaxError("`use` and `reason` are short texts", code="pin-syntax")
    return text

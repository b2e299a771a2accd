# SPDX-License-Identifier: Apache-2.0
"""One pin: what is hashed, where on the validated path it may stand, and the digest (RFC 7469, 2.1 and 2.4)."""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from enum import Enum, unique
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from holdfast.core.limits import MAX_LABEL_TEXT
from holdfast.errors import PinSyntaxError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from holdfast.core.certificate import Certificate

__all__ = [
    "DIGEST_BYTES",
    "NO_PINS",
    "Pin",
    "PinSet",
    "PinType",
    "Position",
    "format_digest",
    "parse_digest",
    "parse_pin",
]

DIGEST_BYTES: Final = 32
_DIGEST_CHARACTERS: Final = 44
_LAST: Final = 42  # of the 43 that say something; it stands for 4 bits, and for 2 unused ones
_WITHOUT_UNUSED_BITS: Final = "AEIMQUYcgkosw048"


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


_KINDS: Final = MappingProxyType(
    {
        ("spki-sha256", "leaf"): (PinType.SPKI_SHA256, Position.LEAF),
        ("spki-sha256", "ca"): (PinType.SPKI_SHA256, Position.CA),
        ("spki-sha256", "any"): (PinType.SPKI_SHA256, Position.ANY),
        ("certificate-sha256", "leaf"): (PinType.CERTIFICATE_SHA256, Position.LEAF),
    }
)
# Known words that do not go together: a pin that never matches.
_MISPLACED: Final = frozenset({("certificate-sha256", "ca"), ("certificate-sha256", "any")})
_MEMBERS: Final = 3  # type, at, digest

_LEAF_KEY: Final = _KINDS["spki-sha256", "leaf"]

# Looking a member up in its class costs as much as decoding a digest.
_CERTIFICATE_SHA256: Final = PinType.CERTIFICATE_SHA256
_LEAF: Final = Position.LEAF
_CA: Final = Position.CA
_new: Final = tuple.__new__  # what a named tuple's constructor comes down to, at half the cost


class Pin(NamedTuple):
    """A pin that can match.

    Attributes:
        type: What is hashed.
        at: Where it may stand. ``certificate-sha256`` stands at the leaf only.
        digest: Exactly 32 bytes.
    """

    type: PinType
    at: Position
    digest: bytes


class PinSet(tuple[Pin, ...]):
    """The pins of one list: at most 64, so that walking over them is the fastest look-up."""

    __slots__ = ()

    @property
    def stand_at_leaf(self) -> bool:
        """Whether all of them may stand at the leaf and nowhere else."""
        for _, at, _ in self:  # noqa: SIM110 - `all` would make a generator for a list of one or two
            if at is not _LEAF:
                return False
        return True

    @property
    def leaf_spki(self) -> frozenset[bytes]:
        """SPKI digests that match the leaf."""
        return frozenset(pin.digest for pin in self if pin.type is not _CERTIFICATE_SHA256 and pin.at is not _CA)

    @property
    def ca_spki(self) -> frozenset[bytes]:
        """SPKI digests that match a CA of the path."""
        return frozenset(pin.digest for pin in self if pin.type is not _CERTIFICATE_SHA256 and pin.at is not _LEAF)

    @property
    def leaf_certificate(self) -> frozenset[bytes]:
        """Certificate digests that match the leaf."""
        return frozenset(pin.digest for pin in self if pin.type is _CERTIFICATE_SHA256)

    def matches(self, path: Sequence[Certificate]) -> bool:
        """Tell whether a pin matches a non-empty validated path, leaf first."""
        leaf, cas = path[0], path[1:]
        for kind, at, digest in self:
            if kind is _CERTIFICATE_SHA256:
                if digest == leaf.certificate_sha256:
                    return True
            elif (at is not _CA and digest == leaf.spki_sha256) or (
                at is not _LEAF and any(digest == ca.spki_sha256 for ca in cas)
            ):
                return True
        return False


NO_PINS: Final = PinSet()


def parse_digest(text: object) -> bytes:
    """Parse a SHA-256 digest in base64.

    Args:
        text: Canonical base64 (RFC 4648, 4) of exactly 32 bytes: 44 characters, padded, unused bits zero.

    Returns:
        32 bytes.

    Raises:
        PinSyntaxError: ``code`` is ``digest-syntax``.
    """
    # Two texts can decode to one digest (the unused bits): only one of them counts.
    if not isinstance(text, str) or len(text) != _DIGEST_CHARACTERS or text[_LAST] not in _WITHOUT_UNUSED_BITS:
        raise PinSyntaxError("a digest must be the canonical base64 of 32 bytes", code="digest-syntax")
    try:
        digest = a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise PinSyntaxError(f"a digest is not base64: {error}", code="digest-syntax") from error
    if len(digest) != DIGEST_BYTES:
        raise PinSyntaxError("a digest must be 32 bytes", code="digest-syntax")
    return digest


def format_digest(digest: bytes) -> str:
    """Format a digest as canonical base64."""
    return b64encode(digest).decode("ascii")


def parse_pin(fields: Mapping[str, Any]) -> Pin | None:
    """Parse one pin of a scope or a manifest.

    Args:
        fields: A JSON object with ``type``, ``at``, ``digest`` and perhaps ``use`` or ``reason``; others are ignored.

    Returns:
        The pin, or ``None`` if its type, its position or their pairing is unknown: a pin that never matches.

    Raises:
        PinSyntaxError: ``type`` or ``at`` is no text, or ``use`` or ``reason`` no short one (``pin-syntax``), or a
            known pin's digest is malformed (``digest-syntax``).
    """
    try:
        kind, at = fields["type"], fields["at"]
        # Nearly every pin is of the first kind, and comparing two words costs less than hashing them.
        known = _LEAF_KEY if kind == "spki-sha256" and at == "leaf" else _KINDS[kind, at]
    except (KeyError, TypeError):  # something is missing, or is no text and so no key
        _check_unknown(fields)
        return None
    if len(fields) > _MEMBERS:
        _check_labels(fields)
    return _new(Pin, (*known, parse_digest(fields.get("digest"))))


def _check_unknown(fields: Mapping[str, Any]) -> None:
    """Check what even a pin that never matches must have: texts, and with known words a digest."""
    if not isinstance(fields, dict):
        raise PinSyntaxError("a pin must be an object", code="pin-syntax")
    kind, at = fields.get("type"), fields.get("at")
    if not isinstance(kind, str) or not isinstance(at, str):
        raise PinSyntaxError("a pin needs the texts `type` and `at`", code="pin-syntax")
    if (kind, at) in _MISPLACED:
        parse_digest(fields.get("digest"))


def _check_labels(fields: Mapping[str, Any]) -> None:
    """Check what a pin says for people and gates; no client decides by it."""
    for name in ("use", "reason"):
        text = fields.get(name, "")
        if not isinstance(text, str) or len(text) > MAX_LABEL_TEXT:
            raise PinSyntaxError(f"`{name}` must be a short text", code="pin-syntax")

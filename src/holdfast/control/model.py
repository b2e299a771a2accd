# SPDX-License-Identifier: Apache-2.0
"""The records of the control plane: the draft that people edit, and the publications that came of it.

A *draft* is what the next publication will say. It is edited freely and signed never. A *document* is one file that
was signed or hashed, under a version that is used once. A *publication* groups the documents that went out together::

    INTENT ----> SIGNED ----> STORED
       `-------> ABANDONED            (a crash before anything was signed: its versions are free again)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, unique
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from holdfast.core.pin import PinType, Position
from holdfast.core.scope import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "NEXT_STATES",
    "AuditEntry",
    "Claim",
    "Delegation",
    "Document",
    "Draft",
    "HostRecord",
    "ManifestAuthority",
    "PinList",
    "PinRecord",
    "PinUse",
    "Publication",
    "PublicationState",
]


@unique
class PinList(Enum):
    """The list of a host that a pin stands in, and with it who signs it."""

    ACCEPT = "accept"  # manifest: automation's, or people's
    REJECT = "reject"  # manifest
    BACKUP = "backup"  # scope: the security team's
    SCOPE_REJECT = "scope-reject"  # scope
    ALLOW_CA = "allow-ca"  # scope: CAs that the manifest may pin
    REQUIRE = "require"  # scope: one of these CAs must stand on the path


@unique
class PinUse(Enum):
    """What an accepted pin is for; it informs people and gates, a client accepts each of them."""

    CURRENT = "current"
    NEXT = "next"
    RETIRING = "retiring"


@unique
class ManifestAuthority(Enum):
    """Who signs ``manifest.json``: the delegated role, or (break-glass) the top-level targets role."""

    DELEGATED = "delegated"
    TOP_LEVEL = "top-level"


@unique
class PublicationState(Enum):
    """How far a publication came; see the module's diagram."""

    INTENT = "intent"
    SIGNED = "signed"
    STORED = "stored"
    ABANDONED = "abandoned"


NEXT_STATES: Final[Mapping[PublicationState, frozenset[PublicationState]]] = MappingProxyType(
    {
        PublicationState.INTENT: frozenset({PublicationState.SIGNED, PublicationState.ABANDONED}),
        PublicationState.SIGNED: frozenset({PublicationState.STORED}),
        PublicationState.STORED: frozenset(),
        PublicationState.ABANDONED: frozenset(),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRecord:
    """One pin of a host.

    Attributes:
        list: The list that it stands in.
        type: What is hashed.
        at: Where on the validated path it may stand.
        digest: Exactly 32 bytes.
        use: For ``ACCEPT`` only.
        reason: For the reject lists: ``key-compromise`` and the like; at most 256 characters.
        origin: Where it came from (``certificate``, ``csr``, ``key``, ``probe``, ``digest``), for people.
        key: SPKI SHA-256 of the key behind it where known: two pins of one key are not two keys.
        added: When it came into the draft, aware UTC.
    """

    list: PinList
    type: PinType
    at: Position
    digest: bytes
    use: PinUse | None = None
    reason: str = ""
    origin: str = "digest"
    key: bytes | None = None
    added: datetime

    @property
    def identity(self) -> tuple[PinList, PinType, Position, bytes]:
        """What makes it one pin: the rest describes it."""
        return (self.list, self.type, self.at, self.digest)

    @property
    def independence(self) -> bytes:
        """What counts as one key among others."""
        return self.key or self.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecord:
    """One protected host.

    Attributes:
        pattern: Normalised host name or IP address; unique in a draft.
        include_subdomains: Whether all depths below it are meant too; never for an IP address.
        mode: Enforce, or report only.
        until: End of report-only, aware UTC; ``None`` when enforced.
        allow_leaf: Whether the manifest may pin leaf keys.
        pins: Every pin of every list; no two have one identity.
    """

    pattern: str
    include_subdomains: bool = False
    mode: Mode = Mode.ENFORCE
    until: datetime | None = None
    allow_leaf: bool = True
    pins: tuple[PinRecord, ...] = ()

    def listed(self, *lists: PinList) -> tuple[PinRecord, ...]:
        """Return its pins of these lists, in the order in which they were added."""
        return tuple(pin for pin in self.pins if pin.list in lists)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """The role to which ``manifest.json`` is delegated.

    Attributes:
        role: Role name, ``pins`` at first, ``pins-2`` after a hand-back to a fresh role.
        keys: keyid -> public key as TUF writes it.
        threshold: How many of them must sign.
    """

    role: str
    keys: Mapping[str, Mapping[str, Any]]
    threshold: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What the next publication will say.

    Attributes:
        channel: ``<app>/<environment>``.
        revision: Moves by one with every edit; a writer that read an older one gets a conflict.
        hosts: By pattern, ascending.
        authority: Who signs the manifest.
        delegation: The role that automation signs with.
    """

    channel: str
    revision: int
    hosts: tuple[HostRecord, ...] = ()
    authority: ManifestAuthority = ManifestAuthority.DELEGATED
    delegation: Delegation

    def find(self, pattern: str) -> HostRecord | None:
        """Find a host by its pattern."""
        return next((host for host in self.hosts if host.pattern == pattern), None)


@dataclass(frozen=True, slots=True)
class Claim:
    """A version that a publication has taken: nobody else may use it."""

    role: str
    version: int


@dataclass(frozen=True, slots=True)
class Document:
    """One file of a publication.

    Attributes:
        role: Name of the TUF role, or ``scope`` or ``manifest``.
        version: Used for these bytes and no others.
        data: The exact bytes that clients get.
    """

    role: str
    version: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A group of documents that goes out together."""

    id: int
    channel: str
    kind: str
    state: PublicationState
    created: datetime
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit log; ``digest`` chains it to all before it."""

    sequence: int
    at: datetime
    actor: str
    action: str
    detail: Mapping[str, Any]
    digest: str

# SPDX-License-Identifier: Apache-2.0
"""What a client knows: verified bytes, and nothing that is not derived from them.

The values here are made by :mod:`holdfast.trust.verification` and joined by :mod:`holdfast.trust.loading`; this module
says what follows from them under the newest trusted root: which marks still count, which signing times hold the clock
up, whether a set was signed by a key that has been retired since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from holdfast.errors import SignatureError
from holdfast.trust.roles import RoleFile, verify_threshold

if TYPE_CHECKING:
    from datetime import datetime

    from holdfast.core.manifest import Manifest
    from holdfast.core.pin_set import PinTable
    from holdfast.core.scope import Scope
    from holdfast.trust.anchor import TrustAnchor

__all__ = [
    "TrustedState",
    "VerifiedManifest",
    "drop_replaced_marks",
    "find_clock_references",
    "is_retired",
]


@dataclass(frozen=True, slots=True)
class VerifiedManifest:
    """A complete set that was verified, role by role: only :mod:`holdfast.trust.verification` makes one.

    Attributes:
        root: The root that accepted it.
        timestamp, snapshot: The roles that name the rest.
        targets: The targets roles that the searches visited, by name.
        scope, manifest, table: What they say, and what they mean together.
        files: The exact bytes, by their names in a bundle, accepting root included.
        scope_sha256: Of the scope's bytes, hex.
        timestamp_sha256: Of the timestamp's bytes, hex.
        issued: When the timestamp was signed.
        is_break_glass: Whether the manifest was listed by the security team itself.
    """

    root: RoleFile[Root]
    timestamp: RoleFile[Timestamp]
    snapshot: RoleFile[Snapshot]
    targets: Mapping[str, RoleFile[Targets]]
    scope: Scope
    manifest: Manifest
    table: PinTable
    files: Mapping[str, bytes] = field(repr=False)
    scope_sha256: str
    timestamp_sha256: str
    issued: datetime
    is_break_glass: bool

    @property
    def rank(self) -> tuple[int, int, int]:
        """What decides between two verified sets: accepting root, snapshot, timestamp."""
        return self.root.version, self.snapshot.version, self.timestamp.version

    @property
    def versions(self) -> Mapping[str, int]:
        """The version of every role that the set was verified with."""
        roles: dict[str, RoleFile[Any]] = {
            Root.type: self.root,
            Timestamp.type: self.timestamp,
            Snapshot.type: self.snapshot,
            **self.targets,
        }
        return {name: file.version for name, file in roles.items()}


@dataclass(frozen=True, slots=True)
class TrustedState:
    """What a client knows: verified bytes, and nothing that is not derived from them.

    Attributes:
        anchor: The embedded root.
        roots: The verified roots after it, oldest first.
        timestamp: The highest verified timestamp.
        snapshot: The snapshot that was verified last.
        seed: The set that was shipped with the app.
        enforced: The set that is enforced.
    """

    anchor: TrustAnchor
    roots: tuple[RoleFile[Root], ...] = ()
    timestamp: RoleFile[Timestamp] | None = None
    snapshot: RoleFile[Snapshot] | None = None
    seed: VerifiedManifest | None = None
    enforced: VerifiedManifest | None = None

    @property
    def root(self) -> RoleFile[Root]:
        """The newest trusted root."""
        return self.roots[-1] if self.roots else self.anchor.root


def is_retired(verified: VerifiedManifest, root: RoleFile[Root]) -> bool:
    """Tell whether a root no longer lets the keys speak that signed a set."""
    return not (
        _verifies(root.signed, Timestamp.type, verified.timestamp)
        and _verifies(root.signed, Snapshot.type, verified.snapshot)
        and _verifies(root.signed, Targets.type, verified.targets[Targets.type])
    )


def find_clock_references(state: TrustedState) -> tuple[datetime | None, datetime | None]:
    """Return the signing times of the seed's and the enforced timestamp; ``None`` where the newest root denies it."""
    return _signing_time(state.seed, state.root), _signing_time(state.enforced, state.root)


def _signing_time(verified: VerifiedManifest | None, root: RoleFile[Root]) -> datetime | None:
    if verified is None:
        return None
    if verified.root.data != root.data and not _verifies(root.signed, Timestamp.type, verified.timestamp):
        return None
    return verified.issued


def drop_replaced_marks(state: TrustedState) -> TrustedState:
    """Drop the marks that the newest root's keys do not carry any more (TUF 5.3.11)."""
    root, timestamp, snapshot = state.root.signed, state.timestamp, state.snapshot
    if timestamp is not None and not _verifies(root, Timestamp.type, timestamp):
        timestamp = None
    if snapshot is not None and not _verifies(root, Snapshot.type, snapshot):
        snapshot = None
    return replace(state, timestamp=timestamp, snapshot=snapshot)


def _verifies(delegator: Root | Targets, role: str, file: RoleFile[Any]) -> bool:
    """Tell whether a role's file meets its threshold under a delegator; for choosing between verified files only."""
    try:
        verify_threshold(delegator, role, file)
    except SignatureError:
        return False
    return True

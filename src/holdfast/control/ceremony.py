# SPDX-License-Identifier: Apache-2.0
"""The key ceremony: the first root and its keys, and every root that follows. Pure but for the ring that makes keys.

==========  =======  ===============  ==========================================================
role        keys     threshold        who holds them
==========  =======  ===============  ==========================================================
root        3        2                the security team, offline, apart from each other
targets     3        2                the security team, offline
pins        1        1                automation (delegated by targets, not named in the root)
snapshot    1        1                the publishing machine
timestamp   1        1                the publishing machine
==========  =======  ===============  ==========================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from securesystemslib.signer import Key
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from holdfast.control.model import Delegation, Document, Draft
from holdfast.control.publisher import build_root, open_threshold, sign_root
from holdfast.core.document import parse_channel
from holdfast.errors import InputError

if TYPE_CHECKING:
    from holdfast.control.repository import Repository
    from holdfast.control.settings import LifeSettings
    from holdfast.control.signers import KeyRing

__all__ = [
    "OFFLINE",
    "ONLINE",
    "PINS",
    "PLAN",
    "REPLACEABLE",
    "RoleShape",
    "RootChange",
    "found_channel",
    "next_delegation",
    "next_root",
]

ONLINE: Final = "online"
OFFLINE: Final = "offline"
PINS: Final = "pins"


@dataclass(frozen=True, slots=True)
class RoleShape:
    """How many keys a role has, how many must sign, and on which medium they are made."""

    keys: int
    threshold: int
    purpose: str


PLAN: Final[Mapping[str, RoleShape]] = MappingProxyType(
    {
        Root.type: RoleShape(3, 2, OFFLINE),
        Targets.type: RoleShape(3, 2, OFFLINE),
        PINS: RoleShape(1, 1, ONLINE),
        Snapshot.type: RoleShape(1, 1, ONLINE),
        Timestamp.type: RoleShape(1, 1, ONLINE),
    }
)
REPLACEABLE: Final = tuple(PLAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootChange:
    """What the next root changes.

    Attributes:
        replace: Roles that get new keys; empty: the same keys, a new expiry.
        shape: Number of root keys and root threshold; ``None``: as they are.
    """

    replace: frozenset[str]
    shape: RoleShape | None = None


def found_channel(
    channel: str, lives: LifeSettings, ring: KeyRing, *, now: datetime, told: Callable[[Key], None]
) -> tuple[Draft, Document]:
    """Make every key of a new channel, and its first root.

    Args:
        channel: ``<app>/<environment>``.
        lives: How long the root lives.
        ring: Makes the keys.
        now: Aware UTC.
        told: Called with each key as soon as it lasts.

    Returns:
        The empty draft, and root 1 signed by all its keys.
    """
    parse_channel(channel)
    made = {role: _make_keys(ring, role, shape, "", told) for role, shape in PLAN.items()}
    issued = now.replace(microsecond=0)
    roles = {role: (made[role], shape.threshold) for role, shape in PLAN.items() if role != PINS}
    root = build_root(1, roles, issued=issued, lives=lives)
    signers = open_threshold(Root.type, made[Root.type], len(made[Root.type]), ring)
    draft = Draft(channel=channel, revision=1, delegation=_delegate(PINS, made[PINS]))
    return draft, sign_root(root, channel, issued, signers)


def next_root(
    repository: Repository,
    draft: Draft,
    change: RootChange,
    lives: LifeSettings,
    ring: KeyRing,
    *,
    now: datetime,
    told: Callable[[Key], None],
) -> tuple[Draft, Document]:
    """Make the root that follows: signed by the threshold of the old one's keys and of its own (TUF 5.3.4, 5.3.5).

    Args:
        repository: What is out.
        draft: Its delegation changes when ``pins`` is replaced.
        change: What to replace.
        lives: How long it lives.
        ring: Opens the old keys, makes the new ones.
        now: Aware UTC.
        told: Called with each key as soon as it lasts, so that the caller can discard it if nothing comes of it.

    Raises:
        SignerUnavailable: The old root's threshold cannot be met; checked before any key is made.
        InputError: The new threshold cannot be met by its keys (``root-shape``).
    """
    old = repository.root
    shapes = dict(PLAN)
    if change.shape is not None:
        shapes[Root.type] = change.shape
        if not 1 <= change.shape.threshold <= change.shape.keys <= 16 or Root.type not in change.replace:
            raise InputError(
                f"{change.shape.threshold} of {change.shape.keys} is no threshold of new root keys", code="root-shape"
            )
    signers = open_threshold(Root.type, _keys_of(old, Root.type), old.roles[Root.type].threshold, ring)
    keys = {role: (_keys_of(old, role), old.roles[role].threshold) for role in PLAN if role != PINS}
    for role in sorted(change.replace, key=REPLACEABLE.index):
        new = _make_keys(ring, role, shapes[role], f"-r{old.version + 1}", told)
        if role == PINS:
            draft = replace(draft, delegation=_delegate(draft.delegation.role, new))
        else:
            keys[role] = (new, shapes[role].threshold)
    issued = now.replace(microsecond=0)
    root = build_root(old.version + 1, keys, issued=issued, lives=lives)
    own = open_threshold(Root.type, _keys_of(root, Root.type), root.roles[Root.type].threshold, ring)
    both = {signer.public_key.keyid: signer for signer in (*signers, *own)}
    return draft, sign_root(root, draft.channel, issued, list(both.values()))


def next_delegation(draft: Draft, ring: KeyRing, *, told: Callable[[Key], None]) -> Draft:
    """Delegate the manifest to a fresh role name with a fresh key: the way out of a fast-forwarded ``pins``."""
    stem, _, number = draft.delegation.role.partition("-")
    role = f"{stem}-{int(number) + 1 if number.isdigit() else 2}"
    return replace(draft, delegation=_delegate(role, _make_keys(ring, role, PLAN[PINS], "", told)))


def _make_keys(ring: KeyRing, role: str, shape: RoleShape, suffix: str, told: Callable[[Key], None]) -> list[Key]:
    keys: list[Key] = []
    for index in range(1, shape.keys + 1):
        key = ring.create(shape.purpose, f"{role}-{index}{suffix}")
        told(key)
        keys.append(key)
    return keys


def _keys_of(root: Root, role: str) -> list[Key]:
    return [root.keys[keyid] for keyid in root.roles[role].keyids]


def _delegate(role: str, keys: Sequence[Key]) -> Delegation:
    return Delegation(role=role, keys={key.keyid: key.to_dict() for key in keys}, threshold=PLAN[PINS].threshold)

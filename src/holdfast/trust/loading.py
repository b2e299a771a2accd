# SPDX-License-Identifier: Apache-2.0
"""What a client starts from: the seed in the app and the cache on its disk, verified again at each start.

The seed is judged at the moment at which its own timestamp was signed, because an app is installed months after its
build; the cache at the moment at which it was accepted. Neither looks at the device clock. Between two sets that
verify, the one of the higher root, snapshot, timestamp is enforced, and the cache's on a tie: never a lower set while
a higher one verifies, even when a newer root has retired the keys that signed it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tuf.api.metadata import Root, Snapshot, Timestamp

from holdfast.core.freshness import Source, effective_now
from holdfast.core.limits import MAX_ROOT_BYTES, MAX_SNAPSHOT_BYTES, MAX_TIMESTAMP_BYTES
from holdfast.errors import AnchorError, HoldfastError, MetadataError, MixAndMatchError, TrustError
from holdfast.trust.bundle import fetch_from, name_role_file
from holdfast.trust.roles import RoleFile, T, parse_role, verify_channel, verify_threshold
from holdfast.trust.state import TrustedState, VerifiedManifest, drop_replaced_marks, find_clock_references
from holdfast.trust.verification import Workflow, verify_next_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from holdfast.trust.anchor import TrustAnchor

__all__ = ["Restored", "StoredState", "load_seed", "merge", "needs_root_lookup", "restore", "set_marks"]

_ROOT_NAME: Final = re.compile(r"([1-9][0-9]{0,15})\.root\.json")


@dataclass(frozen=True, slots=True)
class StoredState:
    """What lies in a cache: bytes, believed only as far as they verify.

    Attributes:
        roots: Root files, in any order.
        timestamp: The highest verified timestamp.
        snapshot: The snapshot that was verified last.
        files: The enforced set, by names in a bundle, with the root that accepted it; may be empty.
        accepted_at: Effective now when it was accepted; ``None`` if there is no set.
    """

    roots: tuple[bytes, ...] = ()
    timestamp: bytes | None = None
    snapshot: bytes | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """What a cache contributed.

    Attributes:
        state: What is known: at least the seed.
        source: Where the enforced set came from; ``None`` if there is none.
        error: Why the stored set was dropped; ``None`` if it was not, or there was none.
    """

    state: TrustedState
    source: Source | None
    error: TrustError | None


def load_seed(anchor: TrustAnchor, files: Mapping[str, bytes]) -> TrustedState:
    """Verify the set that was shipped with the app, under the highest root that it carries.

    Args:
        anchor: The embedded root.
        files: The seed bundle's files.

    Raises:
        TrustError: It does not verify at its own signing time.
    """
    data = files.get(name_role_file(Timestamp.type, None))
    if data is None:
        raise MixAndMatchError("the seed has no timestamp.json", code="file-missing", role=Timestamp.type)
    issued = parse_role(Timestamp, data, max_bytes=MAX_TIMESTAMP_BYTES).issued
    if issued is None:
        raise MetadataError("the seed does not say when it was signed", code="issued-missing", role=Timestamp.type)
    state = _verify_set(TrustedState(anchor), files, now=issued)
    return replace(state, seed=state.enforced)


def restore(seeded: TrustedState, stored: StoredState) -> Restored:
    """Add to a seed what a cache holds, as far as it verifies from the embedded root.

    Args:
        seeded: From :func:`load_seed`, or a state with nothing but an anchor.
        stored: What was read. An attacker may have written all of it.
    """
    roots = _chain(seeded, stored.roots)
    state = drop_replaced_marks(replace(seeded, roots=roots))
    error: TrustError | None = None
    cached: VerifiedManifest | None = None
    if stored.files:
        try:
            cached = _verify_stored_set(state, stored)
        except TrustError as failure:
            error = failure
    source = Source.SEED if seeded.enforced is not None else None
    enforced = seeded.enforced
    if cached is not None and (enforced is None or cached.rank >= enforced.rank):
        enforced, source = cached, Source.CACHE
    state = set_marks(replace(state, enforced=enforced), stored.timestamp, stored.snapshot)
    if cached is not None:
        state = set_marks(state, cached.timestamp.data, cached.snapshot.data)
    return Restored(state, source, error)


def set_marks(state: TrustedState, timestamp: bytes | None, snapshot: bytes | None) -> TrustedState:
    """Take stored bytes as marks where they verify under the newest root and are not lower than those known."""
    stored_timestamp = _verified_mark(state, Timestamp, timestamp, MAX_TIMESTAMP_BYTES)
    stored_snapshot = _verified_mark(state, Snapshot, snapshot, MAX_SNAPSHOT_BYTES)
    return replace(
        state,
        timestamp=_higher(state.timestamp, stored_timestamp),
        snapshot=_higher(state.snapshot, stored_snapshot),
    )


def merge(ours: TrustedState, theirs: TrustedState) -> TrustedState:
    """Join what two writers of one cache know: the higher root first, what it denies dropped, then the maximum.

    Args:
        ours: Wins ties.
        theirs: Of the same anchor, and as verified as ours.
    """
    shared = min(len(ours.roots), len(theirs.roots))
    if any(one.data != other.data for one, other in zip(ours.roots[:shared], theirs.roots[:shared], strict=True)):
        # Two roots of one version, both well signed, which no publisher makes: neither follows from the other, and a
        # set that only the other chain accepts could not be verified at the next start.
        return ours
    roots = ours.roots if len(ours.roots) >= len(theirs.roots) else theirs.roots
    ours, theirs = (drop_replaced_marks(replace(state, roots=roots)) for state in (ours, theirs))
    sets = [state.enforced for state in (ours, theirs) if state.enforced is not None]
    return replace(
        ours,
        timestamp=_higher(ours.timestamp, theirs.timestamp),
        snapshot=_higher(ours.snapshot, theirs.snapshot),
        enforced=max(sets, key=lambda verified: verified.rank, default=None),
    )


def needs_root_lookup(state: TrustedState, *, now: datetime) -> bool:
    """Tell whether the newest root is expired or in the last third of its life, so that a new one must be looked for.

    A root that does not say when it was issued is always looked after.
    """
    root = state.root
    if root.issued is None:
        return True
    life = root.signed.expires - root.issued
    return effective_now(now, find_clock_references(state)[:1]) >= root.signed.expires - max(life / 3, timedelta(0))


def _verify_set(state: TrustedState, files: Mapping[str, bytes], *, now: datetime) -> TrustedState:
    workflow = Workflow(state, fetch_from(files), now=now, held={}, fixed_time=True)
    workflow.update_roots()
    workflow.update_timestamp()
    workflow.update_snapshot()
    workflow.accept_manifest()
    return workflow.state


def _verify_stored_set(state: TrustedState, stored: StoredState) -> VerifiedManifest:
    """Verify the stored set under the root that accepted it, or the embedded one if that is newer."""
    if stored.accepted_at is None:
        raise MetadataError("the stored set does not say when it was accepted", code="cache-syntax")
    accepting = _accepting_version(stored.files)
    roots = tuple(root for root in state.roots if root.version <= accepting)
    reached = roots[-1] if roots else state.anchor.root
    if reached.version < accepting or (
        reached.version == accepting and stored.files[name_role_file(Root.type, accepting)] != reached.data
    ):
        raise AnchorError("the stored set was accepted by a root that does not follow from the anchor")
    others = {name: data for name, data in stored.files.items() if not _ROOT_NAME.fullmatch(name)}
    verified = _verify_set(TrustedState(state.anchor, roots), others, now=stored.accepted_at).enforced
    assert verified is not None  # _verify_set raises otherwise
    return verified


def _accepting_version(files: Mapping[str, bytes]) -> int:
    names = [match for name in files if (match := _ROOT_NAME.fullmatch(name))]
    if len(names) != 1:
        raise MetadataError("the stored set does not carry the one root that accepted it", code="cache-syntax")
    return int(names[0][1])


def _chain(seeded: TrustedState, stored: Iterable[bytes]) -> tuple[RoleFile[Root], ...]:
    """Follow the stored roots from the embedded one as far as they verify; the seed's own roots are never lost."""
    by_version: dict[int, bytes] = {}
    for data in stored:
        try:
            by_version.setdefault(parse_role(Root, data, max_bytes=MAX_ROOT_BYTES).version, data)
        except TrustError:
            continue
    chain = list(seeded.roots)
    trusted = seeded.root
    while (following := by_version.get(trusted.version + 1)) is not None:
        try:
            trusted = verify_next_root(trusted, following, seeded.anchor.channel)
        except TrustError:
            break
        chain.append(trusted)
    return tuple(chain)


def _verified_mark(state: TrustedState, kind: type[T], data: bytes | None, max_bytes: int) -> RoleFile[T] | None:
    if data is None:
        return None
    try:
        file = parse_role(kind, data, max_bytes=max_bytes)
        verify_threshold(state.root.signed, kind.type, file)
        verify_channel(file, state.anchor.channel, kind.type)
    except HoldfastError:
        return None
    return file


def _higher(one: RoleFile[T] | None, other: RoleFile[T] | None) -> RoleFile[T] | None:
    if one is None or (other is not None and other.version > one.version):
        return other
    return one

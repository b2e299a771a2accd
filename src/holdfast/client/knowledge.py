# SPDX-License-Identifier: Apache-2.0
"""What a client knows, in memory, and how it becomes what lies on disk and back. Values only; nothing is read here.

The decisions are :mod:`holdfast.trust.loading`'s: what verifies, what is higher, what a newer root denies. This module
adds what goes along with a set: when it was accepted, under which ETags it was served, and what has passed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from holdfast.client.cache.cache_record import CacheRecord, StoredSet
from holdfast.core.freshness import Passed, Source
from holdfast.trust.bundle import parse_bundle
from holdfast.trust.loading import StoredState, load_seed, merge, restore
from holdfast.trust.state import TrustedState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from holdfast.errors import TrustError
    from holdfast.trust.anchor import TrustAnchor

__all__ = ["Knowledge", "join", "read_record", "start", "to_record"]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything that one client of one channel knows.

    Attributes:
        state: What was verified.
        source: Where the enforced set came from; ``None`` if there is none.
        accepted_at: Effective now when the enforced set was accepted; ``None`` for the seed.
        etags: URL -> entity tag under which the enforced set was served.
        passed: Moments that were seen to pass, of the enforced set and of the seed.
    """

    state: TrustedState
    source: Source | None = None
    accepted_at: datetime | None = None
    etags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    passed: Passed = field(default_factory=Passed)

    def keep_what_counts(self) -> Knowledge:
        """Forget moments that belong to a scope or a timestamp that is neither enforced nor the seed's."""
        sets = [one for one in (self.state.enforced, self.state.seed) if one is not None]
        scopes = {one.scope_sha256 for one in sets}
        timestamps = {one.timestamp_sha256 for one in sets}
        untils = frozenset(entry for entry in self.passed.untils if entry[0] in scopes)
        return replace(self, passed=Passed(untils, self.passed.max_ages & timestamps))


def start(anchor: TrustAnchor, seed: bytes | None) -> Knowledge:
    """Begin with what the app was shipped with.

    Args:
        anchor: The embedded root.
        seed: The seed bundle; ``None`` where a start without one was chosen.

    Raises:
        TrustError: The seed does not verify.
    """
    if seed is None:
        return Knowledge(TrustedState(anchor))
    return Knowledge(load_seed(anchor, parse_bundle(seed)), Source.SEED)


def read_record(seeded: Knowledge, record: CacheRecord) -> tuple[Knowledge, TrustError | None]:
    """Add what a cache holds, as far as it verifies from the embedded root.

    Returns:
        What is known now, and why the stored set was dropped, if it was: then nothing beside it counts either.
    """
    stored = record.stored
    restored = restore(
        seeded.state,
        StoredState(
            roots=record.roots,
            timestamp=record.timestamp,
            snapshot=record.snapshot,
            files={} if stored is None else stored.files,
            accepted_at=None if stored is None else stored.accepted_at,
        ),
    )
    known = replace(seeded, state=restored.state, source=restored.source)
    if restored.error is None:
        known = replace(known, passed=record.passed)
    if stored is not None and restored.source is Source.CACHE:
        known = replace(known, accepted_at=stored.accepted_at, etags=record.etags)
    return known.keep_what_counts(), restored.error


def join(ours: Knowledge, theirs: Knowledge) -> Knowledge:
    """Join what two processes know; ties are ours."""
    state = merge(ours.state, theirs.state)
    winner, other = (ours, theirs) if state.enforced is ours.state.enforced else (theirs, ours)
    etags = dict(winner.etags)
    if _is_same_set(ours, theirs):
        etags = {**other.etags, **winner.etags}
    joined = replace(winner, state=state, etags=MappingProxyType(etags), passed=ours.passed | theirs.passed)
    return joined.keep_what_counts()


def to_record(channel: str, known: Knowledge) -> CacheRecord:
    """Turn what is known into what lies on disk. The seed is not stored: the app carries it."""
    state = known.state
    stored = None
    if state.enforced is not None and known.accepted_at is not None:
        stored = StoredSet(state.enforced.files, known.accepted_at)
    return CacheRecord(
        channel=channel,
        roots=tuple(root.data for root in state.roots),
        timestamp=None if state.timestamp is None else state.timestamp.data,
        snapshot=None if state.snapshot is None else state.snapshot.data,
        stored=stored,
        etags=known.etags if stored is not None else MappingProxyType({}),
        passed=known.passed,
    )


def _is_same_set(one: Knowledge, other: Knowledge) -> bool:
    first, second = one.state.enforced, other.state.enforced
    return first is not None and second is not None and first.timestamp_sha256 == second.timestamp_sha256

# SPDX-License-Identifier: Apache-2.0
"""``holdfast.trust.loading``: what a client starts from, and how two writers of one cache agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.core.freshness import Source
from holdfast.errors import (
    AnchorError,
    FreezeError,
    HoldfastError,
    MetadataError,
    MixAndMatchError,
    ScopeError,
    SignatureError,
    TrustError,
)
from holdfast.trust.anchor import TrustAnchor, parse_anchor
from holdfast.trust.loading import (
    Restored,
    StoredState,
    load_seed,
    merge,
    needs_root_lookup,
    restore,
    set_marks,
)
from holdfast.trust.state import TrustedState
from holdfast.trust.verification import refresh
from tests.repository import EPOCH, Repository, digest_text

HOST = "api.example.com"


@pytest.fixture
def repository() -> Repository:
    repository = Repository()
    repository.add_host(HOST, [digest_text("key")])
    repository.publish()
    return repository


def seed(repository: Repository, anchor: TrustAnchor | None = None) -> TrustedState:
    return load_seed(anchor or parse_anchor(repository.anchor), repository.current_files())


def advance(repository: Repository, state: TrustedState) -> TrustedState:
    outcome = refresh(state, repository.fetch, now=repository.now)
    assert outcome.error is None, outcome.error
    return outcome.state


def publish_and_advance(repository: Repository, state: TrustedState) -> TrustedState:
    repository.wait(hours=1)
    repository.publish()
    return advance(repository, state)


def store(state: TrustedState, accepted_at: datetime) -> StoredState:
    """What a client writes to its disk."""
    return StoredState(
        roots=tuple(root.data for root in state.roots),
        timestamp=None if state.timestamp is None else state.timestamp.data,
        snapshot=None if state.snapshot is None else state.snapshot.data,
        files={} if state.enforced is None else state.enforced.files,
        accepted_at=accepted_at,
    )


def version(state: TrustedState) -> int | None:
    return None if state.enforced is None else state.enforced.manifest.version


def refused(action: Callable[[], object], kind: type[HoldfastError], code: str) -> None:
    with pytest.raises(kind) as caught:
        action()
    assert type(caught.value) is kind
    assert caught.value.code == code


# -------------------------------------------------------------------------------------------------------- seed


def test_a_seed_is_judged_at_its_own_signing_time(repository: Repository) -> None:
    state = seed(repository)
    assert state.seed is state.enforced
    assert version(state) == 1
    assert (state.timestamp, state.snapshot) == (state.enforced.timestamp, state.enforced.snapshot)  # type: ignore[union-attr]


def test_a_seed_is_verified_under_the_highest_root_that_it_carries(repository: Repository) -> None:
    repository.rotate_keys("timestamp")
    repository.publish_root()
    repository.publish()
    assert seed(repository).root.version == 2
    files = repository.current_files()
    del files["2.root.json"]
    refused(lambda: load_seed(parse_anchor(repository.anchor), files), SignatureError, "signature-threshold")


def test_a_seed_that_was_expired_when_it_was_signed(repository: Repository) -> None:
    repository.wait(days=31)
    repository.publish_timestamp()
    refused(lambda: seed(repository), FreezeError, "expired")


def test_a_seed_under_a_root_that_was_expired(repository: Repository) -> None:
    repository.wait(days=731)
    repository.publish()
    refused(lambda: seed(repository), FreezeError, "expired")


@pytest.mark.parametrize(
    ("name", "data", "kind", "code"),
    [
        ("timestamp.json", None, MixAndMatchError, "file-missing"),
        ("timestamp.json", b"{}", MetadataError, "metadata-syntax"),
        ("1.snapshot.json", None, MixAndMatchError, "file-missing"),
        ("1.pins.json", b"x", MixAndMatchError, "hash-mismatch"),
    ],
)
def test_a_seed_that_does_not_verify(
    repository: Repository, name: str, data: bytes | None, kind: type[HoldfastError], code: str
) -> None:
    files = {**repository.current_files(), name: data}
    files = {key: value for key, value in files.items() if value is not None}
    refused(lambda: load_seed(parse_anchor(repository.anchor), files), kind, code)  # type: ignore[arg-type]


def test_a_seed_says_when_it_was_signed(repository: Repository) -> None:
    document = json.loads(repository.files["timestamp.json"])
    del document["signed"]["x-holdfast-issued"]
    repository.files["timestamp.json"] = json.dumps(document).encode()
    repository.resign("timestamp.json", "timestamp")
    refused(lambda: seed(repository), MetadataError, "issued-missing")


# ------------------------------------------------------------------------------------------------------- cache


def test_a_cache_gives_back_what_was_known(repository: Repository) -> None:
    seeded = seed(repository)
    repository.rotate_root()
    state = publish_and_advance(repository, seeded)
    restored = restore(seeded, store(state, repository.now))
    assert restored == Restored(state, Source.CACHE, None)


def test_an_empty_cache_leaves_the_seed(repository: Repository) -> None:
    seeded = seed(repository)
    assert restore(seeded, StoredState()) == Restored(seeded, Source.SEED, None)


def test_without_seed_and_cache_there_is_nothing(repository: Repository) -> None:
    empty = TrustedState(parse_anchor(repository.anchor))
    assert restore(empty, StoredState()) == Restored(empty, None, None)
    state = publish_and_advance(repository, empty)
    assert restore(empty, store(state, repository.now)) == Restored(state, Source.CACHE, None)


def test_a_cached_set_is_judged_at_the_time_of_its_acceptance(repository: Repository) -> None:
    seeded = seed(repository)
    state = publish_and_advance(repository, seeded)
    alive = EPOCH + timedelta(hours=1, days=7) - timedelta(seconds=1)
    assert restore(seeded, store(state, alive)).source is Source.CACHE
    late = restore(seeded, store(state, alive + timedelta(seconds=1)))
    assert isinstance(late.error, FreezeError)
    assert late.source is Source.SEED
    assert version(late.state) == 1
    assert late.state.timestamp == state.timestamp, "its marks count all the same"


def test_of_seed_and_cache_the_higher_one_counts(repository: Repository) -> None:
    anchor = parse_anchor(repository.anchor)
    old = seed(repository)
    cached = publish_and_advance(repository, old)
    repository.wait(hours=1)
    repository.publish()
    new = seed(repository, anchor)
    restored = restore(new, store(cached, EPOCH + timedelta(hours=1)))
    assert (version(restored.state), restored.source, restored.error) == (3, Source.SEED, None)
    assert restored.state.timestamp == new.timestamp
    assert version(restore(old, store(cached, EPOCH + timedelta(hours=1))).state) == 2


def test_on_a_tie_the_cache_counts(repository: Repository) -> None:
    seeded = seed(repository)
    restored = restore(seeded, store(seeded, EPOCH))
    assert restored.source is Source.CACHE
    assert restored.state.enforced == seeded.enforced


def test_a_higher_root_outranks_a_higher_snapshot(repository: Repository) -> None:
    first = seed(repository)
    cached = publish_and_advance(repository, publish_and_advance(repository, first))
    assert cached.enforced is not None
    assert cached.enforced.rank == (1, 3, 3)
    repository.rotate_keys("timestamp")
    repository.rotate_keys("snapshot")
    repository.publish_root()
    repository.versions.update(snapshot=0, timestamp=0)
    repository.publish()
    rebuilt = seed(repository)
    assert rebuilt.enforced is not None
    assert rebuilt.enforced.rank == (2, 1, 1)
    assert restore(rebuilt, store(cached, EPOCH + timedelta(hours=2))).source is Source.SEED


def test_a_set_that_a_newer_root_retired_stays(repository: Repository) -> None:
    seeded = seed(repository)
    state = publish_and_advance(repository, seeded)
    repository.rotate_keys("timestamp")
    repository.publish_root()
    outcome = refresh(state, repository.fetch, now=repository.now)
    assert isinstance(outcome.error, SignatureError)
    restored = restore(seeded, store(outcome.state, repository.now))
    assert (version(restored.state), restored.source) == (2, Source.CACHE)
    assert restored.state.root.version == 2
    assert (restored.state.timestamp, restored.state.snapshot) == (None, state.snapshot)


def test_an_app_update_that_embeds_a_newer_root(repository: Repository) -> None:
    state = publish_and_advance(repository, seed(repository))
    repository.rotate_root()
    repository.rotate_root()
    anchor = parse_anchor(repository.files["3.root.json"])
    updated = seed(repository, anchor)
    assert updated.roots == ()
    stored = replace(
        store(state, repository.now), roots=(repository.files["1.root.json"], repository.files["2.root.json"])
    )
    restored = restore(updated, stored)
    assert restored.state.roots == ()
    assert (restored.source, restored.error) == (Source.CACHE, None)
    assert restored.state.enforced is not None
    assert restored.state.enforced.root.version == 3, "judged under the embedded root, which is newer"
    assert "3.root.json" in restored.state.enforced.files


def test_roots_are_followed_in_any_order_and_as_far_as_they_verify(repository: Repository) -> None:
    seeded = seed(repository)
    for _ in range(3):
        repository.rotate_root()
    two, three, four = (repository.files[f"{number}.root.json"] for number in (2, 3, 4))
    rubbish = (b"", b"{}", repository.files["timestamp.json"], Repository().anchor)

    def reach(*roots: bytes) -> int:
        return restore(seeded, StoredState(roots=roots)).state.root.version

    assert reach(four, *rubbish, two, three) == 4
    assert reach(two, four) == 2
    assert reach(three, four) == 1
    assert reach(*rubbish) == 1
    forged = json.loads(three)
    forged["signed"]["x-holdfast-channel"] = "com.example.bank/staging"
    assert reach(two, json.dumps(forged).encode(), four) == 2


def test_the_roots_of_the_seed_are_never_lost(repository: Repository) -> None:
    repository.rotate_root()
    repository.publish()
    seeded = seed(repository)
    repository.rotate_root()
    assert restore(seeded, StoredState()).state.root.version == 2
    assert restore(seeded, StoredState(roots=(repository.files["3.root.json"],))).state.root.version == 3


def rename_root(name: str) -> Callable[[StoredState], StoredState]:
    def change(stored: StoredState) -> StoredState:
        return replace(
            stored, files={name if key == "1.root.json" else key: value for key, value in stored.files.items()}
        )

    return change


SPOILED: list[tuple[Callable[[StoredState], StoredState], str]] = [
    (lambda stored: replace(stored, accepted_at=None), "cache-syntax"),
    (lambda stored: replace(stored, files={"x": b""}), "cache-syntax"),
    (lambda stored: replace(stored, files={**stored.files, "2.root.json": b""}), "cache-syntax"),
    (rename_root("x.json"), "cache-syntax"),
    (rename_root("root.json"), "cache-syntax"),
    (rename_root("0.root.json"), "cache-syntax"),
    (rename_root("01.root.json"), "cache-syntax"),
    (rename_root("١.root.json"), "cache-syntax"),
    (rename_root(f"{'9' * 5000}.root.json"), "cache-syntax"),
    (rename_root("1.x.root.json"), "cache-syntax"),
    (rename_root("2.root.json"), "anchor"),
    (rename_root("9999999999999999.root.json"), "anchor"),
    (lambda stored: replace(stored, files={**stored.files, "1.root.json": b"{}"}), "anchor"),
    (lambda stored: replace(stored, files={**stored.files, "timestamp.json": b"{}"}), "metadata-syntax"),
    (lambda stored: replace(stored, files={**stored.files, "2.pins.json": b"{}"}), "hash-mismatch"),
    (lambda stored: replace(stored, accepted_at=datetime.max.replace(tzinfo=UTC)), "expired"),
]


@pytest.mark.parametrize("number", range(len(SPOILED)))
def test_a_stored_set_that_does_not_verify_is_dropped_and_told(repository: Repository, number: int) -> None:
    change, code = SPOILED[number]
    seeded = seed(repository)
    state = publish_and_advance(repository, seeded)
    restored = restore(seeded, change(store(state, repository.now)))
    assert isinstance(restored.error, TrustError)
    assert restored.error.code == code
    assert (version(restored.state), restored.source) == (1, Source.SEED)
    assert restored.state.timestamp == state.timestamp


def test_a_set_that_was_accepted_at_the_beginning_of_time_is_as_good_as_any(repository: Repository) -> None:
    seeded = seed(repository)
    state = publish_and_advance(repository, seeded)
    assert restore(seeded, store(state, datetime.min.replace(tzinfo=UTC))).source is Source.CACHE


def test_a_foreign_cache_contributes_nothing(repository: Repository) -> None:
    stranger = Repository()
    stranger.add_host(HOST, [digest_text("evil")])
    stranger.publish()
    foreign = store(publish_and_advance(stranger, TrustedState(parse_anchor(stranger.anchor))), stranger.now)
    seeded = seed(repository)
    restored = restore(seeded, foreign)
    assert isinstance(restored.error, AnchorError)
    assert (restored.state, restored.source) == (seeded, Source.SEED)


def test_a_sister_channels_cache_contributes_nothing(repository: Repository) -> None:
    seeded = seed(repository)
    repository.channel = repository.scope["channel"] = repository.manifest["channel"] = "com.example.bank/staging"
    repository.publish()
    files = {**repository.current_files(), "1.root.json": repository.anchor}
    stored = StoredState((), files["timestamp.json"], files["2.snapshot.json"], files, repository.now)
    restored = restore(seeded, stored)
    assert restored.error is not None
    assert restored.error.code == "channel-mismatch"
    assert restored.state == seeded


# ------------------------------------------------------------------------------------------------------- marks


def test_marks_are_taken_where_they_verify_and_never_lowered(repository: Repository) -> None:
    state = publish_and_advance(repository, seed(repository))
    assert state.timestamp is not None
    assert state.snapshot is not None
    old_timestamp, old_snapshot = repository.files["timestamp.json"], repository.files["1.snapshot.json"]
    for timestamp, snapshot in (
        (None, None),
        (b"", b""),
        (b"{}", b"{}"),
        (old_snapshot, old_timestamp),
        (Repository().anchor, None),
        (old_timestamp, old_snapshot),
    ):
        assert set_marks(state, timestamp, snapshot) == state
    repository.publish()
    newer = set_marks(state, repository.files["timestamp.json"], repository.files["3.snapshot.json"])
    assert newer.timestamp is not None
    assert newer.snapshot is not None
    assert (newer.timestamp.version, newer.snapshot.version) == (3, 3)
    blank = replace(state, timestamp=None, snapshot=None)
    again = set_marks(blank, state.timestamp.data, state.snapshot.data)
    assert again == state


@pytest.mark.parametrize("size", [16_384, 2_000_000])
def test_a_mark_is_as_large_as_its_role_may_be(repository: Repository, size: int) -> None:
    name = "timestamp.json" if size == 16_384 else "1.snapshot.json"
    data = repository.files[name] + b" " * (size - len(repository.files[name]))
    empty = TrustedState(parse_anchor(repository.anchor))
    for padded, taken in ((data, True), (data + b" ", False)):
        timestamp, snapshot = (padded, None) if size == 16_384 else (None, padded)
        marked = set_marks(empty, timestamp, snapshot)
        assert (marked.timestamp is not None or marked.snapshot is not None) is taken


def test_a_mark_of_another_channel_or_key_is_none(repository: Repository) -> None:
    state = seed(repository)
    document = json.loads(repository.files["timestamp.json"])
    repository.versions["timestamp"] = 8
    repository.publish_timestamp()
    repository.resign("timestamp.json", "timestamp", **{"x-holdfast-channel": "com.example.bank/staging"})
    assert set_marks(state, repository.files["timestamp.json"], None) == state
    document["signed"]["version"] = 9
    assert set_marks(state, json.dumps(document).encode(), None) == state


# ----------------------------------------------------------------------------------------------------- merging


def test_the_maximum_of_two_writers(repository: Repository) -> None:
    start = seed(repository)
    behind = publish_and_advance(repository, start)
    ahead = publish_and_advance(repository, behind)
    for joined in (merge(behind, ahead), merge(ahead, behind)):
        assert (joined.enforced, joined.timestamp, joined.snapshot) == (ahead.enforced, ahead.timestamp, ahead.snapshot)
        assert joined.seed is start.seed
    assert merge(start, start) == start


def test_ties_are_ours(repository: Repository) -> None:
    ours, theirs = seed(repository), seed(repository)
    joined = merge(ours, theirs)
    assert joined.enforced is ours.enforced
    assert joined.timestamp is ours.timestamp
    assert joined.snapshot is ours.snapshot


def test_who_has_no_set_takes_the_others(repository: Repository) -> None:
    empty = TrustedState(parse_anchor(repository.anchor))
    full = advance(repository, empty)
    assert merge(empty, full) == full
    assert merge(full, empty) == full
    assert merge(empty, empty) == empty


def test_the_higher_root_comes_first_and_drops_what_it_denies(repository: Repository) -> None:
    start = seed(repository)
    repository.versions.update(timestamp=2**40)
    ahead_of_root = publish_and_advance(repository, start)
    repository.rotate_keys("timestamp")
    repository.publish_root()
    repository.versions["timestamp"] = 0
    under_new_root = publish_and_advance(repository, start)
    for joined in (merge(ahead_of_root, under_new_root), merge(under_new_root, ahead_of_root)):
        assert joined.root.version == 2
        assert joined.timestamp is not None
        assert joined.timestamp.version == 1, "the fast-forward does not come back through the other writer"
        assert joined.enforced is under_new_root.enforced


def test_a_higher_root_alone_is_kept_and_the_enforced_set_too(repository: Repository) -> None:
    start = seed(repository)
    state = publish_and_advance(repository, start)
    repository.rotate_keys("timestamp")
    repository.publish_root()
    with_root = refresh(start, repository.fetch, now=repository.now).state
    assert with_root.root.version == 2
    for joined in (merge(state, with_root), merge(with_root, state)):
        assert joined.root.version == 2
        assert joined.enforced is state.enforced
        assert joined.timestamp is None


def test_of_two_chains_that_part_ours_is_the_one(repository: Repository) -> None:
    """Two roots of one version, both well signed: no publisher makes them, and a thief of root keys may."""
    start = seed(repository)
    first_keys = list(repository.signers["root"])
    repository.rotate_root()
    ours = publish_and_advance(repository, start)
    repository.signers["root"], repository.versions["root"] = first_keys, 1
    repository.rotate_root()
    repository.rotate_root()
    theirs = restore(start, StoredState(roots=(repository.files["2.root.json"], repository.files["3.root.json"]))).state
    assert (ours.root.version, theirs.root.version) == (2, 3)
    assert merge(ours, theirs) == ours
    assert merge(theirs, ours) == theirs


# ------------------------------------------------------------------------------------------- looking for roots


def test_a_root_is_looked_for_in_the_last_third_of_its_life(repository: Repository) -> None:
    state = TrustedState(parse_anchor(repository.anchor))
    two_thirds = EPOCH + timedelta(days=730) * 2 / 3
    assert not needs_root_lookup(state, now=EPOCH)
    assert not needs_root_lookup(state, now=two_thirds - timedelta(seconds=1))
    assert needs_root_lookup(state, now=two_thirds)
    assert needs_root_lookup(state, now=datetime.max.replace(tzinfo=UTC))


def test_the_seed_holds_the_clock_up_and_the_enforced_set_does_not(repository: Repository) -> None:
    late = Repository()
    late.add_host(HOST, [digest_text("key")])
    late.wait(days=600)
    late.publish()
    state = advance(late, TrustedState(parse_anchor(late.anchor)))
    assert not needs_root_lookup(state, now=EPOCH)
    assert needs_root_lookup(seed(late), now=EPOCH)


def test_a_root_that_does_not_say_when_it_was_issued_is_always_looked_after() -> None:
    repository = Repository(channel=None)
    assert needs_root_lookup(TrustedState(parse_anchor(repository.anchor)), now=EPOCH)


def test_a_root_that_was_born_expired_is_looked_after_from_its_end_on() -> None:
    repository = Repository()
    repository.resign("1.root.json", "root", expires="2026-11-22T12:00:00Z")
    state = TrustedState(parse_anchor(repository.anchor))
    assert needs_root_lookup(state, now=EPOCH)
    assert not needs_root_lookup(state, now=EPOCH - timedelta(days=1, seconds=1))


def test_errors_of_the_set_itself_are_told(repository: Repository) -> None:
    seeded = seed(repository)
    repository.manifest["hosts"] = []
    repository.publish()
    files = {**repository.current_files(), "1.root.json": repository.anchor}
    restored = restore(seeded, StoredState(files=files, accepted_at=repository.now))
    assert isinstance(restored.error, ScopeError)
    assert version(restored.state) == 1

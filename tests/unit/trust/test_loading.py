# SPDX-License-Identifier: Apache-2.0
"""Seed and cache: what is enforced at the start, and what two writers of one cache know together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.core.freshness import Source
from holdfast.errors import AnchorError, HoldfastError, MetadataError
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.bundle import fetch_from, parse_bundle
from holdfast.trust.loading import StoredState, load_seed, merge, needs_root_lookup, restore
from holdfast.trust.state import TrustedState
from holdfast.trust.verification import refresh
from tests.repository import Repository, digest_text

HOST = "api.example.com"


@pytest.fixture
def repository() -> Repository:
    made = Repository()
    made.add_host(HOST, [digest_text("first")])
    made.publish()
    return made


def open_seed(repository: Repository) -> TrustedState:
    return load_seed(parse_anchor(repository.anchor), parse_bundle(repository.bundle()))


def update(state: TrustedState, repository: Repository) -> TrustedState:
    outcome = refresh(state, repository.fetch, now=repository.now)
    assert outcome.error is None
    return outcome.state


def store(state: TrustedState, repository: Repository) -> StoredState:
    assert state.enforced is not None
    return StoredState(
        roots=tuple(root.data for root in state.roots),
        timestamp=state.timestamp.data if state.timestamp else None,
        snapshot=state.snapshot.data if state.snapshot else None,
        files=state.enforced.files,
        accepted_at=repository.now,
    )


def test_a_seed_without_a_timestamp_or_a_date_is_refused(repository: Repository) -> None:
    anchor, files = parse_anchor(repository.anchor), dict(parse_bundle(repository.bundle()))
    del files["timestamp.json"]
    with pytest.raises(HoldfastError):
        load_seed(anchor, files)


def test_the_cache_is_restored_with_its_versions(repository: Repository) -> None:
    seeded = open_seed(repository)
    repository.wait(hours=1)
    repository.publish()
    known = update(seeded, repository)
    restored = restore(seeded, store(known, repository))
    assert restored.error is None
    assert restored.source is Source.CACHE
    assert restored.state.enforced is not None
    assert known.enforced is not None
    assert restored.state.enforced.versions == known.enforced.versions
    assert restored.state.enforced.versions["timestamp"] == 2


def test_without_a_seed_an_empty_cache_is_empty(repository: Repository) -> None:
    restored = restore(TrustedState(parse_anchor(repository.anchor)), StoredState())
    assert (restored.source, restored.state.enforced, restored.error) == (None, None, None)


@pytest.mark.parametrize(
    ("roots", "code"),
    [((), "cache-syntax"), (("1.root.json", "2.root.json"), "cache-syntax"), (("9.root.json",), "anchor")],
)
def test_a_stored_set_without_the_one_root_that_accepted_it_is_dropped(
    repository: Repository, roots: tuple[str, ...], code: str
) -> None:
    seeded = open_seed(repository)
    stored = store(seeded, repository)
    files = {name: data for name, data in stored.files.items() if not name.endswith(".root.json")}
    files.update(dict.fromkeys(roots, repository.anchor))
    restored = restore(seeded, replace(stored, files=files))
    assert isinstance(restored.error, AnchorError | MetadataError)
    assert restored.error.code == code
    assert restored.source is Source.SEED


def test_another_root_of_the_accepting_version_is_not_believed(repository: Repository) -> None:
    seeded = open_seed(repository)
    stored = store(seeded, repository)
    stranger = Repository()
    restored = restore(seeded, replace(stored, files={**stored.files, "1.root.json": stranger.anchor}))
    assert isinstance(restored.error, AnchorError)


def test_a_stored_root_that_does_not_follow_ends_the_chain_there(repository: Repository) -> None:
    seeded = open_seed(repository)
    stranger = Repository()
    stranger.rotate_root()
    state = restore(seeded, StoredState(roots=(b"no root", stranger.files["2.root.json"]))).state
    assert state.root.version == 1


def test_merging_takes_the_higher_of_everything(repository: Repository) -> None:
    seeded = open_seed(repository)
    repository.wait(hours=1)
    repository.publish()
    ahead = update(seeded, repository)
    for joined in (merge(seeded, ahead), merge(ahead, seeded)):
        assert joined.enforced is ahead.enforced
        assert joined.timestamp is ahead.timestamp
        assert joined.snapshot is ahead.snapshot


def test_merging_two_states_without_a_set_has_none(repository: Repository) -> None:
    bare = TrustedState(parse_anchor(repository.anchor))
    assert merge(bare, bare) == bare


def test_a_higher_root_of_the_other_writer_clears_what_it_denies(repository: Repository) -> None:
    seeded = open_seed(repository)
    ours = update(seeded, repository)
    repository.rotate_keys("timestamp")
    repository.rotate_root()
    outcome = refresh(seeded, fetch_from({"2.root.json": repository.files["2.root.json"]}), now=repository.now)
    assert outcome.error is not None
    joined = merge(ours, outcome.state)
    assert joined.root.version == 2
    assert joined.timestamp is None
    assert joined.enforced is ours.enforced


def test_two_roots_of_one_version_are_never_joined(repository: Repository) -> None:
    seeded = open_seed(repository)
    repository.rotate_root()
    ours = refresh(seeded, fetch_from({"2.root.json": repository.files["2.root.json"]}), now=repository.now).state
    repository.wait(seconds=1)
    other = dict(repository.files)
    other["2.root.json"] = repository.resign("2.root.json", "root", **{"x-harmless": 1})
    theirs = refresh(seeded, fetch_from(other), now=repository.now).state
    assert ours.root.version == 2
    if theirs.root.version == 2:
        assert merge(ours, theirs) is ours


@pytest.mark.parametrize(("share", "wanted"), [(0.0, False), (0.6, False), (0.67, True), (1.1, True)])
def test_a_root_in_the_last_third_of_its_life_is_looked_after(
    repository: Repository, share: float, wanted: bool
) -> None:
    state = open_seed(repository)
    now = repository.now + timedelta(days=730 * share)
    assert needs_root_lookup(state, now=now) is wanted


def test_a_root_that_does_not_say_when_it_was_issued_is_always_looked_after() -> None:
    plain = Repository(channel=None)
    assert needs_root_lookup(TrustedState(parse_anchor(plain.anchor)), now=plain.now)

# SPDX-License-Identifier: Apache-2.0
"""``holdfast.trust.state``: what follows from what is known, under the newest trusted root."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from securesystemslib.signer import CryptoSigner

from holdfast.trust.anchor import parse_anchor
from holdfast.trust.loading import load_seed
from holdfast.trust.state import TrustedState, drop_replaced_marks, find_clock_references, is_retired
from holdfast.trust.verification import refresh
from tests.repository import EPOCH, Repository, digest_text


@pytest.fixture
def repository() -> Repository:
    repository = Repository()
    repository.add_host("api.example.com", [digest_text("key")])
    repository.publish()
    return repository


def settled(repository: Repository) -> TrustedState:
    outcome = refresh(TrustedState(parse_anchor(repository.anchor)), repository.fetch, now=repository.now)
    assert outcome.error is None
    return outcome.state


def with_new_root(repository: Repository, state: TrustedState, *roles: str) -> TrustedState:
    """The same state under one root more, which replaces the keys of these roles."""
    for role in roles:
        repository.rotate_keys(role)
    repository.publish_root()
    newest = refresh(TrustedState(parse_anchor(repository.anchor)), repository.fetch, now=repository.now).state
    return replace(state, roots=newest.roots)


def test_the_newest_root() -> None:
    repository = Repository()
    anchor = parse_anchor(repository.anchor)
    assert TrustedState(anchor).root is anchor.root
    repository.rotate_root()
    newest = refresh(TrustedState(anchor), repository.fetch, now=repository.now).state
    assert newest.root is newest.roots[-1]


@pytest.mark.parametrize(
    ("replaced", "timestamp", "snapshot"),
    [
        ([], True, True),
        (["timestamp"], False, True),
        (["snapshot"], True, False),
        (["timestamp", "snapshot"], False, False),
        (["targets"], True, True),
        (["root"], True, True),
    ],
)
def test_replacing_a_key_clears_what_it_signed(
    repository: Repository, replaced: list[str], timestamp: bool, snapshot: bool
) -> None:
    if replaced == ["root"]:
        state = settled(repository)
        repository.rotate_root()
        newest = refresh(state, repository.fetch, now=repository.now).state
        state = replace(state, roots=newest.roots)
    else:
        state = with_new_root(repository, settled(repository), *replaced)
    kept = drop_replaced_marks(state)
    assert (kept.timestamp is not None, kept.snapshot is not None) == (timestamp, snapshot)
    assert kept.enforced is state.enforced


def test_adding_a_key_clears_nothing(repository: Repository) -> None:
    state = settled(repository)
    for role in ("timestamp", "snapshot"):
        repository.signers[role].append(CryptoSigner.generate_ecdsa())
    state = with_new_root(repository, state)
    assert drop_replaced_marks(state) == state


def test_raising_a_threshold_clears_what_does_not_meet_it(repository: Repository) -> None:
    state = settled(repository)
    repository.signers["timestamp"].append(CryptoSigner.generate_ecdsa())
    repository.thresholds["timestamp"] = 2
    state = with_new_root(repository, state)
    kept = drop_replaced_marks(state)
    assert (kept.timestamp, kept.snapshot) == (None, state.snapshot)


def test_no_marks_are_no_marks(repository: Repository) -> None:
    empty = TrustedState(parse_anchor(repository.anchor))
    assert drop_replaced_marks(empty) == empty


@pytest.mark.parametrize(
    ("replaced", "retired"), [([], False), (["timestamp"], True), (["snapshot"], True), (["targets"], True)]
)
def test_a_set_is_retired_by_a_root_that_denies_one_of_its_roles(
    repository: Repository, replaced: list[str], retired: bool
) -> None:
    state = with_new_root(repository, settled(repository), *replaced)
    assert state.enforced is not None
    assert is_retired(state.enforced, state.root) is retired
    assert not is_retired(state.enforced, state.enforced.root)


def test_the_delegations_of_a_set_belong_to_the_set(repository: Repository) -> None:
    state = settled(repository)
    assert state.enforced is not None
    repository.rotate_keys("pins")
    repository.publish_targets()
    assert not is_retired(state.enforced, state.root)


def test_signing_times_count_while_the_newest_root_knows_the_key(repository: Repository) -> None:
    seeded = load_seed(parse_anchor(repository.anchor), repository.current_files())
    assert find_clock_references(TrustedState(seeded.anchor)) == (None, None)
    repository.wait(days=1)
    repository.publish()
    state = refresh(seeded, repository.fetch, now=repository.now).state
    both = (EPOCH, EPOCH + timedelta(days=1))
    assert find_clock_references(state) == both
    assert find_clock_references(with_new_root(repository, state, "snapshot")) == both
    assert find_clock_references(with_new_root(repository, state, "timestamp")) == (None, None)

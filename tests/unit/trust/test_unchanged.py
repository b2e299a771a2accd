# SPDX-License-Identifier: Apache-2.0
"""A file that has not changed is not read again, and is verified again like any other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tuf.api.metadata import Snapshot, Targets

from holdfast.errors import FreezeError, ScopeError, SignatureError
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.state import TrustedState, VerifiedManifest
from holdfast.trust.verification import Outcome, refresh
from tests.repository import Repository, digest_text

HOST = "api.example.com"


@pytest.fixture
def repository() -> Repository:
    repository = Repository()
    repository.add_host(HOST, [digest_text("current")])
    repository.publish()
    return repository


def take(repository: Repository, state: TrustedState | None = None) -> Outcome:
    return refresh(state or TrustedState(parse_anchor(repository.anchor)), repository.fetch, now=repository.now)


def enforced(outcome: Outcome) -> VerifiedManifest:
    assert outcome.error is None, outcome.error
    assert outcome.state.enforced is not None
    return outcome.state.enforced


def test_under_a_new_timestamp_nothing_else_is_read(repository: Repository) -> None:
    first = take(repository)
    repository.wait(hours=1)
    repository.publish_timestamp()
    before, after = enforced(first), enforced(take(repository, first.state))
    assert after.timestamp.version == before.timestamp.version + 1
    assert after.issued > before.issued
    assert after.scope is before.scope
    assert after.manifest is before.manifest
    assert after.table is before.table
    assert after.snapshot is before.snapshot
    assert set(after.targets) == {"targets", "pins"}
    assert all(after.targets[role] is before.targets[role] for role in after.targets)


def test_what_was_only_copied_is_read_as_it_was(repository: Repository) -> None:
    """The same set through another fetch: equal bytes, though not the same objects."""
    first = take(repository)
    repository.files = {name: bytes(bytearray(data)) for name, data in repository.files.items()}
    repository.publish_timestamp()
    assert enforced(take(repository, first.state)).table is enforced(first).table


def test_another_manifest_makes_another_table(repository: Repository) -> None:
    first = take(repository)
    repository.set_pins(HOST, [digest_text("next")])
    repository.publish_pins()
    repository.publish_snapshot()
    repository.publish_timestamp()
    before, after = enforced(first), enforced(take(repository, first.state))
    assert after.scope is before.scope
    assert after.targets["targets"] is before.targets["targets"]
    assert after.targets["pins"] is not before.targets["pins"]
    assert after.snapshot is not before.snapshot
    old, new = before.table.find(HOST), after.table.find(HOST)
    assert old is not None
    assert new is not None
    assert old.accept.leaf_spki.isdisjoint(new.accept.leaf_spki)


def test_another_scope_makes_another_table(repository: Repository) -> None:
    first = take(repository)
    repository.scope["unpinned"] = "deny"
    repository.publish_targets()
    repository.publish_snapshot()
    repository.publish_timestamp()
    before, after = enforced(first), enforced(take(repository, first.state))
    assert after.manifest is before.manifest
    assert after.scope is not before.scope
    assert after.table.unpinned is not before.table.unpinned
    assert after.targets["targets"] is not before.targets["targets"]


def test_an_unchanged_manifest_must_fit_the_new_scope(repository: Repository) -> None:
    first = take(repository)
    repository.scope["hosts"].append({**repository.scope["hosts"][0], "pattern": "www.example.com"})
    repository.publish_targets()
    repository.publish_snapshot()
    repository.publish_timestamp()
    refused = take(repository, first.state)
    assert isinstance(refused.error, ScopeError)
    assert refused.error.code == "host-without-pin"
    assert refused.state.enforced is enforced(first)


@pytest.mark.parametrize("role", [Targets.type, Snapshot.type])
def test_unchanged_bytes_are_worth_nothing_under_other_keys(role: str, repository: Repository) -> None:
    first = take(repository)
    before = list(repository.signers["root"])
    repository.rotate_keys(role)
    repository.publish_root(previous=before)
    repository.publish_timestamp()
    refused = take(repository, first.state)
    assert isinstance(refused.error, SignatureError)
    assert refused.error.role == role
    assert refused.state.enforced is enforced(first)


def test_unchanged_bytes_are_worth_nothing_under_another_delegation(repository: Repository) -> None:
    first = take(repository)
    repository.rotate_keys("pins")
    repository.publish_targets()
    repository.publish_snapshot()
    repository.publish_timestamp()
    refused = take(repository, first.state)
    assert isinstance(refused.error, SignatureError)
    assert refused.error.role == "pins"
    assert refused.state.enforced is enforced(first)


def test_unchanged_bytes_expire(repository: Repository) -> None:
    first = take(repository)
    pins = enforced(first).targets["pins"]
    repository.now = pins.signed.expires - timedelta(seconds=1)
    repository.publish_snapshot()
    repository.publish_timestamp()
    assert enforced(take(repository, first.state)).targets["pins"] is pins
    repository.now = pins.signed.expires
    repository.publish_timestamp()
    refused = take(repository, first.state)
    assert isinstance(refused.error, FreezeError)
    assert refused.error.role == "pins"

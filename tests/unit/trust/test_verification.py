# SPDX-License-Identifier: Apache-2.0
"""``holdfast.trust.verification``: every step of a refresh, what moves after it, and what each refusal is called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from tuf.api.metadata import DelegatedRole, Delegations, Targets

from holdfast.core.limits import MAX_DELEGATIONS, MAX_FILE_HASHES, MAX_ROOT_ROTATIONS, MAX_SCOPE_BYTES
from holdfast.errors import (
    AnchorError,
    ChannelError,
    FreezeError,
    HoldfastError,
    MetadataError,
    MixAndMatchError,
    RollbackError,
    ScopeError,
    SignatureError,
    TransportError,
)
from holdfast.trust import verification
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.loading import load_seed
from holdfast.trust.state import TrustedState
from holdfast.trust.verification import Outcome, Workflow, refresh
from tests.repository import EPOCH, Repository, digest_text

HOST = "api.example.com"
KEY = digest_text("key")


@pytest.fixture
def repository() -> Repository:
    repository = Repository()
    repository.add_host(HOST, [KEY])
    repository.publish()
    return repository


def start(repository: Repository) -> TrustedState:
    return TrustedState(parse_anchor(repository.files["1.root.json"]))


def run(repository: Repository, state: TrustedState | None = None, *, now: datetime | None = None) -> Outcome:
    return refresh(state or start(repository), repository.fetch, now=now or repository.now)


def settled(repository: Repository) -> TrustedState:
    outcome = run(repository)
    assert outcome.error is None, outcome.error
    return outcome.state


def refused(outcome: Outcome, kind: type[HoldfastError], code: str, role: str | None = None) -> Any:
    assert type(outcome.error) is kind, outcome.error
    assert outcome.error.code == code
    assert getattr(outcome.error, "role", None) == role
    return outcome.error


def manifest_version(state: TrustedState) -> int | None:
    return None if state.enforced is None else state.enforced.manifest.version


def republish(repository: Repository) -> None:
    """Publish what stands above the targets roles, after one of them was changed."""
    repository.publish_snapshot()
    repository.publish_timestamp()


# ----------------------------------------------------------------------------------------------- the whole way


def test_a_first_refresh(repository: Repository) -> None:
    outcome = run(repository)
    assert (outcome.error, outcome.has_conflict) == (None, False)
    state = outcome.state
    assert state.roots == ()
    verified = state.enforced
    assert verified is not None
    assert verified.versions == {"root": 1, "timestamp": 1, "snapshot": 1, "targets": 1, "pins": 1}
    assert verified.rank == (1, 1, 1)
    assert verified.issued == EPOCH
    assert not verified.is_break_glass
    assert verified.manifest.version == 1
    assert list(verified.table.hosts) == [HOST]
    assert verified.timestamp_sha256 == hashlib.sha256(repository.files["timestamp.json"]).hexdigest()
    (scope_name,) = [name for name in verified.files if name.endswith(".scope.json")]
    assert scope_name == f"targets/{verified.scope_sha256}.scope.json"
    assert dict(verified.files) == {name: repository.files[name] for name in verified.files}
    assert sorted(name for name in verified.files if not name.startswith("targets/")) == [
        "1.pins.json", "1.root.json", "1.snapshot.json", "1.targets.json", "timestamp.json",
    ]  # fmt: skip
    assert state.timestamp is verified.timestamp
    assert state.snapshot is verified.snapshot
    assert "files=" not in repr(verified)


def test_a_steady_refresh_asks_for_two_files(repository: Repository) -> None:
    state = settled(repository)
    repository.wait(hours=1)
    repository.publish_timestamp()
    repository.requests.clear()
    outcome = run(repository, state)
    assert outcome.error is None
    assert repository.requests == {"2.root.json": 1, "timestamp.json": 1}
    assert outcome.state.enforced is not None
    assert outcome.state.enforced.issued == EPOCH + timedelta(hours=1)


def test_a_change_asks_for_what_changed(repository: Repository) -> None:
    state = settled(repository)
    repository.set_pins(HOST, [digest_text("next")])
    repository.manifest["version"] += 1
    repository.publish_pins()
    republish(repository)
    repository.requests.clear()
    outcome = run(repository, state)
    assert manifest_version(outcome.state) == 2
    assert sorted(name for name in repository.requests if "/" not in name) == [
        "2.pins.json", "2.root.json", "2.snapshot.json", "timestamp.json",
    ]  # fmt: skip
    assert [name[-14:] for name in repository.requests if "/" in name] == [".manifest.json"]


def test_a_plain_repository_has_no_channel_and_no_signing_time() -> None:
    repository = Repository(channel=None)
    repository.add_host(HOST, [KEY])
    repository.publish()
    verified = settled(repository).enforced
    assert verified is not None
    assert verified.issued == repository.now  # the device's own, for lack of another


# ------------------------------------------------------------------------------------------------------- roots


def test_roots_are_followed_one_by_one(repository: Repository) -> None:
    for _ in range(3):
        repository.rotate_root()
    state = settled(repository)
    assert [root.version for root in state.roots] == [2, 3, 4]
    assert state.root.version == 4


def test_at_most_so_many_roots_in_one_refresh(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_ROOT_ROTATIONS == 256
    monkeypatch.setattr(verification, "MAX_ROOT_ROTATIONS", 3)
    for _ in range(4):
        repository.rotate_root()
    first = settled(repository)
    assert first.root.version == 4
    second = run(repository, first)
    assert second.state.root.version == 5


@pytest.mark.parametrize(
    ("spoil", "kind", "code"),
    [
        (lambda files: files.update({"3.root.json": b"{}"}), MetadataError, "metadata-syntax"),
        (lambda files: files.update({"3.root.json": files["2.root.json"]}), AnchorError, "root-version"),
        (lambda files: files.update({"3.root.json": files["4.root.json"]}), AnchorError, "root-version"),
        (lambda files: files.update({"3.root.json": b"x" * 512_001}), MetadataError, "json-too-large"),
    ],
)
def test_a_root_that_does_not_follow_ends_the_chain_and_what_came_before_stays(
    repository: Repository, spoil: Callable[[dict[str, bytes]], None], kind: type[HoldfastError], code: str
) -> None:
    state = settled(repository)
    for _ in range(3):
        repository.rotate_root()
    spoil(repository.files)
    outcome = run(repository, state)
    refused(outcome, kind, code, "root")
    assert outcome.state.root.version == 2
    assert outcome.state.enforced is state.enforced


def test_the_next_root_needs_both_thresholds(repository: Repository) -> None:
    old = list(repository.signers["root"])
    repository.rotate_keys("root")
    new = list(repository.signers["root"])
    repository.publish_root(previous=old)
    both = json.loads(repository.files["2.root.json"])
    for missing in (old, new):
        keyids = {signer.public_key.keyid for signer in missing[1:]}
        signatures = [entry for entry in both["signatures"] if entry["keyid"] not in keyids]
        repository.files["2.root.json"] = json.dumps({**both, "signatures": signatures}).encode()
        refused(run(repository), SignatureError, "signature-threshold", "root")


def test_a_root_of_another_channel_is_none_of_ours(repository: Repository) -> None:
    repository.channel = "com.example.bank/staging"
    repository.publish_root()
    outcome = run(repository)
    refused(outcome, ChannelError, "channel-mismatch", "root")
    assert outcome.state.roots == ()


def test_only_the_newest_roots_expiry_counts(repository: Repository) -> None:
    repository.wait(days=729)
    repository.rotate_root()
    repository.wait(days=729)
    repository.rotate_root()
    repository.publish()
    assert settled(repository).root.version == 3
    repository.wait(days=731)
    repository.publish()
    outcome = run(repository)
    refused(outcome, FreezeError, "expired", "root")
    assert outcome.state.root.version == 3, "the chain stays known"


def test_a_root_alone_is_kept(repository: Repository) -> None:
    state = settled(repository)
    repository.rotate_root()
    for name in list(repository.files):
        if not name.endswith(".root.json"):
            del repository.files[name]
    outcome = run(repository, state)
    refused(outcome, MixAndMatchError, "file-missing", "timestamp")
    assert outcome.state.root.version == 2
    assert outcome.state.enforced is state.enforced


@pytest.mark.parametrize("broken", ["missing", "spoiled", "unreachable"])
def test_marks_fall_with_their_keys_however_the_chain_ends(repository: Repository, broken: str) -> None:
    repository.versions["timestamp"] = 2**53 - 2
    repository.publish_timestamp()
    state = settled(repository)
    assert state.timestamp is not None
    repository.rotate_keys("timestamp")
    repository.publish_root()
    repository.rotate_root()
    if broken == "missing":
        del repository.files["3.root.json"]
    elif broken == "spoiled":
        repository.files["3.root.json"] = b"{}"

    def fetch(name: str, version: int | None, max_bytes: int) -> bytes | None:
        if broken == "unreachable" and (name, version) == ("root", 3):
            raise TransportError("timed out")
        return repository.fetch(name, version, max_bytes)

    repository.versions["timestamp"] = 0
    repository.publish_timestamp()
    outcome = refresh(state, fetch, now=repository.now)
    assert (outcome.error is None) is (broken == "missing")
    assert outcome.state.root.version == 2
    if broken != "missing":
        assert outcome.state.timestamp is None, "the mark must not outlive the key that carried it"
    del repository.files["2.root.json"]
    repository.files.pop("3.root.json", None)
    assert refresh(outcome.state, repository.fetch, now=repository.now).error is None


# --------------------------------------------------------------------------------------------------- timestamp


def test_a_missing_timestamp(repository: Repository) -> None:
    del repository.files["timestamp.json"]
    refused(run(repository), MixAndMatchError, "file-missing", "timestamp")


def test_a_timestamp_that_is_too_large(repository: Repository) -> None:
    repository.files["timestamp.json"] += b" " * 16_384
    refused(run(repository), MetadataError, "json-too-large", "timestamp")


def test_a_lower_timestamp(repository: Repository) -> None:
    old = repository.files["timestamp.json"]
    repository.wait(hours=1)
    repository.publish_timestamp()
    state = settled(repository)
    repository.files["timestamp.json"] = old
    error = refused(run(repository, state), RollbackError, "rollback-timestamp", "timestamp")
    assert (error.version, error.known_version, error.issued) == (1, 2, EPOCH)


def test_a_timestamp_that_names_a_lower_snapshot(repository: Repository) -> None:
    repository.publish_snapshot()
    repository.publish_timestamp()
    state = settled(repository)
    repository.versions["snapshot"] = 1
    repository.publish_timestamp()
    error = refused(run(repository, state), RollbackError, "rollback-snapshot", "snapshot")
    assert (error.version, error.known_version, error.issued) == (1, 2, EPOCH)
    assert run(repository, state).state.timestamp is state.timestamp


def test_the_same_snapshot_again_is_no_rollback(repository: Repository) -> None:
    state = settled(repository)
    repository.publish_timestamp()
    assert run(repository, state).error is None


def test_two_contents_under_one_version(repository: Repository) -> None:
    state = settled(repository)
    repository.versions["timestamp"] = 0
    repository.wait(hours=1)
    repository.publish_timestamp()
    outcome = run(repository, state)
    assert (outcome.error, outcome.has_conflict) == (None, True)
    assert outcome.state.timestamp is state.timestamp
    assert outcome.state.enforced is not None
    assert outcome.state.enforced.issued == EPOCH


def test_the_same_content_with_another_signature_is_no_conflict(repository: Repository) -> None:
    state = settled(repository)
    repository.resign("timestamp.json", "timestamp")
    outcome = run(repository, state)
    assert (outcome.error, outcome.has_conflict) == (None, False)
    assert outcome.state.timestamp is state.timestamp


def test_an_expired_timestamp(repository: Repository) -> None:
    last = EPOCH + timedelta(days=7)
    assert run(repository, now=last - timedelta(seconds=1)).error is None
    refused(run(repository, now=last), FreezeError, "expired", "timestamp")


def test_a_timestamp_of_a_channel_says_when_it_was_signed(repository: Repository) -> None:
    document = json.loads(repository.files["timestamp.json"])
    del document["signed"]["x-holdfast-issued"]
    repository.files["timestamp.json"] = json.dumps(document).encode()
    repository.resign("timestamp.json", "timestamp")
    outcome = run(repository)
    refused(outcome, MetadataError, "issued-missing", "timestamp")
    assert outcome.state.timestamp is None


LIVES = {"timestamp": 7, "pins": 30, "snapshot": 30, "targets": 365, "root": 730}


@pytest.mark.parametrize("role", LIVES)
def test_a_timestamp_is_not_signed_after_a_role_of_its_set_expired(role: str) -> None:
    repository = Repository()
    repository.add_host(HOST, [KEY])
    repository.publish()
    if role != "timestamp":  # every other role lives longer than the one in question
        for name, signer in (("1.pins.json", "pins"), ("1.snapshot.json", "snapshot"), ("1.targets.json", "targets")):
            if signer != role:
                repository.resign(name, signer, expires="2039-01-01T00:00:00Z")
        repository.publish_snapshot()
        if role == "snapshot":
            repository.resign("2.snapshot.json", "snapshot", expires="2026-12-23T12:00:00Z")
        else:
            repository.resign("2.snapshot.json", "snapshot", expires="2039-01-01T00:00:00Z")
    state = start(repository)
    last = EPOCH + timedelta(days=LIVES[role])
    for signed_at, code in ((last, None), (last + timedelta(seconds=1), "issued-after-expiry")):
        repository.issued_override = signed_at
        repository.publish_timestamp()
        if role != "timestamp":
            repository.resign("timestamp.json", "timestamp", expires="2039-01-01T00:00:00Z")
        outcome = run(repository, state)
        if code is None:
            assert outcome.error is None
        else:
            refused(outcome, MetadataError, code, role)
            assert outcome.state.enforced is None


# ---------------------------------------------------------------------------------------------------- snapshot


def test_a_missing_snapshot_leaves_the_timestamp_as_mark(repository: Repository) -> None:
    state = settled(repository)
    repository.publish_snapshot()
    repository.publish_timestamp()
    snapshot = repository.files.pop("2.snapshot.json")
    outcome = run(repository, state)
    refused(outcome, MixAndMatchError, "file-missing", "snapshot")
    assert outcome.state.timestamp is not None
    assert (outcome.state.timestamp.version, outcome.state.snapshot) == (2, state.snapshot)
    repository.files["2.snapshot.json"] = snapshot
    assert run(repository, outcome.state).error is None, "a half-fetched set completes"


def test_a_snapshot_of_other_octets(repository: Repository) -> None:
    repository.files["1.snapshot.json"] += b" "
    refused(run(repository), MixAndMatchError, "hash-mismatch", "snapshot")
    repository.resign("1.snapshot.json", "snapshot")
    refused(run(repository), MixAndMatchError, "hash-mismatch", "snapshot")


def name_snapshot(repository: Repository, **meta: Any) -> None:
    repository.resign("timestamp.json", "timestamp", meta={"snapshot.json": {"version": 1, **meta}})


def test_a_snapshot_named_by_its_version_alone(repository: Repository) -> None:
    name_snapshot(repository)
    assert run(repository).error is None
    repository.resign("1.snapshot.json", "snapshot", version=2)
    refused(run(repository), MixAndMatchError, "version-mismatch", "snapshot")


EIGHT_HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512")


def hashes_of(data: bytes, *names: str) -> dict[str, str]:
    return {name: hashlib.new(name, data).hexdigest() for name in names}


@pytest.mark.parametrize(
    ("hashes", "good"),
    [
        (lambda data: hashes_of(data, "sha512"), True),
        (lambda data: hashes_of(data, "sha256", "sha512", "sha3_256"), True),
        (lambda data: hashes_of(data, "sha256") | {"sha512": "00"}, False),
        (lambda data: hashes_of(data, "sha256") | {"later": "00"}, False),
        (lambda data: {"sha256": hashes_of(data, "sha256")["sha256"].upper()}, False),
        (lambda data: {"shake_128": "00"}, False),
        (lambda data: {"": "00"}, False),
        (lambda data: hashes_of(data, *EIGHT_HASHES), True),
        (lambda data: hashes_of(data, *EIGHT_HASHES, "sha3_224"), False),
    ],
)
def test_all_hashes_count_and_they_are_few(
    repository: Repository, hashes: Callable[[bytes], dict[str, str]], good: bool
) -> None:
    assert MAX_FILE_HASHES == 8
    name_snapshot(repository, hashes=hashes(repository.files["1.snapshot.json"]))
    outcome = run(repository)
    if good:
        assert outcome.error is None
    else:
        refused(outcome, MixAndMatchError, "hash-mismatch", "snapshot")


def test_the_length_counts(repository: Repository) -> None:
    name_snapshot(repository, length=len(repository.files["1.snapshot.json"]))
    assert run(repository).error is None
    name_snapshot(repository, length=len(repository.files["1.snapshot.json"]) + 1)
    refused(run(repository), MixAndMatchError, "hash-mismatch", "snapshot")


def test_a_snapshot_lists_all_that_it_ever_listed(repository: Repository) -> None:
    repository.extra_meta["pins-2"] = 1
    republish(repository)
    state = settled(repository)
    del repository.extra_meta["pins-2"]
    republish(repository)
    refused(run(repository, state), RollbackError, "role-removed", "snapshot")


def test_a_snapshot_lists_nothing_lower(repository: Repository) -> None:
    repository.extra_meta["pins-2"] = 5
    republish(repository)
    state = settled(repository)
    repository.extra_meta["pins-2"] = 4
    republish(repository)
    outcome = run(repository, state)
    error = refused(outcome, RollbackError, "rollback-role", "pins-2")
    assert (error.version, error.known_version) == (4, 5)
    assert outcome.state.snapshot is state.snapshot


def test_an_expired_snapshot(repository: Repository) -> None:
    last = EPOCH + timedelta(days=30)
    repository.resign("timestamp.json", "timestamp", expires="2039-01-01T00:00:00Z")
    assert run(repository, now=last - timedelta(seconds=1)).error is None
    outcome = run(repository, now=last)
    refused(outcome, FreezeError, "expired", "snapshot")
    assert outcome.state.snapshot is None


def test_another_snapshot_of_the_known_version_is_fetched_and_judged(repository: Repository) -> None:
    state = settled(repository)
    repository.versions["snapshot"] = 0
    repository.extra_meta["pins-2"] = 1
    republish(repository)
    outcome = run(repository, state)
    assert outcome.error is None
    assert outcome.state.snapshot is not None
    assert "pins-2.json" in outcome.state.snapshot.signed.meta


# ----------------------------------------------------------------------------------------------------- targets


@pytest.mark.parametrize("role", ["targets", "pins"])
def test_a_targets_role_that_is_missing_other_or_unlisted(repository: Repository, role: str) -> None:
    data = repository.files.pop(f"1.{role}.json")
    refused(run(repository), MixAndMatchError, "file-missing", role)
    repository.files[f"1.{role}.json"] = data + b" "
    refused(run(repository), MixAndMatchError, "hash-mismatch", role)
    repository.files[f"1.{role}.json"] = data
    repository.versions[role] = 0
    republish(repository)
    refused(run(repository), MixAndMatchError, "role-unlisted", role)


@pytest.mark.parametrize("role", ["targets", "pins"])
def test_a_targets_role_of_another_version(repository: Repository, role: str) -> None:
    repository.resign(f"1.{role}.json", role, version=2)
    republish(repository)
    refused(run(repository), MixAndMatchError, "version-mismatch", role)


@pytest.mark.parametrize("role", ["targets", "pins"])
def test_a_targets_role_under_other_keys(repository: Repository, role: str) -> None:
    repository.signers[role] = repository.signers["snapshot"]
    repository.resign(f"1.{role}.json", role)
    republish(repository)
    refused(run(repository), SignatureError, "signature-threshold", role)


@pytest.mark.parametrize("role", ["targets", "pins"])
def test_a_targets_role_of_another_channel(repository: Repository, role: str) -> None:
    repository.resign(f"1.{role}.json", role, **{"x-holdfast-channel": "com.example.bank/staging"})
    republish(repository)
    refused(run(repository), ChannelError, "channel-mismatch", role)


@pytest.mark.parametrize(("role", "days"), [("targets", 365), ("pins", 30)])
def test_an_expired_targets_role(repository: Repository, role: str, days: int) -> None:
    repository.wait(days=days)
    if role == "targets":
        repository.publish_pins()
    republish(repository)
    refused(run(repository), FreezeError, "expired", role)
    assert run(repository, now=repository.now - timedelta(seconds=1)).error is None


def test_an_expired_role_at_hand_is_fetched_again_before_it_is_refused(repository: Repository) -> None:
    state = settled(repository)
    repository.wait(days=30)
    republish(repository)
    repository.requests.clear()
    refused(run(repository, state), FreezeError, "expired", "pins")
    assert repository.requests["1.pins.json"] == 1


# ------------------------------------------------------------------------------------------- scope and manifest


def test_a_set_without_a_scope_or_a_manifest(repository: Repository) -> None:
    targets = json.loads(repository.files["1.targets.json"])["signed"]["targets"]
    repository.resign("1.targets.json", "targets", targets={"other.json": targets["scope.json"]})
    republish(repository)
    refused(run(repository), ScopeError, "target-missing", "scope.json")
    repository.resign("1.targets.json", "targets", targets=targets)
    repository.resign("1.pins.json", "pins", targets={})
    republish(repository)
    refused(run(repository), ScopeError, "target-missing", "manifest.json")


def test_a_scope_of_a_delegated_role_is_none(repository: Repository) -> None:
    scope = json.loads(repository.files["1.targets.json"])["signed"]["targets"]["scope.json"]
    pins = json.loads(repository.files["1.pins.json"])["signed"]["targets"]
    repository.resign("1.pins.json", "pins", targets={**pins, "scope.json": scope})
    repository.resign("1.targets.json", "targets", targets={})
    republish(repository)
    refused(run(repository), ScopeError, "target-missing", "scope.json")


def list_target(repository: Repository, **changes: Any) -> None:
    target = json.loads(repository.files["1.targets.json"])["signed"]["targets"]["scope.json"]
    repository.resign("1.targets.json", "targets", targets={"scope.json": {**target, **changes}})
    republish(repository)


@pytest.mark.parametrize(
    "changes",
    [
        {"hashes": {"sha512": "ab"}},
        {"hashes": {"sha256": "AB" * 32}},
        {"hashes": {"sha256": "ab" * 31}},
        {"hashes": {"sha256": "../" + "a" * 61}},
        {"length": MAX_SCOPE_BYTES + 1},
    ],
)
def test_a_target_that_cannot_be_used(repository: Repository, changes: dict[str, Any]) -> None:
    list_target(repository, **changes)
    refused(run(repository), MixAndMatchError, "target-unusable", "scope.json")


def test_a_target_as_long_as_allowed_is_asked_for_by_its_length(repository: Repository) -> None:
    list_target(repository, length=MAX_SCOPE_BYTES)
    asked: list[int] = []

    def fetch(name: str, version: int | None, max_bytes: int) -> bytes | None:
        if name.startswith("targets/"):
            asked.append(max_bytes)
        return repository.fetch(name, version, max_bytes)

    refused(refresh(start(repository), fetch, now=repository.now), MixAndMatchError, "hash-mismatch", "scope.json")
    assert MAX_SCOPE_BYTES in asked


@pytest.mark.parametrize("path", ["scope.json", "manifest.json"])
def test_a_target_that_is_missing_or_of_other_octets(repository: Repository, path: str) -> None:
    (name,) = [name for name in repository.files if name.endswith(f".{path}")]
    data = repository.files.pop(name)
    refused(run(repository), MixAndMatchError, "file-missing", path)
    repository.files[name] = data.replace(b"1", b"2", 1)
    refused(run(repository), MixAndMatchError, "hash-mismatch", path)


@pytest.mark.parametrize("path", ["scope.json", "manifest.json"])
def test_a_document_of_another_channel_or_form(repository: Repository, path: str) -> None:
    document = repository.scope if path == "scope.json" else repository.manifest
    document["channel"] = "com.example.bank/staging"
    repository.publish()
    refused(run(repository), ChannelError, "channel-mismatch", path)
    document["channel"] = "nonsense"
    repository.publish()
    refused(run(repository), MetadataError, "channel-syntax", path)


def test_a_plain_repository_may_hold_a_scope_of_any_channel() -> None:
    repository = Repository(channel=None)
    repository.add_host(HOST, [KEY])
    repository.publish()
    assert run(repository).error is None


def test_what_does_not_fit_together_is_not_enforced_and_stays_refused(repository: Repository) -> None:
    state = settled(repository)
    repository.manifest["hosts"] = []
    repository.publish()
    outcome = run(repository, state)
    refused(outcome, ScopeError, "host-without-pin", "manifest.json")
    assert outcome.state.enforced is state.enforced
    again = run(repository, outcome.state)
    refused(again, ScopeError, "host-without-pin", "manifest.json")


# ------------------------------------------------------------------------------------------------- delegations


def delegate(repository: Repository, *roles: DelegatedRole, lists_manifest: bool = False) -> None:
    """Let the top-level targets delegate to these roles, all with the key of ``pins``."""
    (signer,) = repository.signers["pins"]
    signed = Targets(version=repository._next("targets"), expires=repository._expires("targets"))
    signed.targets["scope.json"] = repository._add_target("scope.json", repository.scope)
    if lists_manifest:
        signed.targets["manifest.json"] = repository._add_target("manifest.json", repository.manifest)
    key = signer.public_key
    signed.delegations = Delegations({key.keyid: key}, {role.name: role for role in roles})
    signed.unrecognized_fields = repository._extra()
    repository.files[f"{signed.version}.targets.json"] = repository.sign(signed, repository.signers["targets"])


def role(
    repository: Repository, name: str, *, terminating: bool = False, paths: tuple[str, ...] = ("*",)
) -> DelegatedRole:
    return DelegatedRole(name, [repository.signers["pins"][0].public_key.keyid], 1, terminating, list(paths))


def put(repository: Repository, name: str, *roles: DelegatedRole, manifest: int | None = None) -> None:
    """Publish a delegated role that delegates on, or lists a manifest of this version."""
    signed = Targets(version=1, expires=repository._expires("pins"))
    if manifest is not None:
        document = {**repository.manifest, "version": manifest}
        signed.targets["manifest.json"] = repository._add_target("manifest.json", document)
    if roles:
        key = repository.signers["pins"][0].public_key
        signed.delegations = Delegations({key.keyid: key}, {one.name: one for one in roles})
    signed.unrecognized_fields = repository._extra()
    repository.files[f"1.{name}.json"] = repository.sign(signed, repository.signers["pins"])
    repository.extra_meta[name] = 1


def searched(repository: Repository) -> Outcome:
    repository.versions["pins"] = 0
    republish(repository)
    repository.requests.clear()
    return run(repository)


def visited(repository: Repository) -> list[str]:
    names = [name.split(".")[1] for name in repository.requests if name.count(".") == 2 and "/" not in name]
    return [name for name in names if name not in ("root", "snapshot")]


def test_the_search_is_in_pre_order(repository: Repository) -> None:
    delegate(repository, role(repository, "a"), role(repository, "b"))
    put(repository, "a", role(repository, "a1"), role(repository, "a2"))
    put(repository, "a1")
    put(repository, "a2", manifest=9)
    put(repository, "b", manifest=8)
    outcome = searched(repository)
    assert manifest_version(outcome.state) == 9
    assert visited(repository) == ["targets", "a", "a1", "a2"]


def test_a_role_that_does_not_match_is_not_visited(repository: Repository) -> None:
    delegate(
        repository,
        role(repository, "a", paths=("scope.json", "*/manifest.json", "manifest.json/*", "m?nifest", "MANIFEST.JSON")),
        role(repository, "b", paths=("x", "mani?est.*")),
    )
    put(repository, "b", manifest=9)
    outcome = searched(repository)
    assert manifest_version(outcome.state) == 9
    assert visited(repository) == ["targets", "b"]


def test_a_terminating_role_ends_the_search(repository: Repository) -> None:
    delegate(repository, role(repository, "a"), role(repository, "c"))
    put(repository, "a", role(repository, "a1", terminating=True), role(repository, "a2"))
    put(repository, "a1")
    put(repository, "a2", manifest=9)
    put(repository, "c", manifest=8)
    refused(searched(repository), ScopeError, "target-missing", "manifest.json")
    assert visited(repository) == ["targets", "a", "a1"]


def test_a_circle_is_walked_once(repository: Repository) -> None:
    delegate(repository, role(repository, "a"), role(repository, "b"))
    put(repository, "a", role(repository, "b"))
    put(repository, "b", role(repository, "a"))
    refused(searched(repository), ScopeError, "target-missing", "manifest.json")
    assert visited(repository) == ["targets", "a", "b"]


@pytest.mark.parametrize(("depth", "found"), [(MAX_DELEGATIONS, True), (MAX_DELEGATIONS + 1, False)])
def test_a_search_visits_so_many_roles_and_no_more(repository: Repository, depth: int, found: bool) -> None:
    delegate(repository, role(repository, "d1"))
    for number in range(1, depth):
        put(repository, f"d{number}", role(repository, f"d{number + 1}"))
    put(repository, f"d{depth}", manifest=9)
    outcome = searched(repository)
    assert len(visited(repository)) == 1 + MAX_DELEGATIONS
    if found:
        assert manifest_version(outcome.state) == 9
    else:
        refused(outcome, ScopeError, "target-missing", "manifest.json")


def test_what_the_security_team_lists_itself_wins_and_the_rest_is_not_asked_for(repository: Repository) -> None:
    repository.is_break_glass = True
    repository.publish()
    del repository.files["2.pins.json"]
    repository.requests.clear()
    outcome = run(repository)
    assert outcome.state.enforced is not None
    assert outcome.state.enforced.is_break_glass
    assert visited(repository) == ["targets"]
    assert outcome.state.enforced.versions.keys() == {"root", "timestamp", "snapshot", "targets"}


@pytest.mark.parametrize("name", ["1.root", "../pins", "a/b", "Pins", "é", "a" * 65])
def test_a_role_of_a_channel_has_a_name_that_files_can_have(repository: Repository, name: str) -> None:
    delegate(repository, role(repository, name))
    put(repository, name, manifest=9)
    outcome = searched(repository)
    refused(outcome, MetadataError, "metadata-syntax", name)
    assert visited(repository) == ["targets"]


def test_a_plain_repository_may_name_its_roles_as_it_likes() -> None:
    repository = Repository(channel=None)
    repository.add_host(HOST, [KEY])
    repository.publish()
    delegate(repository, role(repository, "Täglich/1.root"))
    put(repository, "Täglich/1.root", manifest=9)
    assert manifest_version(searched(repository).state) == 9


def test_a_role_of_two_delegators_is_verified_under_each(repository: Repository) -> None:
    other = Repository()
    delegate(repository, role(repository, "a"), role(repository, "b"), role(repository, "c"))
    stranger = other.signers["pins"][0].public_key
    put(repository, "a", DelegatedRole("b", [stranger.keyid], 1, False, ["other.json"]))
    document = json.loads(repository.files["1.a.json"])
    document["signed"]["delegations"]["keys"] = {stranger.keyid: stranger.to_dict()}
    repository.files["1.a.json"] = json.dumps(document).encode()
    repository.resign("1.a.json", "pins")
    put(repository, "b", manifest=9)
    put(repository, "c", role(repository, "b"))
    assert manifest_version(searched(repository).state) == 9
    workflow = Workflow(start(repository), repository.fetch, now=repository.now)
    workflow.update_roots()
    workflow.update_timestamp()
    workflow.update_snapshot()
    assert workflow.find_target("manifest.json") is not None
    before = repository.requests["1.b.json"]
    assert workflow.load_targets("b", "targets") is workflow.targets["b"]
    with pytest.raises(SignatureError):
        workflow.load_targets("b", "a")
    workflow.load_targets("c", "targets")
    assert workflow.load_targets("b", "c") is workflow.targets["b"]
    assert workflow.load_targets("b", "c") is workflow.targets["b"]
    assert repository.requests["1.b.json"] == before


# ---------------------------------------------------------------------------------------------------- the clock


def test_the_clock_is_held_up_by_what_was_signed(repository: Repository) -> None:
    repository.wait(days=20)
    repository.publish()
    state = settled(repository)
    repository.now = EPOCH  # a device that is twenty days behind would take this for alive
    repository.publish_timestamp()
    refused(run(repository, state, now=EPOCH), FreezeError, "expired", "timestamp")
    assert run(repository, now=EPOCH).error is None, "the control: who accepted nothing is not held up"


def test_the_seed_holds_the_clock_up_for_roots_too(repository: Repository) -> None:
    repository.wait(days=400)
    repository.publish()
    seeded = load_seed(parse_anchor(repository.anchor), repository.current_files())
    repository.now = EPOCH - timedelta(days=400)
    repository.publish_root()  # expires before the seed was signed
    refused(run(repository, seeded, now=EPOCH), FreezeError, "expired", "root")
    assert run(repository, now=EPOCH).state.root.version == 2, "the control: the device alone sees nothing wrong"


def test_the_floor_does_not_expire_a_root(repository: Repository) -> None:
    # The online keys sign 729 days ahead; only the keys of the other roles keep them from more.
    repository.now = EPOCH + timedelta(days=729)
    repository.publish()
    repository.now = EPOCH
    state = run(repository, now=EPOCH).state
    assert state.enforced is not None
    assert state.enforced.issued == EPOCH + timedelta(days=729)
    repository.rotate_keys("timestamp")
    repository.publish_root()
    repository.versions["timestamp"] = 0
    repository.publish_timestamp()
    outcome = run(repository, state, now=EPOCH)
    assert outcome.error is None, "a new root ends it: the floor no longer counts"
    assert outcome.state.enforced is not None
    assert outcome.state.enforced.issued == EPOCH


# ----------------------------------------------------------------------------------------------- what is a bug


def test_a_transport_error_ends_the_refresh_and_keeps_the_progress(repository: Repository) -> None:
    state = settled(repository)
    repository.publish()

    def fetch(name: str, version: int | None, max_bytes: int) -> bytes | None:
        if name == "pins":
            raise TransportError("unreachable")
        return repository.fetch(name, version, max_bytes)

    outcome = refresh(state, fetch, now=repository.now)
    refused(outcome, TransportError, "transport")
    assert outcome.state.snapshot is not None
    assert outcome.state.snapshot.version == 2
    assert outcome.state.enforced is state.enforced


@pytest.mark.parametrize("step", ["update_snapshot", "accept_manifest", "load_targets"])
def test_steps_out_of_order_are_a_callers_bug(repository: Repository, step: str) -> None:
    workflow = Workflow(start(repository), repository.fetch, now=repository.now)
    arguments = ("targets", "root") if step == "load_targets" else ()
    with pytest.raises(AssertionError):
        getattr(workflow, step)(*arguments)


def test_every_file_is_asked_for_within_its_bound(repository: Repository) -> None:
    bounds: dict[str, int] = {}

    def fetch(name: str, version: int | None, max_bytes: int) -> bytes | None:
        bounds[name if not name.startswith("targets/") else name[73:]] = max_bytes
        return repository.fetch(name, version, max_bytes)

    assert refresh(start(repository), fetch, now=repository.now).error is None
    scope, manifest = bounds.pop("scope.json"), bounds.pop("manifest.json")
    assert bounds == {
        "root": 512_000,
        "timestamp": 16_384,
        "snapshot": 2_000_000,
        "targets": 5_000_000,
        "pins": 5_000_000,
    }
    assert {scope, manifest} == {len(data) for name, data in repository.files.items() if name.startswith("targets/")}

# SPDX-License-Identifier: Apache-2.0
"""Root rotation, and the security team speaking over automation: always seen through a client with the first root."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tuf.api.metadata import Root, Snapshot, Targets

from holdfast.control.ceremony import OFFLINE, REPLACEABLE, RoleShape, RootChange
from holdfast.control.checks import fetch_from, verify_bundle
from holdfast.control.model import Document, ManifestAuthority
from holdfast.control.publication import Permission
from holdfast.control.repository import Repository
from holdfast.core.limits import MAX_INTEGER
from holdfast.errors import (
    Conflict,
    InputError,
    NotFound,
    OperationError,
    PolicyRefused,
    SignerUnavailable,
    StoreError,
)
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.bundle import parse_bundle
from holdfast.trust.state import TrustedState
from holdfast.trust.verification import refresh
from tests.publisher_world import World, digest_of, make_pin

ACTOR = Permission(actor="tester", reason="exercise")


def repository(world: World) -> Repository:
    return world.service.load_repository()


def key_files(world: World) -> set[str]:
    return {path.name for path in (world.directory / ".holdfast/keys").rglob("*.pem")}


# --------------------------------------------------------------------------------------------------- rotation


def test_the_first_root_has_the_shape_of_the_ceremony(world: World) -> None:
    root = repository(world).root
    shapes = {name: (len(role.keyids), role.threshold) for name, role in root.roles.items()}
    assert shapes == {"root": (3, 2), "targets": (3, 2), "snapshot": (1, 1), "timestamp": (1, 1)}
    assert {key.scheme for key in root.keys.values()} == {"ecdsa-sha2-nistp256"}
    assert len(key_files(world)) == 9


@pytest.mark.parametrize("role", REPLACEABLE)
def test_a_replaced_key_is_followed_by_a_client_with_the_first_root(world: World, role: str) -> None:
    before = repository(world)
    world.service.rotate_root(RootChange(replace=frozenset({role})), ACTOR)
    after = repository(world)
    assert after.root.version == 2
    for verified in (world.seen_in_bundle(), world.seen_in_files()):
        assert verified.root.version == 2
    if role != "pins":
        assert not set(after.root.roles[role].keyids) & set(before.root.roles[role].keyids)
    unchanged = {Root.type, Targets.type, Snapshot.type, "timestamp"} - {role}
    for other in unchanged:
        assert after.root.roles[other].keyids == before.root.roles[other].keyids
    world.service.add_pins("h0.example.com", [make_pin("after the rotation")])
    world.publish()
    assert world.seen_in_bundle(after.roots[0].data).manifest.version == 2
    assert world.seen_in_bundle(after.roots[1].data).manifest.version == 2


def test_a_client_that_ran_before_the_rotation_takes_it_in_one_refresh(world: World) -> None:
    state = refresh(TrustedState(parse_anchor(world.roots()[0])), fetch_from(world.read), now=world.clock()).state
    world.service.rotate_root(RootChange(replace=frozenset(REPLACEABLE)), ACTOR)
    outcome = refresh(state, fetch_from(world.read), now=world.clock())
    assert outcome.error is None
    assert outcome.state.root.version == 2


def test_a_new_threshold_counts_from_the_next_root_on(world: World) -> None:
    change = RootChange(replace=frozenset({"root"}), shape=RoleShape(5, 3, OFFLINE))
    world.service.rotate_root(change, ACTOR)
    root = repository(world).root
    assert (len(root.roles["root"].keyids), root.roles["root"].threshold) == (5, 3)
    world.service.rotate_root(RootChange(replace=frozenset()), ACTOR)
    assert world.seen_in_files().root.version == 3


def test_a_threshold_that_its_keys_cannot_meet_makes_no_key(world: World) -> None:
    before = key_files(world)
    with pytest.raises(InputError) as raised:
        world.service.rotate_root(RootChange(replace=frozenset({"root"}), shape=RoleShape(2, 3, OFFLINE)), ACTOR)
    assert raised.value.code == "root-shape"
    assert key_files(world) == before


def test_one_lost_root_key_is_replaced_by_the_two_others(world: World) -> None:
    lost = next((world.directory / ".holdfast/keys/offline").glob("root-2.*"))
    lost.unlink()
    world.service.rotate_root(RootChange(replace=frozenset({"root"})), ACTOR)
    assert world.seen_in_bundle().root.version == 2


def test_two_lost_root_keys_are_said_plainly_and_nothing_is_made(world: World) -> None:
    for number in (1, 2):
        next((world.directory / ".holdfast/keys/offline").glob(f"root-{number}.*")).unlink()
    before, tree = key_files(world), world.tree()
    with pytest.raises(SignerUnavailable, match="root needs 2 of its 3 keys, 1 at hand"):
        world.service.rotate_root(RootChange(replace=frozenset({"root"})), ACTOR)
    assert (key_files(world), world.tree()) == (before, tree)


def test_new_keys_of_a_refused_rotation_are_discarded(world: World) -> None:
    before = key_files(world)
    world.clock.advance(hours=-1)
    with pytest.raises(PolicyRefused):
        world.service.rotate_root(RootChange(replace=frozenset({"root", "timestamp"})), ACTOR)
    assert key_files(world) == before
    assert repository(world).root.version == 1


def test_new_keys_of_a_rotation_that_was_signed_are_kept_whatever_fails_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = world.service

    def no_space(name: str, data: bytes) -> None:
        raise StoreError("No space left on device")

    monkeypatch.setattr(service._publisher.sink, "put_new", no_space)
    before = key_files(world)
    with pytest.raises(StoreError):
        service.rotate_root(RootChange(replace=frozenset({"root"})), ACTOR)
    assert len(key_files(world) - before) == 3
    assert world.publish().continued
    assert world.seen_in_bundle().root.version == 2


def test_many_rotations_stay_reachable_from_the_first_root(world: World) -> None:
    for _ in range(6):
        world.service.rotate_root(RootChange(replace=frozenset({"root"})), ACTOR)
    for number, root in enumerate(world.roots(), start=1):
        assert world.seen_in_bundle(root).root.version == 7, f"from root {number}"


def test_an_expiring_root_is_announced(world: World) -> None:
    world.clock.advance(days=500)
    assert any("root expires" in note for note in world.publish().notes)
    world.service.rotate_root(RootChange(replace=frozenset()), ACTOR)
    assert world.publish().notes == ()


# ------------------------------------------------------------------------------------------------- break-glass


def test_the_security_team_speaks_over_automation_and_hands_back(world: World) -> None:
    world.service.add_pins("h0.example.com", [make_pin("chosen by people")])
    report = world.service.take_over(ACTOR)
    assert report.signed == ("targets", "snapshot", "timestamp")
    seen = world.seen_in_bundle()
    assert seen.is_break_glass
    assert seen.manifest.version == 2
    assert world.seen_in_files().is_break_glass

    # While it lasts, publish signs with the targets keys, also without any of automation's.
    key = next((world.directory / ".holdfast/keys/online").glob("pins-1.*"))
    lost = key.rename(world.directory / key.name)
    world.service.add_pins("h0.example.com", [make_pin("people again")])
    assert world.publish().signed == ("targets", "snapshot", "timestamp")
    assert world.seen_in_bundle().manifest.version == 3

    with pytest.raises(SignerUnavailable):
        world.service.hand_back(ACTOR, to_new_role=False)
    assert world.seen_in_bundle().is_break_glass
    lost.rename(key)
    world.service.hand_back(ACTOR, to_new_role=False)
    assert not world.seen_in_bundle().is_break_glass


def test_handing_back_needs_a_higher_version_and_gives_one(world: World) -> None:
    world.service.take_over(ACTOR)
    report = world.service.hand_back(ACTOR, to_new_role=False)
    assert report.signed == ("targets", "pins", "snapshot", "timestamp")
    seen = world.seen_in_bundle()
    assert not seen.is_break_glass
    assert seen.manifest.version == 3
    assert world.seen_in_files().targets["pins"].version == 2


def test_handing_back_to_a_fresh_role_keeps_the_old_one_listed(world: World) -> None:
    old_keys = set(world.service.load_draft().delegation.keys)
    world.service.take_over(ACTOR)
    report = world.service.hand_back(ACTOR, to_new_role=True)
    assert report.signed == ("targets", "pins-2", "snapshot", "timestamp")
    seen = world.seen_in_bundle()
    assert set(seen.targets) == {"targets", "pins-2"}
    assert set(seen.snapshot.signed.meta) == {"targets.json", "pins.json", "pins-2.json"}, "dropping one is a rollback"
    assert not old_keys & set(world.service.load_draft().delegation.keys)
    world.service.take_over(ACTOR)
    world.service.hand_back(ACTOR, to_new_role=True)
    assert set(world.seen_in_files().targets) == {"targets", "pins-3"}


@pytest.mark.parametrize("twice", ["take-over", "hand-back"])
def test_break_glass_begins_once_and_ends_once(world: World, twice: str) -> None:
    if twice == "take-over":
        world.service.take_over(ACTOR)
        with pytest.raises(Conflict) as raised:
            world.service.take_over(ACTOR)
        assert raised.value.code == "already-taken-over"
        return
    with pytest.raises(Conflict) as raised:
        world.service.hand_back(ACTOR, to_new_role=False)
    assert raised.value.code == "not-taken-over"
    assert world.service.load_draft().authority is ManifestAuthority.DELEGATED


def test_the_hourly_timestamp_goes_on_during_break_glass(world: World) -> None:
    world.service.take_over(ACTOR)
    (world.directory / ".holdfast/keys/offline").rename(world.directory / "in-the-safe")
    world.clock.advance(days=20)
    assert world.service.sign_timestamp().signed == ("snapshot", "timestamp")
    assert world.seen_in_bundle().is_break_glass


def test_a_break_glass_that_died_after_the_draft_was_saved_is_completed(world: World) -> None:
    service = world.service
    with pytest.MonkeyPatch.context() as patch:

        def die(*_arguments: object, **_options: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(service._store, "begin_publication", die)
        with pytest.raises(KeyboardInterrupt):
            service.take_over(ACTOR)
    assert not world.seen_in_bundle().is_break_glass
    assert world.service.sign_timestamp().signed == ("timestamp",), "a timestamp leaves the draft a draft"
    world.publish()
    assert world.seen_in_bundle().is_break_glass


# ---------------------------------------------------------------------------------------------------- anchors


def test_anchors_carry_the_newest_root_and_a_seed_that_verifies_under_it(tmp_path: Path) -> None:
    world = World.found(tmp_path / "channel", required_hosts=("H0.example.com.",))
    world.service.rotate_root(RootChange(replace=frozenset({"root", "timestamp"})), ACTOR)
    files = world.service.export_anchors()
    assert set(files) == {"root.json", "seed.json", "holdfast.json"}
    assert json.loads(files["holdfast.json"]) == {
        "format": "holdfast-anchors/1",
        "channel": "com.example.bank/production",
        "mirrors": ["https://pins.example.com/v1/c/com.example.bank/production/"],
        "required_hosts": ["h0.example.com"],
    }
    assert files["root.json"] == world.roots()[1]
    assert world.seen_in_bundle(files["root.json"]).root.version == 2


def test_a_seed_may_be_old_when_it_is_exported(world: World) -> None:
    world.clock.advance(days=40)
    assert world.service.export_anchors()["seed.json"] == world.read("bundle.json")


def test_a_mirror_that_somebody_shortened_is_exported_in_full(world: World) -> None:
    path = world.directory / "holdfast.toml"
    full = "https://pins.example.com/v1/c/com.example.bank/production/"
    path.write_text(path.read_text().replace(full, "https://pins.example.com"))
    assert json.loads(world.service.export_anchors()["holdfast.json"])["mirrors"] == [full]


def test_what_clients_enforce_does_not_expire(world: World) -> None:
    world.service.rotate_root(RootChange(replace=frozenset({"root"})), ACTOR)
    world.clock.advance(days=3000)
    assert world.service.load_enforced().manifest.version == 1


def test_an_empty_seed_is_not_exported(tmp_path: Path) -> None:
    world = World.found(tmp_path / "channel", hosts=0)
    with pytest.raises(Exception, match="protects no host") as raised:
        world.service.export_anchors()
    assert getattr(raised.value, "code", "") == "seed-empty"


def test_digests_reach_the_manifest_unchanged(world: World) -> None:
    pins = world.seen_in_bundle().table.find("h0.example.com")
    assert pins is not None
    assert pins.backup.leaf_spki == {digest_of("h0.example.com backup")}


def test_old_roots_beyond_the_bound_are_fetched_singly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(map(len, parse_bundle(world.tree()["bundle.json"]).values()))
    monkeypatch.setattr("holdfast.control.publisher.PACKED_ROOTS_BYTES", size + 2 * len(world.roots()[0]) + 2000)
    for _ in range(4):
        world.service.rotate_root(RootChange(replace=frozenset({"root"})), ACTOR)
    bundle = world.tree()["bundle.json"]
    packed = sorted(name for name in parse_bundle(bundle) if name.endswith(".root.json"))
    assert packed == ["4.root.json", "5.root.json"], "the newest ones"
    assert world.seen_in_bundle().root.version == 5, "root 2 and 3 are asked for one by one"
    assert verify_bundle(world.roots()[0], bundle, now=world.clock()).root.version == 1, "without them it stays behind"


def test_versions_end_before_integers_do() -> None:
    last = MAX_INTEGER - 2**32
    assert Repository.of([Document("pins", last - 1, b"")]).next_version("pins") == last
    with pytest.raises(OperationError) as raised:
        Repository.of([Document("pins", last, b"")]).next_version("pins")
    assert raised.value.code == "version-exhausted"
    assert "new role name" in raised.value.hint


def test_anchors_need_a_publication_and_a_mirror(tmp_path: Path) -> None:
    world = World.found(tmp_path / "channel", publish=False)
    with pytest.raises(NotFound) as missing:
        world.service.export_anchors()
    assert missing.value.code == "not-published"
    world.publish()
    path = world.directory / "holdfast.toml"
    path.write_text(path.read_text().replace("mirrors = ", "# mirrors = "))
    with pytest.raises(OperationError) as raised:
        world.service.export_anchors()
    assert raised.value.code == "no-mirror"

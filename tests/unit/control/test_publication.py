# SPDX-License-Identifier: Apache-2.0
"""Lint, record, sign, store: what goes out, what a crash at any step leaves, and who wins of two."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from holdfast.control.model import Claim, PinList, PublicationState
from holdfast.control.policy import Gate
from holdfast.control.publication import Permission, Publisher
from holdfast.control.store import Sink
from holdfast.errors import Conflict, HoldfastError, NotFound, OperationError, PolicyRefused, StoreError, TrustError
from holdfast.trust.bundle import parse_bundle
from holdfast.trust.roles import ISSUED_FIELD, RoleFile
from tests.publisher_world import CHANNEL, World, digest_of, make_pin

ACTOR = Permission(actor="tester")


def publisher_of(world: World) -> Publisher:
    return world.service._publisher


def publish(world: World, publisher: Publisher) -> Any:
    return publisher.publish("publish", ACTOR, now=world.clock())


# ------------------------------------------------------------------------------------------------- the main path


def test_a_client_sees_what_was_drafted(world: World) -> None:
    for verified in (world.seen_in_bundle(), world.seen_in_files()):
        assert verified.scope.channel == CHANNEL
        assert [host.pattern for host in verified.scope.hosts] == ["h0.example.com"]
        pins = verified.table.find("h0.example.com")
        assert pins is not None
        assert pins.accept.leaf_spki == {digest_of("h0.example.com current")}
        assert pins.backup.leaf_spki == {digest_of("h0.example.com backup")}


def test_every_role_names_its_channel_and_its_hour(world: World) -> None:
    verified = world.seen_in_files()
    files: list[RoleFile[Any]] = [verified.root, verified.timestamp, verified.snapshot, *verified.targets.values()]
    for file in files:
        assert file.channel == CHANNEL
        assert file.issued is not None
        assert ISSUED_FIELD in file.signed.unrecognized_fields


def test_lives_are_those_of_the_settings(world: World) -> None:
    verified = world.seen_in_files()
    files: dict[str, RoleFile[Any]] = {"timestamp": verified.timestamp, "snapshot": verified.snapshot}
    files |= verified.targets
    days = {name: (file.signed.expires - verified.issued).days for name, file in files.items()}
    assert days == {"timestamp": 7, "snapshot": 30, "targets": 365, "pins": 30}
    assert 729 <= (verified.root.signed.expires - verified.issued).days <= 730


def test_the_bundle_packs_exactly_the_set(world: World) -> None:
    files = parse_bundle((world.public / "bundle.json").read_bytes())
    assert set(files) == set(world.tree()) - {"bundle.json", "1.root.json"}


def test_a_change_of_pins_needs_no_offline_key(world: World) -> None:
    offline = world.directory / ".holdfast/keys/offline"
    offline.rename(world.directory / "in-the-safe")
    world.service.add_pins("h0.example.com", [make_pin("next key")])
    report = world.publish()
    assert report.signed == ("pins", "snapshot", "timestamp")
    assert world.seen_in_bundle().manifest.version == 2


def test_a_change_of_scope_without_offline_keys_signs_nothing(world: World) -> None:
    before = world.tree()
    (world.directory / ".holdfast/keys/offline").rename(world.directory / "in-the-safe")
    world.protect("new.example.com")
    with pytest.raises(HoldfastError, match="targets needs 2 of its 3 keys, 0 at hand") as raised:
        world.publish()
    assert raised.value.code == "threshold-unreachable"
    assert world.tree() == before
    assert world.service._store.load_unfinished() == []


def test_an_unchanged_draft_only_signs_the_timestamp(world: World) -> None:
    assert world.publish().signed == ("timestamp",)
    world.clock.advance(days=16)  # half of the lives of pins and snapshot
    assert world.publish().signed == ("pins", "snapshot", "timestamp")
    world.clock.advance(days=250)  # two thirds of the life of targets; its keys are at hand
    assert world.publish().signed == ("targets", "pins", "snapshot", "timestamp")


def test_targets_near_its_end_without_its_keys_is_a_warning(world: World) -> None:
    (world.directory / ".holdfast/keys/offline").rename(world.directory / "in-the-safe")
    world.clock.advance(days=260)
    report = world.service.sign_timestamp()
    assert report.signed == ("pins", "snapshot", "timestamp")
    assert any("targets expires" in note for note in report.notes)


def test_the_timestamp_alone_leaves_the_draft_a_draft(world: World) -> None:
    world.protect("later.example.com")
    report = world.service.sign_timestamp()
    assert report.signed == ("timestamp",)
    assert not report.scope_changed
    assert len(world.seen_in_bundle().scope.hosts) == 1
    assert world.publish().scope_changed


def test_a_timestamp_before_the_first_publication_is_refused(tmp_path: Path) -> None:
    world = World.found(tmp_path / "channel", publish=False)
    with pytest.raises(OperationError) as raised:
        world.service.sign_timestamp()
    assert raised.value.code == "not-published"
    assert not world.public.exists()


def test_a_mirror_under_a_protected_pattern_is_remarked(world: World) -> None:
    assert world.publish().notes == ()
    world.protect("example.com", include_subdomains=True)
    assert any("pins.example.com" in note for note in world.publish().notes)


# ----------------------------------------------------------------------------------------------------- the gates


def test_a_refused_publication_signs_nothing(world: World) -> None:
    before = world.tree()
    world.service.remove_pins("h0.example.com", digest_of("h0.example.com backup"), frozenset({PinList.BACKUP}))
    with pytest.raises(PolicyRefused) as raised:
        world.publish()
    assert raised.value.findings == (
        "two-keys: h0.example.com has only one key: when it is lost or revoked, nothing else opens the host",
    )
    assert world.tree() == before
    assert world.service._store.load_unfinished() == []


def test_an_override_needs_a_reason_and_stands_in_the_audit_log(tmp_path: Path) -> None:
    world = World.found(tmp_path / "channel", hosts=2)
    for number in range(2):
        host = f"h{number}.example.com"
        world.service.remove_pins(host, digest_of(f"{host} current"), frozenset({PinList.ACCEPT}))
        world.service.add_pins(host, [make_pin(f"{host} other")])
    with pytest.raises(PolicyRefused, match="1 gate refused"):
        world.publish()
    overriding = Permission(actor="tester", overrides=frozenset({Gate.HALF_CHANGED}))
    with pytest.raises(OperationError) as raised:
        world.publish(overriding)
    assert raised.value.code == "override-reason"
    world.publish(replace(overriding, reason="new CA"))
    last = world.service.load_audit()[-1]
    assert last.action == "publication.stored"
    assert last.detail["reason"] == "new CA"
    assert "half-changed" in last.detail["overridden"][0]


def test_a_backup_that_becomes_the_key_is_no_surprise(tmp_path: Path) -> None:
    world = World.found(tmp_path / "channel", hosts=2)
    for number in range(2):
        host = f"h{number}.example.com"
        world.service.remove_pins(host, digest_of(f"{host} current"), frozenset({PinList.ACCEPT}))
        world.service.add_pins(host, [make_pin(f"{host} backup"), make_pin(f"{host} fresh", PinList.BACKUP)])
    assert world.publish().manifest_changed


def test_a_clock_that_was_set_back_is_seen(world: World) -> None:
    world.clock.advance(hours=-1)
    with pytest.raises(PolicyRefused, match="1 gate") as raised:
        world.service.sign_timestamp()
    assert raised.value.findings[0].startswith("time-monotone")


def test_an_old_copy_of_the_database_cannot_lower_a_version(world: World) -> None:
    state = world.directory / ".holdfast/state.db"
    backup = state.read_bytes()
    for _ in range(3):
        world.publish()
    before = world.tree()
    state.write_bytes(backup)
    with pytest.raises(PolicyRefused) as raised:
        world.publish()
    assert raised.value.findings[0].startswith("version-monotone: the public directory holds timestamp 4")
    assert world.tree() == before


# ----------------------------------------------------------------------------------------------------- crashes


class KilledError(BaseException):
    """Stands for kill -9: no handler of the program catches it on purpose."""


@dataclass
class Fuse:
    """Counts steps and kills at one of them."""

    at: int
    steps: int = 0

    def burn(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise KilledError


@dataclass
class MortalSink:
    """A sink that dies before or after an operation."""

    sink: Sink
    fuse: Fuse

    def put_new(self, name: str, data: bytes) -> None:
        self.fuse.burn()
        self.sink.put_new(name, data)
        self.fuse.burn()

    def replace(self, name: str, data: bytes) -> None:
        self.fuse.burn()
        self.sink.replace(name, data)
        self.fuse.burn()

    def read(self, name: str) -> bytes | None:
        return self.sink.read(name)

    def sweep(self) -> None:
        self.sink.sweep()


class MortalStore:
    """A store that dies before or after each write of a publication; and then no more is written, as after kill -9."""

    def __init__(self, store: Any, fuse: Fuse) -> None:
        self._store, self._fuse, self._dead = store, fuse, False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in {"begin_publication", "record_signed", "finish_publication"}:
            return method

        def mortal(*arguments: Any, **options: Any) -> Any:
            if self._dead:
                raise StoreError("a killed process writes nothing")
            try:
                self._fuse.burn()
                result = method(*arguments, **options)
                self._fuse.burn()
            except KilledError:
                self._dead = True
                raise
            return result

        return mortal


def mortal(world: World, at: int) -> tuple[Publisher, Fuse]:
    fuse = Fuse(at)
    whole = publisher_of(world)
    return replace(whole, sink=MortalSink(whole.sink, fuse), store=MortalStore(whole.store, fuse)), fuse


def change_everything(world: World) -> None:
    world.protect("new.example.com")
    world.service.add_pins("h0.example.com", [make_pin("next key")])


def copy_of(world: World, name: str) -> World:
    shutil.copytree(world.directory, world.directory.parent / name)
    return World(world.directory.parent / name, world.clock)


def count_steps(world: World) -> int:
    publisher, fuse = mortal(world, at=10_000)
    publish(world, publisher)
    return fuse.steps


@pytest.mark.slow
def test_a_publisher_that_dies_at_any_step_leaves_a_whole_set_and_the_next_continues(tmp_path: Path) -> None:
    before = World.found(tmp_path / "before")
    change_everything(before)
    steps = count_steps(copy_of(before, "counting"))
    assert steps > 20
    for at in range(1, steps + 1):
        world = copy_of(before, f"at-{at}")
        publisher, _ = mortal(world, at)
        with pytest.raises(KilledError):
            publish(world, publisher)
        for verified in (world.seen_in_bundle(), world.seen_in_files()):
            assert verified.manifest.version in {1, 2}
            assert len(verified.scope.hosts) == verified.scope.version == verified.manifest.version
        report = world.publish()
        assert world.seen_in_bundle().timestamp.data == world.seen_in_files().timestamp.data
        assert world.seen_in_bundle().manifest.version == 2
        assert report.versions["manifest"] == 2, "a version is used once, and none is lost to a crash"
        states = [publication.state for publication, _ in world.service._store.load_unfinished()]
        assert states == []
        assert not list(world.public.rglob(".holdfast-*"))


def test_a_temporary_file_of_a_killed_writer_is_swept(world: World) -> None:
    leftover = world.public / "targets" / ".holdfast-abc"
    leftover.write_bytes(b"half")
    world.publish()
    assert not leftover.exists()


def test_a_full_disk_leaves_what_was_there_and_the_next_publication_continues(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.tree()
    change_everything(world)
    publisher = publisher_of(world)

    def no_space(name: str, data: bytes) -> None:
        raise StoreError("cannot write: No space left on device", code="sink-unwritable")

    monkeypatch.setattr(publisher.sink, "put_new", no_space)
    with pytest.raises(StoreError, match="No space left"):
        publish(world, publisher)
    assert world.tree() == before
    (publication, documents) = world.service._store.load_unfinished()[0]
    assert publication.state is PublicationState.SIGNED
    report = world.publish()
    assert report.continued
    assert world.seen_in_files().manifest.version == 2
    stored = {document.role: document.data for document in documents}
    assert world.seen_in_files().targets["pins"].data == stored["pins"], "the bytes that were signed, not new ones"


def test_a_damaged_public_file_is_found_by_the_check(world: World) -> None:
    change_everything(world)
    publisher = publisher_of(world)
    put = publisher.sink.put_new

    def damage(name: str, data: bytes) -> None:
        put(name, data.replace(b"example", b"eXample") if "scope" in name else data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publisher.sink, "put_new", damage)
        with pytest.raises(TrustError) as raised:
            publish(world, publisher)
    assert raised.value.code == "check-failed"


def test_a_bundle_of_another_publication_is_found_by_the_check(world: World) -> None:
    old = world.tree()["bundle.json"]
    world.publish()
    (world.public / "bundle.json").write_bytes(old)
    with pytest.raises(TrustError, match="two publications"):
        publisher_of(world).check(world.roots()[0], now=world.clock())
    (world.public / "bundle.json").unlink()
    with pytest.raises(NotFound):
        publisher_of(world).check(world.roots()[0], now=world.clock())


def test_a_deleted_public_directory_is_restored(world: World) -> None:
    for path in sorted(world.public.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    world.publish()
    assert world.seen_in_files().timestamp.data == world.seen_in_bundle().timestamp.data


# ------------------------------------------------------------------------------------------------- two publishers


class NoLock:
    """Two machines over one database have no common flock."""

    def hold(self) -> Any:
        return nullcontext()


def test_of_two_publishers_without_a_lock_one_wins_and_no_version_has_two_contents(tmp_path: Path) -> None:
    world = World.found(tmp_path / "channel")
    contents: dict[str, bytes] = {}
    guard = threading.Lock()

    @contextmanager
    def recording(publisher: Publisher) -> Any:
        put = publisher.sink.put_new

        def put_new(name: str, data: bytes) -> None:
            with guard:
                assert contents.setdefault(name, data) == data, f"{name} has two contents"
            put(name, data)

        publisher.sink.put_new = put_new  # type: ignore[method-assign]
        yield publisher

    def race(results: list[str]) -> None:
        with recording(replace(publisher_of(world), lock=NoLock())) as publisher:
            start.wait()
            try:
                publish(world, publisher)
                results.append("published")
            except (Conflict, TrustError, PolicyRefused) as error:
                results.append(error.code)

    for round_number in range(4):
        world.service.add_pins("h0.example.com", [make_pin(f"round {round_number}")])
        results: list[str] = []
        start = threading.Barrier(2)
        threads = [threading.Thread(target=race, args=(results,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 2
        world.publish()  # whatever happened, the next one completes it
        assert world.seen_in_bundle().timestamp.data == world.seen_in_files().timestamp.data
        accepted = world.seen_in_bundle().table.find("h0.example.com")
        assert accepted is not None
        assert digest_of(f"round {round_number}") in accepted.accept.leaf_spki


def test_an_edit_during_a_publication_is_a_conflict(world: World) -> None:
    publisher = publisher_of(world)
    begin = publisher.store.begin_publication

    def begin_late(*arguments: Any, **options: Any) -> Any:
        world.protect("meanwhile.example.com")
        return begin(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publisher.store, "begin_publication", begin_late)
        with pytest.raises(Conflict) as raised:
            publish(world, publisher)
    assert raised.value.code == "draft-moved"
    assert world.publish().scope_changed


def test_a_version_is_taken_once(world: World) -> None:
    store, draft = world.service._store, world.service.load_draft()
    now: datetime = world.clock()
    publication = store.begin_publication("publish", [Claim("timestamp", 2)], revision=draft.revision, now=now)
    with pytest.raises(Conflict) as raised:
        store.begin_publication("publish", [Claim("timestamp", 2)], revision=draft.revision, now=now)
    assert raised.value.code == "version-taken"
    store.finish_publication(publication, stored=False, now=now, actor="tester", detail={})
    with pytest.raises(Conflict) as raised:
        store.record_signed(publication, [])
    assert raised.value.code == "publication-lost"

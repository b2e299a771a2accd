# SPDX-License-Identifier: Apache-2.0
"""Attack: a stolen key signs the highest version there is, so that nothing genuine is ever newer; each role.

The way out is to replace the key: what it signed counts no longer. To add a key clears nothing. What the snapshot lists
of a delegated role cannot be lowered without the snapshot's key, so ``pins`` goes on under a new name.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from holdfast.client.pin_store import PinStore
from holdfast.errors import AnchorError, MetadataError, MixAndMatchError, RollbackError
from holdfast.telemetry.events import OlderCopySeen
from tests.siege import TOP, Siege, accepted


def forward(siege: Siege, *roles: str) -> None:
    """Publish roles once more, under the highest version."""
    for role in roles:
        siege.repository.versions[role] = TOP - 1
        getattr(siege.repository, f"publish_{role}")()


def older_copy(siege: Siege, store: PinStore) -> None:
    """The genuine timestamp of today is taken for an older copy: the attack works."""
    before = siege.cached()
    result = store.refresh()
    assert (result.is_older_copy, result.changed) == (True, False)
    seen = siege.heard.last(OlderCopySeen)
    assert (seen.version, seen.known_version) == (siege.repository.versions["timestamp"], TOP)
    assert accepted(store) == {"second"}
    assert all(siege.cached()[key] == before[key] for key in ("set", "timestamp", "snapshot"))


def replace_keys(siege: Siege, *roles: str) -> None:
    for role in roles:
        siege.repository.rotate_keys(role)
    siege.repository.publish_root()


def add_key(siege: Siege, role: str) -> None:
    siege.repository.signers[role].append(CryptoSigner.generate_ecdsa())
    siege.repository.publish_root()


def control(siege: Siege) -> None:
    """Who never saw the high version accepts the very bytes that were refused."""
    with siege.newcomer() as victim:
        assert victim.refresh().error is None
        assert accepted(victim) == {"third"}


def test_timestamp(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        forward(siege, "timestamp")
        assert store.refresh().error is None  # validly signed, and naming the genuine set
        siege.assert_enforces(store, 2, "second")

        repository.versions["timestamp"] = 2
        siege.rotate("third")
        older_copy(siege, store)
        control(siege)
        add_key(siege, "timestamp")
        siege.rotate("third")
        older_copy(siege, store)  # the root was taken, and clears nothing
        siege.clock.wait(days=2)
        siege.refused(store, RollbackError, "rollback-timestamp", "timestamp")

        replace_keys(siege, "timestamp")
        repository.versions["timestamp"] = 2  # lower than 2^53-1, and lower than any before
        siege.recovers(store, "third")


def test_snapshot(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        forward(siege, "snapshot")
        repository.publish_timestamp()
        assert store.refresh().error is None
        siege.assert_enforces(store, 2, "second")

        repository.versions["snapshot"] = 2
        siege.rotate("third")
        siege.refused(store, RollbackError, "rollback-snapshot", "snapshot")
        control(siege)
        add_key(siege, "snapshot")
        siege.rotate("third")
        siege.refused(store, RollbackError, "rollback-snapshot", "snapshot", progress=True)
        replace_keys(siege, "snapshot")  # the timestamp that names the high version still counts
        siege.rotate("third")
        siege.refused(store, RollbackError, "rollback-snapshot", "snapshot", progress=True)

        replace_keys(siege, "snapshot", "timestamp")
        repository.versions["snapshot"] = 2
        siege.recovers(store, "third")


@pytest.mark.parametrize("role", ["targets", "pins"])
def test_role_that_is_only_listed(tmp_path: Path, role: str) -> None:
    """Without the role's own keys, stolen online keys list a version of it that does not exist."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        genuine = repository.versions[role]
        name = f"{genuine}.{role}.json"
        repository.files[f"{TOP}.{role}.json"] = repository.files[name]
        repository.versions[role] = TOP
        siege.publish_above(role)
        del repository.files[f"{TOP}.{role}.json"]
        siege.refused(store, MixAndMatchError, "file-missing", role, progress=True)

        repository.versions[role] = genuine
        siege.rotate("third")
        siege.refused(store, RollbackError, "rollback-role", role, progress=True)
        control(siege)
        add_key(siege, "snapshot")
        siege.rotate("third")
        siege.refused(store, RollbackError, "rollback-role", role, progress=True)

        replace_keys(siege, "snapshot")  # clears what the snapshot listed
        siege.recovers(store, "third")


def test_targets_by_its_own_keys(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        forward(siege, "targets")
        siege.publish_above("targets")
        assert store.refresh().error is None
        siege.assert_enforces(store, 2, "second")
        repository.versions["targets"] = 2
        siege.rotate("third")
        siege.refused(store, RollbackError, "rollback-role", "targets", progress=True)
        control(siege)
        replace_keys(siege, "targets")  # is not enough: the mark is the snapshot's
        siege.rotate("third")
        siege.refused(store, RollbackError, "rollback-role", "targets", progress=True)
        replace_keys(siege, "snapshot")
        siege.recovers(store, "third")


def test_pins_go_on_under_a_new_name(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        siege.choose("evil")
        repository.manifest["version"] += 1
        forward(siege, "pins")
        siege.publish_above("pins")
        assert store.refresh().changed
        siege.assert_enforces(store, 3, "evil")  # what the stolen key may do: see test_stolen_automation_key

        repository.rotate_keys("pins")
        repository.versions["pins"] = 3
        siege.rotate("third")
        error = siege.refused(store, RollbackError, "rollback-role", "pins", progress=True)
        assert isinstance(error, RollbackError)
        assert (error.version, error.known_version) == (4, TOP)

        repository.pins_role, repository.versions["pins"] = "pins-2", 0
        siege.rotate("third")
        siege.refused(store, RollbackError, "role-removed", "snapshot", progress=True)  # the old name must stay listed

        repository.extra_meta["pins"] = TOP
        siege.recovers(store, "third")
        assert not any(name.endswith(".pins.json") for name in siege.cached()["set"]["files"])
        assert any(name.endswith(".pins-2.json") for name in siege.cached()["set"]["files"])
        control(siege)


def test_root_cannot_be_forwarded(tmp_path: Path) -> None:
    """Not even with the threshold of root keys: the next root is N+1, whatever it says."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        repository.versions["root"] = TOP - 1
        repository.publish_root()
        repository.files["2.root.json"] = repository.files.pop(f"{TOP}.root.json")
        repository.versions["root"] = 1
        siege.refused(store, AnchorError, "root-version", "root")
        assert siege.cached()["roots"] == []
        repository.publish_root()
        siege.recovers(store, "third")
        assert len(siege.cached()["roots"]) == 1


def test_there_is_nothing_above_the_highest_version(tmp_path: Path) -> None:
    """A version that not every JSON implementation reads exactly is no version."""
    siege = Siege(tmp_path)
    with siege.settled() as store:
        siege.repository.versions["timestamp"] = TOP
        siege.repository.publish_timestamp()
        siege.refused(store, MetadataError, "json-number", "timestamp")
        siege.repository.versions["timestamp"] = 2
        siege.recovers(store, "third")

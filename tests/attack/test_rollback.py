# SPDX-License-Identifier: Apache-2.0
"""Attack: an older file, validly signed, in the place of a newer one; one test for each role."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import AnchorError, RollbackError
from holdfast.telemetry.events import OlderCopySeen
from tests.siege import Siege, accepted

LISTED = ["targets", "pins"]


def test_timestamp(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        siege.clock.wait(days=2)
        siege.mirror.replaced["bundle.json"] = siege.seed
        error = siege.refused(store, RollbackError, "rollback-timestamp", "timestamp")
        assert isinstance(error, RollbackError)
        assert (error.version, error.known_version) == (1, 2)
        assert siege.heard.last(OlderCopySeen).alarming
        with siege.newcomer() as victim:  # the control: without a mark the retired key is back
            assert victim.refresh().error is None
            assert accepted(victim) == {"first"}
        siege.recovers(store, "third")


def test_snapshot(tmp_path: Path) -> None:
    """A stolen timestamp key names the snapshot of before."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        newest = dict(repository.versions)
        repository.versions.update(snapshot=1, targets=1, pins=1)
        repository.publish_timestamp()
        error = siege.refused(store, RollbackError, "rollback-snapshot", "snapshot")
        assert isinstance(error, RollbackError)
        assert (error.version, error.known_version) == (1, 2)
        with siege.newcomer() as victim:  # the control
            assert victim.refresh().error is None
            assert accepted(victim) == {"first"}
        repository.versions.update(newest)  # the genuine timestamp has the number of the forged one: nothing is lost
        siege.recovers(store, "third")


@pytest.mark.parametrize("role", LISTED)
def test_role_that_the_snapshot_lists(tmp_path: Path, role: str) -> None:
    """Stolen online keys list the targets role of before."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        newest = repository.versions[role]
        repository.versions[role] = 1
        siege.publish_above(role)
        error = siege.refused(store, RollbackError, "rollback-role", role, progress=True)
        assert isinstance(error, RollbackError)
        assert (error.version, error.known_version) == (1, 2)
        with siege.newcomer() as victim:  # the control: what the listed role says is genuine, and old
            assert victim.refresh().error is None
            assert accepted(victim) == ({"first"} if role == "pins" else {"second"})
        repository.versions[role] = newest
        siege.recovers(store, "third")


def test_role_that_the_snapshot_no_longer_lists(tmp_path: Path) -> None:
    """Dropping a role would reset its mark: whoever re-adds it could begin at version 1."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        newest = repository.versions["pins"]
        repository.versions["pins"] = 0
        siege.publish_above("pins")
        siege.refused(store, RollbackError, "role-removed", "snapshot", progress=True)
        repository.versions["pins"] = 1
        siege.publish_above("pins")
        siege.refused(store, RollbackError, "rollback-role", "pins", progress=True)
        with siege.newcomer() as victim:  # the control
            assert victim.refresh().error is None
            assert accepted(victim) == {"first"}
        repository.versions["pins"] = newest
        siege.recovers(store, "third")


def test_root(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        repository.rotate_root()
        repository.rotate_root()
        assert store.refresh().error is None
        assert len(siege.cached()["roots"]) == 2
        repository.files["4.root.json"] = repository.files["2.root.json"]
        siege.clock.wait(hours=1)
        siege.refused(store, AnchorError, "root-version", "root")
        assert len(siege.cached()["roots"]) == 2
        del repository.files["4.root.json"]
        siege.recovers(store, "third")


def test_the_mark_outlives_the_process(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled():
        siege.clock.wait(days=2)
    siege.mirror.replaced["bundle.json"] = siege.seed
    with siege.open() as store:
        siege.refused(store, RollbackError, "rollback-timestamp", "timestamp")
        siege.recovers(store, "third")

# SPDX-License-Identifier: Apache-2.0
"""Attack or accident: a new root arrives alone, and what should have been signed under it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import SignatureError
from holdfast.telemetry.events import SetSignedByRetiredKey
from tests.client_world import HOST, state
from tests.siege import Siege, accepted


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_the_set_of_a_retired_key_stays_enforced(tmp_path: Path, role: str) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        repository.rotate_keys(role)
        repository.publish_root()
        # The timestamp as it is: under another snapshot or targets key the timestamp still verifies.
        siege.refused(store, SignatureError, "signature-threshold", role, progress=True)
        assert siege.cached()["roots"] == [repository.files["2.root.json"].decode()]
        # What the retired key signed counts no longer as a mark, and never again for a newer set. It is still enforced.
        assert (siege.cached()["timestamp"] is None) == (role == "timestamp")
        assert (siege.cached()["snapshot"] is None) == (role == "snapshot")
        told = siege.heard.last(SetSignedByRetiredKey)
        assert (told.root_version, told.manifest_version) == (2, 2)
        assert siege.heard.count(SetSignedByRetiredKey) == 1
        assert state(store) == "stale"
        assert store.protects(HOST)

        siege.clock.wait(days=400)  # for ever, if need be: expiry is asked when a set is accepted, not afterwards
        assert accepted(store) == {"second"}
        siege.mirror.is_down = True
        with siege.open() as again:
            assert (state(again), accepted(again)) == ("stale", {"second"})
        siege.mirror.is_down = False
        siege.recovers(store, "third")
        assert state(store) == "fresh"


def test_it_never_falls_back_to_the_seed(tmp_path: Path) -> None:
    """The seed verifies under the embedded root, and would bring the key back that was rotated away."""
    siege = Siege(tmp_path)
    with siege.settled() as store:
        for role in ("timestamp", "snapshot", "targets"):
            siege.repository.rotate_keys(role)
        siege.repository.publish_root()
        siege.refused(store, SignatureError, "signature-threshold", "timestamp", progress=True)
        with siege.open() as again:
            assert accepted(again) == {"second"}
        with siege.open(cache_dir=None) as fresh:  # the control: without what lies on disk, the seed is what there is
            assert accepted(fresh) == {"first"}
        siege.recovers(store, "third")


def test_a_root_that_retires_nothing_changes_nothing(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        siege.repository.rotate_root()
        generation = store.generation
        result = store.refresh()
        assert (result.error, result.changed) == (None, False)
        assert store.generation == generation
        siege.assert_enforces(store, 2, "second")
        assert len(siege.cached()["roots"]) == 1
        assert siege.heard.count(SetSignedByRetiredKey) == 0
        siege.recovers(store, "third")

# SPDX-License-Identifier: Apache-2.0
"""Attack: a mirror leaves one root of the chain out, or serves a later one in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import AnchorError, SignatureError, TransportError
from holdfast.telemetry.events import SetSignedByRetiredKey
from tests.client_world import state
from tests.siege import Siege, accepted

# Two of three keys are the same from root to root, so root 3 is also signed well enough for root 1: only the number of
# the version tells that one is missing between them.


def rotate_twice(siege: Siege) -> None:
    """Root 2 hands on the root's keys, root 3 the online ones: without root 2 nobody may believe root 3."""
    repository = siege.repository
    repository.rotate_root()
    repository.rotate_keys("timestamp")
    repository.publish_root()


def test_a_root_is_left_out(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        rotate_twice(siege)
        siege.rotate("third")
        kept_back = siege.repository.files.pop("2.root.json")
        siege.refused(store, SignatureError, "signature-threshold", "timestamp")
        assert "2.root.json" in siege.mirror.requests  # it was asked for by itself
        assert "3.root.json" not in siege.mirror.requests
        assert siege.cached()["roots"] == []
        siege.repository.files["2.root.json"] = kept_back
        with siege.newcomer() as victim:  # the control: with root 2, the very same files are believed
            assert victim.refresh().error is None
            assert accepted(victim) == {"third"}
        siege.recovers(store, "third")
        assert len(siege.cached()["roots"]) == 2


@pytest.mark.parametrize("served", [1, 3])
def test_another_root_in_its_place(tmp_path: Path, served: int) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        rotate_twice(siege)
        siege.rotate("third")
        files = siege.repository.files
        genuine = files["2.root.json"]
        files["2.root.json"] = files[f"{served}.root.json"]
        siege.refused(store, AnchorError, "root-version", "root")
        assert siege.cached()["roots"] == []
        files["2.root.json"] = genuine
        siege.recovers(store, "third")


def test_the_chain_breaks_off_behind_a_good_root(tmp_path: Path) -> None:
    """What verified stays: the next refresh goes on from root 2, and what root 2 denies counts no longer."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        repository.rotate_keys("timestamp")
        repository.publish_root()
        repository.rotate_root()
        siege.rotate("third")
        genuine = repository.files["3.root.json"]
        repository.files["3.root.json"] = repository.files["2.root.json"]
        siege.refused(store, AnchorError, "root-version", "root", progress=True)
        assert siege.cached()["roots"] == [repository.files["2.root.json"].decode()]
        assert siege.cached()["timestamp"] is None  # the key that signed it is no longer one
        assert siege.heard.last(SetSignedByRetiredKey).manifest_version == 2
        assert state(store) == "stale"
        repository.files["3.root.json"] = genuine
        siege.recovers(store, "third")
        assert state(store) == "fresh"


def test_a_root_that_the_mirror_cannot_bring(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        rotate_twice(siege)
        siege.rotate("third")
        kept_back = siege.repository.files.pop("2.root.json")
        siege.mirror.replaced["2.root.json"] = TransportError("cut", code="timeout")
        siege.refused(store, TransportError, "timeout")
        siege.repository.files["2.root.json"] = kept_back
        siege.recovers(store, "third")

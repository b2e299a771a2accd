# SPDX-License-Identifier: Apache-2.0
"""Attack or accident: two contents under one timestamp version, both validly signed."""

from __future__ import annotations

from pathlib import Path

from holdfast.telemetry.events import TimestampConflictSeen
from tests.client_world import World, enforces


def test_the_stored_bytes_stay_and_the_set_goes_on_from_them(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with world.open() as store:
        store.refresh()
        first = world.cached()["timestamp"]
        # The attack: version 1 again, of another snapshot with other pins, signed with the real keys.
        world.clock.wait(hours=1)
        world.repository.versions["timestamp"] = 0
        world.rotate("evil")
        result = store.refresh()
        assert result.error is None
        assert not result.changed
        conflict = world.heard.last(TimestampConflictSeen)
        assert conflict.version == 1
        store.refresh()
        assert world.heard.count(TimestampConflictSeen) == 2  # no ETag hides it
        assert enforces(store, "key-1")
        assert world.cached()["timestamp"] == first
        assert world.cached_manifest_version() == 1
        # recovery: the next version settles it
        world.rotate("key-2")
        assert store.refresh().changed
        assert enforces(store, "key-2")


def test_the_same_timestamp_again_is_no_conflict(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with world.open() as store:
        store.refresh()
        store.refresh()
        assert world.heard.count(TimestampConflictSeen) == 0

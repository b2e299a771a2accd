# SPDX-License-Identifier: Apache-2.0
"""Attack or accident: the device clock is two years ahead, so that everything that is fetched has expired."""

from __future__ import annotations

from pathlib import Path

from holdfast.errors import FreezeError
from holdfast.telemetry.events import ClockSuspected
from tests.client_world import World, enforces, state


def test_the_old_set_stays_and_the_clock_is_suspected(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with world.open() as store:
        store.refresh()
        right = world.clock.device
        world.rotate("key-2")
        world.clock.set_device(right.replace(year=right.year + 2))
        result = store.refresh()
        assert isinstance(result.error, FreezeError)
        assert enforces(store, "key-1")
        assert state(store) == "stale"
        suspected = world.heard.last(ClockSuspected)
        assert (suspected.direction, suspected.reference) == ("ahead", right)
        store.refresh()
        assert world.heard.count(ClockSuspected) == 1
        assert world.cached_manifest_version() == 1
        # recovery: somebody sets it right
        world.clock.set_device(right)
        assert store.refresh().changed
        assert enforces(store, "key-2")
        assert state(store) == "fresh"


def test_a_start_with_the_clock_ahead_enforces_what_is_there(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    world.clock.wait(hours=1)
    world.rotate("key-2")
    with world.open() as store:
        store.refresh()
    world.clock.wait(days=730)
    with world.open() as store:
        assert state(store) == "stale"
        assert enforces(store, "key-2")

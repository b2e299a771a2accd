# SPDX-License-Identifier: Apache-2.0
"""Attack or accident: the device clock is set back by 20 years, to make what has expired acceptable again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from holdfast.errors import FreezeError
from holdfast.telemetry.events import ClockSuspected
from tests.client_world import HOST, World, enforces, pin_of, state
from tests.repository import EPOCH

TWENTY_YEARS_BACK = EPOCH - timedelta(days=20 * 365)


def test_the_pins_hold_and_the_clock_is_suspected(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    world.clock.set_device(TWENTY_YEARS_BACK)
    with world.open() as store:
        suspected = world.heard.last(ClockSuspected)
        assert (suspected.direction, suspected.reference) == ("behind", EPOCH)
        assert enforces(store, "key-1")
        assert store.effective_now >= EPOCH
        # a client with a wrong clock is kept current all the same
        world.repository.now = EPOCH + timedelta(days=2)
        world.repository.set_pins(HOST, [pin_of("key-2")])
        world.repository.publish()
        assert store.refresh().error is None
        assert enforces(store, "key-2")
        assert store.effective_now >= EPOCH + timedelta(days=2)
    with world.open() as store:
        assert enforces(store, "key-2")


def test_a_copy_that_expired_before_the_floor_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with world.open() as store:
        world.clock.wait(hours=1)
        world.rotate("key-2")
        withheld = world.repository.bundle()  # version 2, dead in a week
        world.clock.wait(days=10)
        world.publish()  # version 3
        newest = world.repository.bundle()
        world.mirror.replaced["bundle.json"] = withheld
        result = store.refresh()
        assert isinstance(result.error, FreezeError)
        assert enforces(store, "key-1")
        world.clock.set_device(TWENTY_YEARS_BACK)
        world.mirror.replaced["bundle.json"] = newest
        assert store.refresh().error is None
        assert store.effective_now >= EPOCH + timedelta(days=10)
        assert enforces(store, "key-2")
        world.mirror.replaced["bundle.json"] = withheld
        assert store.refresh().error is not None
        assert world.cached_manifest_version() == 3


def test_age_goes_on_with_the_running_clock(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with world.open() as store:
        store.refresh()
        world.clock.wait(hours=12)
        world.clock.set_device(TWENTY_YEARS_BACK)
        assert (store.age_seconds or 0) >= 12 * 3600
        world.clock.wait(hours=13)
        assert state(store) == "stale"
        assert enforces(store, "key-1")

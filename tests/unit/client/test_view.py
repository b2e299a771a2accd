# SPDX-License-Identifier: Apache-2.0
"""The view: what readers see, when it changes by itself, and when its generation moves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.client.view import Elapsed
from holdfast.core.freshness import Passed
from tests.client_world import EVIL, GOOD, HOST, World, allowed, reason, state
from tests.repository import EPOCH, instant

HOUR = timedelta(hours=1)


def test_the_running_clock_counts_where_the_device_clock_does_not() -> None:
    elapsed = Elapsed(EPOCH, 100.0)
    assert elapsed.at_least(EPOCH - HOUR, 100.0) == EPOCH
    assert elapsed.at_least(EPOCH - HOUR, 3700.0) == EPOCH + HOUR
    assert elapsed.at_least(EPOCH + 2 * HOUR, 3700.0) == EPOCH + 2 * HOUR
    assert elapsed.at_least(EPOCH, 0.0) == EPOCH


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, mode="report-only", until=instant(EPOCH + 30 * HOUR))
    world.repository.scope["max_age_seconds"] = 7 * 86_400
    world.publish_seed()
    return world


def test_a_view_foresees_what_time_will_change(world: World) -> None:
    with world.open() as store:
        store.refresh()
        step = timedelta(microseconds=1)
        assert store._view.next_change == EPOCH + 24 * HOUR + step  # fresh until and including its bound
        world.clock.wait(hours=24)
        assert state(store) == "fresh"
        world.clock.wait(seconds=2)
        assert state(store) == "stale"
        assert store._view.next_change == EPOCH + 30 * HOUR
        world.clock.wait(hours=6)
        assert not allowed(store, EVIL)
        assert store._view.next_change == EPOCH + timedelta(days=7) + step
        world.clock.wait(days=7)
        assert reason(store.judge(HOST, GOOD)) == "max-age"
        assert store._view.next_change is None


def test_the_generation_moves_with_verdicts_and_with_nothing_else(world: World) -> None:
    with world.open() as store:
        seen = [store.generation]

        def moved() -> bool:
            seen.append(store.generation)
            return seen[-1] > seen[-2]

        store.refresh()
        assert not moved()  # the seed, confirmed by the network
        world.clock.wait(hours=1)
        world.repository.now = world.clock.device
        world.repository.publish_timestamp()
        store.refresh()
        assert not moved()  # re-signed
        world.clock.wait(hours=26)
        assert state(store) == "stale"
        assert not moved()
        world.clock.wait(hours=4)
        allowed(store, GOOD)
        assert moved()  # `until` passed
        world.publish()
        store.refresh()
        assert moved()  # the manifest's version is part of a verdict
        world.clock.wait(days=8)
        allowed(store, GOOD)
        assert moved()  # too old
        world.publish()
        store.refresh()
        assert moved()


def test_what_was_admitted_is_forgotten_when_the_generation_moves(world: World) -> None:
    with world.open() as store:
        allowed(store, GOOD)
        assert HOST in store._view.admitted
        world.rotate("key-2")
        store.refresh()
        assert HOST not in store._view.admitted
        assert not store.judge(HOST, GOOD).enforced


def test_passed_moments_join() -> None:
    one = Passed(frozenset({("a", "b")}), frozenset({"c"}))
    assert (one | Passed()) == one

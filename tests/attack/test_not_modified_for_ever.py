# SPDX-License-Identifier: Apache-2.0
"""Attack: a mirror answers 304 for ever, to freeze a client on a set whose key has been stolen."""

from __future__ import annotations

from pathlib import Path

from holdfast.client.refresh.fetcher import Response
from holdfast.telemetry.events import FreshnessChanged, MaxAgePassed, RefreshUnchanged
from tests.client_world import GOOD, World, allowed, enforces, reason, state


def freeze(world: World) -> None:
    world.mirror.replaced["bundle.json"] = Response(304)


def test_a_304_renews_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with world.open() as store:
        store.refresh()
        assert state(store) == "fresh"
        freeze(world)
        for _ in range(12):
            world.clock.wait(hours=2)
            assert store.refresh().error is None
        assert store.age_seconds == 86_400
        assert state(store) == "fresh"
        world.clock.wait(seconds=2)
        assert store.refresh().error is None
        assert state(store) == "stale"
        assert enforces(store, "key-1")
        changed = world.heard.last(FreshnessChanged)
        assert (changed.old, changed.new) == ("fresh", "stale")
        assert (world.heard.last(RefreshUnchanged).age_seconds or 0) > 86_400
        # recovery
        del world.mirror.replaced["bundle.json"]
        world.rotate("key-2")
        assert store.refresh().changed
        assert state(store) == "fresh"
        assert enforces(store, "key-2")


def test_it_does_not_keep_a_set_past_its_largest_age(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.repository.scope["max_age_seconds"] = 7 * 86_400
    world.publish_seed()
    with world.open() as store:
        store.refresh()
        freeze(world)
        generation = store.generation
        world.clock.wait(days=7)
        store.refresh()
        assert enforces(store, "key-1")
        world.clock.wait(seconds=2)
        assert reason(store.judge("api.example.com", GOOD)) == "max-age"
        assert store.generation > generation
        assert world.heard.last(MaxAgePassed).max_age_seconds == 7 * 86_400
        # recovery, and the control
        del world.mirror.replaced["bundle.json"]
        world.publish()
        assert store.refresh().changed
        assert allowed(store, GOOD)

# SPDX-License-Identifier: Apache-2.0
"""Attack or accident: the device clock jumps to and fro; no jump loses a pin, and no jump is for good."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

from tests.client_world import World, enforces, state
from tests.repository import EPOCH


def test_no_jump_loses_a_pin(tmp_path: Path, rng: random.Random) -> None:
    world = World(tmp_path)
    world.publish_seed()
    true = EPOCH
    with world.open() as store:
        generation, version = store.generation, 1
        for _ in range(60):
            true += timedelta(hours=rng.randint(1, 30))
            world.repository.now = true
            if rng.random() < 0.3:
                world.repository.publish()
            world.clock.set_device(true + timedelta(days=rng.choice((-7300, -3, 0, 0, 0, 3, 730))))
            store.refresh()
            assert enforces(store, "key-1")
            assert state(store) in {"seed", "fresh", "stale"}
            assert (store.age_seconds or 0) >= 0
            assert store.generation >= generation
            assert (store.manifest_version or 0) >= version
            generation, version = store.generation, store.manifest_version or 0
        # recovery: with the right time, the newest set
        world.clock.set_device(true)
        world.rotate("key-2")
        assert store.refresh().changed
        assert enforces(store, "key-2")
    assert world.cached_manifest_version() == store.manifest_version


def test_a_jump_ahead_is_forgotten_with_the_next_set(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with world.open() as store:
        store.refresh()
        world.clock.set_device(EPOCH + timedelta(days=300))
        assert state(store) == "stale"
        world.clock.set_device(EPOCH + timedelta(hours=1))
        assert state(store) == "stale"  # in one process, time does not run backwards
        world.publish()
        assert store.refresh().error is None
        assert state(store) == "fresh"

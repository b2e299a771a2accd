# SPDX-License-Identifier: Apache-2.0
"""Accident: an app is installed, or wakes up, years after its seed was signed; every role of it has expired."""

from __future__ import annotations

from pathlib import Path

from holdfast.telemetry.events import RefreshFailed
from tests.client_world import GOOD, World, allowed, enforces, reason, state


def test_the_seed_opens_and_is_enforced_however_old(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    world.clock.wait(days=3 * 365)
    world.mirror.is_down = True
    with world.open() as store:
        assert state(store) == "seed"
        assert enforces(store, "key-1")
        store.refresh()
        assert state(store) == "seed"
        assert enforces(store, "key-1")


def test_it_chains_to_today_in_one_request(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    for _ in range(3):
        world.clock.wait(days=365)
        world.repository.now = world.clock.device
        world.repository.rotate_root()
    world.rotate("key-2")
    with world.open() as store:
        assert store.refresh().error is None
        assert world.mirror.requests == ["bundle.json"]
        assert state(store) == "fresh"
        assert enforces(store, "key-2")
    assert len(world.cached()["roots"]) == 3


def test_what_expired_is_enforced_but_never_accepted_anew(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    world.clock.wait(hours=1)
    world.rotate("key-2")  # and then the publisher falls asleep
    world.clock.wait(days=8)
    with world.open() as store:
        assert store.refresh().error is not None
        assert world.heard.last(RefreshFailed).code == "expired"
        assert enforces(store, "key-1")
        # recovery
        world.publish()
        assert store.refresh().changed
        assert enforces(store, "key-2")


def test_the_largest_age_counts_for_the_seed_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.repository.scope["max_age_seconds"] = 30 * 86_400
    world.publish_seed()
    world.clock.wait(days=31)
    with world.open() as store:
        assert state(store) == "seed"
        assert reason(store.judge("api.example.com", GOOD)) == "max-age"
        world.publish()
        store.refresh()
        assert allowed(store, GOOD)

# SPDX-License-Identifier: Apache-2.0
"""Attack or accident: a mirror serves an older, validly signed copy (a replay, or another edge of a CDN)."""

from __future__ import annotations

from pathlib import Path

from holdfast.errors import RollbackError
from holdfast.telemetry.events import OlderCopySeen, RefreshFailed, RefreshUnchanged
from tests.client_world import Mirror, Mirrors, World, enforces, state

EDGE = "https://edge.example.net/c/"


def test_a_young_older_copy_is_told_and_raises_no_alarm(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    old = world.repository.bundle()
    world.clock.wait(minutes=10)
    world.rotate("key-2")
    with world.open() as store:
        store.refresh()
        on_disk = world.cache_file.read_bytes()
        world.mirror.replaced["bundle.json"] = old
        result = store.refresh()
        assert (result.error, result.is_older_copy, result.changed) == (None, True, False)
        seen = world.heard.last(OlderCopySeen)
        assert (seen.version, seen.known_version, seen.age_seconds, seen.alarming) == (1, 2, 600, False)
        assert world.heard.count(RefreshFailed) == 0
        assert world.heard.count(RefreshUnchanged) == 1
        assert enforces(store, "key-2")
        assert world.cache_file.read_bytes() == on_disk


def test_an_old_older_copy_alarms(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    old = world.repository.bundle()
    world.clock.wait(days=1, seconds=1)
    world.rotate("key-2")
    with world.open() as store:
        store.refresh()
        world.mirror.replaced["bundle.json"] = old
        result = store.refresh()
        assert isinstance(result.error, RollbackError)
        assert result.error.code == "rollback-timestamp"
        assert world.heard.last(OlderCopySeen).alarming
        assert world.heard.last(RefreshFailed).code == "rollback-timestamp"
        assert enforces(store, "key-2")
    with world.open() as store:  # and it holds after a restart: the mark lies on disk
        assert enforces(store, "key-2")
        assert store.refresh().error is not None
        assert enforces(store, "key-2")


def test_the_next_mirror_is_asked_and_preferred_from_then_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    lagging = Mirror(world.repository, base=EDGE)
    lagging.freeze()
    mirrors = Mirrors(lagging, world.mirror)
    config = {"fetcher": mirrors, "mirrors": (EDGE, world.mirror.base)}
    with world.open(**config) as store:
        world.clock.wait(days=2)
        world.rotate("key-2")
        assert store.refresh().changed
        assert enforces(store, "key-2")
        assert (len(lagging.requests), len(world.mirror.requests)) == (1, 1)
        world.clock.wait(hours=1)
        world.rotate("key-3")
        assert store.refresh().changed
        assert (len(lagging.requests), len(world.mirror.requests)) == (1, 2)
        assert enforces(store, "key-3")


def test_if_no_mirror_is_young_the_highest_one_is_used(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    oldest = Mirror(world.repository, base=EDGE)
    oldest.freeze()
    world.clock.wait(hours=1)
    world.rotate("key-2")
    world.mirror.freeze()
    world.clock.wait(days=3)
    with world.open(fetcher=Mirrors(oldest, world.mirror), mirrors=(EDGE, world.mirror.base)) as store:
        assert store.refresh().error is None
        assert enforces(store, "key-2")
        assert state(store) == "stale"

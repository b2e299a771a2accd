# SPDX-License-Identifier: Apache-2.0
"""Attack or accident: an app update embeds a newer root than the one under which the cache was written, or an older."""

from __future__ import annotations

import json
from pathlib import Path

from holdfast.telemetry.events import CacheUnreadable, ManifestAccepted, SetSignedByRetiredKey
from tests.client_world import World, enforces, state


def test_the_cache_lives_on_under_the_newer_root(tmp_path: Path) -> None:
    world = World(tmp_path)
    seed = world.publish_seed()
    world.clock.wait(hours=1)
    world.rotate("key-2")
    with world.open() as store:
        store.refresh()
    world.repository.rotate_root()
    world.heard.clear()
    with world.open(root=world.repository.files["2.root.json"], seed=seed) as store:
        accepted = world.heard.last(ManifestAccepted)
        assert (accepted.source, accepted.root_version) == ("cache", 2)
        assert enforces(store, "key-2")
        world.rotate("key-3")
        assert store.refresh().changed
    assert world.cached()["roots"] == []
    # the app is rolled back to the release before: its cache does not reach down to that root's successor
    with world.open() as store:
        assert enforces(store, "key-3") or enforces(store, "key-1")
        assert store.refresh().error is None
        assert enforces(store, "key-3")


def test_a_set_whose_keys_the_new_root_has_retired_does_not_outrank_the_new_seed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    world.clock.wait(hours=1)
    world.rotate("evil", "key-2")  # signed with keys that have been stolen, as it turns out
    with world.open() as store:
        store.refresh()
    for role in ("timestamp", "snapshot", "targets"):
        world.repository.rotate_keys(role)
    world.repository.rotate_root()
    world.rotate("key-3")
    world.heard.clear()
    with world.open(root=world.repository.files["2.root.json"], seed=world.repository.bundle()) as store:
        assert world.heard.count(CacheUnreadable) == 1
        assert state(store) == "seed"
        assert enforces(store, "key-3")
        world.mirror.requests.clear()
        store.refresh()
        assert world.mirror.conditional[-1] is None
        assert enforces(store, "key-3")


def test_without_an_app_update_a_set_with_retired_keys_stays_and_says_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    world.clock.wait(hours=1)
    world.rotate("key-2")
    with world.open() as store:
        store.refresh()
        # the new root arrives alone: the attacker holds the rest back
        for role in ("timestamp", "snapshot", "targets"):
            world.repository.rotate_keys(role)
        stale = world.repository.bundle()
        world.repository.rotate_root()
        alone = stale.replace(b'"files": {', b'"files": {"2.root.json": ' + _quoted(world) + b", ", 1)
        world.mirror.replaced["bundle.json"] = alone
        assert store.refresh().error is not None
        assert state(store) == "stale"
        assert enforces(store, "key-2")
        told = world.heard.last(SetSignedByRetiredKey)
        assert (told.root_version, told.manifest_version) == (2, 2)
        assert len(world.cached()["roots"]) == 1
        assert world.cached()["timestamp"] is None
    world.heard.clear()
    with world.open() as store:  # and after a restart
        assert world.heard.count(SetSignedByRetiredKey) == 1
        assert state(store) == "stale"
        assert enforces(store, "key-2")
        # recovery
        world.mirror.replaced.clear()
        world.rotate("key-3")
        assert store.refresh().changed
        assert state(store) == "fresh"
        assert enforces(store, "key-3")


def _quoted(world: World) -> bytes:

    return json.dumps(world.repository.files["2.root.json"].decode()).encode()

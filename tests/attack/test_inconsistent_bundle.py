# SPDX-License-Identifier: Apache-2.0
"""Attack or accident: a bundle whose files do not fit together; the versioned files are asked before it is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.errors import MixAndMatchError
from tests.client_world import World, enforces


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.publish_seed()
    return world


def damage(world: World, suffix: str, text: str | None) -> str:
    document = json.loads(world.repository.bundle())
    name: str = next(name for name in document["files"] if name.endswith(suffix))
    if text is None:
        del document["files"][name]
    else:
        document["files"][name] = text
    world.mirror.replaced["bundle.json"] = json.dumps(document).encode()
    return name


@pytest.mark.parametrize("suffix", [".snapshot.json", ".targets.json", ".pins.json", ".manifest.json"])
@pytest.mark.parametrize("text", [None, "{}", "not even JSON"])
def test_the_versioned_files_mend_it(world: World, suffix: str, text: str | None) -> None:
    with world.open() as store:
        store.refresh()
        world.clock.wait(hours=1)
        world.rotate("key-2")
        name = damage(world, suffix, text)
        world.mirror.requests.clear()
        assert store.refresh().error is None
        assert name in world.mirror.requests[1:]
        assert enforces(store, "key-2")
    assert world.cached_manifest_version() == 2


def test_a_file_that_is_named_without_its_digest_is_mended_too(world: World) -> None:
    with world.open() as store:
        store.refresh()
        world.clock.wait(hours=1)
        world.rotate("key-2")
        world.repository.resign("timestamp.json", "timestamp", meta={"snapshot.json": {"version": 2}})
        damage(world, ".snapshot.json", "{}")  # malformed, and no digest says so
        assert store.refresh().error is None
        assert enforces(store, "key-2")


def test_a_bundle_mixed_of_two_publications_is_mended(world: World) -> None:
    with world.open() as store:
        store.refresh()
        old = json.loads(world.repository.bundle())["files"]
        world.clock.wait(hours=1)
        world.rotate("key-2")
        document = json.loads(world.repository.bundle())
        document["files"] = {**old, "timestamp.json": document["files"]["timestamp.json"]}
        world.mirror.replaced["bundle.json"] = json.dumps(document).encode()
        assert store.refresh().error is None
        assert enforces(store, "key-2")


def test_what_the_versioned_files_cannot_mend_is_refused(world: World) -> None:
    with world.open() as store:
        store.refresh()
        world.clock.wait(hours=1)
        world.rotate("evil")
        name = damage(world, ".snapshot.json", "{}")
        world.mirror.replaced[name] = b"{}"
        result = store.refresh()
        assert isinstance(result.error, MixAndMatchError)
        assert enforces(store, "key-1")
        assert world.cached_manifest_version() == 1
        # recovery
        world.mirror.replaced.clear()
        world.rotate("key-2")
        assert store.refresh().error is None
        assert enforces(store, "key-2")


def test_a_sound_bundle_costs_one_request(world: World) -> None:
    with world.open() as store:
        for word in ("key-2", "key-3"):
            world.clock.wait(hours=1)
            world.rotate(word)
            world.mirror.requests.clear()
            assert store.refresh().changed
            assert world.mirror.requests == ["bundle.json"]

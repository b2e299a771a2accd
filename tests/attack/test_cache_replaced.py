# SPDX-License-Identifier: Apache-2.0
"""Attack: the cache is replaced as a whole, by an older one of this app or by one of another channel or other keys."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from holdfast.client.pin_store import PinStore
from holdfast.telemetry.events import CacheUnreadable, ManifestAccepted
from tests.client_world import World, enforces, state
from tests.repository import Repository


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Legitimate state: three publications; the seed is the second one."""
    world = World(tmp_path)
    world.publish()
    with world.open() as store:
        store.refresh()
    shutil.copy(world.cache_file, tmp_path / "old-cache")
    world.clock.wait(hours=1)
    world.rotate("key-2")
    world.seed = world.repository.bundle()
    world.clock.wait(hours=1)
    world.rotate("key-3")
    with world.open() as store:
        store.refresh()
        assert enforces(store, "key-3")
    world.heard.clear()
    return world


def test_an_older_cache_falls_behind_the_seed(world: World, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "old-cache", world.cache_file)
    with world.open() as store:
        assert state(store) == "seed"
        assert enforces(store, "key-2")
        store.refresh()
        assert enforces(store, "key-3")
    assert world.cached_manifest_version() == 3


def test_an_older_cache_under_a_running_client_is_overwritten_and_not_believed(world: World, tmp_path: Path) -> None:
    with world.open() as store:
        shutil.copy(tmp_path / "old-cache", world.cache_file)
        assert enforces(store, "key-3")
        world.clock.wait(hours=1)
        world.rotate("key-1", "key-3")
        store.refresh()
        assert enforces(store, "key-1", "key-3")
    assert world.cached_manifest_version() == 4


def test_a_cache_of_another_channel_contributes_nothing(world: World, tmp_path: Path) -> None:
    other = World(tmp_path / "foreign")
    other.repository = Repository("com.example.bank/staging")
    other.mirror.repository = other.repository
    other.repository.add_host("staging.example.com", ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="])
    other.publish()
    with other.open() as store:
        assert store.refresh().error is None
        stolen = next(iter((tmp_path / "foreign" / "cache").glob("*.cache.json"))).read_bytes()
    for data in (stolen, stolen.replace(b"bank/staging", b"bank/production", 1)):
        world.heard.clear()
        world.cache_file.write_bytes(data)
        with world.open() as store:
            assert world.heard.count(CacheUnreadable) == 1
            assert enforces(store, "key-2")


def test_a_cache_of_other_keys_for_the_same_channel_contributes_nothing(world: World, tmp_path: Path) -> None:
    other = World(tmp_path / "foreign")
    other.rotate("key-1")
    with other.open() as store:
        assert store.refresh().error is None
        other_files = other.cache_file.read_bytes()
    world.cache_file.write_bytes(other_files)
    with world.open() as store:
        assert world.heard.count(CacheUnreadable) == 1
        assert enforces(store, "key-2")
        # recovery
        assert store.refresh().error is None
        assert world.mirror.conditional[-1] is None
        assert enforces(store, "key-3")
    with world.open() as store:
        assert enforces(store, "key-3")


def test_control_the_cache_of_this_app_is_believed(world: World) -> None:
    store = PinStore(world.config(), listener=world.heard)
    assert world.heard.last(ManifestAccepted).source == "cache"
    assert enforces(store, "key-3")
    store.close()

# SPDX-License-Identifier: Apache-2.0
"""Accident: the cache's folder cannot be written, or is none; memory and an event, never fewer pins."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from holdfast.client.cache import file_lock
from holdfast.telemetry.events import CacheUnreadable, CacheUnwritable, ManifestAccepted
from tests.client_world import World, enforces


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.publish_seed()
    world.clock.wait(hours=1)
    world.rotate("key-2")
    with world.open() as store:
        store.refresh()
    world.heard.clear()
    return world


def refuse_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system that is mounted read-only answers: root is not refused by mode bits."""
    real_open = os.open

    def open_file(path: str, flags: int, *arguments: int, **named: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system")
        return real_open(path, flags, *arguments, **named)

    monkeypatch.setattr(os, "open", open_file)


def test_a_read_only_cache_is_read_and_the_rest_stays_in_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    on_disk = world.cache_file.read_bytes()
    refuse_writing(monkeypatch)
    with world.open() as store:
        assert world.heard.last(ManifestAccepted).source == "cache"
        assert enforces(store, "key-2")
        world.rotate("key-3")
        assert store.refresh().changed
        assert "Read-only" in world.heard.last(CacheUnwritable).message
        assert enforces(store, "key-3")
        world.rotate("key-1", "key-3")
        assert store.refresh().changed
        assert enforces(store, "key-1", "key-3")
    assert world.cache_file.read_bytes() == on_disk


def test_a_folder_that_is_a_file_means_memory(world: World, tmp_path: Path) -> None:
    (tmp_path / "not-a-folder").write_bytes(b"")
    with world.open(cache_dir=tmp_path / "not-a-folder" / "below") as store:
        assert world.heard.count(CacheUnreadable) == 1
        assert store.refresh().error is None
        assert world.heard.count(CacheUnwritable) == 1
        assert enforces(store, "key-2")


def test_a_cache_that_is_a_folder_contributes_nothing(world: World) -> None:
    world.cache_file.unlink()
    world.cache_file.mkdir()
    with world.open() as store:
        assert world.heard.count(CacheUnreadable) == 1
        assert enforces(store, "key-1")
        assert store.refresh().error is None
        assert world.heard.count(CacheUnwritable) == 1
        assert enforces(store, "key-2")


def test_a_writer_that_hangs_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.client.cache.store._LOCK_TIMEOUT_SECONDS", 0.05)
    lock = world.cache_file.with_name(world.cache_file.name + ".lock")
    with file_lock.hold_lock(lock, timeout_seconds=1), world.open() as store:
        world.rotate("key-3")
        assert store.refresh().changed
        assert "locked" in world.heard.last(CacheUnwritable).message
        assert enforces(store, "key-3")
        assert world.cached_manifest_version() == 2
    with world.open() as store:
        store.refresh()
    assert world.cached_manifest_version() == 3


def test_files_are_private(world: World) -> None:
    folder = world.cache_file.parent
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o600"}

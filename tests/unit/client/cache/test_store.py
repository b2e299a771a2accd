# SPDX-License-Identifier: Apache-2.0
"""The cache file and its lock: whole or not at all, one writer at a time, private."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from holdfast.client.cache.file_lock import hold_lock
from holdfast.client.cache.store import CacheFile, name_cache_file
from holdfast.errors import StoreError


def cache(folder: Path, max_bytes: int = 1000) -> CacheFile:
    return CacheFile(folder / "deep" / "er" / "cache.json", max_bytes=max_bytes)


def test_names_are_readable_and_differ_where_only_case_does() -> None:
    name = name_cache_file("com.example.bank/production")
    assert name.startswith("com.example.bank+production.")
    assert name.endswith(".cache.json")
    assert "/" not in name
    assert name.lower() != name_cache_file("com.example.Bank/production").lower()
    assert name_cache_file("a/b", suffix="outbox.json").endswith(".outbox.json")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = cache(tmp_path)
    assert file.read() is None
    file.update(lambda before: b"one")
    assert file.read() == b"one"
    seen: list[bytes | None] = []

    def change(before: bytes | None) -> bytes:
        seen.append(before)
        return b"two"

    file.update(change)
    assert (seen, file.read()) == ([b"one"], b"two")


def test_an_equal_content_is_not_written_again(tmp_path: Path) -> None:
    file = cache(tmp_path)
    file.update(lambda before: b"one")
    inode = file.path.stat().st_ino
    file.update(lambda before: b"one")
    assert file.path.stat().st_ino == inode
    file.update(lambda before: b"two")
    assert file.path.stat().st_ino != inode


def test_folder_and_files_are_private(tmp_path: Path) -> None:
    file = cache(tmp_path)
    old = os.umask(0)
    try:
        file.update(lambda before: b"one")
    finally:
        os.umask(old)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700
    assert file.path.with_name("cache.json.lock").stat().st_mode & 0o777 == 0o600


def test_an_oversized_file_is_not_read_and_is_replaced(tmp_path: Path) -> None:
    file = cache(tmp_path, max_bytes=10)
    file.update(lambda before: b"x" * 10)
    assert file.read() == b"x" * 10
    file.path.write_bytes(b"x" * 11)
    with pytest.raises(StoreError) as caught:
        file.read()
    assert caught.value.code == "cache-unreadable"
    seen: list[bytes | None] = []
    file.update(lambda before: (seen.append(before), b"new")[1])  # type: ignore[func-returns-value]
    assert (seen, file.read()) == ([None], b"new")


def test_what_killed_writers_left_is_swept_up(tmp_path: Path) -> None:
    file = cache(tmp_path)
    file.update(lambda before: b"one")
    (file.path.parent / ".cache.json.4711.abcd.tmp").write_bytes(b"half")
    (file.path.parent / "other.tmp").write_bytes(b"not ours")
    file.update(lambda before: b"two")
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["cache.json", "cache.json.lock", "other.tmp"]


def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    file = cache(tmp_path)
    file.update(lambda before: b"one")
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    file.path.unlink()
    file.path.symlink_to(victim)
    file.update(lambda before: b"two")
    assert victim.read_bytes() == b"precious"
    assert not file.path.is_symlink()


def test_a_change_that_raises_leaves_the_file_and_the_lock_alone(tmp_path: Path) -> None:
    file = cache(tmp_path)
    file.update(lambda before: b"one")

    def change(before: bytes | None) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        file.update(change)
    started = time.monotonic()
    file.update(lambda before: b"two")
    assert time.monotonic() - started < 1


def test_updates_of_many_threads_follow_one_another(tmp_path: Path) -> None:
    file = cache(tmp_path, max_bytes=100_000)

    def add() -> None:
        for _ in range(20):
            file.update(lambda before: (before or b"") + b"x")

    threads = [threading.Thread(target=add) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert file.read() == b"x" * 100


def test_a_lock_that_is_held_is_not_waited_for_without_end(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold_lock(path, timeout_seconds=1):
        started = time.monotonic()
        with pytest.raises(StoreError) as caught, hold_lock(path, timeout_seconds=0.05):
            pass
        assert caught.value.code == "cache-locked"
        assert 0.04 < time.monotonic() - started < 1
    with hold_lock(path, timeout_seconds=0):
        pass


def test_a_lock_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught, hold_lock(tmp_path / "none" / "lock", timeout_seconds=0):
        pass
    assert caught.value.code == "cache-unwritable"

# SPDX-License-Identifier: Apache-2.0
"""The cache on disk: one file a channel, never half written, shared by all processes of an app.

* A reader takes no lock: the file is only ever replaced as a whole.
* A writer holds the lock while it reads again, merges and replaces; temporary file, fsync, rename, fsync of the folder.
  Whenever it is killed, the old file or the new one lies there.
* Nothing here is believed. What cannot be read contributes nothing; what cannot be written stays in memory.
"""

from __future__ import annotations

import contextlib
import os
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

from holdfast.client.cache.file_lock import hold_lock
from holdfast.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["CacheFile", "name_cache_file"]

_LOCK_TIMEOUT_SECONDS = 5.0


def name_cache_file(channel: str, *, suffix: str = "cache.json") -> str:
    """Name a channel's file: readable, and unique on file systems that ignore case.

    >>> name_cache_file("com.example.bank/production")
    'com.example.bank+production.a8a9f4b3.cache.json'
    """
    digest = sha256(channel.encode("utf-8")).hexdigest()[:8]
    return f"{channel.replace('/', '+')}.{digest}.{suffix}"


class CacheFile:
    """One file that is read and replaced as a whole.

    Args:
        path: The file; its folder is created with mode 0700 if missing.
        max_bytes: A larger file is not read.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self.path = path
        self._lock_path = path.with_name(path.name + ".lock")
        self._max_bytes = max_bytes

    def read(self) -> bytes | None:
        """Read the file as it stands; ``None`` if there is none.

        Raises:
            StoreError: It cannot be read, or is too large (``cache-unreadable``).
        """
        try:
            with self.path.open("rb") as file:
                data = file.read(self._max_bytes + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}", code="cache-unreadable") from error
        if len(data) > self._max_bytes:
            raise StoreError(f"{self.path}: more than {self._max_bytes} bytes", code="cache-unreadable")
        return data

    def update(self, change: Callable[[bytes | None], bytes]) -> None:
        """Replace the file by what ``change`` makes of its present content, while nobody else writes.

        Args:
            change: Takes the present bytes (``None`` if there are none, or none that can be read); must be quick and
                stay off the network. An equal result leaves the file alone.

        Raises:
            StoreError: Nothing was changed (``cache-unwritable``, ``cache-locked``).
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path.parent}: {error.strerror or error}", code="cache-unwritable") from error
        with hold_lock(self._lock_path, timeout_seconds=_LOCK_TIMEOUT_SECONDS):
            before = self._read_again()
            after = change(before)
            if after == before:
                return
            try:
                self._replace(after)
            except OSError as error:
                raise StoreError(f"{self.path}: {error.strerror or error}", code="cache-unwritable") from error

    def _read_again(self) -> bytes | None:
        try:
            return self.read()
        except StoreError:
            return None  # it contributes nothing, and is about to be replaced by what does

    def _replace(self, data: bytes) -> None:
        """Write a temporary file beside the real one and put it in its place."""
        self._remove_leftovers()
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(temporary, flags, 0o600)
            try:
                _write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        self._sync_folder()

    def _remove_leftovers(self) -> None:
        """Remove what writers that were killed have left; the lock is held, so none of it is in use."""
        for leftover in self.path.parent.glob(f".{self.path.name}.*.tmp"):
            with contextlib.suppress(OSError):
                leftover.unlink()

    def _sync_folder(self) -> None:
        if sys.platform == "win32":  # a folder cannot be opened there
            return
        descriptor = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes; one ``os.write`` may take fewer (a nearly full disk, a signal)."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]

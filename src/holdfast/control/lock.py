# SPDX-License-Identifier: Apache-2.0
"""One writer a channel on one machine: ``flock`` on a file beside the database; the kernel frees it at kill -9."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from holdfast.errors import Conflict, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FileLock"]

_POLL_SECONDS: Final = 0.05


class FileLock:
    """A :class:`~holdfast.control.store.WriterLock`.

    Args:
        path: The lock file; made if it is not there, never removed.
        wait_seconds: How long to wait for another writer.
    """

    def __init__(self, path: Path, *, wait_seconds: float = 30.0) -> None:
        self._path = path
        self._wait_seconds = wait_seconds

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            Conflict: Another writer kept it all the time (``publisher-busy``).
            StoreError: The file cannot be made (``state-unwritable``).
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"cannot lock {self._path}: {error.strerror}",
                code="state-unwritable",
                hint="run it where holdfast.toml lies, as the user who owns .holdfast",
            ) from error
        try:
            self._acquire(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _acquire(self, descriptor: int) -> None:
        deadline = time.monotonic() + self._wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Conflict(
                        f"another publisher has been at work for {self._wait_seconds:.0f} seconds",
                        code="publisher-busy",
                        hint="wait for it, or find out what it is waiting for",
                    ) from None
                time.sleep(_POLL_SECONDS)

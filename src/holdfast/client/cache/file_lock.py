# SPDX-License-Identifier: Apache-2.0
"""An advisory lock between processes (and threads) on one small file that is never removed.

It is held for a read, a merge and a rename: milliseconds, never across the network. Whoever dies loses it, because the
operating system holds it by the open file.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from holdfast.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


__all__ = ["hold_lock"]

_PAUSE_SECONDS = 0.01


@contextlib.contextmanager
def hold_lock(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock of a file for the length of a block.

    Args:
        path: The lock's own file; created with mode 0600 if missing.
        timeout_seconds: How long another holder is waited for.

    Raises:
        StoreError: The file cannot be opened (``cache-unwritable``), or another process kept the lock
            (``cache-locked``: it hangs or is stopped; nobody waits for it).
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}", code="cache-unwritable") from error
    try:
        _acquire(descriptor, path, time.monotonic() + timeout_seconds)
        yield
    finally:
        os.close(descriptor)  # which releases the lock


def _acquire(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            _try_lock(descriptor)
            return
        except OSError as error:
            if time.monotonic() >= deadline:
                raise StoreError(f"{path} is locked by another process", code="cache-locked") from error
        time.sleep(_PAUSE_SECONDS)

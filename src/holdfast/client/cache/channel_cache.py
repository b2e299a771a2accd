# SPDX-License-Identifier: Apache-2.0
"""What is known, kept on disk: read once at the start, joined with what other processes know at each write."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from holdfast.client.cache.cache_record import MAX_CACHE_BYTES, format_record, parse_record
from holdfast.client.cache.store import CacheFile, name_cache_file
from holdfast.client.knowledge import Knowledge, join, read_record, to_record
from holdfast.errors import HoldfastError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ChannelCache"]

_log = logging.getLogger(__name__)


class ChannelCache:
    """One channel's cache.

    Args:
        folder: Where the file lies; ``None`` keeps nothing on disk.
        channel: ``<app>/<environment>``.
        seeded: What the app was shipped with: everything that is read is verified on top of it.
    """

    def __init__(self, folder: Path | None, channel: str, seeded: Knowledge) -> None:
        self._channel = channel
        self._seeded = seeded
        self._file: CacheFile | None = None
        self._written: bytes | None = None  # what this process wrote last: writing it again is no news to anybody
        if folder is not None:
            self._file = CacheFile(folder / name_cache_file(channel), max_bytes=MAX_CACHE_BYTES)

    def load(self) -> tuple[Knowledge, HoldfastError | None]:
        """Read what was kept.

        Returns:
            At least what the app was shipped with, and why the cache (or its set) contributed nothing, if so.
        """
        try:
            data = None if self._file is None else self._file.read()
            return (self._seeded, None) if data is None else self._verify(data)
        except StoreError as error:
            return self._seeded, error

    def save(self, known: Knowledge) -> tuple[Knowledge, StoreError | None]:
        """Join what is known with what other processes have written meanwhile, and write it down.

        Returns:
            The joined knowledge (``known`` itself if nothing could be written), and why nothing was written, if so.
        """
        if self._file is None or self._written == format_record(to_record(self._channel, known)):
            return known, None
        joined, after = known, b""

        def change(before: bytes | None) -> bytes:
            nonlocal joined, after
            joined = known if before is None else join(known, self._read_others(before))
            after = format_record(to_record(self._channel, joined))
            return after

        try:
            self._file.update(change)
        except StoreError as error:
            return known, error
        self._written = after
        return joined, None

    def _read_others(self, data: bytes) -> Knowledge:
        try:
            return self._verify(data)[0]
        except StoreError as error:
            _log.warning("%s: %s", self._channel, error)
            return self._seeded

    def _verify(self, data: bytes) -> tuple[Knowledge, HoldfastError | None]:
        record = parse_record(data)
        if record.channel != self._channel:
            raise StoreError(f"the cache is of channel {record.channel}", code="cache-foreign")
        return read_record(self._seeded, record)

# SPDX-License-Identifier: Apache-2.0
"""What the cache holds, and how it is written down: exact bytes of signed files, and no number as a mark.

Everything in it is verified again from the embedded root when it is read (:mod:`holdfast.trust`); this module only
packs and unpacks. What is not signed is of no use to a forger: an ETag of a file that he cannot make, the moment of an
acceptance that a lower set does not win by, and moments that have passed, which can only make a client stricter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from holdfast.core.freshness import Passed
from holdfast.core.instant import format_instant, parse_instant
from holdfast.core.strict_json import parse_json
from holdfast.errors import FormatError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["CACHE_FORMAT", "MAX_CACHE_BYTES", "CacheRecord", "StoredSet", "format_record", "parse_record"]

CACHE_FORMAT = "holdfast-cache/1"
MAX_CACHE_BYTES = 64 * 1024 * 1024
_MAX_PASSED = 100_000


@dataclass(frozen=True, slots=True)
class StoredSet:
    """The set that was enforced.

    Attributes:
        files: Exact bytes by their names in a bundle; one ``N.root.json``, the root that accepted it.
        accepted_at: Effective now when it was accepted.
    """

    files: Mapping[str, bytes] = field(repr=False)
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class CacheRecord:
    """The content of one channel's cache file.

    Attributes:
        channel: ``<app>/<environment>``.
        roots: Root files after the embedded one, oldest first.
        timestamp: The highest verified timestamp.
        snapshot: The snapshot that was verified last.
        stored: The enforced set; ``None`` while the seed is enforced.
        etags: URL -> entity tag of the bundle that brought what is enforced.
        passed: Moments that were seen to pass.
    """

    channel: str
    roots: tuple[bytes, ...] = field(default=(), repr=False)
    timestamp: bytes | None = field(default=None, repr=False)
    snapshot: bytes | None = field(default=None, repr=False)
    stored: StoredSet | None = None
    etags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    passed: Passed = field(default_factory=Passed)


def format_record(record: CacheRecord) -> bytes:
    """Write a record down; equal records have equal bytes."""
    document = {
        "format": CACHE_FORMAT,
        "channel": record.channel,
        "roots": [root.decode("utf-8") for root in record.roots],
        "timestamp": _text(record.timestamp),
        "snapshot": _text(record.snapshot),
        "set": None if record.stored is None else _format_set(record.stored),
        "etags": dict(sorted(record.etags.items())),
        "passed": {"untils": sorted(map(list, record.passed.untils)), "max_ages": sorted(record.passed.max_ages)},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def parse_record(data: bytes) -> CacheRecord:
    """Read a record; nothing in it has been verified.

    Raises:
        StoreError: It is none (``cache-unreadable``).
    """
    try:
        return _read(parse_json(data, max_bytes=MAX_CACHE_BYTES))
    except (FormatError, KeyError, TypeError, ValueError, AttributeError) as error:
        # Whatever is wrong with it, the answer is the same: it contributes nothing.
        raise StoreError(f"the cache cannot be read: {error}", code="cache-unreadable") from error


def _format_set(stored: StoredSet) -> dict[str, Any]:
    files = {name: data.decode("utf-8") for name, data in sorted(stored.files.items())}
    return {"accepted_at": format_instant(stored.accepted_at), "files": files}


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8")


def _read(document: Any) -> CacheRecord:
    if document["format"] != CACHE_FORMAT:
        raise ValueError(f"`format` is not {CACHE_FORMAT}")
    held, passed = document["set"], document["passed"]
    return CacheRecord(
        channel=_string(document["channel"]),
        roots=tuple(_string(root).encode("utf-8") for root in _list(document["roots"])),
        timestamp=_bytes(document["timestamp"]),
        snapshot=_bytes(document["snapshot"]),
        stored=None if held is None else StoredSet(_read_files(held["files"]), parse_instant(held["accepted_at"])),
        etags=MappingProxyType({url: _string(etag) for url, etag in document["etags"].items()}),
        passed=Passed(
            frozenset((_string(scope), _string(pattern)) for scope, pattern in _list(passed["untils"])),
            frozenset(map(_string, _list(passed["max_ages"]))),
        ),
    )


def _read_files(files: Any) -> Mapping[str, bytes]:
    return MappingProxyType({name: _string(text).encode("utf-8") for name, text in files.items()})


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value


def _bytes(value: object) -> bytes | None:
    return None if value is None else _string(value).encode("utf-8")


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MAX_PASSED:
        raise TypeError("a list is missing or too long")
    return value

# SPDX-License-Identifier: Apache-2.0
"""The public tree in memory: every file with its two encodings, their ETags and how long it may be cached.

A tree is immutable. A reload reads what changed on disk, shares what did not, and is swapped in whole, so that an
answer never mixes two states of a file. Only names that the publisher writes are taken: no temporary file, no link, no
file that somebody dropped there.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from holdfast.core.limits import MAX_BUNDLE_BYTES

__all__ = ["CachePolicy", "Entry", "PublicTree", "load_tree"]

_PART: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_VERSIONED: Final = r"[1-9][0-9]{0,15}\.[a-z0-9_-]+\.json|targets/[0-9a-f]{64}\.[a-z0-9._-]+"
_PUBLIC: Final = re.compile(rf"v1/c/{_PART}/{_PART}/(?:(?P<moving>bundle\.json|timestamp\.json)|(?:{_VERSIONED}))")
_IMMUTABLE_SECONDS: Final = 31_536_000
_MIN_GZIP_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How long the bundle and the timestamp may be cached, in seconds; versioned files never change."""

    max_age_seconds: int = 30
    stale_while_revalidate_seconds: int = 60

    def header(self, *, moving: bool) -> bytes:
        """Return the value of ``Cache-Control``."""
        if not moving:
            return b"public, max-age=%d, immutable" % _IMMUTABLE_SECONDS
        seconds = (self.max_age_seconds, self.stale_while_revalidate_seconds)
        return b"public, max-age=%d, stale-while-revalidate=%d" % seconds


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, ready to be sent.

    Attributes:
        body, etag: As it is.
        gzip_body, gzip_etag: Compressed; ``None`` where that saves nothing. A strong ETag names exact bytes, so each
            encoding has its own (RFC 9110, 8.8.3.3).
        cache_control: Value of the header.
        stamp: What changes on disk when the file does.
    """

    body: bytes = field(repr=False)
    etag: bytes
    gzip_body: bytes | None = field(repr=False)
    gzip_etag: bytes
    cache_control: bytes
    stamp: tuple[int, int, int]


PublicTree = Mapping[str, Entry]
"""Path below the host, without its first slash -> entry."""


def load_tree(directory: Path, policy: CachePolicy, old: PublicTree | None = None) -> PublicTree:
    """Read the public directory.

    Args:
        directory: The one that holds ``v1/``.
        policy: How long files may be cached.
        old: What was read before; unchanged files are shared with it.

    Raises:
        OSError: The directory cannot be read.
    """
    known = old or {}
    tree: dict[str, Entry] = {}
    for name, path in _public_files(directory):
        entry = _load_entry(name, path, policy, known.get(name))
        if entry is not None:
            tree[name] = entry
    return MappingProxyType(tree)


def _public_files(directory: Path) -> Iterator[tuple[str, Path]]:
    for folder, _, names in os.walk(directory / "v1"):
        for name in names:
            path = Path(folder, name)
            public = path.relative_to(directory).as_posix()
            if _PUBLIC.fullmatch(public):
                yield public, path


def _load_entry(name: str, path: Path, policy: CachePolicy, known: Entry | None) -> Entry | None:
    """Read one file; ``None`` if it is gone meanwhile, no regular file, or beyond what any client takes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if known is not None and known.stamp == stamp:
            return known
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BUNDLE_BYTES:
            return None
        body = file.read(MAX_BUNDLE_BYTES)
    return _make_entry(name, body, policy, stamp)


def _make_entry(name: str, body: bytes, policy: CachePolicy, stamp: tuple[int, int, int]) -> Entry:
    match = _PUBLIC.fullmatch(name)
    packed = gzip.compress(body, compresslevel=9, mtime=0) if len(body) >= _MIN_GZIP_BYTES else body
    tag = sha256(body).hexdigest()[:32].encode("ascii")
    return Entry(
        body=body,
        etag=b'"%s"' % tag,
        gzip_body=packed if len(packed) < len(body) else None,
        gzip_etag=b'"%s-gzip"' % tag,
        cache_control=policy.header(moving=match is not None and match["moving"] is not None),
        stamp=stamp,
    )

# SPDX-License-Identifier: Apache-2.0
"""The distribution route, raw ASGI: a look-up in memory and one answer (RFC 9110, 9111).

GET and HEAD of the files of the public tree, nothing else: no directory is listed, no path is joined, so there is
nothing to traverse. It adds no trust and needs none: every file is signed or hashed, and clients verify it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from holdfast.server.tree import CachePolicy, Entry, PublicTree, load_tree

__all__ = ["Distribution"]

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_METHODS: Final = ("GET", "HEAD")
# An absent root N+1 is asked for at each refresh: the answer may be kept for a moment, never long.
_MISSING_CACHE_CONTROL: Final = b"public, max-age=5"
_COMMON: Final[Headers] = [(b"x-content-type-options", b"nosniff"), (b"vary", b"Accept-Encoding")]


class Distribution:
    """An ASGI application.

    Args:
        directory: The one that holds ``v1/``.
        policy: How long files may be cached.
        poll_seconds: How often the directory is looked at.
    """

    def __init__(self, directory: Path, policy: CachePolicy, *, poll_seconds: float = 0.5) -> None:
        self._directory = directory
        self._policy = policy
        self._poll_seconds = poll_seconds
        self._tree: PublicTree = MappingProxyType({})

    @property
    def tree(self) -> PublicTree:
        """What is served now."""
        return self._tree

    def reload(self) -> bool:
        """Read the directory again; returns whether anything changed. What cannot be read leaves the tree as it was."""
        try:
            tree = load_tree(self._directory, self._policy, self._tree)
        except OSError as error:
            _log.warning("cannot read %s: %s; still serving what was read before", self._directory, error.strerror)
            return False
        has_changed = tree != self._tree
        self._tree = tree
        return has_changed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the server's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in _METHODS:
            allow = (b"allow", ", ".join(_METHODS).encode("ascii"))
            await _send(send, HTTPStatus.METHOD_NOT_ALLOWED, [allow], b"only GET and HEAD\n")
            return
        entry = self._tree.get(scope["path"].removeprefix("/"))
        is_head = scope["method"] == "HEAD"
        if entry is None:
            headers = [(b"cache-control", _MISSING_CACHE_CONTROL)]
            await _send(send, HTTPStatus.NOT_FOUND, headers, b"no such file\n", is_head=is_head)
            return
        await _send_entry(send, entry, _select(scope["headers"]), is_head=is_head)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Load before the first request, look at the directory while the server lives."""
        watcher: asyncio.Task[None] | None = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await asyncio.to_thread(self.reload)
                watcher = asyncio.create_task(self._watch())
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if watcher is not None:
                    watcher.cancel()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            if await asyncio.to_thread(self.reload):
                _log.info("the public tree changed: %d files", len(self._tree))


def _select(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """Join the two headers that matter; a header that is sent twice is a list (RFC 9110, 5.3)."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in {b"accept-encoding", b"if-none-match"}:
            found[name] = found[name] + b"," + value if name in found else value
    return found


async def _send_entry(send: Send, entry: Entry, headers: Mapping[bytes, bytes], *, is_head: bool) -> None:
    is_gzip = entry.gzip_body is not None and _accepts_gzip(headers.get(b"accept-encoding", b""))
    etag = entry.gzip_etag if is_gzip else entry.etag
    answer: Headers = [(b"etag", etag), (b"cache-control", entry.cache_control)]
    if _matches(headers.get(b"if-none-match"), etag):
        await _send(send, HTTPStatus.NOT_MODIFIED, answer, None)
        return
    answer.append((b"content-type", b"application/json"))
    body = entry.body
    if is_gzip and entry.gzip_body is not None:
        answer.append((b"content-encoding", b"gzip"))
        body = entry.gzip_body
    await _send(send, HTTPStatus.OK, answer, body, is_head=is_head)


def _accepts_gzip(header: bytes) -> bool:
    """Tell whether gzip is welcome (RFC 9110, 12.5.3): named with a weight above zero, or covered by ``*``."""
    weights = {}
    for item in header.lower().split(b","):
        coding, _, parameters = item.partition(b";")
        weights[coding.strip()] = _weight(parameters)
    return weights.get(b"gzip", weights.get(b"x-gzip", weights.get(b"*", 0.0))) > 0


def _weight(parameters: bytes) -> float:
    name, _, value = parameters.strip().partition(b"=")
    if name.strip() != b"q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _matches(header: bytes | None, etag: bytes) -> bool:
    """Compare weakly, as If-None-Match asks (RFC 9110, 13.1.2)."""
    if header is None:
        return False
    tags = [tag.strip() for tag in header.split(b",")]
    return b"*" in tags or any(tag.removeprefix(b"W/") == etag for tag in tags)


async def _send(send: Send, status: HTTPStatus, headers: Headers, body: bytes | None, *, is_head: bool = False) -> None:
    """Send an answer; ``body`` is ``None`` where there is none to speak of (304)."""
    length = [] if body is None else [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": int(status), "headers": [*_COMMON, *headers, *length]})
    await send({"type": "http.response.body", "body": b"" if body is None or is_head else body})

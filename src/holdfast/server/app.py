# SPDX-License-Identifier: Apache-2.0
"""What uvicorn runs: the distribution route on a socket that was bound before, and logging for a console or a machine.

Here, and in ``cli``, logging is configured; nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvicorn

from holdfast.core.instant import format_instant
from holdfast.errors import ConfigError, StoreError
from holdfast.server.distribution import Distribution
from holdfast.server.tree import CachePolicy

__all__ = ["bind", "create_app", "serve"]

_BACKLOG: Final = 512
_KEEP_ALIVE_SECONDS: Final = 15
_MAX_CONNECTIONS: Final = 1000


def create_app(directory: Path, policy: CachePolicy) -> Distribution:
    """Make the ASGI application for a public directory.

    Raises:
        StoreError: There is no such directory (``sink-unreadable``).
    """
    if not (directory / "v1").is_dir():
        raise StoreError(
            f"there is nothing to serve in {directory}", code="sink-unreadable", hint="run `holdfast publish` first"
        )
    return Distribution(directory, policy)


def bind(host: str, port: int) -> socket.socket:
    """Bind the listening socket, so that a port that is taken is one clear error.

    Args:
        host: A name or an address.
        port: 0 takes a free one.

    Raises:
        ConfigError: It cannot be bound (``bind``).
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot listen on {host}:{port}: {reason}", code="bind", hint="choose another --port (0 takes a free one)"
        ) from error
    return listener


def serve(app: Distribution, listener: socket.socket, *, every: tuple[float, Callable[[], None]] | None = None) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        app: The route.
        listener: A bound socket; it is closed at the end.
        every: Seconds, and what to do that often in a thread of its own (re-signing the timestamp). It may raise
            nothing but what is a bug.
    """
    _configure_logging()
    config = uvicorn.Config(
        app,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=5,
        ws="none",
    )
    with listener, suppress(KeyboardInterrupt):
        asyncio.run(_run(uvicorn.Server(config), listener, every))


async def _run(server: uvicorn.Server, listener: socket.socket, every: tuple[float, Callable[[], None]] | None) -> None:
    task = asyncio.create_task(_repeat(*every)) if every is not None else None
    try:
        await server.serve(sockets=[listener])
    finally:
        if task is not None:
            task.cancel()


async def _repeat(seconds: float, action: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(action)


class _JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        at = format_instant(datetime.fromtimestamp(record.created, UTC))
        fields = {"at": at, "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        return json.dumps(fields)


def _configure_logging() -> None:
    handler = logging.StreamHandler(sys.stderr)
    if not sys.stderr.isatty():
        handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], format="%(levelname)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)

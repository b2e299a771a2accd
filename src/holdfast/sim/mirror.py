# SPDX-License-Identifier: Apache-2.0
"""The manifest server of the demonstration: the real distribution route under uvicorn, in a thread.

It can be taken down and put up again on the same port, and an attacker on the path can answer in its place: transport
adds no trust, so nothing may come of that.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import uvicorn

from holdfast.errors import TransportError
from holdfast.server.app import bind, create_app
from holdfast.server.tree import CachePolicy
from holdfast.sim.listener import LOOPBACK

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from holdfast.server.distribution import Distribution, Receive, Scope, Send

__all__ = ["Mirror"]

_START_TIMEOUT_SECONDS: Final = 5.0


class Mirror:
    """The place where apps fetch.

    Args:
        port: 0 takes a free one; it stays the same from then on.
    """

    def __init__(self, port: int = 0) -> None:
        self._listener: socket.socket | None = bind(LOOPBACK, port)
        self.port: int = self._listener.getsockname()[1]
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._distribution: Distribution | None = None
        self._forged: Mapping[str, bytes] | None = None
        self._served: list[str] = []  # appending is atomic

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def served(self) -> int:
        """How many requests it was asked so far."""
        return len(self._served)

    def serves(self, data: bytes) -> bool:
        """Tell whether some file that it serves has these bytes."""
        tree = self._distribution.tree if self._distribution is not None else {}
        return any(entry.body == data for entry in tree.values())

    def start(self, directory: Path) -> None:
        """Serve a public directory.

        Raises:
            TransportError: It did not come up.
        """
        self._distribution = create_app(directory, CachePolicy(max_age_seconds=0, stale_while_revalidate_seconds=0))
        listener = self._listener or bind(LOOPBACK, self.port)
        self._listener = None
        config = uvicorn.Config(
            self._answer, interface="asgi3", lifespan="on", access_log=False, log_config=None, ws="none"
        )
        server = self._server = uvicorn.Server(config)

        def run() -> None:
            with listener:
                server.run(sockets=[listener])

        self._thread = threading.Thread(target=run, name="holdfast-mirror", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while not server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise TransportError("the manifest server did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Take it down: from now on nobody listens on its port."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_START_TIMEOUT_SECONDS)
        if self._listener is not None:
            self._listener.close()
        self._server = self._thread = self._listener = None

    @contextmanager
    def impersonated(self, files: Mapping[str, bytes]) -> Iterator[None]:
        """Let an attacker on the path answer in its place.

        Args:
            files: Name within the channel -> bytes; anything else is not found.
        """
        self._forged = files
        try:
            yield
        finally:
            self._forged = None

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._distribution is not None  # set before uvicorn starts
        if scope["type"] != "http":
            await self._distribution(scope, receive, send)
            return
        self._served.append(scope["path"])
        forged = self._forged
        if forged is None:
            await self._distribution(scope, receive, send)
            return
        body = forged.get(scope["path"].split("/", 5)[-1])
        status = HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK
        await send({"type": "http.response.start", "status": int(status), "headers": []})
        await send({"type": "http.response.body", "body": body or b""})

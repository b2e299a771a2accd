# SPDX-License-Identifier: Apache-2.0
"""Certificates rotate while eight clients of different libraries send requests, each on a new TLS connection.

nginx is the back end, and serves the manifest besides; its certificate and key are swapped by a reload. The publisher
is the real one, and every client has a pin store of its own. Counted exactly, on both sides: what a client says that it
sent is what nginx has logged.

* **make before break**, refresh on mismatch switched off: publish the next key, wait until every client holds it, swap,
  retire the old one. No request fails.
* **no window**, refresh on mismatch switched on and nothing refreshed on schedule: publish and swap at once. No request
  fails either: every client heals inside the handshake (an event loop: in the adapter, before a byte is sent).
* **the control**: a key that nobody published is refused by every client, and nginx logs nothing. So it can fail.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import websockets.asyncio.client
import websockets.sync.server
from websockets.sync.server import ServerConnection

from holdfast import PinnedSSLContext, PinStore, create_default_context, pin_error
from holdfast.adapters.aiohttp import PinningConnector, create_middleware
from holdfast.adapters.httpx import AsyncPinningTransport
from holdfast.control.settings import base_path
from holdfast.sim.app import describe_failure
from holdfast.sim.load import SteadyLoad
from holdfast.sim.office import Office
from holdfast.sim.pki import make_key
from holdfast.wiring import UNSAFE_FAST_KEYS
from tests.nginx import LoggedRequest, Nginx
from tests.pki import Authority, Identity
from tests.tls_clients import CLIENTS, HEADERS, HOST, TIMEOUT
from tests.tools import requires, wait_until

pytestmark = [requires("nginx"), pytest.mark.slow, pytest.mark.serial]

CHANNEL = "com.example.bank/production"
REQUESTS = 2000
ROTATIONS = 3
INTERVAL_SECONDS = 0.01

Call = Callable[[ssl.SSLContext, int], object]

#: Library -> where its requests go in nginx's log.
PATHS = {
    "http.client": "/http-client",
    "urllib": "/urllib",
    "urllib3": "/urllib3",
    "requests": "/requests",
    "httpx": "/httpx",
    "httpx-asyncio": "/httpx-async",
    "aiohttp": "/aiohttp",
    # Not its threaded client: that reads and writes one SSLSocket in two threads, and on CPython 3.11 loses about one
    # handshake in a thousand so, with a plain context as well.
    "websockets-asyncio": "/ws",
}
CALLS: dict[str, Call] = {client.name: client.call for client in CLIENTS if client.name in PATHS}

# A store that has just changed does not ask again within five seconds: so far apart are rotations without a window.
SETTLING_SECONDS = 5.5


def by_httpx_with_adapter(context: ssl.SSLContext, port: int) -> str:
    """An event loop must not block: the transport refreshes and sends once more."""

    async def run() -> str:
        assert isinstance(context, PinnedSSLContext)
        assert isinstance(context.judge, PinStore)
        transport = AsyncPinningTransport(context.judge, context=context)
        async with httpx.AsyncClient(transport=transport, timeout=TIMEOUT) as client:
            return (await client.get(f"https://{HOST}:{port}/httpx-async", headers=HEADERS)).text

    return asyncio.run(run())


def by_aiohttp_with_adapter(context: ssl.SSLContext, port: int) -> str:
    """The same by a connector and a middleware."""

    async def run() -> str:
        assert isinstance(context, PinnedSSLContext)
        assert isinstance(context.judge, PinStore)
        async with (
            aiohttp.ClientSession(
                connector=PinningConnector(context.judge, context=context),
                middlewares=[create_middleware(context.judge)],
                timeout=aiohttp.ClientTimeout(TIMEOUT),
            ) as session,
            session.get(f"https://{HOST}:{port}/aiohttp", headers=HEADERS) as answer,
        ):
            return await answer.text()

    return asyncio.run(run())


def by_websockets_with_retry(context: ssl.SSLContext, port: int) -> str:
    """A client without an adapter: refresh, and once more."""

    async def talk() -> str:
        async with websockets.asyncio.client.connect(
            f"wss://{HOST}:{port}/ws", ssl=context, additional_headers=HEADERS, proxy=None, open_timeout=TIMEOUT
        ) as link:
            return str(await link.recv())

    async def run() -> str:
        assert isinstance(context, PinnedSSLContext)
        try:
            return await talk()
        except OSError as error:
            refusal = pin_error(error)
            if refusal is None or not await context.judge.refresh_on_mismatch_async(HOST, timeout_seconds=TIMEOUT):
                raise
            return await talk()

    return asyncio.run(run())


HEALING_CALLS: dict[str, Call] = {
    **CALLS,
    "httpx-asyncio": by_httpx_with_adapter,
    "aiohttp": by_aiohttp_with_adapter,
    "websockets-asyncio": by_websockets_with_retry,
}


class Deployment:
    """The publisher, nginx, and eight clients, each with a store and a context of its own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        upstream = stack.enter_context(_serve_websockets())
        self._stack = stack
        self._folder = folder
        public = folder / "office" / ".holdfast" / "public"
        self.nginx = stack.enter_context(Nginx(folder / "nginx", public=public, upstream_port=upstream))
        mirror = f"http://127.0.0.1:{self.nginx.http_port}/{base_path(CHANNEL)}"
        self.office = Office(folder, CHANNEL, mirror, progress=lambda _line: None)
        self.root = Authority.root("Example Root")
        self.issuing = self.root.intermediate("Example Issuing CA")
        self.shown = self.issuing.leaf(HOST)
        self.labels = ["key-0"]
        self.office.protect(HOST, self.shown.key, make_key())
        self.office.publish()
        self.nginx.start("key-0", self.shown)
        self.anchors = self.office.export_anchors(folder / "anchors")
        self.stores: dict[str, PinStore] = {}
        self.contexts: dict[str, ssl.SSLContext] = {}

    def open_clients(self, **settings: Any) -> None:
        """Open a store for every library, each with a cache of its own."""
        for name in PATHS:
            store = PinStore.open(self.anchors, cache_dir=self._folder / "caches" / name, **settings)
            self._stack.callback(store.close)
            self.stores[name] = store
            self.contexts[name] = create_default_context(store, cadata=self.root.pem)

    def load(self, calls: Mapping[str, Call]) -> SteadyLoad:
        requests = [partial(_call, name, call, self.contexts[name], self.nginx.port) for name, call in calls.items()]
        return SteadyLoad(requests, describe=str, interval_seconds=INTERVAL_SECONDS)

    def announce_next(self) -> tuple[Identity, int]:
        """Publish the key that comes next, beside the one that is shown."""
        new = self.issuing.leaf(HOST)
        self.office.announce(HOST, new.key)
        return new, self.office.publish().versions["manifest"]

    def swap(self, new: Identity) -> Identity:
        """Show it; returns what was shown before."""
        old, self.shown = self.shown, new
        self.labels.append(f"key-{len(self.labels)}")
        self.nginx.swap(self.labels[-1], new)
        return old

    def retire(self, old: Identity) -> int:
        """Publish without the key that is no longer shown."""
        self.office.retire(HOST, old.key)
        return self.office.publish().versions["manifest"]

    def wait_for_manifest(self, version: int) -> None:
        wait_until(
            lambda: all(store.manifest_version == version for store in self.stores.values()),
            what=f"manifest {version} in every client",
        )

    def wait_for_requests_of_all(self, label: str) -> None:
        """Wait until every client has been answered under a certificate."""
        wait_until(
            lambda: {each.path for each in self.nginx.read_requests() if each.label == label} == set(PATHS.values()),
            what=f"requests of every client under {label}",
            timeout_seconds=20,
        )


class RequestFailed(Exception):
    """A request failed; the text says whose and why."""


def _call(name: str, call: Call, context: ssl.SSLContext, port: int) -> None:
    try:
        call(context, port)
    except Exception as error:
        raise RequestFailed(f"{name}: {describe_failure(error)}") from error


@contextmanager
def _serve_websockets() -> Iterator[int]:
    """Serve WebSockets in the clear, behind nginx: one message, and the client ends it."""

    def greet(link: ServerConnection) -> None:
        link.send("hello")
        for _ in link:
            pass

    with websockets.sync.server.serve(greet, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
    thread.join()


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    monkeypatch.setenv(UNSAFE_FAST_KEYS, "1")
    with ExitStack() as stack:
        yield Deployment(tmp_path, stack)


def assert_nothing_failed(deployment: Deployment, load: SteadyLoad) -> list[LoggedRequest]:
    """What the clients counted is what nginx logged: every request once, answered, on a connection of its own."""
    tally = load.since()
    assert tally.failures == {}
    wait_until(lambda: len(deployment.nginx.read_requests()) >= tally.total, what="nginx to write its log")
    logged = deployment.nginx.read_requests()
    assert tally.succeeded == tally.total == len(logged) >= REQUESTS
    assert {request.status for request in logged} == {200, 101}
    assert {request.nth for request in logged} == {1}
    assert len({request.connection for request in logged}) == len(logged)
    seen = Counter((request.path, request.label) for request in logged)
    assert set(seen) == {(path, label) for path in PATHS.values() for label in deployment.labels}
    return logged


def test_make_before_break_fails_no_request(deployment: Deployment) -> None:
    deployment.open_clients(refresh_on_mismatch=False, refresh_floor_seconds=1.0)
    for store in deployment.stores.values():
        store.start()
    with deployment.load(CALLS) as load:
        deployment.wait_for_requests_of_all("key-0")
        for _ in range(ROTATIONS):
            new, version = deployment.announce_next()
            deployment.wait_for_manifest(version)
            old = deployment.swap(new)
            deployment.wait_for_requests_of_all(deployment.labels[-1])
            deployment.wait_for_manifest(deployment.retire(old))
        wait_until(lambda: load.since().total >= REQUESTS, what="2,000 requests", timeout_seconds=60)
    assert_nothing_failed(deployment, load)
    assert_an_unpublished_key_is_refused(deployment)


def test_without_a_window_refresh_on_mismatch_heals_every_request(deployment: Deployment) -> None:
    deployment.open_clients(refresh_on_mismatch=True)  # and none is started: nothing refreshes on schedule
    with deployment.load(HEALING_CALLS) as load:
        deployment.wait_for_requests_of_all("key-0")
        for number in range(1, ROTATIONS + 1):
            fetched = deployment.nginx.count_files_served()
            new, version = deployment.announce_next()
            old = deployment.swap(new)
            deployment.wait_for_requests_of_all(f"key-{number}")
            deployment.wait_for_manifest(version)
            assert deployment.nginx.count_files_served() - fetched == len(PATHS), "one request a client, no more"
            deployment.retire(old)
            time.sleep(SETTLING_SECONDS)
        wait_until(lambda: load.since().total >= REQUESTS, what="2,000 requests", timeout_seconds=60)
    assert_nothing_failed(deployment, load)


def assert_an_unpublished_key_is_refused(deployment: Deployment) -> None:
    """The control: the same clients at a key that nobody published."""
    before = len(deployment.nginx.read_requests())
    deployment.swap(deployment.issuing.leaf(HOST))
    with deployment.load(CALLS) as load:
        wait_until(lambda: len(load.since().failures) == len(PATHS), what="a refusal of every client")
    assert load.since().succeeded == 0
    assert set(load.since().failures) == {f"{name}: refused: no-match" for name in PATHS}
    assert len(deployment.nginx.read_requests()) == before

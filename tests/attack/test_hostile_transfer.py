# SPDX-License-Identifier: Apache-2.0
"""Attacks on the transfer, over real HTTP: gzip bomb, endless data, slow retrieval, deep JSON, duplicate keys."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from pathlib import Path

import pytest

from holdfast.client.refresh.fetcher import HttpFetcher
from holdfast.core.limits import MAX_BUNDLE_BYTES
from holdfast.errors import HoldfastError
from tests.client_world import BASE, Script, World, enforces
from tests.scripted_server import Call, answer, serve

BOMB = gzip.compress(b" " * (3 * MAX_BUNDLE_BYTES), 9)


def gzip_bomb(call: Call) -> None:
    call.send(answer(200, BOMB, {"Content-Encoding": "gzip"}))


def gzip_bomb_in_a_bomb(call: Call) -> None:
    call.send(answer(200, gzip.compress(BOMB), {"Content-Encoding": "gzip, gzip"}))


def endless_data(call: Call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while not call.stopping.is_set():
        call.send(b" " * 262_144)


def claimed_size(call: Call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n")
    while not call.stopping.is_set():
        call.send(b" " * 262_144)


def slow_body(call: Call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    call.drip([b" "] * 100_000, 0.05)


def slow_headers(call: Call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\n")
    call.drip([b"X"] * 100_000, 0.05)


def deep_json(call: Call) -> None:
    call.send(answer(200, b'{"format":"holdfast-bundle/1","files":' + b"[" * 10_000))


def duplicate_keys(call: Call) -> None:
    call.send(answer(200, b'{"format":"holdfast-bundle/1","files":{},"files":{}}'))


SCRIPTS: list[tuple[Script, str]] = [
    (gzip_bomb, "too-large"),
    (gzip_bomb_in_a_bomb, "content-coding"),
    (endless_data, "too-large"),
    (claimed_size, "too-large"),
    (slow_body, "timeout"),
    (slow_headers, "timeout"),
    (deep_json, "json-depth"),
    (duplicate_keys, "json-duplicate-key"),
]


@pytest.mark.parametrize(("script", "code"), SCRIPTS, ids=[script.__name__ for script, _ in SCRIPTS])
def test_a_hostile_transfer_costs_bounded_time_and_memory(tmp_path: Path, script: Script, code: str) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with serve(script) as server:
        config = {"mirrors": (server.url("/v1/"),), "fetcher": HttpFetcher(), "fetch_timeout_seconds": 3.0}
        with world.open(**config) as store:
            tracemalloc.start()
            started = time.monotonic()
            result = store.refresh()
            took = time.monotonic() - started
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert isinstance(result.error, HoldfastError)
            assert result.error.code == code
            assert took < 6
            assert peak < 5 * MAX_BUNDLE_BYTES
            assert enforces(store, "key-1")
            assert not world.cache_file.exists() or world.cached()["set"] is None
    # recovery, with a mirror that means well
    with world.open(mirrors=(BASE,)) as store:
        world.rotate("key-2")
        assert store.refresh().changed
        assert enforces(store, "key-2")

# SPDX-License-Identifier: Apache-2.0
"""Attack: an interceptor makes every handshake fail, so that the fleet hammers the manifest host."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import trio

from holdfast.client.refresh.fetcher import Response
from holdfast.client.refresh.schedule import BUCKET_CAPACITY, BUCKET_REFILL_SECONDS
from tests.client_world import EVIL, HOST, NEXT, Mirror, World, allowed, enforces, path_of


class SlowMirror(Mirror):
    """Takes a while, as a network does."""

    def get(self, url: str, *, max_bytes: int, timeout_seconds: float, etag: str | None = None) -> Response:
        time.sleep(0.15)
        return super().get(url, max_bytes=max_bytes, timeout_seconds=timeout_seconds, etag=etag)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.publish_seed()
    world.mirror = SlowMirror(world.repository)
    return world


def test_a_crowd_at_an_interceptor_costs_few_requests(world: World) -> None:
    with world.open() as store:
        for _ in range(30):
            threads = [
                threading.Thread(target=store.refresh_on_mismatch, args=(HOST,), kwargs={"timeout_seconds": 5})
                for _ in range(16)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            assert not allowed(store, EVIL)
            world.clock.wait(seconds=2)
        assert len(world.mirror.requests) <= BUCKET_CAPACITY + 60 / BUCKET_REFILL_SECONDS
        assert enforces(store, "key-1")


def test_a_crowd_at_a_rotated_server_costs_one_request_and_all_get_through(world: World) -> None:
    with world.open() as store:
        world.clock.wait(hours=1)
        world.rotate("key-2")
        outcome: Counter[bool] = Counter()

        def handshake() -> None:
            admitted = allowed(store, NEXT)
            if not admitted and store.refresh_on_mismatch(HOST, timeout_seconds=5):
                admitted = allowed(store, NEXT)
            outcome[admitted] += 1

        threads = [threading.Thread(target=handshake) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert outcome == {True: 16}
        assert world.mirror.requests == ["bundle.json"]


def test_event_loops_share_the_flight_with_threads(world: World) -> None:
    with world.open() as store:
        world.clock.wait(hours=1)
        world.rotate("key-2")
        assert not allowed(store, NEXT)
        answers: list[bool] = []

        async def many() -> None:
            waits = (store.refresh_on_mismatch_async(HOST, timeout_seconds=5) for _ in range(8))
            answers.extend(await asyncio.gather(*waits))

        async def other_loop() -> None:
            answers.append(await store.refresh_on_mismatch_async(HOST, timeout_seconds=5))

        threads = [
            threading.Thread(target=asyncio.run, args=(many(),)),
            threading.Thread(target=trio.run, args=(other_loop,)),
        ]
        for thread in threads:
            thread.start()
        assert store.refresh_on_mismatch(HOST, timeout_seconds=5)
        for thread in threads:
            thread.join(30)
        assert answers == [True] * 9
        assert world.mirror.requests == ["bundle.json"]


def test_a_rotation_right_after_a_refresh_is_healed_all_the_same(world: World) -> None:
    with world.open() as store:
        for word in ("key-2", "key-3", "key-1"):
            world.rotate(word)
            path = path_of(word, "ca")
            assert not allowed(store, path)
            assert store.refresh_on_mismatch(HOST, timeout_seconds=5)
            assert allowed(store, path)
        assert len(world.mirror.requests) == 3


def test_whoever_asks_after_the_set_has_changed_is_told_so_without_a_request(world: World) -> None:
    with world.open() as store:
        world.rotate("key-2")
        assert not allowed(store, NEXT)
        assert store.refresh().changed
        world.mirror.is_down = True
        assert store.refresh_on_mismatch(HOST, timeout_seconds=5)
        assert asyncio.run(store.refresh_on_mismatch_async(HOST, timeout_seconds=5))
        assert len(world.mirror.requests) == 1
        assert allowed(store, NEXT)


def test_whoever_waits_is_not_kept_longer_than_he_said(world: World) -> None:
    with world.open() as store:
        started = time.monotonic()
        assert not store.refresh_on_mismatch(HOST, timeout_seconds=0.02)
        assert time.monotonic() - started < 0.14
        assert store.refresh().error is None


def test_a_mismatch_does_not_wait_for_the_back_off(world: World) -> None:
    with world.open() as store:
        world.mirror.is_down = True
        for _ in range(BUCKET_CAPACITY + 3):
            world.clock.wait(seconds=2)
            store.refresh_on_mismatch(HOST, timeout_seconds=5)
        tried = len(world.mirror.requests)
        world.mirror.is_down = False
        world.rotate("key-2")
        world.clock.wait(seconds=60)
        assert store.refresh_on_mismatch(HOST, timeout_seconds=5)
        assert len(world.mirror.requests) == tried + 1
        assert enforces(store, "key-2")


def test_refreshing_on_mismatch_can_be_switched_off(world: World) -> None:
    with world.open(refresh_on_mismatch=False) as store:
        assert not store.refresh_on_mismatch(HOST, timeout_seconds=5)
        assert not asyncio.run(store.refresh_on_mismatch_async(HOST, timeout_seconds=5))
    assert world.mirror.requests == []

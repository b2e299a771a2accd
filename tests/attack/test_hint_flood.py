# SPDX-License-Identifier: Apache-2.0
"""Attack: a server that is protected and accepted, and hostile, floods its clients with hints of newer manifests."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.client.pin_store import PinStore
from holdfast.client.refresh.schedule import BUCKET_CAPACITY
from tests.client_world import HOST, World, enforces, pin_of
from tests.repository import EPOCH, instant
from tests.tools import wait_until


def settle(store: PinStore) -> None:
    flights = store._refresher._flights
    wait_until(lambda: flights.find() is None, what="the refresh to end")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.publish_seed()
    return world


def test_a_flood_costs_few_requests_and_leaves_one_for_a_mismatch(world: World) -> None:
    with world.open() as store:
        for version in range(2, 2000):
            store.hint(version)
            settle(store)
        assert 1 <= len(world.mirror.requests) <= BUCKET_CAPACITY - 1
        # the victim of a rotation still gets his refresh
        world.clock.wait(seconds=2)
        world.rotate("key-2")
        assert store.refresh_on_mismatch(HOST, timeout_seconds=5)
        assert enforces(store, "key-2")


def test_an_unmet_hint_backs_off(world: World) -> None:
    with world.open() as store:
        asked = []
        for _ in range(240):
            world.clock.wait(seconds=30)  # the bucket is full again long before
            store.hint(99)
            settle(store)
            asked.append(len(world.mirror.requests))
        assert asked[0] == 1
        assert asked[-1] <= 16  # in two hours; without the back-off: 240


def test_a_hint_that_is_met_brings_the_new_set_at_once(world: World) -> None:
    with world.open() as store:
        world.clock.wait(minutes=1)
        world.rotate("key-2")
        store.hint(2)
        settle(store)
        assert enforces(store, "key-2")
        world.clock.wait(minutes=1)
        world.rotate("key-3")
        store.hint(3)
        settle(store)
        assert enforces(store, "key-3")


@pytest.mark.parametrize("version", [0, -1, 1, 2**53, 2**200, "43", 4.3, None, True, b"43"])
def test_what_is_no_news_costs_nothing(world: World, version: object) -> None:
    with world.open() as store:
        store.hint(version)  # type: ignore[arg-type]
        settle(store)
        assert world.mirror.requests == []


def test_only_hosts_with_enforced_pins_are_listened_to(tmp_path: Path) -> None:
    world = World(tmp_path)
    until = instant(EPOCH + timedelta(days=1))
    world.repository.add_host("lenient.example.com", [pin_of("key-1")], mode="report-only", until=until)
    world.publish_seed()
    with world.open() as store:
        for host in ("elsewhere.example", "lenient.example.com", "not a host", ""):
            store.hint(9, host=host)
        settle(store)
        assert world.mirror.requests == []
        store.hint(9, host=HOST.upper())
        settle(store)
        assert len(world.mirror.requests) == 1
    with world.open(required_hosts=frozenset({"lenient.example.com"})) as store:
        store.hint(9, host="lenient.example.com")
        settle(store)
        assert len(world.mirror.requests) == 2
    with world.open(seed=None, cache_dir=None, allow_empty_start=True) as store:
        store.hint(9, host=HOST)
        settle(store)
        assert len(world.mirror.requests) == 2

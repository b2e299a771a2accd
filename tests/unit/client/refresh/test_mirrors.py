# SPDX-License-Identifier: Apache-2.0
"""What a refresh asks for: one request up to 50 hosts, two at most above, and what every state costs."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.client.refresh.fetcher import Response
from holdfast.client.refresh.mirrors import FEW_HOSTS, Attempt, MirrorOrder, MirrorSession
from holdfast.core.freshness import State
from holdfast.errors import MetadataError, TransportError
from holdfast.telemetry.events import RefreshFailed
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.state import TrustedState
from tests.client_world import BASE, Mirror, Mirrors, World, enforces, state
from tests.repository import EPOCH

EDGE = "https://edge.example.net/c/"


def asked(world: World) -> list[str]:
    requests, world.mirror.requests = world.mirror.requests, []
    return requests


def test_one_request_in_every_state_up_to_fifty_hosts(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=FEW_HOSTS)
    world.publish_seed()
    with world.open() as store:
        for step in ("seed", "unchanged", "changed", "root", "stale", "stale-changed"):
            world.clock.wait(days=3 if step == "stale" else 0, hours=1)
            if step == "root":
                world.repository.rotate_root()
            if step in {"changed", "root", "stale-changed"}:
                world.rotate(f"key-{1 + len(step) % 2}")
            assert store.refresh().error is None, step
            assert asked(world) == ["bundle.json"], step
    with world.open(seed=None, cache_dir=None, allow_empty_start=True) as store:
        assert store.state is State.EMPTY
        assert store.refresh().error is None
        assert asked(world) == ["bundle.json"]


@pytest.fixture
def many(tmp_path: Path) -> World:
    world = World(tmp_path, hosts=FEW_HOSTS + 1)
    world.publish_seed()
    return world


def test_above_fifty_the_first_refresh_of_a_process_asks_for_the_bundle(many: World) -> None:
    with many.open() as store:
        store.refresh()
        assert asked(many) == ["bundle.json"]
        assert state(store) == "fresh"


def test_above_fifty_the_timestamp_is_asked_and_the_bundle_only_if_the_snapshot_moved(many: World) -> None:
    with many.open() as store:
        store.refresh()
        asked(many)
        many.clock.wait(hours=1)
        store.refresh()
        assert asked(many) == ["timestamp.json"]
        store.refresh()
        assert asked(many) == ["timestamp.json"]
        # re-signed: the age is new, the set is not
        many.clock.wait(hours=1)
        many.repository.now = many.clock.device
        many.repository.publish_timestamp()
        generation = store.generation
        assert store.refresh().error is None
        assert asked(many) == ["timestamp.json"]
        assert (store.age_seconds, store.generation) == (0, generation)
        store.refresh()
        assert asked(many) == ["timestamp.json"]
        assert many.mirror.conditional[-1] is not None
        # moved
        many.clock.wait(hours=1)
        many.rotate("key-2")
        assert store.refresh().changed
        assert asked(many) == ["timestamp.json", "bundle.json"]
        assert enforces(store, "key-2")


@pytest.mark.parametrize("where", ["disk", "memory"])
def test_above_fifty_both_files_are_asked_for_conditionally(many: World, where: str) -> None:
    with many.open(cache_dir=many.cache_dir if where == "disk" else None) as store:
        store.refresh()
        many.clock.wait(hours=1)
        store.refresh()
        many.clock.wait(hours=1)
        store.refresh()
        many.clock.wait(hours=22)
        store.refresh()
        assert asked(many) == ["bundle.json", "timestamp.json", "timestamp.json", "bundle.json"]
        assert [etag is not None for etag in many.mirror.conditional] == [False, False, True, True]


def test_above_fifty_a_day_brings_the_bundle_and_a_new_root(many: World) -> None:
    with many.open() as store:
        store.refresh()
        asked(many)
        many.clock.wait(hours=23)
        many.repository.rotate_root()
        many.publish()
        store.refresh()
        assert asked(many) == ["timestamp.json", "bundle.json"]
        many.clock.wait(hours=23)
        store.refresh()
        assert asked(many) == ["timestamp.json"]
        many.clock.wait(hours=1)
        store.refresh()
        assert asked(many) == ["bundle.json"]
    assert len(many.cached()["roots"]) == 1


def test_above_fifty_a_timestamp_that_does_not_verify_asks_for_the_bundle_with_the_new_root(many: World) -> None:
    with many.open() as store:
        store.refresh()
        asked(many)
        many.repository.rotate_keys("timestamp")
        many.repository.rotate_root()
        many.clock.wait(hours=1)
        many.rotate("key-2")
        assert store.refresh().error is None
        assert asked(many) == ["timestamp.json", "bundle.json"]
        assert enforces(store, "key-2")


def test_above_fifty_a_root_in_its_last_third_is_looked_after(many: World) -> None:
    with many.open() as store:
        many.clock.wait(days=480)
        many.publish()
        store.refresh()
        asked(many)
        many.clock.wait(hours=1)
        store.refresh()
        assert asked(many) == ["timestamp.json"]
        many.clock.wait(days=7)
        many.publish()
        for _ in range(2):
            store.refresh()
            assert asked(many) == ["bundle.json"]


def test_above_fifty_an_older_copy_costs_no_bundle(many: World) -> None:
    old = many.repository.files["timestamp.json"]
    with many.open() as store:
        many.clock.wait(hours=1)
        many.rotate("key-2")
        store.refresh()
        asked(many)
        many.mirror.replaced["timestamp.json"] = old
        assert store.refresh().is_older_copy
        assert asked(many) == ["timestamp.json"]


def test_old_roots_that_no_longer_fit_come_singly(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    for _ in range(4):
        world.repository.rotate_root()
    world.rotate("key-2")
    text = world.repository.bundle()
    short = {name: data for name, data in world.repository.current_files().items() if name[:2] not in {"2.", "3."}}
    short |= {name: data for name, data in world.repository.current_files().items() if not name.endswith("root.json")}
    files = {name: data.decode() for name, data in short.items()}
    world.mirror.replaced["bundle.json"] = json.dumps({"format": "holdfast-bundle/1", "files": files}).encode()
    assert len(text) > len(world.mirror.replaced["bundle.json"])  # type: ignore[arg-type]
    with world.open() as store:
        assert store.refresh().error is None
        assert asked(world) == ["bundle.json", "2.root.json", "3.root.json"]
        assert enforces(store, "key-2")


def test_a_mirror_that_is_down_is_passed_over(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    down = Mirror(world.repository, base=EDGE, is_down=True)
    world.clock.wait(hours=1)
    world.rotate("key-2")
    with world.open(fetcher=Mirrors(down, world.mirror), mirrors=(EDGE, world.mirror.base)) as store:
        result = store.refresh()
        assert (result.error, result.changed) == (None, True)
        assert enforces(store, "key-2")
        world.mirror.is_down = True
        down.is_down = False
        world.rotate("key-3")
        assert store.refresh().changed
        assert enforces(store, "key-3")


def test_a_hostile_mirror_does_not_stop_the_next_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    hostile = Mirror(world.repository, base=EDGE, replaced={"bundle.json": b"<html>"})
    world.clock.wait(hours=1)
    world.rotate("key-2")
    with world.open(fetcher=Mirrors(hostile, world.mirror), mirrors=(EDGE, world.mirror.base)) as store:
        assert store.refresh().changed
        assert enforces(store, "key-2")


def test_a_refusal_tells_more_than_a_failure(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    hostile = Mirror(world.repository, base=EDGE, replaced={"bundle.json": b"<html>"})
    world.mirror.is_down = True
    for mirrors in ((EDGE, world.mirror.base), (world.mirror.base, EDGE)):
        with world.open(fetcher=Mirrors(hostile, world.mirror), mirrors=mirrors) as store:
            assert isinstance(store.refresh().error, MetadataError)
            assert world.heard.last(RefreshFailed).url == EDGE + "bundle.json"


def test_an_old_copy_that_verifies_counts_though_the_next_mirror_is_down(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    old = Mirror(world.repository, base=EDGE)
    world.clock.wait(days=2)
    world.mirror.is_down = True
    with world.open(fetcher=Mirrors(old, world.mirror), mirrors=(EDGE, world.mirror.base)) as store:
        assert store.refresh().error is None
        assert (state(store), world.mirror.requests) == ("stale", ["bundle.json"])


def test_a_304_that_nobody_asked_for_is_a_failure_whatever_fetches(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    world.mirror.replaced["bundle.json"] = Response(304)
    with world.open() as store:
        assert isinstance(store.refresh().error, TransportError)
        assert state(store) == "seed"


def test_one_deadline_covers_all_requests_of_a_refresh(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    given: list[float] = []
    real = world.mirror.get

    def get(url: str, *, max_bytes: int, timeout_seconds: float, etag: str | None = None) -> Response:
        given.append(timeout_seconds)
        return real(url, max_bytes=max_bytes, timeout_seconds=timeout_seconds, etag=etag)

    world.mirror.get = get  # type: ignore[method-assign]

    def ask(left_seconds: float) -> Attempt:
        session = MirrorSession(
            BASE, world.mirror, etags={}, now=EPOCH, deadline=time.monotonic() + left_seconds, timeout_seconds=30.0
        )
        return session.ask(TrustedState(parse_anchor(world.repository.anchor)), bundle_first=True)

    assert ask(100.0).error is None
    assert given == [30.0]
    assert ask(0.5).error is None
    assert given[1] <= 0.5
    error = ask(-1.0).error
    assert isinstance(error, TransportError)
    assert (error.code, len(given)) == ("timeout", 2)


def test_mirrors_are_ordered_by_the_age_of_their_timestamps() -> None:
    order = MirrorOrder(("a", "b", "c"))
    assert order.ordered() == ["a", "b", "c"]
    order.note("c", EPOCH)
    assert order.ordered() == ["c", "a", "b"]
    order.note("b", EPOCH + timedelta(seconds=1))
    assert order.ordered() == ["b", "c", "a"]
    order.note("a", EPOCH)
    assert order.ordered() == ["b", "a", "c"]
    order.note("b", None)
    assert order.ordered() == ["a", "c", "b"]

# SPDX-License-Identifier: Apache-2.0
"""Attack: a clock set back, to stretch a report-only period and be let pass for ever."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.client.refresh.fetcher import Response
from holdfast.telemetry.events import PinMismatched, ReportOnlyEnded, ReportOnlyHonoured
from tests.client_world import EVIL, GOOD, HOST, World, allowed, reason
from tests.repository import EPOCH, instant

UNTIL = EPOCH + timedelta(days=10)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, mode="report-only", until=instant(UNTIL))
    world.publish_seed()
    return world


def test_report_only_lets_pass_and_says_so(world: World) -> None:
    with world.open() as store:
        verdict = store.judge(HOST, EVIL)
        assert (verdict.allowed, verdict.enforced, reason(verdict)) == (True, False, "no-match")
        assert world.heard.last(ReportOnlyHonoured).until == UNTIL
        assert not world.heard.last(PinMismatched).enforced
        store.judge(HOST, EVIL)
        assert world.heard.count(ReportOnlyHonoured) == 2  # each time
        assert allowed(store, GOOD)


def test_past_its_end_it_is_over_for_good(world: World) -> None:
    with world.open() as store:
        assert allowed(store, EVIL)
        generation = store.generation
        world.clock.wait(days=10)
        assert not allowed(store, EVIL)
        assert store.generation > generation
        assert world.heard.last(ReportOnlyEnded).pattern == HOST
        # the attack, in the running process ...
        world.clock.set_device(EPOCH)
        assert not allowed(store, EVIL)
        store.refresh()
        assert not allowed(store, EVIL)
    ended = world.cached()["passed"]["untils"]
    assert [pattern for _, pattern in ended] == [HOST]
    world.heard.clear()
    with world.open() as store:  # ... and across a restart
        assert not allowed(store, EVIL)
        assert world.heard.count(ReportOnlyEnded) == 0  # told once
        # recovery: only another scope grants another period
        world.repository.scope["version"] += 1
        world.repository.scope_entry(HOST)["until"] = instant(EPOCH + timedelta(days=20))
        world.publish()
        assert store.refresh().changed
        assert allowed(store, EVIL)
    assert world.cached()["passed"]["untils"] == ended  # of the seed's scope, should it ever be enforced again


def test_the_running_clock_ends_it_while_the_device_clock_stands_still(world: World) -> None:
    with world.open() as store:
        for _ in range(10):
            assert allowed(store, EVIL)
            world.clock.wait(days=1)
            world.clock.set_device(EPOCH)
        assert not allowed(store, EVIL)


def test_a_required_host_is_enforced_all_the_while(world: World) -> None:
    with world.open(required_hosts=frozenset({HOST})) as store:
        assert not allowed(store, EVIL)
        assert allowed(store, GOOD)


def test_a_passed_moment_is_kept_by_whoever_noticed_without_a_refresh(world: World) -> None:
    with world.open() as store:
        world.clock.wait(days=11)
        assert not allowed(store, EVIL)
        for thread in threading.enumerate():
            if thread.name == "holdfast-persist":
                thread.join(5)
    world.clock.set_device(EPOCH)
    with world.open() as store:
        assert not allowed(store, EVIL)


def test_a_moment_that_passes_during_a_refresh_is_not_lost_with_it(world: World) -> None:
    with world.open() as store:
        real = world.mirror.get

        def get(url: str, *, max_bytes: int, timeout_seconds: float, etag: str | None = None) -> Response:
            response = real(url, max_bytes=max_bytes, timeout_seconds=timeout_seconds, etag=etag)
            world.clock.wait(days=11)
            assert not allowed(store, EVIL)
            world.clock.set_device(EPOCH + timedelta(hours=1))
            return response

        world.clock.wait(hours=1)
        world.repository.now = world.clock.device
        world.repository.publish_timestamp()  # the same scope, newly signed
        world.mirror.get = get  # type: ignore[method-assign]
        assert store.refresh().error is None
        assert not allowed(store, EVIL)

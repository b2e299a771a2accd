# SPDX-License-Identifier: Apache-2.0
"""Attack: the manifest host is unreachable from the app's very first start, so that it never learns any pins."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import ConfigError, TransportError
from holdfast.telemetry.events import RefreshFailed
from tests.client_world import EVIL, GOOD, World, allowed, enforces, reason, state
from tests.repository import CHANNEL


def test_the_seed_is_enforced_from_the_first_moment(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    world.mirror.is_down = True
    with world.open() as store:
        assert enforces(store, "key-1")
        result = store.refresh()
        assert isinstance(result.error, TransportError)
        assert (state(store), store.manifest_version) == ("seed", 1)
        assert enforces(store, "key-1")
        failed = world.heard.last(RefreshFailed)
        assert (failed.channel, failed.manifest_version, failed.state) == (CHANNEL, 1, "seed")
        # recovery
        world.mirror.is_down = False
        assert store.refresh().error is None
        assert state(store) == "fresh"


def test_without_a_seed_nothing_opens_unless_that_was_chosen(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish()
    with pytest.raises(ConfigError, match="seed"):
        world.config(allow_empty_start=False)


def test_an_empty_start_refuses_every_host(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish()
    world.mirror.is_down = True
    with world.open() as store:
        for host in ("api.example.com", "elsewhere.example", "localhost", "192.0.2.1"):
            verdict = store.judge(host, GOOD)
            assert (verdict.allowed, reason(verdict)) == (False, "no-pins")
            assert store.protects(host)
        store.refresh()
        assert state(store) == "empty"
        assert not allowed(store, GOOD)
        # recovery, and the control: the same path passes once there are pins
        world.mirror.is_down = False
        assert store.refresh_on_mismatch("api.example.com", timeout_seconds=5)
        assert allowed(store, GOOD)
        assert not allowed(store, EVIL)
        assert allowed(store, EVIL, "elsewhere.example")

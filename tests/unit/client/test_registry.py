# SPDX-License-Identifier: Apache-2.0
"""Two channels that claim one host in one process are a configuration error."""

from __future__ import annotations

import gc
import logging
from pathlib import Path
from typing import Any

import pytest

from holdfast.client.pin_store import PinStore
from holdfast.errors import ConfigError
from tests.client_world import HOST, World, pin_of
from tests.repository import Repository


def other_world(tmp_path: Path, pattern: str, **fields: Any) -> World:
    world = World(tmp_path)
    world.repository = Repository("com.example.other/production")
    world.mirror.repository = world.repository
    world.repository.add_host(pattern, [pin_of("key-1")], **fields)
    world.publish_seed()
    return world


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.repository.add_host("wide.example.com", [pin_of("key-1")], include_subdomains=True)
    world.publish_seed()
    return world


@pytest.mark.parametrize(
    ("pattern", "fields"),
    [
        (HOST, {}),
        ("wide.example.com", {}),
        ("deep.wide.example.com", {}),
        ("example.com", {"include_subdomains": True}),
    ],
)
def test_a_host_that_is_claimed_already_does_not_open(
    world: World, tmp_path: Path, pattern: str, fields: dict[str, Any]
) -> None:
    other = other_world(tmp_path, pattern, **fields)
    with world.open():
        with pytest.raises(ConfigError) as caught:
            PinStore(other.config())
        assert caught.value.code == "host-claimed-twice"
        assert "com.example.other/production" in caught.value.message
    PinStore(other.config()).close()  # a closed store claims nothing


@pytest.mark.parametrize("pattern", ["example.com", "www.example.com", "narrow.example.org"])
def test_neighbours_live_side_by_side(world: World, tmp_path: Path, pattern: str) -> None:
    with world.open(), other_world(tmp_path, pattern).open():
        pass


def test_one_channel_may_be_open_several_times(world: World) -> None:
    with world.open(), world.open():
        pass


def test_a_forgotten_store_claims_nothing(world: World, tmp_path: Path) -> None:
    store = PinStore(world.config())
    del store
    gc.collect()
    with other_world(tmp_path, HOST).open():
        pass


def test_a_later_claim_is_told_and_no_verified_set_is_refused_for_it(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = other_world(tmp_path, "later.example.org")
    with world.open(), other.open() as store:
        other.repository.add_host(HOST, [pin_of("key-2")])
        other.publish()
        with caplog.at_level(logging.ERROR):
            assert store.refresh().changed
        assert HOST in caplog.text
        assert store.protects(HOST)

# SPDX-License-Identifier: Apache-2.0
"""Attack: somebody who can write the app's files edits the cache, to pin his own key or to have none checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.client.pin_store import PinStore
from holdfast.telemetry.events import CacheUnreadable, ManifestAccepted
from tests.client_world import EVIL, HOST, World, allowed, enforces, pin_of, state
from tests.repository import EPOCH, instant

Edit = Callable[[dict[str, Any]], None]


def change_manifest(document: dict[str, Any]) -> None:
    files = document["set"]["files"]
    name = next(name for name in files if name.endswith(".manifest.json"))
    files[name] = files[name].replace(pin_of("key-2"), pin_of("evil"))


def change_scope(document: dict[str, Any]) -> None:
    files = document["set"]["files"]
    name = next(name for name in files if name.endswith(".scope.json"))
    files[name] = files[name].replace('"enforce"', '"report-only"')


def change_targets(document: dict[str, Any]) -> None:
    files = document["set"]["files"]
    name = next(name for name in files if name.endswith(".targets.json"))
    files[name] = files[name].replace('"version":2', '"version":3')


def forge_timestamp(document: dict[str, Any]) -> None:
    timestamp = json.loads(document["set"]["files"]["timestamp.json"])
    timestamp["signed"]["x-holdfast-issued"] = "2099-01-01T00:00:00Z"
    document["set"]["files"]["timestamp.json"] = json.dumps(timestamp)


def remove_timestamp(document: dict[str, Any]) -> None:
    del document["set"]["files"]["timestamp.json"]


def remove_accepting_root(document: dict[str, Any]) -> None:
    files = document["set"]["files"]
    del files[next(name for name in files if name.endswith(".root.json"))]


def accept_after_expiry(document: dict[str, Any]) -> None:
    document["set"]["accepted_at"] = "2099-01-01T00:00:00Z"


EDITS: list[Edit] = [
    change_manifest,
    change_scope,
    change_targets,
    forge_timestamp,
    remove_timestamp,
    remove_accepting_root,
    accept_after_expiry,
]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Legitimate state: the seed accepts key-1, the cache holds a newer set that accepts key-2 alone."""
    world = World(tmp_path)
    world.publish_seed()
    world.clock.wait(hours=1)
    world.rotate("key-2")
    with world.open() as store:
        assert store.refresh().error is None
        assert enforces(store, "key-2")
    world.heard.clear()
    return world


def edit(world: World, change: Edit) -> None:
    document = world.cached()
    before = json.dumps(document)
    change(document)
    assert json.dumps(document) != before
    world.cache_file.write_text(json.dumps(document))


@pytest.mark.parametrize("change", EDITS)
def test_an_edited_set_contributes_nothing(world: World, change: Edit) -> None:
    edit(world, change)
    with world.open() as store:
        assert world.heard.last(CacheUnreadable).code
        assert state(store) == "seed"
        assert enforces(store, "key-1")
        # recovery: the next refresh brings the whole set, because no ETag of the edited cache was believed
        assert store.refresh().error is None
        assert world.mirror.conditional[-1] is None
        assert enforces(store, "key-2")
    assert world.cached_manifest_version() == 2


def test_control_the_unedited_cache_is_enforced(world: World) -> None:
    with world.open() as store:
        assert world.heard.count(CacheUnreadable) == 0
        assert world.heard.last(ManifestAccepted).source == "cache"
        assert enforces(store, "key-2")


def corrupt(world: World, data: bytes) -> PinStore:
    world.cache_file.write_bytes(data)
    return PinStore(world.config(), listener=world.heard)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 4096,
        b"{}",
        b"[]",
        b"null",
        b'{"format":"holdfast-cache/2"}',
        b'{"format":"holdfast-cache/1"}',
        b'{"format":"holdfast-cache/1","channel":7}',
        b"[" * 100_000,
        b'{"a":1,"a":2}',
        "\u00e4".encode("latin-1"),
    ],
)
def test_garbage_contributes_nothing_and_is_replaced(world: World, data: bytes) -> None:
    store = corrupt(world, data)
    assert world.heard.last(CacheUnreadable).code == "cache-unreadable"
    assert enforces(store, "key-1")
    assert store.refresh().error is None
    store.close()
    assert world.cached_manifest_version() == 2


def test_moments_of_an_edited_cache_do_not_count_either(tmp_path: Path) -> None:
    world = World(tmp_path, mode="report-only", until=instant(EPOCH + timedelta(days=30)))
    world.publish_seed()
    world.rotate("key-2")
    with world.open() as store:
        store.refresh()
    scope = next(name for name in world.repository.current_files() if name.endswith(".scope.json"))
    passed = {"untils": [[scope.split("/")[1].split(".")[0], HOST]], "max_ages": []}
    document = world.cached()
    document["passed"] = passed
    world.cache_file.write_text(json.dumps(document))
    with world.open() as store:  # control: with a set that verifies, moments make stricter, and that is all they can
        assert not allowed(store, EVIL)
    document["set"]["files"]["timestamp.json"] = "{}"
    world.cache_file.write_text(json.dumps(document))
    with world.open() as store:
        assert allowed(store, EVIL)
        store.refresh()
    assert world.cached()["passed"] == {"untils": [], "max_ages": []}


def test_an_edited_entity_tag_gets_no_forger_anywhere(world: World) -> None:
    document = world.cached()
    document["etags"] = dict.fromkeys(document["etags"], '"never"')
    world.cache_file.write_text(json.dumps(document))
    with world.open() as store:
        assert store.refresh().error is None
        assert enforces(store, "key-2")
        assert not allowed(store, EVIL)

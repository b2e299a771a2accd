# SPDX-License-Identifier: Apache-2.0
"""Attack: the cache ends early, wherever it was cut (a crash of somebody else's, a full disk, an attacker)."""

from __future__ import annotations

from pathlib import Path

from holdfast.client.pin_store import PinStore
from holdfast.telemetry.events import CacheUnreadable
from tests.client_world import World, enforces


def test_a_cache_cut_anywhere_contributes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    world.clock.wait(hours=1)
    world.rotate("key-2")
    with world.open() as store:
        store.refresh()
    whole = world.cache_file.read_bytes()
    cuts = [*range(0, len(whole), max(1, len(whole) // 40)), len(whole) - 1]
    for cut in cuts:
        world.heard.clear()
        world.cache_file.write_bytes(whole[:cut])
        store = PinStore(world.config(), listener=world.heard)
        assert enforces(store, "key-1"), cut
        assert world.heard.count(CacheUnreadable) == 1, cut
        assert world.cache_file.read_bytes() == whole[:cut]
        store.close()
    # recovery, and the control: the whole file is believed
    world.cache_file.write_bytes(whole)
    with world.open() as store:
        assert enforces(store, "key-2")

# SPDX-License-Identifier: Apache-2.0
"""Attack or accident: a refresh stops half-way; the next one must complete, with the same timestamp."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.errors import HoldfastError, TransportError
from tests.client_world import World, enforces


@pytest.mark.parametrize("missing", [".snapshot.json", ".targets.json", ".pins.json", ".scope.json", ".manifest.json"])
def test_a_set_that_came_half_completes_later(tmp_path: Path, missing: str) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with world.open() as store:
        store.refresh()
        world.clock.wait(hours=1)
        world.repository.scope["unpinned"] = "deny"
        world.rotate("key-2")
        document = json.loads(world.repository.bundle())
        gone = [name for name in document["files"] if name.endswith(missing)]
        assert gone
        for name in gone:
            del document["files"][name]
            world.mirror.replaced[name] = TransportError("cut")
        world.mirror.replaced["bundle.json"] = json.dumps(document).encode()

        result = store.refresh()
        assert isinstance(result.error, HoldfastError)
        assert enforces(store, "key-1")
        assert json.loads(world.cached()["timestamp"])["signed"]["version"] == 2
        assert world.cached_manifest_version() == 1
    with world.open() as store:  # the progress survives a restart
        assert enforces(store, "key-1")
        world.mirror.replaced.clear()
        world.mirror.requests.clear()
        assert store.refresh().error is None
        assert world.mirror.requests == ["bundle.json"]
        assert world.mirror.conditional[-1] is None or store.manifest_version == 2
        assert enforces(store, "key-2")
    assert world.cached_manifest_version() == 2

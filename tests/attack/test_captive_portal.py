# SPDX-License-Identifier: Apache-2.0
"""Attack: a captive portal (or anybody on the path) answers with a page of its own, status 200."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import MetadataError
from holdfast.telemetry.events import RefreshFailed
from tests.client_world import World, enforces

PAGE = b"<!doctype html><html><head><title>Welcome to the airport</title></head><body>Log in</body></html>"


@pytest.mark.parametrize(
    "body",
    [
        PAGE,
        b"",
        b"{}",
        b"[]",
        b'{"format": "holdfast-bundle/1"}',
        b'{"format":"holdfast-bundle/1","files":{"../x":""}}',
    ],
)
def test_a_page_with_status_200_is_a_failed_refresh_and_nothing_else(tmp_path: Path, body: bytes) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with world.open() as store:
        store.refresh()
        on_disk = world.cache_file.read_bytes()
        world.mirror.replaced["bundle.json"] = body
        result = store.refresh()
        assert isinstance(result.error, MetadataError)
        assert world.heard.last(RefreshFailed).code == result.error.code
        assert enforces(store, "key-1")
        assert world.cache_file.read_bytes() == on_disk
        # recovery
        del world.mirror.replaced["bundle.json"]
        world.rotate("key-2")
        assert store.refresh().changed
        assert enforces(store, "key-2")

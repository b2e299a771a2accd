# SPDX-License-Identifier: Apache-2.0
"""Accident: the disk is full while the cache is written; the pins live on in memory and nothing is half written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.client.cache import store as store_module
from holdfast.telemetry.events import CacheUnwritable
from tests.client_world import World, enforces
from tests.tools import ROOT, clean_environment


@pytest.mark.parametrize("fault", ["write", "short-write", "fsync", "replace"])
def test_the_new_set_is_enforced_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with world.open() as store:
        store.refresh()
        on_disk = world.cache_file.read_bytes()
        world.clock.wait(hours=1)
        world.rotate("key-2")
        with monkeypatch.context() as patched:
            _break(patched, fault)
            result = store.refresh()
        assert result.error is None
        assert result.changed
        assert enforces(store, "key-2")
        assert "No space left" in world.heard.last(CacheUnwritable).message
        assert world.cache_file.read_bytes() == on_disk
        assert not list(world.cache_file.parent.glob("*.tmp"))
        assert not list(world.cache_file.parent.glob(".*.tmp"))
        # recovery: the next refresh writes, though it finds nothing new
        store.refresh()
    assert world.cached_manifest_version() == 2


def _break(patched: pytest.MonkeyPatch, fault: str) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    real_write = os.write
    written = [0]

    def fail(*_: object, **__: object) -> None:
        raise full

    def short(descriptor: int, data: bytes) -> int:
        if written[0]:
            raise full
        written[0] = real_write(descriptor, bytes(data)[:100])
        return written[0]

    if fault == "replace":
        patched.setattr(Path, "replace", fail)
    elif fault == "fsync":
        patched.setattr(os, "fsync", fail)
    else:
        patched.setattr(os, "write", fail if fault == "write" else short)


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real_write(descriptor, bytes(data)[:7]))
    file = store_module.CacheFile(tmp_path / "file", max_bytes=1000)
    file.update(lambda before: b"x" * 100)
    assert file.read() == b"x" * 100


LIMITED = """
import resource, signal, sys
from pathlib import Path
from holdfast.client.cache.store import CacheFile
from holdfast.errors import StoreError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    CacheFile(Path(sys.argv[1]), max_bytes=1 << 20).update(lambda before: b"new" * 1000)
except StoreError as error:
    print(error.code)
"""


def test_a_real_limit_of_the_operating_system_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        env=clean_environment(PYTHONPATH=f"{ROOT / 'src'}:{ROOT}"),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "cache-unwritable\n"
    assert path.read_bytes() == b"old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "file.lock"]

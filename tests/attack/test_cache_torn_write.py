# SPDX-License-Identifier: Apache-2.0
"""Accident: the process is killed while it writes the cache, over and over, at random moments (kill -9)."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.client.cache.cache_record import parse_record
from holdfast.client.cache.store import CacheFile
from tests.client_world import World, enforces
from tests.tools import ROOT, clean_environment

WRITER = """
import sys
from pathlib import Path
from holdfast.client.cache.store import CacheFile

path, one, other = (Path(argument) for argument in sys.argv[1:])
contents = [one.read_bytes(), other.read_bytes()]
file = CacheFile(path, max_bytes=1 << 24)
print("ready", flush=True)
turn = 0
while True:
    turn += 1
    file.update(lambda before: contents[turn % 2])
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path, rng: random.Random) -> None:
    world = World(tmp_path)
    world.publish_seed()
    contents = []
    for word in ("key-2", "key-3"):
        world.clock.wait(hours=1)
        world.rotate(word)
        with world.open() as store:
            store.refresh()
        contents.append(world.cache_file.read_bytes())
        (tmp_path / word).write_bytes(contents[-1])
    assert contents[0] != contents[1]
    world.cache_file.write_bytes(contents[0])

    seen: set[bytes] = set()
    for _ in range(25):
        command = [
            sys.executable,
            "-c",
            WRITER,
            str(world.cache_file),
            str(tmp_path / "key-2"),
            str(tmp_path / "key-3"),
        ]
        writer = subprocess.Popen(command, cwd=ROOT, env=clean_environment(PYTHONPATH=_path()), stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(rng.random() * 0.03)
        writer.send_signal(signal.SIGKILL)
        writer.communicate(timeout=10)
        data = world.cache_file.read_bytes()
        assert data in contents
        parse_record(data)
        seen.add(data)
    assert seen == set(contents), "the writer was never killed between two writes: this test proves nothing"
    # The lock of the dead is free, what they left behind is swept up, and the client opens on what lies there.
    started = time.monotonic()
    CacheFile(world.cache_file, max_bytes=1 << 24).update(lambda before: contents[0] + b" ")
    assert time.monotonic() - started < 2
    CacheFile(world.cache_file, max_bytes=1 << 24).update(lambda before: contents[1])
    assert sorted(path.suffix for path in world.cache_file.parent.iterdir()) == [".json", ".lock"]
    with world.open() as store:
        assert enforces(store, "key-3")


def _path() -> str:
    return f"{ROOT / 'src'}:{ROOT}"

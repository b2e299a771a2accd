# SPDX-License-Identifier: Apache-2.0
"""Accident: two processes of one app share one cache, and each knows something that the other does not."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.client.pin_store import PinStore
from tests.client_world import EVIL, FakeClock, Mirror, World, allowed, enforces, http_mirror, state
from tests.repository import EPOCH, instant
from tests.tools import ROOT, clean_environment

CLIENT = """
import json, sys
from pathlib import Path
from holdfast import ClientConfig, PinStore

folder, mirror, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = PinStore(ClientConfig(root=(folder / "root.json").read_bytes(), seed=(folder / "seed.json").read_bytes(),
                              mirrors=(mirror,), cache_dir=folder / "cache"))
errors = []
for _ in range(rounds):
    result = store.refresh()
    if result.error is not None:
        errors.append(result.error.code)
print(json.dumps({"version": store.manifest_version, "errors": errors}))
store.close()
"""


def test_the_one_that_knows_less_does_not_set_the_other_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    frozen = Mirror(world.repository)
    frozen.freeze()
    behind = PinStore(world.config(fetcher=frozen))
    ahead = PinStore(world.config())
    for word in ("key-2", "key-3"):
        world.clock.wait(hours=1)
        world.rotate(word)
        assert ahead.refresh().changed
        behind.refresh()  # a frozen mirror: this one learns from the cache
    assert world.cached_manifest_version() == 3
    assert enforces(ahead, "key-3")
    behind.close()
    ahead.close()


def test_a_writer_takes_over_what_another_one_has_verified(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    slow = Mirror(world.repository)
    slow.freeze()
    one = PinStore(world.config(fetcher=slow))
    world.clock.wait(hours=1)
    world.rotate("key-2")
    with world.open() as other:
        other.refresh()
    assert enforces(one, "key-1")
    assert one.refresh().changed  # its own mirror has version 1 only: it writes, and reads version 2 on the way
    assert enforces(one, "key-2")
    one.close()


def test_one_that_reaches_no_mirror_learns_from_the_cache(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    cut_off = PinStore(world.config(fetcher=Mirror(world.repository, is_down=True)))
    world.clock.wait(hours=1)
    world.rotate("key-2")
    with world.open() as other:
        other.refresh()
    on_disk = world.cache_file.read_bytes()
    assert cut_off.refresh().error is not None
    assert enforces(cut_off, "key-2")
    assert state(cut_off) == "fresh"
    assert world.cache_file.read_bytes() == on_disk
    cut_off.close()


def test_what_one_has_seen_to_pass_another_one_does_not_undo(tmp_path: Path) -> None:
    world = World(tmp_path, mode="report-only", until=instant(EPOCH + timedelta(days=10)))
    world.publish_seed()
    other_clock = FakeClock()
    with world.open() as seer, world.open(clock=other_clock) as other:
        world.clock.wait(days=11)
        assert not allowed(seer, EVIL)
        seer.refresh()
        assert len(world.cached()["passed"]["untils"]) == 1
        assert allowed(other, EVIL)
        other.refresh()
        assert len(world.cached()["passed"]["untils"]) == 1
        assert not allowed(other, EVIL)


def test_the_higher_root_comes_first_and_drops_what_it_denies(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    frozen = Mirror(world.repository)
    frozen.freeze()
    for _ in range(5):
        world.publish()
    frozen.freeze()
    behind = PinStore(world.config(fetcher=frozen))  # will write timestamp 6 of the old key
    for role in ("timestamp", "snapshot"):
        world.repository.rotate_keys(role)
        world.repository.versions[role] = 0
    world.repository.rotate_root()
    world.rotate("key-2")
    with world.open() as ahead:
        assert ahead.refresh().error is None
        assert json.loads(world.cached()["timestamp"])["signed"]["version"] == 1
        behind.refresh()
        assert json.loads(world.cached()["timestamp"])["signed"]["version"] == 1
        assert len(world.cached()["roots"]) == 1
        assert enforces(behind, "key-2")
    behind.close()


def test_two_threads_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    stores = [PinStore(world.config()) for _ in range(4)]
    for word in ("key-2", "key-3"):
        world.clock.wait(hours=1)
        world.rotate(word)
        threads = [threading.Thread(target=store.refresh) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert all(enforces(store, word) for store in stores)
    assert world.cached_manifest_version() == 3
    for store in stores:
        store.close()


@pytest.mark.slow
def test_two_real_processes_over_real_http(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.clock.device = datetime.now(UTC)
    world.repository = type(world.repository)(now=world.clock.device)
    world.repository.add_host("api.example.com", ["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="])
    world.publish()
    (tmp_path / "root.json").write_bytes(world.repository.anchor)
    (tmp_path / "seed.json").write_bytes(world.repository.bundle())
    with http_mirror(world.repository) as server:
        command = [sys.executable, "-c", CLIENT, str(tmp_path), server.url("/v1/"), "15"]
        environment = clean_environment(PYTHONPATH=f"{ROOT / 'src'}:{ROOT}")
        clients = [
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
        ]
        for _ in range(10):
            world.repository.publish()
        answers: list[dict[str, Any]] = []
        for client in clients:
            out, err = client.communicate(timeout=60)
            assert client.returncode == 0, err.decode()
            answers.append(json.loads(out))
        assert [answer["errors"] for answer in answers] == [[], []]
        last = subprocess.run([*command[:-1], "1"], env=environment, capture_output=True, timeout=60, check=True)
        assert json.loads(last.stdout) == {"version": 11, "errors": []}
    assert world.cached_manifest_version() == 11

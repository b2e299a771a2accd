# SPDX-License-Identifier: Apache-2.0
"""Attack: small files that cost much: lists of nothing in a bundle, and what a stolen automation key may sign.

Bounds on octets alone would let 24 MiB become several hundred MiB of empty lists, and five MB of path patterns, keyids
or hashes become minutes of work.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.limits import MAX_BUNDLE_BYTES, MAX_JSON_VALUES
from holdfast.errors import HoldfastError, MetadataError, MixAndMatchError
from tests.siege import Siege

MEBIBYTE = 1024 * 1024


def bomb(size: int) -> bytes:
    """A bundle with an unknown member, which a reader ignores, full of empty lists."""
    head, tail = b'{"format":"holdfast-bundle/1","files":{},"later":[', b"[]]}"
    return head + b"[]," * ((size - len(head) - len(tail)) // 3) + tail


def test_a_bundle_of_empty_lists_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        siege.mirror.replaced["bundle.json"] = bomb(MAX_BUNDLE_BYTES)
        tracemalloc.start()
        try:
            siege.refused(store, MetadataError, "json-too-large", "bundle")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4 * MAX_BUNDLE_BYTES
        siege.recovers(store, "third")


def test_the_control_takes_many_times_its_size() -> None:
    data = bomb(MAX_BUNDLE_BYTES // 8)
    assert data.count(b"[") > MAX_JSON_VALUES
    tracemalloc.start()
    try:
        json.loads(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak > 15 * len(data)


def delegations(**changes: Any) -> dict[str, Any]:
    role = {"name": "next", "keyids": ["a"], "threshold": 1, "terminating": False, "paths": ["manifest.json"]}
    return {"keys": {}, "roles": [role | changes]}


MANY = [f"*{number}*" for number in range(200_000)]

COSTLY: dict[str, tuple[str, dict[str, Any], type[HoldfastError], str]] = {
    "patterns": ("pins", {"targets": {}, "delegations": delegations(paths=["[" * MEBIBYTE])}, MetadataError, "pins"),
    "many patterns": (
        "pins", {"targets": {}, "delegations": delegations(paths=MANY)}, MetadataError, "pins",
    ),
    "keyids": (
        "pins", {"targets": {}, "delegations": delegations(keyids=MANY)}, MetadataError, "pins",
    ),
    "hashes": (
        "snapshot",
        {"meta": {"targets.json": {"version": 2, "hashes": {f"sha256 {n}": "00" for n in range(50_000)}}}},
        MixAndMatchError,
        "targets",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COSTLY)
def test_what_costs_more_than_any_genuine_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    role, changes, kind, refused_role = COSTLY[name]
    code = "metadata-syntax" if kind is MetadataError else "hash-mismatch"
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        if role == "snapshot":
            pins = json.loads(repository.files["2.snapshot.json"])["signed"]["meta"]["pins.json"]
            changes = {"meta": {**changes["meta"], "pins.json": pins}}
            repository.publish_snapshot()
            repository.resign("3.snapshot.json", "snapshot", **changes)
            repository.publish_timestamp()
        else:
            repository.publish_pins()
            repository.resign("3.pins.json", "pins", **changes)
            siege.publish_above("pins")
        start = time.process_time()
        siege.refused(store, kind, code, refused_role, progress=True)
        assert time.process_time() - start < 20
        siege.recovers(store, "third")

# SPDX-License-Identifier: Apache-2.0
"""What lies on disk: exact bytes, and no number as a mark."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.client.cache.cache_record import CacheRecord, StoredSet, format_record, parse_record
from holdfast.core.freshness import Passed
from holdfast.errors import StoreError
from tests.client_world import BASE, World
from tests.repository import EPOCH

RECORD = CacheRecord(
    channel="com.example.bank/production",
    roots=('{"ä": 1}'.encode(), b"{}"),
    timestamp=b'{"timestamp": "\\u0000"}',
    snapshot=b"{\n}",
    stored=StoredSet(MappingProxyType({"2.root.json": b"{ }", "timestamp.json": b"{}"}), EPOCH),
    etags=MappingProxyType({"https://a/": '"x"', "http://b/": 'W/"y"'}),
    passed=Passed(frozenset({("ab", "api.example.com"), ("ab", "b.example.com")}), frozenset({"cd"})),
)


def test_a_record_comes_back_as_it_was() -> None:
    assert parse_record(format_record(RECORD)) == RECORD
    empty = CacheRecord("a/b")
    assert parse_record(format_record(empty)) == empty


def test_equal_records_have_equal_bytes() -> None:
    other = parse_record(format_record(RECORD))
    assert format_record(other) == format_record(RECORD)


def test_the_exact_bytes_of_files_lie_there_and_no_number(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    world.clock.wait(hours=1)
    world.repository.rotate_root()
    world.rotate("key-2")
    with world.open() as store:
        store.refresh()
    document = world.cached()
    assert document["timestamp"].encode() == world.repository.files["timestamp.json"]
    assert document["snapshot"].encode() == world.repository.files["2.snapshot.json"]
    assert [text.encode() for text in document["roots"]] == [world.repository.files["2.root.json"]]
    files = document["set"]["files"]
    assert {name: text.encode() for name, text in files.items()} == {
        name: world.repository.files[name] for name in files
    }
    assert set(document["etags"]) == {BASE + "bundle.json"}
    assert document["set"]["accepted_at"] == "2026-11-23T13:00:00Z"

    def numbers(value: object) -> list[object]:
        if isinstance(value, dict):
            return [found for child in value.values() for found in numbers(child)]
        if isinstance(value, list):
            return [found for child in value for found in numbers(child)]
        return [value] if isinstance(value, int | float) else []

    assert numbers(document) == []


@pytest.mark.parametrize(
    "change",
    [
        {"format": "holdfast-cache/2"},
        {"channel": None},
        {"roots": {}},
        {"roots": [1]},
        {"timestamp": 1},
        {"snapshot": []},
        {"set": 7},
        {"set": {}},
        {"set": {"files": [], "accepted_at": "2026-11-23T12:00:00Z"}},
        {"set": {"files": {"a": 1}, "accepted_at": "2026-11-23T12:00:00Z"}},
        {"set": {"files": {}, "accepted_at": "now"}},
        {"etags": []},
        {"etags": {"a": 1}},
        {"passed": {}},
        {"passed": {"untils": [["a"]], "max_ages": []}},
        {"passed": {"untils": [], "max_ages": [1]}},
        {"passed": {"untils": {}, "max_ages": []}},
    ],
)
def test_every_malformed_member_is_a_store_error(change: dict[str, object]) -> None:
    document = json.loads(format_record(RECORD)) | change
    with pytest.raises(StoreError) as caught:
        parse_record(json.dumps(document).encode())
    assert caught.value.code == "cache-unreadable"


WORDS = st.text('abc:{}[]",\u00e4\0', max_size=8)


@given(st.binary() | WORDS.map(str.encode))
def test_any_bytes_are_a_record_or_a_store_error(data: bytes) -> None:
    with pytest.raises(StoreError):
        parse_record(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(WORDS, children, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["channel", "roots", "timestamp", "snapshot", "set", "etags", "passed"]), JSON))
def test_any_members_are_a_record_or_a_store_error(change: dict[str, object]) -> None:
    document = json.loads(format_record(RECORD)) | change
    with contextlib.suppress(StoreError):
        parse_record(json.dumps(document).encode())

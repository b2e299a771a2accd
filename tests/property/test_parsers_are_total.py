# SPDX-License-Identifier: Apache-2.0
"""Any bytes to a parser end in a value or in one of our errors, and nothing else ever."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from holdfast.core.certificate import parse_certificate
from holdfast.core.hostname import normalise_hostname
from holdfast.core.instant import parse_instant
from holdfast.core.manifest import parse_manifest
from holdfast.core.pin import parse_digest, parse_pin
from holdfast.core.scope import parse_scope
from holdfast.core.strict_json import parse_json
from holdfast.errors import HoldfastError
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.bundle import parse_bundle
from holdfast.trust.roles import parse_role
from tests.pki import Authority
from tests.repository import Repository, digest_text

MAX_BYTES = 2**20

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=12), children, max_size=4),
    max_leaves=20,
)


def _role(kind: type[Any]) -> Callable[[bytes], object]:
    return lambda data: parse_role(kind, data, max_bytes=MAX_BYTES)


PARSERS: dict[str, Callable[[bytes], object]] = {
    "json": lambda data: parse_json(data, max_bytes=MAX_BYTES, floats=True),
    "scope": parse_scope,
    "manifest": parse_manifest,
    "bundle": parse_bundle,
    "anchor": parse_anchor,
    "certificate": parse_certificate,
    "root": _role(Root),
    "timestamp": _role(Timestamp),
    "snapshot": _role(Snapshot),
    "targets": _role(Targets),
}


def _make_seeds() -> dict[str, bytes]:
    repository = Repository()
    repository.add_host("api.example.com", [digest_text("a"), digest_text("b")], backup=[])
    repository.publish()
    files = repository.files
    targets = {name.rpartition(".")[0].rpartition(".")[2]: data for name, data in files.items() if "targets/" in name}
    return {
        "json": files["timestamp.json"],
        "scope": targets["scope"],
        "manifest": targets["manifest"],
        "bundle": repository.bundle(),
        "anchor": repository.anchor,
        "certificate": Authority.root("Root").leaf("api.example.com").der,
        "root": repository.anchor,
        "timestamp": files["timestamp.json"],
        "snapshot": files["1.snapshot.json"],
        "targets": files["1.targets.json"],
    }


SEEDS = _make_seeds()


def end_well(parse: Callable[[Any], object], data: object) -> None:
    with contextlib.suppress(HoldfastError):
        parse(data)


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.binary(max_size=200))
@settings(max_examples=60)
def test_any_bytes(name: str, data: bytes) -> None:
    end_well(PARSERS[name], data)


@pytest.mark.parametrize("name", [name for name in PARSERS if name != "certificate"])
@given(value=json_values)
@settings(max_examples=60)
def test_any_json(name: str, value: object) -> None:
    end_well(PARSERS[name], json.dumps(value).encode())


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
@settings(max_examples=80)
def test_a_genuine_file_with_some_bytes_exchanged(name: str, data: st.DataObject) -> None:
    mutated = bytearray(SEEDS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        cut = data.draw(st.integers(0, 3))
        mutated[at : at + cut] = data.draw(st.binary(max_size=3))
        if not mutated:
            break
    end_well(PARSERS[name], bytes(mutated))


def _paths(node: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(deeper for key, child in children for deeper in _paths(child, (*path, key)))]


@pytest.mark.parametrize("name", [name for name in PARSERS if name != "certificate"])
@given(data=st.data())
@settings(max_examples=80)
def test_a_genuine_file_with_one_value_exchanged(name: str, data: st.DataObject) -> None:
    document = json.loads(SEEDS[name])
    path = data.draw(st.sampled_from(_paths(document)[1:]))
    holder: Any = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = data.draw(json_values)
    end_well(PARSERS[name], json.dumps(document).encode())


@given(text=st.text(max_size=60) | st.none() | st.integers())
def test_any_text(text: object) -> None:
    for parse in (normalise_hostname, parse_digest, parse_instant):
        end_well(parse, text)


@given(fields=st.dictionaries(st.sampled_from(["type", "at", "digest", "use", "reason"]), json_values))
def test_any_pin(fields: dict[str, object]) -> None:
    end_well(parse_pin, fields)

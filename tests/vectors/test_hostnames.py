# SPDX-License-Identifier: Apache-2.0
"""``spec/validation.md``: host names, patterns, which pattern governs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holdfast.core.hostname import normalise_hostname, parse_pattern
from holdfast.core.manifest import parse_manifest
from holdfast.core.pin_set import build_pin_table
from holdfast.core.scope import parse_scope
from tests.vectors.material import check, octets, parameters

if TYPE_CHECKING:
    from tests.vectors.material import Vector

DIGEST = "A" * 43 + "="


def _hostname(given: dict[str, Any]) -> dict[str, Any]:
    name = normalise_hostname(given["text"])
    assert normalise_hostname(name) == name
    return {"name": name}


def _pattern(given: dict[str, Any]) -> dict[str, Any]:
    return {"pattern": parse_pattern(given["text"])}


def _look_up(given: dict[str, Any]) -> dict[str, Any]:
    hosts = [
        {"pattern": pattern, "include_subdomains": below, "allow": {"leaf": True}}
        for pattern, below in given["patterns"]
    ]
    pins = [{"type": "spki-sha256", "at": "leaf", "digest": DIGEST}]
    common = {"channel": "a/b", "version": 1, "issued": "2026-11-23T12:00:00Z"}
    scope = {"format": "holdfast-scope/1", "unpinned": "allow", "hosts": hosts, **common}
    manifest = {"format": "holdfast-manifest/1", "hosts": [host | {"accept": pins} for host in hosts], **common}
    table = build_pin_table(parse_scope(octets({"json": scope})), parse_manifest(octets({"json": manifest})))
    found = table.find(normalise_hostname(given["host"]))
    return {"pattern": None if found is None else found.pattern}


@pytest.mark.parametrize("vector", parameters("hostnames.json"))
def test_hostname(vector: Vector) -> None:
    check(vector, {"hostname": _hostname, "pattern": _pattern, "look-up": _look_up}[vector["kind"]])

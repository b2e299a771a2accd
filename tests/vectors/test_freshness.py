# SPDX-License-Identifier: Apache-2.0
"""``spec/freshness.md``: what is no workflow."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.core.certificate import Certificate
from holdfast.core.freshness import (
    Passed,
    Source,
    State,
    age_seconds,
    effective_now,
    find_passed,
    find_state,
    suspect_clock,
)
from holdfast.core.instant import format_instant, parse_instant
from holdfast.core.manifest import parse_manifest
from holdfast.core.pin_set import build_pin_table
from holdfast.core.scope import Unpinned, parse_scope
from holdfast.core.validation import Enforcement, judge
from tests.vectors.material import check, octets, parameters

if TYPE_CHECKING:
    from datetime import datetime

    from tests.vectors.material import Vector

HOST = "api.example.com"


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _effective_now(given: dict[str, Any]) -> dict[str, Any]:
    device, seed, floor = parse_instant(given["device"]), _instant(given["seed"]), _instant(given["floor"])
    now, root_now = effective_now(device, [seed, floor]), effective_now(device, [seed])
    return {"now": format_instant(now), "root_now": format_instant(root_now)}


def _clock(given: dict[str, Any]) -> dict[str, Any]:
    return {"behind": suspect_clock(parse_instant(given["device"]), parse_instant(given["reference"]))}


def _state(given: dict[str, Any]) -> dict[str, Any]:
    source = None if given["source"] is None else Source(given["source"])
    age, fresh = given["age_seconds"], given["fresh_seconds"]
    return {"state": find_state(source, age=age, fresh_seconds=fresh, retired=given["retired"]).value}


@pytest.mark.parametrize("vector", parameters("freshness.json", "effective-now", "clock", "state"))
def test_moment(vector: Vector) -> None:
    check(vector, {"effective-now": _effective_now, "clock": _clock, "state": _state}[vector["kind"]])


def _look(enforced: dict[str, Any] | None, passed: Passed, step: dict[str, Any]) -> tuple[dict[str, Any], Passed]:
    """What a client does at one moment, of the pieces that the core has for it."""
    leaf = Certificate(b64decode(step["leaf"]), b"", b"")
    device = parse_instant(step["device"])
    if enforced is None:
        verdict = judge(Enforcement(None, None, Unpinned.ALLOW), HOST, [leaf], now=device)
        state, age = State.EMPTY, None
    else:
        scope, manifest = (
            parse_scope(octets({"json": enforced["scope"]})),
            parse_manifest(octets({"json": enforced["manifest"]})),
        )
        hashes = {
            "scope_sha256": sha256(octets({"json": enforced["scope"]})).hexdigest(),
            "timestamp_sha256": sha256(enforced["timestamp"].encode()).hexdigest(),
        }
        issued = parse_instant(enforced["issued"])
        now = effective_now(device, [issued])
        age = age_seconds(issued, now)
        passed |= find_passed(scope, age=age, now=now, **hashes)
        state = find_state(Source(enforced["source"]), age=age, fresh_seconds=scope.fresh_seconds, retired=False)
        enforcement = Enforcement(
            table=build_pin_table(scope, manifest),
            manifest_version=manifest.version,
            unpinned=scope.unpinned,
            ended=passed.ended_patterns(hashes["scope_sha256"]),
            past_max_age=hashes["timestamp_sha256"] in passed.max_ages,
        )
        verdict = judge(enforcement, HOST, [leaf], now=now)
    found = {"state": state.value, "age_seconds": age, "allowed": verdict.allowed, "reason": verdict.reason.value}
    return found, passed


@pytest.mark.parametrize("vector", parameters("freshness.json", "sequence"))
def test_sequence(vector: Vector) -> None:
    given, enforced, passed = vector["input"], None, Passed()
    for number, step in enumerate(given["steps"], 1):
        enforced = enforced if step["enforce"] is None else given["sets"][step["enforce"]]
        found, passed = _look(enforced, passed, step)
        assert found == step["expect"], f"step {number}"

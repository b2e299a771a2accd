# SPDX-License-Identifier: Apache-2.0
"""The pin table of ``spec/scope.md``, and the verdicts of ``spec/validation.md``."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.core.certificate import Certificate, parse_certificate
from holdfast.core.instant import parse_instant
from holdfast.core.manifest import parse_manifest
from holdfast.core.pin import format_digest
from holdfast.core.pin_set import PinTable, build_pin_table
from holdfast.core.scope import Unpinned, parse_scope
from holdfast.core.validation import Enforcement, judge
from tests.vectors.material import check, load, octets, parameters

if TYPE_CHECKING:
    from tests.vectors.material import Vector


def _build(given: dict[str, Any]) -> PinTable:
    return build_pin_table(parse_scope(octets(given["scope"])), parse_manifest(octets(given["manifest"])))


def _pin_table(given: dict[str, Any]) -> dict[str, Any]:
    table = _build(given)
    usable = {}
    for pattern, pins in table.hosts.items():
        accept = pins.accept
        usable[pattern] = sorted(map(format_digest, accept.leaf_spki | accept.ca_spki | accept.leaf_certificate))
    ignored = [{"pattern": row.pattern, "why": row.why, "digest": row.digest} for row in table.ignored]
    return {"usable": usable, "ignored": ignored}


@pytest.mark.parametrize("vector", parameters("verdicts.json", "pin-table"))
def test_pin_table(vector: Vector) -> None:
    wanted = vector["expect"].get("accept", {}).get("usable", {})
    for digests in wanted.values():
        digests.sort()
    check(vector, _pin_table)


def _certificate(name: str) -> Certificate:
    return parse_certificate(b64decode(load("verdicts.json")["certificates"][name], validate=True))


def _enforcement(given: dict[str, Any]) -> Enforcement:
    app, past = given.get("app", {}), given.get("past", {})
    table = None if given["scope"] is None else _build(given)
    scope_denies = table is not None and table.unpinned is Unpinned.DENY
    return Enforcement(
        table=table,
        manifest_version=None if table is None else 42,
        unpinned=Unpinned.DENY if scope_denies or app.get("unpinned") == "deny" else Unpinned.ALLOW,
        required_hosts=frozenset(app.get("required_hosts", ())),
        ended=frozenset(past.get("ended", ())),
        past_max_age=past.get("max_age", False),
    )


@pytest.mark.parametrize("vector", parameters("verdicts.json", "verdict"))
def test_verdict(vector: Vector) -> None:
    given, expect = vector["input"], vector["expect"]
    path = [_certificate(name) for name in given["path"]]
    verdict = judge(_enforcement(given), given["host"], path, now=parse_instant(given["now"]))
    if "refuse" in expect:
        assert (verdict.allowed, verdict.reason.value, verdict.enforced) == (False, expect["refuse"]["code"], True)
    else:
        assert verdict.allowed
        result = {"reason": verdict.reason.value, "pattern": verdict.pattern, "enforced": verdict.enforced}
        assert result == expect["accept"]

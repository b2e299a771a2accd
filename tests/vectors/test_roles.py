# SPDX-License-Identifier: Apache-2.0
"""``spec/trust.md``: canonical JSON, single role files, embedded roots, one step of a root chain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tuf.api.metadata import DelegatedRole, Root, Timestamp

from holdfast.core.instant import parse_instant
from holdfast.core.limits import MAX_ROOT_BYTES, MAX_TIMESTAMP_BYTES
from holdfast.core.strict_json import parse_json
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.canonical_json import check_profile, encode_canonical
from holdfast.trust.roles import parse_role, verify_channel, verify_not_expired, verify_threshold
from holdfast.trust.verification import verify_next_root
from tests.vectors.material import check, octets, parameters

if TYPE_CHECKING:
    from tests.vectors.material import Vector


def _canonical(given: dict[str, Any]) -> dict[str, Any]:
    form = encode_canonical(parse_json(octets(given), max_bytes=1024, floats=True))
    return {"octets": {"text": form.decode("utf-8")}}


def _profile(given: dict[str, Any]) -> dict[str, Any]:
    check_profile(json.loads(octets(given)))
    return {"ok": True}


def _role(given: dict[str, Any]) -> dict[str, Any]:
    delegator = parse_role(Root, given["delegator"].encode(), max_bytes=MAX_ROOT_BYTES).signed
    file = parse_role(Timestamp, octets(given["file"]), max_bytes=MAX_TIMESTAMP_BYTES)
    verify_threshold(delegator, given["role"], file)
    verify_channel(file, given["channel"], given["role"])
    if "now" in given:
        verify_not_expired(file, parse_instant(given["now"]), given["role"])
    return {"version": file.version}


def _anchor(given: dict[str, Any]) -> dict[str, Any]:
    anchor = parse_anchor(octets(given))
    return {"version": anchor.version, "channel": anchor.channel}


def _next_root(given: dict[str, Any]) -> dict[str, Any]:
    trusted = parse_role(Root, given["trusted"].encode(), max_bytes=MAX_ROOT_BYTES)
    return {"version": verify_next_root(trusted, octets(given["file"]), given["channel"]).version}


def _delegation_path(given: dict[str, Any]) -> dict[str, Any]:
    role = DelegatedRole("pins", [], 1, terminating=False, paths=[given["pattern"]])
    return {"covers": role.is_delegated_path(given["path"])}


# The library warns of the keytype of older repositories, and takes its own warning for a failed verification.
@pytest.mark.filterwarnings("ignore:keytype 'ecdsa-sha2-nistp256' is deprecated:DeprecationWarning")
@pytest.mark.parametrize("vector", parameters("roles.json"))
def test_role(vector: Vector) -> None:
    runs = {
        "canonical": _canonical,
        "profile": _profile,
        "role": _role,
        "anchor": _anchor,
        "next-root": _next_root,
        "delegation-path": _delegation_path,
    }
    check(vector, runs[vector["kind"]])

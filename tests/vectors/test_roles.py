# SPDX-License-Identifier: Apache-2.0
"""``spec/trust.md``: canonical JSON, single role files, embedded roots, one step of a root chain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from tuf.api.metadata import DelegatedRole, Root, Snapshot, Targets, Timestamp

from holdfast.core.instant import parse_instant
from holdfast.core.limits import MAX_ROOT_BYTES, MAX_SNAPSHOT_BYTES, MAX_TARGETS_BYTES, MAX_TIMESTAMP_BYTES
from holdfast.core.strict_json import parse_json
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.canonical_json import check_profile, encode_canonical
from holdfast.trust.roles import RoleFile, parse_role, verify_channel, verify_not_expired, verify_threshold
from holdfast.trust.verification import verify_next_root
from tests.vectors.material import check, octets, parameters

if TYPE_CHECKING:
    from tests.vectors.material import Vector


_KINDS: Final[dict[str, tuple[Any, int]]] = {
    "snapshot": (Snapshot, MAX_SNAPSHOT_BYTES),
    "targets": (Targets, MAX_TARGETS_BYTES),
}


def _canonical(given: dict[str, Any]) -> dict[str, Any]:
    form = encode_canonical(parse_json(octets(given), max_bytes=1024, floats=True))
    return {"octets": {"text": form.decode("utf-8")}}


def _profile(given: dict[str, Any]) -> dict[str, Any]:
    check_profile(json.loads(octets(given)))
    return {"ok": True}


def _role(given: dict[str, Any]) -> dict[str, Any]:
    delegator = parse_role(Root, given["delegator"].encode(), max_bytes=MAX_ROOT_BYTES).signed
    kind, max_bytes = _KINDS.get(given["role"], (Timestamp, MAX_TIMESTAMP_BYTES))
    file: RoleFile[Any] = parse_role(kind, octets(given["file"]), max_bytes=max_bytes)
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

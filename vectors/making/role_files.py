# SPDX-License-Identifier: Apache-2.0
"""Single role files, right and wrong, for cases that tell no story."""

from __future__ import annotations

from typing import Any, Final

from vectors.making.case import Json, text
from vectors.making.keys import TufKey
from vectors.making.repository import CHANNEL, TOP, at, canonical, compact, sign

KEYS: Final = tuple(TufKey(f"role {i}") for i in range(1, 5))
GONE: Final[Any] = object()


def root_text(
    roles: dict[str, tuple[list[Any], int]],
    *signers: TufKey,
    version: int = 1,
    table: dict[str, Json] | None = None,
    channel: Any = CHANNEL,
    issued: Any = None,
    **changes: Any,
) -> str:
    """A root file that says who the roles are; unnamed roles have the first key.

    Args:
        roles: Keys (or bare keyids) and threshold of roles.
        signers: Who signs; the first key by default.
        version: Its version.
        table: Entries that are added to ``keys``, or replaced in it.
        channel: ``x-holdfast-channel``.
        issued: ``x-holdfast-issued``; the start by default.
        changes: Other members of ``signed``; ``GONE`` takes one away.
    """
    named = {role: roles.get(role, ([KEYS[0]], 1)) for role in TOP}
    keys = {key.keyid: key.entry for group, _ in named.values() for key in group if isinstance(key, TufKey)} | (
        table or {}
    )
    ids = {role: [key.keyid if isinstance(key, TufKey) else key for key in group] for role, (group, _) in named.items()}
    signed = {
        "_type": "root",
        "spec_version": "1.0.31",
        "version": version,
        "expires": at(730),
        "consistent_snapshot": True,
        "keys": keys,
        "roles": {role: {"keyids": ids[role], "threshold": named[role][1]} for role in TOP},
        "x-holdfast-channel": channel,
        "x-holdfast-issued": at() if issued is None else issued,
    }
    return sign(
        {name: value for name, value in (signed | changes).items() if value is not GONE}, *(signers or KEYS[:1])
    )


def timestamp_body(**changes: Any) -> dict[str, Any]:
    """What a timestamp signs."""
    signed = {
        "_type": "timestamp",
        "spec_version": "1.0.31",
        "version": 5,
        "expires": at(7),
        "meta": {"snapshot.json": {"version": 3}},
        "x-holdfast-channel": CHANNEL,
        "x-holdfast-issued": at(),
    }
    return {name: value for name, value in (signed | changes).items() if value is not GONE}


def by(keys: list[Any], threshold: int = 1, **more: Any) -> str:
    """A root that gives the timestamp role to these keys."""
    return root_text({"timestamp": (keys, threshold)}, **more)


def role_case(delegator: str, file: dict[str, Any] | str, **more: Any) -> dict[str, Any]:
    """Input of a case of kind ``role``."""
    return {
        "delegator": delegator,
        "role": "timestamp",
        "channel": CHANNEL,
        "file": text(file) if isinstance(file, str) else file,
        **more,
    }


def with_signatures(signed: Json, *entries: Json) -> str:
    """A role file with these entries as its signatures."""
    return compact({"signatures": list(entries), "signed": signed})


def entry(key: TufKey, signed: Json) -> dict[str, str]:
    """A right signature."""
    return {"keyid": key.keyid, "sig": key.sign(canonical(signed))}

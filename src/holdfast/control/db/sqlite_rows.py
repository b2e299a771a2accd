# SPDX-License-Identifier: Apache-2.0
"""Records to rows and back. A row that no record can come from is damage, never a guess."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from holdfast.control.model import (
    AuditEntry,
    Delegation,
    Draft,
    HostRecord,
    ManifestAuthority,
    PinList,
    PinRecord,
    PinUse,
)
from holdfast.core.instant import format_instant, parse_instant
from holdfast.core.pin import PinType, Position
from holdfast.core.scope import Mode

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

__all__ = ["audit_from_row", "draft_from_rows", "host_row", "pin_row"]


def host_row(channel: str, host: HostRecord) -> tuple[Any, ...]:
    """Return the columns of table ``host``, in order."""
    until = format_instant(host.until) if host.until else None
    return (channel, host.pattern, host.include_subdomains, host.mode.value, until, host.allow_leaf)


def pin_row(channel: str, pattern: str, position: int, pin: PinRecord) -> tuple[Any, ...]:
    """Return the columns of table ``pin``, in order."""
    use = pin.use.value if pin.use else None
    added = format_instant(pin.added)
    what = (pin.list.value, pin.type.value, pin.at.value, pin.digest)
    return (channel, pattern, position, *what, use, pin.reason, pin.origin, pin.key, added)


def draft_from_rows(channel: sqlite3.Row, hosts: Sequence[sqlite3.Row], pins: Sequence[sqlite3.Row]) -> Draft:
    """Build the draft.

    Raises:
        ValueError, KeyError, TypeError: A value that no program of ours wrote.
    """
    of_host: defaultdict[str, list[PinRecord]] = defaultdict(list)
    for row in pins:
        of_host[row["pattern"]].append(_pin(row))
    delegation = json.loads(channel["delegation"])
    return Draft(
        channel=channel["name"],
        revision=channel["revision"],
        hosts=tuple(_host(row, of_host[row["pattern"]]) for row in hosts),
        authority=ManifestAuthority(channel["authority"]),
        delegation=Delegation(role=delegation["role"], keys=delegation["keys"], threshold=delegation["threshold"]),
    )


def audit_from_row(row: sqlite3.Row) -> AuditEntry:
    """Build one line of the audit log; raises as :func:`draft_from_rows` does."""
    return AuditEntry(
        sequence=row["sequence"],
        at=parse_instant(row["at"]),
        actor=row["actor"],
        action=row["action"],
        detail=json.loads(row["detail"]),
        digest=row["digest"],
    )


def _host(row: sqlite3.Row, pins: Sequence[PinRecord]) -> HostRecord:
    return HostRecord(
        pattern=row["pattern"],
        include_subdomains=bool(row["include_subdomains"]),
        mode=Mode(row["mode"]),
        until=parse_instant(row["until"]) if row["until"] else None,
        allow_leaf=bool(row["allow_leaf"]),
        pins=tuple(pins),
    )


def _pin(row: sqlite3.Row) -> PinRecord:
    return PinRecord(
        list=PinList(row["list"]),
        type=PinType(row["type"]),
        at=Position(row["at"]),
        digest=row["digest"],
        use=PinUse(row["use"]) if row["use"] else None,
        reason=row["reason"],
        origin=row["origin"],
        key=row["key"],
        added=parse_instant(row["added"]),
    )

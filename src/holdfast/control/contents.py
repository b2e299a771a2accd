# SPDX-License-Identifier: Apache-2.0
"""A draft as the texts of ``scope.json`` and ``manifest.json``. Pure; clients hash exactly what it returns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from holdfast.control.model import HostRecord, PinList, PinRecord, PinUse
from holdfast.core.hostname import normalise_hostname
from holdfast.core.instant import format_instant
from holdfast.core.manifest import MANIFEST_FORMAT
from holdfast.core.pin import format_digest
from holdfast.core.scope import SCOPE_FORMAT

if TYPE_CHECKING:
    from datetime import datetime

    from holdfast.control.model import Draft
    from holdfast.control.settings import Settings

__all__ = ["build_manifest", "build_scope", "is_same_content"]


def build_scope(draft: Draft, settings: Settings, *, version: int, issued: datetime) -> bytes:
    """Write ``scope.json``: whether, how strictly, and within what."""
    channel, report = settings.channel, settings.report
    document: dict[str, Any] = {
        "format": SCOPE_FORMAT,
        "channel": draft.channel,
        "version": version,
        "issued": format_instant(issued),
        "hosts": [_scope_host(host) for host in draft.hosts],
        "unpinned": channel.unpinned,
        "fresh_seconds": channel.fresh_seconds,
    }
    if channel.max_age_seconds:
        document["max_age_seconds"] = channel.max_age_seconds
    if report.urls:
        document["report"] = {"urls": list(report.urls), "sample": report.sample}
    if channel.canary_host:
        document["canary"] = {"host": normalise_hostname(channel.canary_host)}
    return _dump(document)


def build_manifest(draft: Draft, settings: Settings, *, version: int, issued: datetime) -> bytes:
    """Write ``manifest.json``: which keys each host may show."""
    return _dump(
        {
            "format": MANIFEST_FORMAT,
            "channel": draft.channel,
            "version": version,
            "issued": format_instant(issued),
            "refresh_seconds": settings.channel.refresh_seconds,
            "hosts": [_manifest_host(host) for host in draft.hosts],
        }
    )


def is_same_content(old: bytes | None, new: bytes) -> bool:
    """Tell whether two texts say the same but for version and time of issue."""
    if old is None:
        return False
    bodies = [json.loads(text) for text in (old, new)]
    for body in bodies:
        del body["version"], body["issued"]
    return bool(bodies[0] == bodies[1])


def _scope_host(host: HostRecord) -> dict[str, Any]:
    allowed = sorted(format_digest(pin.digest) for pin in host.listed(PinList.ALLOW_CA))
    fields: dict[str, Any] = {
        "pattern": host.pattern,
        "include_subdomains": host.include_subdomains,
        "mode": host.mode.value,
        "allow": {"leaf": host.allow_leaf, "ca": allowed},
    }
    if host.until is not None:
        fields["until"] = format_instant(host.until)
    # Absent means "nothing is required"; an empty list would refuse the host for good.
    if required := sorted(format_digest(pin.digest) for pin in host.listed(PinList.REQUIRE)):
        fields["require"] = required
    fields["backup"] = [_pin(pin) for pin in host.listed(PinList.BACKUP)]
    fields["reject"] = [_pin(pin) | {"reason": pin.reason} for pin in host.listed(PinList.SCOPE_REJECT)]
    return fields


def _manifest_host(host: HostRecord) -> dict[str, Any]:
    accepted = [_pin(pin) | {"use": (pin.use or PinUse.CURRENT).value} for pin in host.listed(PinList.ACCEPT)]
    rejected = [_pin(pin) | {"reason": pin.reason} for pin in host.listed(PinList.REJECT)]
    names = {"pattern": host.pattern, "include_subdomains": host.include_subdomains}
    return {**names, "accept": accepted, "reject": rejected}


def _pin(pin: PinRecord) -> dict[str, str]:
    return {"type": pin.type.value, "at": pin.at.value, "digest": format_digest(pin.digest)}


def _dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode("ascii")

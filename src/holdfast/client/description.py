# SPDX-License-Identifier: Apache-2.0
"""What is enforced, said in a few lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.scope import Mode, Unpinned

if TYPE_CHECKING:
    from holdfast.client.view import View

__all__ = ["describe_view"]

_MAX_HOSTS = 20


def describe_view(channel: str, view: View, age_seconds: float | None) -> str:
    """Describe a view.

    Args:
        channel: ``<app>/<environment>``.
        view: What is enforced.
        age_seconds: Age of the enforced set; ``None`` if there is none.
    """
    enforced = view.basis.enforced
    if enforced is None:
        return f"{channel}: {view.state.value}: nothing was verified yet, every host is refused"
    manifest, scope = enforced.manifest.version, enforced.scope.version
    source = "seed" if view.basis.source is None else view.basis.source.value
    unlisted = "refused" if view.enforcement.unpinned is Unpinned.DENY else "allowed, with CA validation alone"
    signed = f"signed {_age(age_seconds or 0.0)} ago, from the {source}"
    lines = [
        f"{channel}: {view.state.value}, manifest {manifest}, scope {scope}, {signed}",
        f"  unlisted hosts: {unlisted}",
    ]
    if view.enforcement.past_max_age:
        lines.append("  older than the scope allows: every listed host is refused until a refresh succeeds")
    if view.basis.is_retired:
        lines.append(f"  signed by a key that root {view.basis.root_version} has retired")
    hosts = sorted(enforced.table.hosts.values(), key=lambda pins: pins.pattern)
    for pins in hosts[:_MAX_HOSTS]:
        lenient = pins.mode is Mode.REPORT_ONLY and pins.pattern not in view.enforcement.ended
        mode = f"report only until {pins.until}" if lenient else "enforced"
        lines.append(f"  {pins.pattern}{' and below' if pins.include_subdomains else ''}: {mode}")
    if len(hosts) > _MAX_HOSTS:
        lines.append(f"  and {len(hosts) - _MAX_HOSTS} more")
    return "\n".join(lines)


def _age(seconds: float) -> str:
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds)} s"

# SPDX-License-Identifier: Apache-2.0
"""What ``holdfast pin from-host`` saw: shown always, and added only if a person compared it on another way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from holdfast.cli.command import make_passphrases, open_here
from holdfast.cli.keys import KeyReader, describe_pin
from holdfast.cli.output import NO, YES, render_table
from holdfast.control.model import PinList, PinUse
from holdfast.control.sources.key_files import FileKey
from holdfast.core.pin import Position, format_digest
from holdfast.wiring import read_clock

if TYPE_CHECKING:
    from holdfast.cli.tree import Context
    from holdfast.control.sources.probe import Observation

__all__ = ["add_compared", "describe_observation", "observation_lines"]


def add_compared(
    context: Context,
    wanted: bytes,
    seen: Sequence[Observation],
    host: str,
    use: PinUse,
    facts: dict[str, Any],
) -> int:
    """Add the compared key if every address that answers serves it; returns the exit code and completes ``facts``."""
    leaves = {each.path[0].spki_sha256 for each in seen if each.path}
    if leaves != {wanted}:
        said = (
            "another key is served as well" if wanted in leaves else "no address serves the key that you compared with"
        )
        context.output.say(f"error: {said}; nothing was added")
        context.output.say("hint: a key that is served and that nobody planned is an alarm: find out whose it is")
        return NO
    _, service = open_here(context)
    reader = KeyReader(context.output, make_passphrases(context.output), read_clock())
    key = FileKey(wanted, None, "probe")
    pin = reader.pin(key, PinList.ACCEPT, at=Position.LEAF, use=use)
    service.add_pins(host, [pin])
    facts |= {"added_to": host, "pin": describe_pin(pin)}
    return YES


def describe_observation(seen: Observation) -> dict[str, Any]:
    """Return what one address showed, as JSON."""
    return {
        "address": seen.address,
        "reachable": seen.is_reachable,
        "validated": seen.is_validated,
        "fault": seen.fault or None,
        "path": [format_digest(certificate.spki_sha256) for certificate in seen.path],
    }


def observation_lines(place: str, seen: Sequence[Observation], facts: dict[str, Any]) -> list[str]:
    """Say what every address showed."""
    rows: list[tuple[str, ...]] = []
    for each in seen:
        state = "validated" if each.is_validated else f"NOT VALIDATED: {each.fault}"
        rows.extend(
            (each.address, "leaf" if i == 0 else f"ca {i}", format_digest(c.spki_sha256), state)
            for i, c in enumerate(each.path)
        )
        if not each.path:
            rows.append((each.address, "-", "-", each.fault))
    lines = [f"{place} shows:", *render_table(("address", "place", "spki-sha256", "state"), rows)]
    if facts["added_to"]:
        return [*lines, f"accept pin of {facts['added_to']} with the next `holdfast publish`"]
    return [*lines, "An observation, not a pin. Compare it on another way, then: --compared-with SHA256"]

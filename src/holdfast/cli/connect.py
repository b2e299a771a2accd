# SPDX-License-Identifier: Apache-2.0
"""``holdfast connect``: what a pinned client would do at a host, and why. It asks the same rules as the SDK."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import click

from holdfast.cli.command import open_here, verb
from holdfast.cli.output import NO, UNKNOWN, YES, render_table
from holdfast.cli.tree import Context
from holdfast.cli.verify import load_set
from holdfast.control.sources.probe import Endpoint, Observation, parse_endpoint, probe_address, resolve_addresses
from holdfast.core.freshness import age_seconds
from holdfast.core.pin import format_digest
from holdfast.core.validation import Enforcement, Reason, Verdict, judge
from holdfast.wiring import read_clock

if TYPE_CHECKING:
    from holdfast.core.certificate import Certificate
    from holdfast.core.pin_set import HostPins
    from holdfast.trust.state import VerifiedManifest

__all__ = ["command"]

_RULES: Final = MappingProxyType(
    {
        Reason.PIN: "a pin of the manifest matches",
        Reason.BACKUP: "a backup pin of the scope matches",
        Reason.UNPINNED: "no pattern covers this host, and the scope allows such hosts: CA validation alone decides",
        Reason.UNPINNED_DENIED: "no pattern covers this host, and the scope denies such hosts",
        Reason.SCOPE_REJECT: "a key of the path is rejected by the scope",
        Reason.REQUIRE: "none of the CAs that the scope requires stands on the path",
        Reason.MANIFEST_REJECT: "a key of the path is rejected by the manifest",
        Reason.NO_MATCH: "no pin matches any certificate of the path",
        Reason.MAX_AGE: "the set is older than the scope's max_age_seconds",
        Reason.CANARY: "this is the canary: it must be refused always",
    }
)


@verb(
    None,
    "connect",
    examples=[
        "holdfast connect https://api.example.com/",
        "holdfast connect https://api.example.com:8443/ --ca-file corporate.pem",
        "holdfast connect https://api.example.com/ --set anchors/seed.json",
    ],
    codes=[
        "0  a pinned client would connect, at every address that answers",
        "1  it would refuse at one of them",
        "2  usage",
        "3  no address answered, or the set could not be fetched",
    ],
)
@click.argument("url")
@click.option("--set", "source", metavar="URL|FILE|DIR", help="The set to enforce (default: this channel's).")
@click.option("--anchor", type=click.Path(path_type=Path), help="The embedded root for --set.")
@click.option("--ca-file", type=click.Path(path_type=Path), help="CAs in PEM instead of the system's.")
@click.option("--timeout", type=click.FloatRange(0.1, 120), default=10.0, show_default=True, help="Seconds a step.")
def command(
    context: Context, url: str, source: str | None, anchor: Path | None, ca_file: Path | None, timeout: float
) -> int:
    """Connect to URL as a pinned client would, at each of its addresses, and say what decided.

    No request is sent: the handshake is all.
    """
    now, place = read_clock(), parse_endpoint(url)
    if source is None:
        verified = open_here(context)[1].load_enforced()
    else:
        verified = load_set(context, source, anchor, now=now, as_seed=True)
    looks = []
    for address in resolve_addresses(place):
        context.output.progress(f"asking {address}")
        seen = probe_address(place, address, ca_file=ca_file, timeout_seconds=timeout)
        looks.append(_judge(verified, place, seen, now))
    code = UNKNOWN if not any(each["answered"] for each in looks) else NO if any(map(_is_refused, looks)) else YES
    pins = verified.table.find(place.host)
    facts = {
        "host": place.host,
        "port": place.port,
        "manifest_version": verified.manifest.version,
        "pattern": pins.pattern if pins else None,
        "mode": pins.mode.value if pins else None,
        "would_connect": {YES: True, NO: False}.get(code),
        "addresses": looks,
    }
    context.output.answer(facts, lambda: _lines(facts, pins))
    if code == UNKNOWN:
        context.output.say(f"error: no address of {place} answered")
        context.output.say("hint: is it up, and reachable from this machine?")
    return code


def _is_refused(look: dict[str, Any]) -> bool:
    return bool(look["answered"]) and not look["allowed"]


def _judge(verified: VerifiedManifest, place: Endpoint, seen: Observation, now: datetime) -> dict[str, Any]:
    """Judge one address: CA validation first, pins second, both always."""
    facts: dict[str, Any] = {"address": seen.address, "answered": seen.is_reachable, "validated": seen.is_validated}
    if not seen.is_reachable or not seen.is_validated:
        reason = "not-validated" if seen.is_reachable else "unreachable"
        facts |= {"allowed": False, "reason": reason, "why": seen.fault}
        return facts | {"path": [_certificate(each, None) for each in seen.path]}
    verdict = _decide(verified, place, seen, now)
    why = _RULES.get(verdict.reason, verdict.reason.value)
    if not verdict.enforced:
        why = f"report-only: {why}; it is only reported"
    pins = verified.table.find(place.host)
    path = [_certificate(each, pins, index) for index, each in enumerate(seen.path)]
    return facts | {"allowed": verdict.allowed, "reason": verdict.reason.value, "why": why, "path": path}


def _decide(verified: VerifiedManifest, place: Endpoint, seen: Observation, now: datetime) -> Verdict:
    max_age = verified.scope.max_age_seconds
    enforcement = Enforcement(
        table=verified.table,
        manifest_version=verified.manifest.version,
        unpinned=verified.scope.unpinned,
        past_max_age=max_age is not None and age_seconds(verified.issued, now) > max_age,
    )
    return judge(enforcement, place.host, seen.path, now=now)


def _certificate(certificate: Certificate, pins: HostPins | None, index: int = 0) -> dict[str, Any]:
    return {
        "spki_sha256": format_digest(certificate.spki_sha256),
        "matches": [] if pins is None else _matches(certificate, pins, index),
    }


def _matches(certificate: Certificate, pins: HostPins, index: int) -> list[str]:
    """Name the lists in which a certificate of the path stands; the order of evaluation decides between them."""
    found = []
    for name, listed in (
        ("scope-reject", pins.scope_reject),
        ("backup", pins.backup),
        ("reject", pins.reject),
        ("accept", pins.accept),
    ):
        spki = listed.leaf_spki if index == 0 else listed.ca_spki
        is_leaf_certificate = index == 0 and certificate.certificate_sha256 in listed.leaf_certificate
        if certificate.spki_sha256 in spki or is_leaf_certificate:
            found.append(name)
    if index and pins.require is not None and certificate.spki_sha256 in pins.require:
        found.append("require")
    return found


def _lines(facts: dict[str, Any], pins: HostPins | None) -> list[str]:
    pattern = f"pattern {facts['pattern']} ({facts['mode']})" if pins else "no pattern covers it"
    lines = [f"{facts['host']}:{facts['port']}  {pattern}, manifest {facts['manifest_version']}"]
    for look in facts["addresses"]:
        word = "CONNECT" if look["allowed"] else "REFUSE" if look["answered"] else "NO ANSWER"
        lines.append(f"{look['address']}  {word}: {look['why']} [{look['reason']}]")
        rows = [
            ("  leaf" if index == 0 else f"  ca {index}", each["spki_sha256"], ", ".join(each["matches"]) or "-")
            for index, each in enumerate(look["path"])
        ]
        lines.extend(render_table(("  place", "spki-sha256", "listed as"), rows) if rows else [])
    return lines

# SPDX-License-Identifier: Apache-2.0
"""The gates: what keeps a publication from locking clients out, or in. Pure; nothing is signed before they agree.

``GATES`` is the table: each gate says whether people may override it. What clients would refuse or ignore anyway, and
"a backup exists", cannot be overridden by anyone. Gates on content are skipped when the content has not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, unique
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from holdfast.control.model import Draft, HostRecord, PinList
from holdfast.core.limits import MAX_REFRESH_SECONDS, MIN_REFRESH_SECONDS
from holdfast.core.pin_set import build_pin_table
from holdfast.core.scope import Mode
from holdfast.errors import PolicyRefused, ScopeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.core.manifest import Manifest, ManifestHost
    from holdfast.core.scope import Scope, ScopeHost

__all__ = [
    "GATES",
    "Finding",
    "Gate",
    "GateRule",
    "Proposal",
    "RoleKeys",
    "check_publication",
    "refuse_unless_overridden",
]

_BASELINE_SCHEME: Final = "ecdsa-sha2-nistp256"


@unique
class Gate(Enum):
    """The gates of this program; the ones that need the fleet or a probe come with those."""

    TWO_KEYS = "two-keys"
    USABLE_PIN = "usable-pin"
    OUTSIDE_SCOPE = "outside-scope"
    REJECTED_ACCEPTED = "rejected-accepted"
    REPORT_ONLY_WINDOW = "report-only-window"
    CANARY_IN_SCOPE = "canary-in-scope"
    HALF_CHANGED = "half-changed"
    REFRESH_RANGE = "refresh-range"
    VERSION_MONOTONE = "version-monotone"
    TIME_MONOTONE = "time-monotone"
    THRESHOLD_REACHABLE = "threshold-reachable"


class GateRule(NamedTuple):
    """One row of the table."""

    is_overridable: bool
    is_content: bool
    meaning: str


GATES: Final[Mapping[Gate, GateRule]] = MappingProxyType(
    {
        Gate.TWO_KEYS: GateRule(False, True, "an enforced host has two independent keys: a backup exists"),
        Gate.USABLE_PIN: GateRule(False, True, "every host has a usable pin of its own, or clients refuse the set"),
        Gate.OUTSIDE_SCOPE: GateRule(True, True, "a pin that the scope does not permit is ignored by clients"),
        Gate.REJECTED_ACCEPTED: GateRule(True, True, "no digest is both accepted and rejected"),
        Gate.REPORT_ONLY_WINDOW: GateRule(False, True, "report-only ends in the future, within 90 days"),
        Gate.CANARY_IN_SCOPE: GateRule(False, True, "the canary lies under no pattern"),
        Gate.HALF_CHANGED: GateRule(True, True, "at most half of the hosts (or one) change all their keys at once"),
        Gate.REFRESH_RANGE: GateRule(True, True, "refresh_seconds lies within what clients honour"),
        Gate.VERSION_MONOTONE: GateRule(False, False, "no version is lower than one that was published"),
        Gate.TIME_MONOTONE: GateRule(True, False, "time does not run backwards between publications"),
        Gate.THRESHOLD_REACHABLE: GateRule(False, False, "every role has enough keys that all platforms verify"),
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a gate found.

    Attributes:
        gate: Which.
        message: One line for people; names the host where there is one.
    """

    gate: Gate
    message: str

    def __str__(self) -> str:
        return f"{self.gate.value}: {self.message}"


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """Who may sign a role."""

    role: str
    threshold: int
    schemes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A publication before it is signed, and what it follows.

    Attributes:
        draft: What people wrote.
        scope, manifest: What would be signed of it.
        previous_scope, previous_manifest: What clients hold; ``None`` before the first publication.
        previous_issued: When the last timestamp was signed.
        published_timestamp: Version of the timestamp that the public directory holds, and
        known_timestamp: the highest one that the database knows; 0 for none.
        roles: Who may sign what.
        is_content_changed: Whether scope or manifest differ from what clients hold.
        now: The time that would be signed.
    """

    draft: Draft
    scope: Scope
    manifest: Manifest
    previous_scope: Scope | None
    previous_manifest: Manifest | None
    previous_issued: datetime | None
    published_timestamp: int
    known_timestamp: int
    roles: Sequence[RoleKeys]
    is_content_changed: bool
    now: datetime


def check_publication(proposal: Proposal) -> list[Finding]:
    """Run every gate; an empty list means that nothing speaks against signing."""
    return [
        Finding(gate, message)
        for gate, check in _CHECKS.items()
        if proposal.is_content_changed or not GATES[gate].is_content
        for message in check(proposal)
    ]


def refuse_unless_overridden(findings: Sequence[Finding], overrides: frozenset[Gate]) -> list[Finding]:
    """Raise unless each finding is overridden by name.

    Returns:
        The findings that were overridden, for the audit log.

    Raises:
        PolicyRefused: With the findings that stand.
    """
    standing = [found for found in findings if found.gate not in overrides or not GATES[found.gate].is_overridable]
    if standing:
        overridable = sorted({found.gate.value for found in standing if GATES[found.gate].is_overridable})
        hint = "nothing was signed"
        if overridable:
            hint += "; a person may publish all the same: " + " ".join(f"--override {gate}" for gate in overridable)
            hint += " --reason TEXT"
        raise PolicyRefused(
            f"{len(standing)} gate{'s' if len(standing) > 1 else ''} refused the publication",
            findings=[str(found) for found in standing],
            hint=hint,
        )
    return list(findings)


# ------------------------------------------------------------------------------------------------------- content


def _check_two_keys(proposal: Proposal) -> Iterator[str]:
    for host in proposal.draft.hosts:
        keys = _usable_keys(host)
        if host.mode is Mode.ENFORCE and len(keys) < 2:
            only = "only one key" if keys else "no key"
            yield f"{host.pattern} has {only}: when it is lost or revoked, nothing else opens the host"


def _usable_keys(host: HostRecord) -> set[bytes]:
    rejected = {pin.digest for pin in host.listed(PinList.REJECT)}
    scope_rejected = {pin.digest for pin in host.listed(PinList.SCOPE_REJECT)}
    accepted = {p.independence for p in host.listed(PinList.ACCEPT) if p.digest not in rejected | scope_rejected}
    backups = {p.independence for p in host.listed(PinList.BACKUP) if p.digest not in scope_rejected}
    return accepted | backups


def _check_usable_pin(proposal: Proposal) -> Iterator[str]:
    entries = {(host.pattern, host.include_subdomains): host for host in proposal.manifest.hosts}
    for host in proposal.scope.hosts:
        if not _is_usable(proposal, host, entries.get((host.pattern, host.include_subdomains))):
            yield f"{host.pattern} has no usable pin: clients would refuse the whole set (see `holdfast host show`)"


def _is_usable(proposal: Proposal, host: ScopeHost, entry: ManifestHost | None) -> bool:
    """Ask the rule that clients apply, one host at a time."""
    try:
        build_pin_table(
            replace(proposal.scope, hosts=(host,), canary_host=None),
            replace(proposal.manifest, hosts=() if entry is None else (entry,)),
        )
    except ScopeError:
        return False
    return True


def _check_ignored(why: str, message: str) -> Callable[[Proposal], Iterator[str]]:
    def check(proposal: Proposal) -> Iterator[str]:
        try:
            table = build_pin_table(replace(proposal.scope, canary_host=None), proposal.manifest)
        except ScopeError:
            return  # usable-pin says it
        for ignored in table.ignored:
            if ignored.why == why:
                yield f"{ignored.pattern}: {message} {ignored.digest}".rstrip()

    return check


def _check_backup_rejected(proposal: Proposal) -> Iterator[str]:
    for host in proposal.draft.hosts:
        rejected = {pin.digest for pin in host.listed(PinList.SCOPE_REJECT)}
        for pin in host.listed(PinList.BACKUP):
            if pin.digest in rejected:
                yield f"{host.pattern}: a backup pin is rejected by the scope"


def _check_rejected_accepted(proposal: Proposal) -> Iterator[str]:
    yield from _check_ignored("rejected", "accepted and rejected:")(proposal)
    yield from _check_backup_rejected(proposal)


def _check_report_only(proposal: Proposal) -> Iterator[str]:
    for host in proposal.scope.hosts:
        if host.mode is Mode.REPORT_ONLY and (host.until is None or host.until <= proposal.now):
            yield f"{host.pattern}: report-only has ended; set it to enforce, or give a later --until"


def _check_canary(proposal: Proposal) -> Iterator[str]:
    canary = proposal.scope.canary_host
    for host in proposal.scope.hosts:
        if canary and (canary == host.pattern or (host.include_subdomains and canary.endswith("." + host.pattern))):
            yield f"the canary {canary} lies under {host.pattern}"


def _check_half_changed(proposal: Proposal) -> Iterator[str]:
    if proposal.previous_manifest is None or proposal.previous_scope is None:
        return
    old = _approved(proposal.previous_scope, proposal.previous_manifest)
    new = {host.pattern: {pin.digest for pin in host.accept} for host in proposal.manifest.hosts}
    common = [host for host in new if host in old]
    changed = [host for host in common if not old[host] & new[host]]
    if len(changed) > 1 and len(changed) * 2 > len(common):
        yield f"{len(changed)} of {len(common)} hosts would change all their keys at once: {', '.join(changed[:5])}"


def _approved(scope: Scope, manifest: Manifest) -> dict[str, set[bytes]]:
    """What clients hold as good for a host: a backup that becomes the key was approved long before."""
    backups = {host.pattern: {pin.digest for pin in host.backup} for host in scope.hosts}
    return {
        host.pattern: {pin.digest for pin in host.accept} | backups.get(host.pattern, set()) for host in manifest.hosts
    }


def _check_refresh_range(proposal: Proposal) -> Iterator[str]:
    wanted = proposal.manifest.refresh_seconds
    if not MIN_REFRESH_SECONDS <= wanted <= MAX_REFRESH_SECONDS:
        yield f"refresh_seconds = {wanted}: clients clamp it to {MIN_REFRESH_SECONDS}..{MAX_REFRESH_SECONDS}"


# -------------------------------------------------------------------------------------------------------- always


def _check_version_monotone(proposal: Proposal) -> Iterator[str]:
    if proposal.published_timestamp > proposal.known_timestamp:
        yield (
            f"the public directory holds timestamp {proposal.published_timestamp}, state.db knows none above "
            f"{proposal.known_timestamp}: this state.db is an old copy, and clients would see a rollback"
        )
    for old, new in (
        (proposal.previous_scope, proposal.scope),
        (proposal.previous_manifest, proposal.manifest),
    ):
        if old is not None and new.version < old.version:
            yield f"version {new.version} would follow {old.version}"


def _check_time_monotone(proposal: Proposal) -> Iterator[str]:
    if proposal.previous_issued is not None and proposal.now < proposal.previous_issued:
        yield f"the clock shows {proposal.now}, the last publication was signed at {proposal.previous_issued}"


def _check_threshold(proposal: Proposal) -> Iterator[str]:
    for keys in proposal.roles:
        count = sum(scheme == _BASELINE_SCHEME for scheme in keys.schemes.values())
        if not 1 <= keys.threshold <= count:
            yield f"{keys.role} needs {keys.threshold} signatures and has {count} keys that every platform verifies"


_CHECKS: Final[Mapping[Gate, Callable[[Proposal], Iterator[str]]]] = MappingProxyType(
    {
        Gate.TWO_KEYS: _check_two_keys,
        Gate.USABLE_PIN: _check_usable_pin,
        Gate.OUTSIDE_SCOPE: _check_ignored("not-allowed", "a pin that the scope does not permit:"),
        Gate.REJECTED_ACCEPTED: _check_rejected_accepted,
        Gate.REPORT_ONLY_WINDOW: _check_report_only,
        Gate.CANARY_IN_SCOPE: _check_canary,
        Gate.HALF_CHANGED: _check_half_changed,
        Gate.REFRESH_RANGE: _check_refresh_range,
        Gate.VERSION_MONOTONE: _check_version_monotone,
        Gate.TIME_MONOTONE: _check_time_monotone,
        Gate.THRESHOLD_REACHABLE: _check_threshold,
    }
)

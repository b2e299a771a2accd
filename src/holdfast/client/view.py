# SPDX-License-Identifier: Apache-2.0
"""What readers see: one immutable snapshot of what is enforced, swapped as a whole.

A reader takes the snapshot once and needs no lock. What changes by the mere passing of time (a report-only period ends,
the set outlives ``max_age_seconds``, fresh becomes stale) is foreseen here as ``next_change``, so that a verdict costs
no look at a calendar.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from holdfast.core.freshness import Passed, Source, State, age_seconds, effective_now, find_passed, find_state
from holdfast.core.scope import Mode, Unpinned
from holdfast.core.validation import Enforcement

if TYPE_CHECKING:
    from datetime import datetime

    from holdfast.core.validation import Verdict
    from holdfast.trust.state import VerifiedManifest

__all__ = ["Basis", "Elapsed", "View", "build_view"]

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A moment that was known once, and the running clock's reading then: later ones follow without the device clock.

    Attributes:
        known: Effective now at that moment.
        monotonic: Monotonic seconds at that moment.
    """

    known: datetime
    monotonic: float

    def at_least(self, device: datetime, monotonic: float) -> datetime:
        """Return the device clock, or what must have passed by the running clock if that is later."""
        return max(device, self.known + timedelta(seconds=max(0.0, monotonic - self.monotonic)))


@dataclass(frozen=True, slots=True)
class Basis:
    """What a view is made of, apart from the time.

    Attributes:
        enforced: The enforced set; ``None`` in state EMPTY.
        source: Where it came from; ``None`` in state EMPTY.
        is_retired: Whether a newer root has retired a key that signed it.
        root_version: Of the newest trusted root.
        references: Signing times that hold the device clock up (``trust.find_clock_references``).
        required_hosts: Normalised hosts that the app protects whatever the scope says.
        deny_unpinned: Whether the app refuses hosts that no pattern covers.
    """

    enforced: VerifiedManifest | None
    source: Source | None
    is_retired: bool
    root_version: int
    references: tuple[datetime | None, ...]
    required_hosts: frozenset[str]
    deny_unpinned: bool


@dataclass(frozen=True, slots=True)
class View:
    """What is enforced now.

    Attributes:
        generation: Moves with every input of a verdict.
        basis: What the view was made of.
        enforcement: What verdicts are made with.
        state: The client's state.
        passed: Moments that have passed for the enforced set.
        elapsed: Since when the running clock counts for the enforced timestamp.
        now: Effective now when the view was made.
        next_change: Effective now at which the view must be made again; ``None`` if nothing is due.
        admitted: Host as asked -> the path that was accepted last, and its verdict: the fast path of a handshake.
    """

    generation: int
    basis: Basis
    enforcement: Enforcement
    state: State
    passed: Passed
    elapsed: Elapsed
    now: datetime
    next_change: datetime | None
    admitted: dict[str, tuple[tuple[bytes, ...], Verdict]] = field(default_factory=dict, compare=False, repr=False)

    def effective_now(self, device: datetime, monotonic: float) -> datetime:
        """Return effective now; in one process it never falls behind the running clock."""
        return effective_now(self.elapsed.at_least(device, monotonic), self.basis.references)

    def age_seconds(self, device: datetime, monotonic: float) -> float | None:
        """Return the age of the enforced set in seconds; ``None`` if there is none."""
        enforced = self.basis.enforced
        return None if enforced is None else age_seconds(enforced.issued, self.effective_now(device, monotonic))

    def is_due(self, device: datetime, monotonic: float) -> bool:
        """Tell whether time has changed what this view says."""
        return self.next_change is not None and self.effective_now(device, monotonic) >= self.next_change


def build_view(basis: Basis, *, before: View | None, passed: Passed, device: datetime, monotonic: float) -> View:
    """Make the view of a moment.

    Args:
        basis: What is enforced.
        before: The view that this one follows; its generation moves on if an input of a verdict changed.
        passed: What was seen to pass earlier, for this and for other sets.
        device: The device clock.
        monotonic: The running clock, in seconds.
    """
    elapsed = _continue_elapsed(basis, before, device, monotonic)
    now = effective_now(elapsed.at_least(device, monotonic), basis.references)
    passed = passed | _find_passed(basis, now)
    enforcement = _enforce(basis, passed)
    moved = before is None or not _same_inputs(before.enforcement, enforcement)
    return View(
        generation=(before.generation if before else 0) + moved,
        basis=basis,
        enforcement=enforcement,
        state=_find_state(basis, now),
        passed=passed,
        elapsed=elapsed,
        now=now,
        next_change=_find_next_change(basis, now),
        admitted={} if moved or before is None else before.admitted,
    )


def _continue_elapsed(basis: Basis, before: View | None, device: datetime, monotonic: float) -> Elapsed:
    """Go on counting for the same timestamp; a newly accepted one starts afresh, so that a clock once wrong heals."""
    if before is not None and _timestamp_of(before.basis) == _timestamp_of(basis):
        return Elapsed(before.elapsed.at_least(device, monotonic), monotonic)
    return Elapsed(effective_now(device, basis.references), monotonic)


def _timestamp_of(basis: Basis) -> str | None:
    return None if basis.enforced is None else basis.enforced.timestamp_sha256


def _find_passed(basis: Basis, now: datetime) -> Passed:
    enforced = basis.enforced
    if enforced is None:
        return Passed()
    return find_passed(
        enforced.scope,
        scope_sha256=enforced.scope_sha256,
        timestamp_sha256=enforced.timestamp_sha256,
        age=age_seconds(enforced.issued, now),
        now=now,
    )


def _enforce(basis: Basis, passed: Passed) -> Enforcement:
    enforced = basis.enforced
    if enforced is None:
        return Enforcement(None, None, Unpinned.DENY, basis.required_hosts)
    return Enforcement(
        table=enforced.table,
        manifest_version=enforced.manifest.version,
        unpinned=Unpinned.DENY if basis.deny_unpinned else enforced.table.unpinned,
        required_hosts=basis.required_hosts,
        ended=passed.ended_patterns(enforced.scope_sha256),
        past_max_age=enforced.timestamp_sha256 in passed.max_ages,
    )


def _same_inputs(one: Enforcement, other: Enforcement) -> bool:
    """Tell whether no verdict can differ; the look at 10,000 hosts is spared where the table is the same object."""
    return (
        (one.table is other.table or one.table == other.table)
        and (one.unpinned, one.ended, one.past_max_age, one.manifest_version)
        == (other.unpinned, other.ended, other.past_max_age, other.manifest_version)
        and one.required_hosts == other.required_hosts
    )


def _find_state(basis: Basis, now: datetime) -> State:
    enforced = basis.enforced
    if enforced is None:
        return find_state(None, age=0.0, fresh_seconds=0, retired=False)
    return find_state(
        basis.source,
        age=age_seconds(enforced.issued, now),
        fresh_seconds=enforced.scope.fresh_seconds,
        retired=basis.is_retired,
    )


def _find_next_change(basis: Basis, now: datetime) -> datetime | None:
    enforced = basis.enforced
    if enforced is None:
        return None
    scope = enforced.scope
    moments = [host.until for host in scope.hosts if host.mode is Mode.REPORT_ONLY and host.until is not None]
    bounds = [bound for bound in (scope.fresh_seconds, scope.max_age_seconds) if bound is not None]
    # At the bound itself nothing has changed yet.
    moments.extend(enforced.issued + timedelta(seconds=bound) + _TICK for bound in bounds)
    return min((moment for moment in moments if moment > now), default=None)

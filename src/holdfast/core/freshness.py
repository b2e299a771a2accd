# SPDX-License-Identifier: Apache-2.0
"""How old the enforced set is, and what follows from it. Time only moves forward here.

*Accepting enforces expiry; enforcing never looks at the expiry of a role.* A set that was once accepted stays enforced
however old it grows; its age, counted from the moment at which its timestamp was **signed**, decides what it is called,
and past the scope's ``max_age_seconds`` it refuses instead of accepting. No state means "no pins".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from holdfast.core.limits import MAX_REFRESH_SECONDS, MIN_REFRESH_SECONDS
from holdfast.core.scope import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from holdfast.core.scope import Scope

__all__ = [
    "CLOCK_TOLERANCE_SECONDS",
    "Passed",
    "Source",
    "State",
    "age_seconds",
    "clamp_refresh_seconds",
    "effective_now",
    "find_passed",
    "find_state",
    "suspect_clock",
]

CLOCK_TOLERANCE_SECONDS: Final = 300


@unique
class Source(Enum):
    """Where the enforced set came from."""

    SEED = "seed"
    CACHE = "cache"
    NETWORK = "network"


@unique
class State(Enum):
    """What a client is in; see ``STATES``."""

    EMPTY = "empty"
    SEED = "seed"
    FRESH = "fresh"
    STALE = "stale"


# (there is a set, it is the seed, it is young and its keys are current) -> state; the documentation shows this table.
STATES: Final = MappingProxyType(
    {
        (False, False, False): State.EMPTY,
        (True, True, True): State.SEED,
        (True, True, False): State.SEED,
        (True, False, True): State.FRESH,
        (True, False, False): State.STALE,
    }
)


def find_state(source: Source | None, *, age: float, fresh_seconds: int, retired: bool) -> State:
    """Name the state of a client.

    Args:
        source: Where the enforced set came from; ``None`` if there is none.
        age: Age of the set in seconds.
        fresh_seconds: The scope's bound, inclusive.
        retired: Whether a newer root has retired a key that signed the set.
    """
    if source is None:
        return STATES[False, False, False]
    return STATES[True, source is Source.SEED, age <= fresh_seconds and not retired]


def effective_now(device: datetime, references: Iterable[datetime | None]) -> datetime:
    """Return the latest of the device clock and of the signing times that count.

    A device clock that is behind is so held up to what was verifiably signed already; one that is ahead is believed.

    Args:
        device: The device clock, aware UTC.
        references: ``x-holdfast-issued`` of the seed's and the accepted set's timestamp, each ``None`` where that
            timestamp does not verify under the newest trusted root.
    """
    return max([device, *(reference for reference in references if reference is not None)])


def age_seconds(issued: datetime, now: datetime) -> float:
    """Return the age of a set at effective ``now``, never negative, from its timestamp's signing time."""
    return max(0.0, (now - issued).total_seconds())


def clamp_refresh_seconds(wanted: int, *, floor: float = MIN_REFRESH_SECONDS) -> float:
    """Clamp a manifest's ``refresh_seconds`` to what clients honour; only tests lower the floor."""
    return min(max(wanted, floor), MAX_REFRESH_SECONDS)


def suspect_clock(device: datetime, reference: datetime) -> bool:
    """Tell whether the device clock is behind a verified signing time by more than the tolerance (5 minutes)."""
    return (reference - device).total_seconds() > CLOCK_TOLERANCE_SECONDS


@dataclass(frozen=True, slots=True)
class Passed:
    """Moments that have been seen to pass, and that no clock set back brings back.

    Attributes:
        untils: ``(SHA-256 of the scope in hex, pattern)`` of report-only periods; only another scope ends one.
        max_ages: SHA-256 in hex of timestamps whose ``max_age_seconds`` has passed; only a newer one ends it.
    """

    untils: frozenset[tuple[str, str]] = frozenset()
    max_ages: frozenset[str] = frozenset()

    def __or__(self, other: Passed) -> Passed:
        return Passed(self.untils | other.untils, self.max_ages | other.max_ages)

    def ended_patterns(self, scope_sha256: str) -> frozenset[str]:
        """The patterns of a scope whose report-only period has passed."""
        return frozenset(pattern for scope, pattern in self.untils if scope == scope_sha256)


def find_passed(scope: Scope, *, scope_sha256: str, timestamp_sha256: str, age: float, now: datetime) -> Passed:
    """Find what has passed by effective ``now`` for the enforced set of age ``age`` seconds."""
    untils = frozenset(
        (scope_sha256, host.pattern)
        for host in scope.hosts
        if host.mode is Mode.REPORT_ONLY and host.until is not None and host.until <= now
    )
    is_past = scope.max_age_seconds is not None and age > scope.max_age_seconds
    return Passed(untils, frozenset({timestamp_sha256}) if is_past else frozenset())

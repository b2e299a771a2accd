# SPDX-License-Identifier: Apache-2.0
"""Says what happened to a channel's pins: turns what the keeper sees into events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.freshness import suspect_clock
from holdfast.core.scope import Mode
from holdfast.errors import FreezeError
from holdfast.telemetry.events import (
    CacheUnreadable,
    CacheUnwritable,
    ClockSuspected,
    FreshnessChanged,
    HostIgnored,
    ManifestAccepted,
    MaxAgePassed,
    OlderCopySeen,
    PinIgnored,
    RefreshFailed,
    RefreshUnchanged,
    ReportOnlyEnded,
    RequiredHostDropped,
    RequiredHostRelaxed,
    SetSignedByRetiredKey,
    TimestampConflictSeen,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from holdfast.client.clock import Clock
    from holdfast.client.view import View
    from holdfast.core.freshness import Passed
    from holdfast.errors import HoldfastError, RollbackError
    from holdfast.telemetry.events import Event
    from holdfast.trust.state import VerifiedManifest

__all__ = ["Notices"]

_NOT_IN_SCOPE = "not-in-scope"


class Notices:
    """Makes events and hands them on.

    Args:
        channel: The channel that speaks.
        clock: Tells when.
        emit: Takes events; contains what its listeners raise.
    """

    def __init__(self, channel: str, clock: Clock, emit: Callable[[Event], None]) -> None:
        self._channel = channel
        self._clock = clock
        self._emit = emit
        self._suspected: str | None = None

    # -------------------------------------------------------------- cache

    def cache_unreadable(self, error: HoldfastError) -> None:
        """The cache, or the set in it, contributed nothing."""
        self._emit(CacheUnreadable(channel=self._channel, at=self._now(), code=error.code, message=error.message))

    def cache_unwritable(self, error: HoldfastError) -> None:
        """What is known stays in memory."""
        self._emit(CacheUnwritable(channel=self._channel, at=self._now(), message=error.message))

    # ---------------------------------------------------------- enforced set

    def accepted(self, before: View | None, view: View) -> None:
        """Tell of a newly enforced set, what of it does not count, and where it falls behind what the app requires."""
        basis = view.basis
        enforced = basis.enforced
        if enforced is None or basis.source is None or (before is not None and before.basis.enforced is enforced):
            return
        self._emit(
            ManifestAccepted(
                channel=self._channel,
                at=self._now(),
                source=basis.source.value,
                manifest_version=enforced.manifest.version,
                scope_version=enforced.scope.version,
                root_version=enforced.root.version,
                timestamp_version=enforced.timestamp.version,
                issued=enforced.issued,
            )
        )
        table = None if before is None else before.enforcement.table
        # What is ignored is no part of what tables are compared by: no verdict depends on it.
        if table is None or (table, table.ignored) != (enforced.table, enforced.table.ignored):
            self._ignored(enforced)
        if table is None or table != enforced.table:
            self._required(view, enforced)
        self._clock_checked(enforced)

    def changed(self, before: View | None, view: View, *, told: Passed) -> None:
        """Tell what time, or a newer root, has changed.

        Args:
            before: The view until now; ``None`` at the start.
            view: The view from now on.
            told: Moments whose passing was told before, perhaps by an earlier process.
        """
        enforced = view.basis.enforced
        if before is not None and before.state is not view.state:
            self._emit(
                FreshnessChanged(
                    channel=self._channel,
                    at=self._now(),
                    old=before.state.value,
                    new=view.state.value,
                    age_seconds=self._age(view),
                )
            )
        if enforced is None:
            return
        if view.basis.is_retired and (before is None or not before.basis.is_retired):
            self._emit(
                SetSignedByRetiredKey(
                    channel=self._channel,
                    at=self._now(),
                    root_version=view.basis.root_version,
                    manifest_version=enforced.manifest.version,
                )
            )
        self._passed(view, enforced, told)

    def _passed(self, view: View, enforced: VerifiedManifest, told: Passed) -> None:
        ended = view.passed.ended_patterns(enforced.scope_sha256) - told.ended_patterns(enforced.scope_sha256)
        for host in enforced.scope.hosts:
            if host.pattern in ended and host.until is not None:
                self._emit(
                    ReportOnlyEnded(channel=self._channel, at=self._now(), pattern=host.pattern, until=host.until)
                )
        if view.enforcement.past_max_age and enforced.timestamp_sha256 not in told.max_ages:
            self._emit(
                MaxAgePassed(
                    channel=self._channel,
                    at=self._now(),
                    age_seconds=self._age(view) or 0.0,
                    max_age_seconds=enforced.scope.max_age_seconds or 0,
                )
            )

    def _ignored(self, enforced: VerifiedManifest) -> None:
        for entry in enforced.table.ignored:
            if entry.why == _NOT_IN_SCOPE:
                self._emit(HostIgnored(channel=self._channel, at=self._now(), pattern=entry.pattern))
            else:
                self._emit(
                    PinIgnored(
                        channel=self._channel,
                        at=self._now(),
                        pattern=entry.pattern,
                        why=entry.why,
                        digest=entry.digest,
                    )
                )

    def _required(self, view: View, enforced: VerifiedManifest) -> None:
        for host in sorted(view.basis.required_hosts):
            pins = enforced.table.find(host)
            if pins is None:
                self._emit(RequiredHostDropped(channel=self._channel, at=self._now(), host=host))
            elif pins.mode is Mode.REPORT_ONLY:
                self._emit(RequiredHostRelaxed(channel=self._channel, at=self._now(), host=host))

    # -------------------------------------------------------------- refresh

    def unchanged(self, url: str, view: View) -> None:
        """A refresh found nothing newly signed."""
        self._emit(
            RefreshUnchanged(
                channel=self._channel,
                at=self._now(),
                url=url,
                manifest_version=view.enforcement.manifest_version,
                age_seconds=self._age(view),
            )
        )

    def refresh_failed(self, url: str, error: HoldfastError, view: View) -> None:
        """A refresh failed; what was enforced stays."""
        self._emit(
            RefreshFailed(
                channel=self._channel,
                at=self._now(),
                url=url,
                code=error.code,
                message=error.message,
                manifest_version=view.enforcement.manifest_version,
                age_seconds=self._age(view),
                state=view.state.value,
            )
        )
        enforced = view.basis.enforced
        if isinstance(error, FreezeError) and enforced is not None:
            # Frozen mirror, publisher asleep, or a clock that is ahead: from here they look alike.
            self._suspect("ahead", enforced.issued)

    def older_copy(self, url: str, error: RollbackError, *, age_seconds: float, alarming: bool) -> None:
        """A mirror served a lower timestamp."""
        self._emit(
            OlderCopySeen(
                channel=self._channel,
                at=self._now(),
                url=url,
                version=error.version,
                known_version=error.known_version,
                age_seconds=age_seconds,
                alarming=alarming,
            )
        )

    def timestamp_conflict(self, url: str, version: int) -> None:
        """A mirror served a timestamp of the known version with other content."""
        self._emit(TimestampConflictSeen(channel=self._channel, at=self._now(), url=url, version=version))

    # ---------------------------------------------------------------- parts

    def _clock_checked(self, enforced: VerifiedManifest) -> None:
        if suspect_clock(self._now(), enforced.issued):
            self._suspect("behind", enforced.issued)
        else:
            self._suspected = None

    def _suspect(self, direction: str, reference: datetime) -> None:
        """Say it once, until the clock looked right again."""
        if self._suspected == direction:
            return
        self._suspected = direction
        self._emit(
            ClockSuspected(
                channel=self._channel, at=self._now(), device=self._now(), reference=reference, direction=direction
            )
        )

    def _age(self, view: View) -> float | None:
        return view.age_seconds(self._clock.now(), self._clock.monotonic())

    def _now(self) -> datetime:
        return self._clock.now()

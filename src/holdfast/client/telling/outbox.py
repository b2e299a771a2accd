# SPDX-License-Identifier: Apache-2.0
"""Reports that wait to be delivered, and when the next check-in is due: a value, and how it is written down.

``spec/report.md`` is the rule: one identical report a UTC day, 200 kept, the oldest lost first; at most one check-in a
UTC day, at a random time of it; one draw for each scope decides whether this client reports at all. Nothing in here
identifies a device.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from holdfast.core.instant import format_instant, parse_instant
from holdfast.core.strict_json import parse_json
from holdfast.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "MAX_BATCH",
    "MAX_BATCH_BYTES",
    "MAX_OUTBOX_BYTES",
    "MAX_PENDING",
    "Outbox",
    "Report",
    "bucket_days",
    "format_outbox",
    "parse_outbox",
]

OUTBOX_FORMAT = "holdfast-outbox/1"
MAX_PENDING = 200
MAX_BATCH = 100
MAX_BATCH_BYTES = 1024 * 1024
MAX_OUTBOX_BYTES = 32 * 1024 * 1024
_MAX_SEEN = 2000  # what an attacker with ever new certificates can make a client remember in a day
_MAX_DRAWS = 16
_ENVELOPE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Report:
    """One report.

    Attributes:
        key: What makes two reports identical: a digest of host, verdict and path.
        text: The JSON object as it will be sent.
    """

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Outbox:
    """What waits.

    Attributes:
        day: UTC day, ``YYYY-MM-DD``, that ``seen`` is about.
        seen: Keys of the reports of that day, delivered or not.
        pending: Not delivered yet, oldest first.
        draws: SHA-256 of a scope -> this client's draw in [0, 1).
        checked_in: UTC day of the last check-in; ``None`` before the first.
        check_in_due: When the next check-in is due; ``None`` before it was drawn.
    """

    day: str = ""
    seen: frozenset[str] = frozenset()
    pending: tuple[Report, ...] = ()
    draws: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    checked_in: str | None = None
    check_in_due: datetime | None = None

    # -------------------------------------------------------------- reports

    def add(self, report: Report, now: datetime) -> Outbox:
        """Add a report, unless an identical one was made today."""
        day = _format_day(now)
        seen = self.seen if day == self.day else frozenset()
        if report.key in seen or len(seen) >= _MAX_SEEN:
            return self
        pending = (*(other for other in self.pending if other.key != report.key), report)[-MAX_PENDING:]
        return replace(self, day=day, seen=seen | {report.key}, pending=pending)

    def join(self, other: Outbox, now: datetime) -> Outbox:
        """Join what this process has to send with what lies on disk.

        Args:
            other: What was read; its draws win, and what it says to have been delivered today is not sent again.
            now: The device clock. Plans and days of the future are a clock that was wrong once, and count for nothing.
        """
        day = _format_day(now)
        known = other.seen if other.day == day else frozenset()
        waiting = {report.key: report for report in other.pending}
        ours = {report.key: report for report in self.pending if report.key in waiting or report.key not in known}
        days = [box.checked_in for box in (self, other) if box.checked_in is not None and box.checked_in <= day]
        horizon = _midnight_after(now) + timedelta(days=1)
        dues = [box.check_in_due for box in (self, other) if box.check_in_due and box.check_in_due < horizon]
        return Outbox(
            day,
            known | (self.seen if self.day == day else frozenset()),
            tuple({**waiting, **ours}.values())[-MAX_PENDING:],
            MappingProxyType({**self.draws, **other.draws}),
            max(days, default=None),
            max(dues, default=None),
        )

    def next_batch(self) -> tuple[Report, ...]:
        """Return what goes into one body: at most 100 reports and 1 MiB, oldest first."""
        batch: list[Report] = []
        size = _ENVELOPE_BYTES
        for report in self.pending[:MAX_BATCH]:
            size += len(report.text.encode("utf-8")) + 1
            if size > MAX_BATCH_BYTES:
                break
            batch.append(report)
        return tuple(batch)

    def without(self, delivered: tuple[Report, ...]) -> Outbox:
        """Forget reports that were delivered; that they were made today is remembered."""
        return replace(self, pending=tuple(report for report in self.pending if report not in delivered))

    # --------------------------------------------------------------- draws

    def draw(self, scope_sha256: str, share: Callable[[], float]) -> tuple[Outbox, float]:
        """Draw once for a scope, and keep the draw."""
        drawn = self.draws.get(scope_sha256)
        if drawn is not None:
            return self, drawn
        drawn = share()
        kept = dict(list(self.draws.items())[-(_MAX_DRAWS - 1) :])
        return replace(self, draws=MappingProxyType({**kept, scope_sha256: drawn})), drawn

    # ------------------------------------------------------------ check-ins

    def plan_check_in(self, now: datetime, share: float) -> Outbox:
        """Draw a time in what is left of today, if no check-in is planned; or where a clock set back hides the plan."""
        due = self.check_in_due
        if due is not None and due < _midnight_after(now) + timedelta(days=1):
            return self
        return replace(self, check_in_due=now + (_midnight_after(now) - now) * share)

    def needs_attention(self, now: datetime) -> bool:
        """Tell whether a check-in is to be sent, or to be planned."""
        return self.plan_check_in(now, 1.0) is not self or self.is_check_in_due(now)

    def is_check_in_due(self, now: datetime) -> bool:
        """Tell whether a check-in is to be sent now."""
        return self.check_in_due is not None and now >= self.check_in_due and _format_day(now) != self.checked_in

    def after_check_in(self, now: datetime, share: float) -> Outbox:
        """Remember that one was sent, and draw a time of tomorrow."""
        due = _midnight_after(now) + timedelta(days=1) * share
        return replace(self, checked_in=_format_day(now), check_in_due=due.replace(microsecond=0))


def _format_day(now: datetime) -> str:
    """Format the UTC day of a moment."""
    return now.astimezone(UTC).strftime("%Y-%m-%d")


def bucket_days(checked_in: str | None, now: datetime) -> str:
    """Say how long ago the last check-in was: ``first``, ``1``, ``2-6``, ``7-29`` or ``30+``, and no more."""
    if checked_in is None:
        return "first"
    days = (now.astimezone(UTC).date() - date.fromisoformat(checked_in)).days
    if days <= 1:
        return "1"
    if days <= 6:
        return "2-6"
    return "7-29" if days <= 29 else "30+"


def format_outbox(box: Outbox) -> bytes:
    """Write an outbox down."""
    document = {
        "format": OUTBOX_FORMAT,
        "day": box.day,
        "seen": sorted(box.seen),
        "pending": [[report.key, report.text] for report in box.pending],
        "draws": dict(box.draws),
        "checked_in": box.checked_in,
        "check_in_due": None if box.check_in_due is None else format_instant(box.check_in_due),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def parse_outbox(data: bytes) -> Outbox:
    """Read an outbox.

    Raises:
        FormatError: It is none (``outbox``); what it held is lost, which costs reports and nothing else.
    """
    try:
        document = parse_json(data, max_bytes=MAX_OUTBOX_BYTES, floats=True)
        if document["format"] != OUTBOX_FORMAT:
            raise ValueError(f"`format` is not {OUTBOX_FORMAT}")
        due, checked_in = document["check_in_due"], document["checked_in"]
        if checked_in is not None:
            date.fromisoformat(checked_in)
        return Outbox(
            day=_text(document["day"]),
            seen=frozenset(_text(key) for key in document["seen"][:_MAX_SEEN]),
            pending=tuple(Report(_text(key), _text(text)) for key, text in document["pending"][-MAX_PENDING:]),
            draws=MappingProxyType({_text(scope): float(drawn) for scope, drawn in document["draws"].items()}),
            checked_in=checked_in,
            check_in_due=None if due is None else parse_instant(due),
        )
    except (FormatError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"no outbox: {error}", code="outbox") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value


def _midnight_after(now: datetime) -> datetime:
    today = now.astimezone(UTC).date()
    return datetime.combine(today, time(0), UTC) + timedelta(days=1)

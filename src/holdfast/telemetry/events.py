# SPDX-License-Identifier: Apache-2.0
"""Events: what a client says about itself, as frozen values of plain types.

Each class has a stable ``name`` (``noun.verb-past``), the same in every SDK. Digests travel as base64 text, instants
as aware UTC ``datetime``, durations in seconds. A listener is any callable that takes one event; a listener that
raises is the emitter's problem to contain, never the connection's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

__all__ = [
    "CacheUnreadable",
    "CacheUnwritable",
    "ClockSuspected",
    "Event",
    "FreshnessChanged",
    "HostIgnored",
    "Listener",
    "ManifestAccepted",
    "MaxAgePassed",
    "OlderCopySeen",
    "PinIgnored",
    "PinMismatched",
    "RefreshFailed",
    "RefreshUnchanged",
    "ReportFailed",
    "ReportOnlyEnded",
    "ReportOnlyHonoured",
    "RequiredHostDropped",
    "RequiredHostRelaxed",
    "SelfTestFailed",
    "SelfTestInconclusive",
    "SelfTestPassed",
    "SetSignedByRetiredKey",
    "TimestampConflictSeen",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events.

    Attributes:
        channel: The channel that speaks, ``<app>/<environment>``.
        at: Device clock when it happened, aware UTC.
    """

    name: ClassVar[str] = "event"
    channel: str
    at: datetime


Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestAccepted(Event):
    """A set was verified and is enforced from now on. ``source`` is ``seed``, ``cache`` or ``network``."""

    name: ClassVar[str] = "manifest.accepted"
    source: str
    manifest_version: int
    scope_version: int
    root_version: int
    timestamp_version: int
    issued: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshUnchanged(Event):
    """A refresh found nothing newly signed (a 304, or the same timestamp)."""

    name: ClassVar[str] = "refresh.unchanged"
    url: str
    manifest_version: int | None
    age_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshFailed(Event):
    """A refresh failed; ``manifest_version`` of age ``age_seconds`` stays enforced in ``state``."""

    name: ClassVar[str] = "refresh.failed"
    url: str
    code: str
    message: str
    manifest_version: int | None
    age_seconds: float | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OlderCopySeen(Event):
    """A mirror served a validly signed but lower timestamp: another edge of a CDN, or a replay."""

    name: ClassVar[str] = "refresh.older-copy-seen"
    url: str
    version: int
    known_version: int
    age_seconds: float
    alarming: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampConflictSeen(Event):
    """A timestamp of the stored version, validly signed, with other content; the stored bytes were kept."""

    name: ClassVar[str] = "timestamp.conflict-seen"
    url: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PinMismatched(Event):
    """A validated path was refused, or would have been but for report-only."""

    name: ClassVar[str] = "pin.mismatched"
    host: str
    pattern: str | None
    reason: str
    observed: tuple[str, ...]
    manifest_version: int | None
    state: str
    enforced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOnlyHonoured(Event):
    """A refusal was let pass because the scope says report-only until ``until``."""

    name: ClassVar[str] = "report-only.honoured"
    host: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOnlyEnded(Event):
    """A report-only period has passed; the host is enforced, and a clock set back does not bring it back."""

    name: ClassVar[str] = "report-only.ended"
    pattern: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxAgePassed(Event):
    """The enforced set is older than the scope's ``max_age_seconds``: it refuses from now on."""

    name: ClassVar[str] = "max-age.passed"
    age_seconds: float
    max_age_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessChanged(Event):
    """The state moved between EMPTY, SEED, FRESH and STALE."""

    name: ClassVar[str] = "freshness.changed"
    old: str
    new: str
    age_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSignedByRetiredKey(Event):
    """A newer root has retired the keys that signed the enforced set; it stays enforced, STALE."""

    name: ClassVar[str] = "set.signed-by-retired-key"
    root_version: int
    manifest_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSuspected(Event):
    """The device clock contradicts what was signed: ``direction`` is ``behind`` or ``ahead``."""

    name: ClassVar[str] = "clock.suspected"
    device: datetime
    reference: datetime
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinIgnored(Event):
    """A pin of the manifest does not count: unknown, outside the scope's permission, or rejected."""

    name: ClassVar[str] = "pin.ignored"
    pattern: str
    why: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIgnored(Event):
    """A host of the manifest is not one of the scope."""

    name: ClassVar[str] = "host.ignored"
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredHostDropped(Event):
    """The scope no longer protects a host that the app requires; that host alone is refused."""

    name: ClassVar[str] = "required-host.dropped"
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredHostRelaxed(Event):
    """The scope says report-only for a host that the app requires; it is enforced all the same."""

    name: ClassVar[str] = "required-host.relaxed"
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUnreadable(Event):
    """The cache could not be read or did not verify; it contributed nothing."""

    name: ClassVar[str] = "cache.unreadable"
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUnwritable(Event):
    """The cache could not be written; the set is enforced from memory."""

    name: ClassVar[str] = "cache.unwritable"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestPassed(Event):
    """The canary was refused and a control connection succeeded: enforcement works."""

    name: ClassVar[str] = "self-test.passed"
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestFailed(Event):
    """The canary was accepted: something in this process has disabled enforcement."""

    name: ClassVar[str] = "self-test.failed"
    kind: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTestInconclusive(Event):
    """The self-test could not tell; this is never a pass."""

    name: ClassVar[str] = "self-test.inconclusive"
    kind: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFailed(Event):
    """Reports could not be delivered; they are kept and sent on the next occasion."""

    name: ClassVar[str] = "report.failed"
    url: str
    message: str
    pending: int

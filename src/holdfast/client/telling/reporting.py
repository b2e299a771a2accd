# SPDX-License-Identifier: Apache-2.0
"""Tells the security team what was refused, and once a day which set is held. Never in anybody's way.

A report is taken note of in memory, in the handshake that it is about, and that is all that happens there. Writing and
sending are done in a thread, over a context that pins do not touch. What the attacker drops is kept and offered again:
on the next round, on the next network, after the next start.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from holdfast.client.cache.store import CacheFile, name_cache_file
from holdfast.client.refresh.schedule import Backoff, random_share
from holdfast.client.refresh.single_flight import SingleFlight
from holdfast.client.telling.outbox import (
    MAX_OUTBOX_BYTES,
    Outbox,
    Report,
    bucket_days,
    format_outbox,
    parse_outbox,
)
from holdfast.core.instant import format_instant
from holdfast.core.pin import format_digest
from holdfast.errors import HoldfastError, TransportError
from holdfast.telemetry.events import ReportFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from datetime import datetime
    from pathlib import Path

    from holdfast.client.clock import Clock
    from holdfast.client.refresh.fetcher import Fetcher
    from holdfast.client.view import View
    from holdfast.core.pin_set import HostPins
    from holdfast.core.validation import Verdict
    from holdfast.telemetry.events import Event
    from holdfast.trust.state import VerifiedManifest

__all__ = ["Reporter", "make_check_in", "make_report"]

_log = logging.getLogger(__name__)

_POST_TIMEOUT_SECONDS = 15.0
_RETRY_SECONDS = 900.0  # what the back-off grows to while a collector is away
_SDK = "holdfast-python"


class Reporter:
    """Keeps and delivers the reports and check-ins of one channel.

    Args:
        channel: ``<app>/<environment>``.
        folder: Where undelivered reports are kept; ``None`` keeps them in memory.
        fetcher: Hands them in.
        clock: Tells the time.
        emit: Takes events.
        view: Tells what is enforced.
        app_version: Said in reports.
        certificates: Whether reports carry the path's certificates.
    """

    def __init__(
        self,
        channel: str,
        *,
        folder: Path | None,
        fetcher: Fetcher,
        clock: Clock,
        emit: Callable[[Event], None],
        view: Callable[[], View],
        app_version: str,
        certificates: bool,
    ) -> None:
        self._channel = channel
        self._fetcher = fetcher
        self._clock = clock
        self._emit = emit
        self._view = view
        self._app_version = app_version
        self._certificates = certificates
        self._lock = threading.Lock()
        self._file: CacheFile | None = None
        self._box = Outbox()
        if folder is not None:
            path = folder / name_cache_file(channel, suffix="outbox.json")
            self._file = CacheFile(path, max_bytes=MAX_OUTBOX_BYTES)
            self._box = self._parse(self._read())
        self._delivered: set[Report] = set()
        self._backoff = Backoff()
        self._not_before = 0.0
        self._flights = SingleFlight(self._deliver, name="holdfast-report")

    # -------------------------------------------------------------- taking in

    def record(self, view: View, verdict: Verdict) -> None:
        """Take note of a refusal (or of one that report-only let pass). Blocks for no disk and no network."""
        enforced = view.basis.enforced
        if enforced is None or enforced.scope.reporting is None:
            return
        now = self._clock.now()
        age = view.age_seconds(now, self._clock.monotonic())
        with self._lock:
            if not self._is_sampled(enforced):
                return
            report = make_report(
                self._channel, view, verdict, now, age, app_version=self._app_version, certificates=self._certificates
            )
            before, self._box = self._box, self._box.add(report, now)
            is_new = self._box is not before
        if is_new:
            self.poke()

    def poke(self) -> None:
        """Deliver what waits, in the background, unless it was tried in vain a short while ago."""
        enforced = self._view().basis.enforced
        if enforced is None or self._clock.monotonic() < self._not_before:
            return
        with self._lock:
            now = self._clock.now()
            wanted = self._is_sampled(enforced) and (self._box.pending or self._box.needs_attention(now))
        if wanted:
            self._flights.start()

    def resumed(self) -> None:
        """Try again at once: the network is another one, and with luck not the attacker's."""
        self._backoff.reset()
        self._not_before = 0.0
        self.poke()

    def start_delivery(self) -> Future[bool]:
        """Deliver now, whatever the back-off says.

        Returns:
            A future that tells whether nothing waits any more.
        """
        return self._flights.start()

    def reset_after_fork(self) -> None:
        """Start anew in a child process."""
        self._lock = threading.Lock()
        self._flights.reset_after_fork()

    @property
    def pending(self) -> int:
        """Number of reports that wait."""
        return len(self._box.pending)

    # -------------------------------------------------------------- delivering

    def _deliver(self) -> bool:
        """Write down what waits, then offer it; runs in a thread of its own, once at a time."""
        enforced = self._view().basis.enforced
        reporting = None if enforced is None else enforced.scope.reporting
        self._persist()
        if enforced is None or reporting is None or not reporting.urls:
            return self.pending == 0
        try:
            self._send_reports(reporting.urls)
            self._send_check_in(reporting.urls, enforced)
        except TransportError as error:
            self._backoff.failed()
            self._not_before = self._clock.monotonic() + self._backoff.wait_seconds(_RETRY_SECONDS)
            self._emit(
                ReportFailed(
                    channel=self._channel,
                    at=self._clock.now(),
                    url=reporting.urls[0],
                    message=error.message,
                    pending=self.pending,
                )
            )
        else:
            self._backoff.reset()
        self._persist()
        return self.pending == 0

    def _send_reports(self, urls: tuple[str, ...]) -> None:
        while batch := self._box.next_batch():
            body = ",".join(_sign_off(report) for report in batch)
            self._post(urls, f'{{"format":"holdfast-reports/1","reports":[{body}]}}'.encode())
            with self._lock:
                self._box = self._box.without(batch)
                self._delivered.update(batch)

    def _send_check_in(self, urls: tuple[str, ...], enforced: VerifiedManifest) -> None:
        now = self._clock.now()
        with self._lock:
            if not self._is_sampled(enforced):
                return
            self._box = self._box.plan_check_in(now, random_share())
            if not self._box.is_check_in_due(now):
                return
            last = self._box.checked_in
        document = make_check_in(self._channel, self._view(), enforced, last, now, app_version=self._app_version)
        self._post(urls, json.dumps(document, separators=(",", ":")).encode())
        with self._lock:
            self._box = self._box.after_check_in(now, random_share())

    def _post(self, urls: tuple[str, ...], body: bytes) -> None:
        """Offer a body to each collector in its turn, until one takes it."""
        failure: TransportError | None = None
        for url in urls:
            try:
                self._fetcher.post(url, body, timeout_seconds=_POST_TIMEOUT_SECONDS)
                return
            except TransportError as error:
                failure = error
        assert failure is not None  # the caller has at least one address
        raise failure

    def _is_sampled(self, enforced: VerifiedManifest) -> bool:
        """Draw once for each scope whether this client reports; the lock is held."""
        reporting = enforced.scope.reporting
        if reporting is None:
            return False
        self._box, drawn = self._box.draw(enforced.scope_sha256, random_share)
        return drawn < reporting.sample

    # ------------------------------------------------------------------- disk

    def _persist(self) -> None:
        """Join what waits with what other processes have written; a disk that cannot be written costs nothing else."""
        if self._file is None:
            return

        def change(before: bytes | None) -> bytes:
            with self._lock:
                joined = self._box.join(self._parse(before), self._clock.now()).without(tuple(self._delivered))
                self._box = joined
            return format_outbox(joined)

        try:
            self._file.update(change)
        except HoldfastError as error:
            _log.warning("%s: reports stay in memory: %s", self._channel, error)
        else:
            self._delivered.clear()

    def _read(self) -> bytes | None:
        assert self._file is not None
        try:
            return self._file.read()
        except HoldfastError as error:
            _log.warning("%s: %s", self._channel, error)
            return None

    def _parse(self, data: bytes | None) -> Outbox:
        try:
            return Outbox() if data is None else parse_outbox(data)
        except HoldfastError as error:
            _log.warning("%s: %s", self._channel, error)
            return Outbox()


def make_report(
    channel: str,
    view: View,
    verdict: Verdict,
    now: datetime,
    age_seconds: float | None,
    *,
    app_version: str,
    certificates: bool,
) -> Report:
    """Make a report (``spec/report.md``; RFC 7469, 3).

    Args:
        channel: ``<app>/<environment>``.
        view: What the verdict was made with.
        verdict: A refusal, or what report-only made of one.
        now: The device clock.
        age_seconds: Age of the enforced set.
        app_version: May be empty.
        certificates: Whether to carry the path as PEM.
    """
    enforced = view.basis.enforced
    pins = None if enforced is None or verdict.pattern is None else enforced.table.find(verdict.host)
    fields: dict[str, Any] = {"date-time": format_instant(now), "hostname": verdict.host}
    if pins is not None:
        fields |= {"noted-hostname": pins.pattern, "include-subdomains": pins.include_subdomains}
    fields |= {
        "enforce-pinning": verdict.enforced,
        "validation-result": 1,
        "known-pins": [] if pins is None else _known_pins(pins),
        "served-certificate-chain": [],
        "validated-certificate-chain": [_pem(one.der) for one in verdict.path] if certificates else [],
        "app-bundle-id": channel.partition("/")[0],
        "app-version": app_version,
        "app-platform": "python",
        "channel": channel,
        "manifest-version": verdict.manifest_version,
        "state": view.state.value,
        "age-seconds": None if age_seconds is None else int(age_seconds),
        "path": list(verdict.observed),
        "verdict": verdict.reason.value,
    }
    identity = "\n".join((verdict.host, verdict.reason.value, *verdict.observed))
    return Report(sha256(identity.encode("utf-8")).hexdigest(), json.dumps(fields, separators=(",", ":")))


def make_check_in(
    channel: str, view: View, enforced: VerifiedManifest, last: str | None, now: datetime, *, app_version: str
) -> dict[str, Any]:
    """Make a check-in: these members and no other, and nothing that tells two devices apart."""
    return {
        "format": "holdfast-check-in/1",
        "batch": os.urandom(16).hex(),
        "channel": channel,
        "app-version": app_version,
        "roles": dict(enforced.versions),
        "manifest-version": enforced.manifest.version,
        "scope-version": enforced.scope.version,
        "state": view.state.value,
        "days-since-last": bucket_days(last, now),
    }


def _known_pins(pins: HostPins) -> list[str]:
    digests = pins.accept.leaf_spki | pins.accept.ca_spki | pins.backup.leaf_spki | pins.backup.ca_spki
    return [f'pin-sha256="{format_digest(digest)}"' for digest in sorted(digests)]


def _pem(der: bytes) -> str:
    text = b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""))


def _sign_off(report: Report) -> str:
    """Add who reports. Only here: finding one's own version reads the disk, and a report is made in a handshake."""
    return f'{report.text[:-1]},"sdk":"{_SDK}/{_sdk_version()}"}}'


def _sdk_version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # a heavy import, when there is something to report

    try:
        return version("holdfast")
    except PackageNotFoundError:  # frozen into an app without its metadata
        return "0"

# SPDX-License-Identifier: Apache-2.0
"""Tells of verdicts: to the app's listeners at once, to the security team in a report."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from holdfast.core.validation import Reason
from holdfast.telemetry.events import PinMismatched, ReportOnlyHonoured

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.client.clock import Clock
    from holdfast.client.telling.reporting import Reporter
    from holdfast.client.view import View
    from holdfast.core.validation import Verdict
    from holdfast.telemetry.events import Event

__all__ = ["VerdictTeller"]

_log = logging.getLogger(__name__)


class VerdictTeller:
    """Tells of refusals, and of what report-only made of them.

    Args:
        channel: The channel that speaks.
        clock: Tells when.
        emit: Takes events.
        reporter: Takes reports; ``None``: none are made.
    """

    def __init__(self, channel: str, *, clock: Clock, emit: Callable[[Event], None], reporter: Reporter | None) -> None:
        self._channel = channel
        self._clock = clock
        self._emit = emit
        self._reporter = reporter

    def tell(self, view: View, verdict: Verdict) -> None:
        """Tell of a verdict that is not a plain acceptance; whatever goes wrong here does not change it."""
        if verdict.reason is Reason.CANARY:  # refused on purpose, by the self-test
            return
        try:
            self._tell(view, verdict)
        except Exception:  # noqa: BLE001  # a verdict stands, told or not
            _log.exception("the verdict on %s could not be told", verdict.host)

    def _tell(self, view: View, verdict: Verdict) -> None:
        at = self._clock.now()
        self._emit(
            PinMismatched(
                channel=self._channel,
                at=at,
                host=verdict.host,
                pattern=verdict.pattern,
                reason=verdict.reason.value,
                observed=verdict.observed,
                manifest_version=verdict.manifest_version,
                state=view.state.value,
                enforced=verdict.enforced,
            )
        )
        if verdict.until is not None and not verdict.enforced:
            self._emit(
                ReportOnlyHonoured(
                    channel=self._channel, at=at, host=verdict.host, reason=verdict.reason.value, until=verdict.until
                )
            )
        if self._reporter is not None:
            self._reporter.record(view, verdict)

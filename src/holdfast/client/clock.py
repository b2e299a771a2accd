# SPDX-License-Identifier: Apache-2.0
"""The two clocks of a device: one that people set, and one that only runs.

Everything in :mod:`holdfast.core` and :mod:`holdfast.trust` takes ``now`` as an argument; this is where it comes from.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Where a client reads the time."""

    def now(self) -> datetime:
        """Read the device clock: aware UTC, right or wrong."""

    def monotonic(self) -> float:
        """Read seconds that only ever grow, from an arbitrary start; time asleep counts where the platform can tell."""


class SystemClock:
    """The clocks of this machine."""

    def now(self) -> datetime:
        """Read the device clock, aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Read elapsed seconds, those of a suspended device included where the platform counts them (Linux)."""
        return _elapsed()


def _elapsed_since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


# A pin set grows old while the device sleeps; CLOCK_MONOTONIC stands still then on Linux and Android.
_elapsed = _elapsed_since_boot if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic

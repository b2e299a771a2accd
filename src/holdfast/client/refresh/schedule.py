# SPDX-License-Identifier: Apache-2.0
"""When to ask: jitter, back-off and the token bucket. Values and arithmetic; the caller brings the time.

A refresh is due every ``refresh_seconds`` with 20 % jitter; a failed one is tried again sooner, then more and more
rarely; hints and mismatches share one bucket, so that neither a hostile server nor a broken deployment turns a fleet
into a flood, and the last token is kept for a mismatch, because that one has a user waiting.
"""

from __future__ import annotations

import os

__all__ = [
    "BACKOFF_CEILING_SECONDS",
    "BACKOFF_FLOOR_SECONDS",
    "BACKOFF_KNEE_SECONDS",
    "BUCKET_CAPACITY",
    "BUCKET_REFILL_SECONDS",
    "JITTER",
    "Backoff",
    "TokenBucket",
    "random_share",
    "with_jitter",
]

JITTER = 0.2
"""Share by which an interval may be shorter or longer."""

BACKOFF_FLOOR_SECONDS = 15.0
"""First wait after a failure, unless the normal interval is shorter."""

BACKOFF_CEILING_SECONDS = 3600.0
"""Longest wait after many failures."""

BACKOFF_KNEE_SECONDS = 900.0
"""A short normal interval does not keep a client from backing off this far."""

BUCKET_CAPACITY = 4
"""Refreshes that hints and mismatches may start at once."""

BUCKET_REFILL_SECONDS = 30.0
"""Seconds for one more token: a mismatch never waits for more than this, whatever the back-off says."""


def random_share() -> float:
    """Draw a number in [0, 1). ``random`` is a heavy import, and its state would be shared by a fork."""
    return int.from_bytes(os.urandom(7), "big") / (1 << 56)


def with_jitter(seconds: float, share: float) -> float:
    """Spread an interval by 20 % either way.

    Args:
        seconds: The interval.
        share: A random number in [0, 1).
    """
    return seconds * (1.0 - JITTER + 2.0 * JITTER * share)


class Backoff:
    """The wait after consecutive failures: doubles from 15 seconds, up to an hour at most.

    Not thread-safe: the refresher holds its own lock.
    """

    __slots__ = ("_failures",)

    def __init__(self) -> None:
        self._failures = 0

    @property
    def failures(self) -> int:
        """Consecutive failures so far."""
        return self._failures

    def failed(self) -> None:
        """Count one more failure."""
        self._failures = min(self._failures + 1, 64)  # 2 ** 64 is past any ceiling; a float must not overflow

    def reset(self) -> None:
        """Forget all failures: a refresh succeeded, the app was resumed, or the network changed."""
        self._failures = 0

    def wait_seconds(self, interval_seconds: float) -> float:
        """Tell how long to wait before the next try; 0 if the last one succeeded.

        Args:
            interval_seconds: The normal time between refreshes. A long one is shortened to an hour (a failed refresh
                is worth another look), a short one does not keep the wait from growing to a quarter of an hour.
        """
        if self._failures == 0:
            return 0.0
        floor = min(BACKOFF_FLOOR_SECONDS, interval_seconds)
        ceiling = min(BACKOFF_CEILING_SECONDS, max(interval_seconds, BACKOFF_KNEE_SECONDS))
        return float(min(ceiling, floor * 2.0 ** (self._failures - 1)))


class TokenBucket:
    """At most ``capacity`` at once, then one more every ``refill_seconds``.

    Args:
        capacity: Tokens at the start and at most.
        refill_seconds: Seconds until one token grows back.
        now: Monotonic seconds at the start.

    Not thread-safe: the refresher holds its own lock.
    """

    __slots__ = ("_at", "_capacity", "_refill", "_tokens")

    def __init__(
        self, *, now: float, capacity: int = BUCKET_CAPACITY, refill_seconds: float = BUCKET_REFILL_SECONDS
    ) -> None:
        self._capacity = float(capacity)
        self._refill = refill_seconds
        self._tokens = float(capacity)
        self._at = now

    def take(self, now: float, *, reserve: int = 0) -> bool:
        """Take a token if there is one.

        Args:
            now: Monotonic seconds.
            reserve: Tokens that must be left for somebody more urgent.
        """
        elapsed = max(0.0, now - self._at)
        self._at = max(self._at, now)
        self._tokens = min(self._capacity, self._tokens + elapsed / self._refill)
        if self._tokens < 1.0 + reserve:
            return False
        self._tokens -= 1.0
        return True

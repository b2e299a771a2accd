# SPDX-License-Identifier: Apache-2.0
"""When to ask: the arithmetic of jitter, back-off and the token bucket."""

from __future__ import annotations

import pytest

from holdfast.client.refresh.schedule import (
    BUCKET_CAPACITY,
    BUCKET_REFILL_SECONDS,
    Backoff,
    TokenBucket,
    random_share,
    with_jitter,
)


def test_jitter_is_twenty_percent_either_way() -> None:
    assert with_jitter(100.0, 0.0) == pytest.approx(80.0)
    assert with_jitter(100.0, 0.5) == pytest.approx(100.0)
    assert with_jitter(100.0, 1.0) == pytest.approx(120.0)


def test_random_shares_differ_and_stay_below_one() -> None:
    shares = {random_share() for _ in range(200)}
    assert len(shares) == 200
    assert all(0.0 <= share < 1.0 for share in shares)


def test_no_failure_means_no_wait() -> None:
    assert Backoff().wait_seconds(900) == 0.0


@pytest.mark.parametrize(
    ("interval", "waits"),
    [
        (900.0, [15, 30, 60, 120, 240, 480, 900, 900]),
        (86_400.0, [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]),
        (60.0, [15, 30, 60, 120, 240, 480, 900, 900]),
        (1.0, [1, 2, 4, 8, 16]),
    ],
)
def test_the_wait_doubles_up_to_its_ceiling(interval: float, waits: list[float]) -> None:
    backoff = Backoff()
    seen = []
    for _ in waits:
        backoff.failed()
        seen.append(backoff.wait_seconds(interval))
    assert seen == waits


def test_thousands_of_failures_do_not_overflow_and_one_reset_forgets_them() -> None:
    backoff = Backoff()
    for _ in range(5000):
        backoff.failed()
    assert backoff.wait_seconds(900) == 900
    backoff.reset()
    assert (backoff.failures, backoff.wait_seconds(900)) == (0, 0.0)


def test_the_bucket_gives_its_capacity_at_once_and_then_one_a_refill() -> None:
    bucket = TokenBucket(now=0.0)
    assert [bucket.take(0.0) for _ in range(BUCKET_CAPACITY + 1)] == [True] * BUCKET_CAPACITY + [False]
    assert not bucket.take(BUCKET_REFILL_SECONDS - 0.1)
    assert bucket.take(BUCKET_REFILL_SECONDS)
    assert not bucket.take(BUCKET_REFILL_SECONDS)


def test_the_bucket_never_holds_more_than_its_capacity() -> None:
    bucket = TokenBucket(now=0.0)
    assert [bucket.take(1e9) for _ in range(BUCKET_CAPACITY + 1)] == [True] * BUCKET_CAPACITY + [False]


def test_a_reserve_is_left_for_somebody_more_urgent() -> None:
    bucket = TokenBucket(now=0.0, capacity=2)
    assert bucket.take(0.0, reserve=1)
    assert not bucket.take(0.0, reserve=1)
    assert bucket.take(0.0)


def test_a_clock_that_stands_still_or_jumps_back_grows_no_tokens() -> None:
    bucket = TokenBucket(now=100.0, capacity=1)
    assert bucket.take(100.0)
    assert not bucket.take(0.0)
    assert not bucket.take(100.0 + BUCKET_REFILL_SECONDS - 0.1)
    assert bucket.take(100.0 + BUCKET_REFILL_SECONDS)


def test_a_mismatch_never_waits_longer_than_a_minute() -> None:
    assert BUCKET_REFILL_SECONDS <= 60

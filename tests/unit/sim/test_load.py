# SPDX-License-Identifier: Apache-2.0
"""Steady load counts every request once, the failed ones by their reason, and repeats none."""

from __future__ import annotations

import itertools
import threading

from holdfast.sim.load import SteadyLoad
from tests.tools import wait_until


def test_every_request_is_counted_once() -> None:
    sent = itertools.count()
    with SteadyLoad([lambda: next(sent)] * 3, describe=str, interval_seconds=0.002) as load:
        wait_until(lambda: load.since().total >= 30)
    tally = load.since()
    assert tally.total == next(sent)
    assert tally.failed == 0
    assert tally.median_seconds >= 0


def test_a_failed_request_is_counted_by_its_reason_and_not_repeated() -> None:
    numbers = itertools.count()
    lock = threading.Lock()

    def request() -> None:
        with lock:
            if next(numbers) % 2:
                raise OSError("odd")

    with SteadyLoad([request] * 2, describe=str, interval_seconds=0.002) as load:
        wait_until(lambda: load.since().total >= 20)
    tally = load.since()
    assert tally.total == next(numbers)
    assert tally.failures == {"odd": tally.total // 2}
    assert tally.succeeded == tally.total - tally.total // 2


def test_a_mark_parts_before_from_after() -> None:
    with SteadyLoad([lambda: None], describe=str, interval_seconds=0.002) as load:
        wait_until(lambda: load.since().total >= 5)
        mark = load.mark()
        wait_until(lambda: load.since(mark).total >= 5)
    assert load.since().total == mark + load.since(mark).total


def test_nothing_is_sent_after_the_end() -> None:
    sent = itertools.count()
    with SteadyLoad([lambda: next(sent)], describe=str, interval_seconds=0.001) as load:
        wait_until(lambda: load.since().total >= 3)
    total = load.since().total
    assert load.since().total == total == next(sent)


def test_no_request_is_no_median() -> None:
    with SteadyLoad([], describe=str, interval_seconds=1) as load:
        pass
    assert (load.since().total, load.since().median_seconds) == (0, 0.0)

# SPDX-License-Identifier: Apache-2.0
"""The refresher: schedule, back-off, resume, hints, and a thread that survives what it calls."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio

from holdfast.client.refresh.refresh_result import RefreshResult
from holdfast.client.refresh.refresher import Refresher, wait_async
from holdfast.client.refresh.schedule import BUCKET_CAPACITY
from holdfast.core.freshness import State
from holdfast.errors import TransportError
from tests.tools import wait_until

FINE = RefreshResult(False, 1, State.FRESH)
CHANGED = RefreshResult(True, 2, State.FRESH)
FAILED = RefreshResult(False, 1, State.STALE, TransportError("down"))


class Job:
    """A refresh that does what it is told and counts."""

    def __init__(self, *answers: RefreshResult | Exception) -> None:
        self.answers = list(answers)
        self.at: list[float] = []
        self.looks = 0
        self.next_look = math.inf

    def __call__(self) -> RefreshResult:
        self.at.append(time.monotonic())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def look(self) -> float:
        self.looks += 1
        return self.next_look


@contextmanager
def running(job: Job, *, interval: float = 0.1) -> Iterator[Refresher]:
    refresher = Refresher(job, look=job.look, interval_seconds=lambda: interval, monotonic=time.monotonic)
    refresher.start()
    try:
        yield refresher
    finally:
        refresher.stop()


def test_the_first_refresh_is_at_once_and_the_next_ones_follow_with_jitter() -> None:
    job = Job(FINE)
    started = time.monotonic()
    with running(job) as refresher:
        assert refresher.is_running
        wait_until(lambda: len(job.at) >= 5)
    assert job.at[0] - started < 0.08
    gaps = [later - earlier for earlier, later in zip(job.at, job.at[1:], strict=False)]
    assert min(gaps) >= 0.079
    assert job.looks >= 4
    count = len(job.at)
    time.sleep(0.25)
    assert (len(job.at), refresher.is_running) == (count, False)


def test_the_thread_looks_when_time_is_about_to_change_something() -> None:
    job = Job(FINE)
    job.next_look = 0.1
    with running(job, interval=1000):
        wait_until(lambda: job.looks >= 4)
        job.next_look = -5.0  # a moment that is due and does not pass
        looks = job.looks
        time.sleep(0.3)
        assert job.looks - looks <= 8
    assert len(job.at) == 1


def test_failures_back_off_and_a_resume_forgets_them() -> None:
    job = Job(FAILED)
    with running(job) as refresher:
        wait_until(lambda: len(job.at) >= 5)
        gaps = [later - earlier for earlier, later in zip(job.at, job.at[1:], strict=False)]
        assert gaps[3] > 3 * gaps[0]
        assert refresher._backoff.failures == 5
        refresher.resumed()
        assert refresher._backoff.failures == 0


def test_a_success_ends_the_back_off() -> None:
    job = Job(FAILED, FAILED, FINE)
    with running(job) as refresher:
        wait_until(lambda: len(job.at) >= 4)
        assert refresher._backoff.failures == 0


def test_a_resume_comes_soon_but_a_flapping_network_is_not_a_flood() -> None:
    job = Job(FINE)
    with running(job, interval=1000) as refresher:
        wait_until(lambda: refresher._done_at is not None)
        for _ in range(50):
            refresher.resumed()
        time.sleep(0.1)
        assert len(job.at) == 1
        assert refresher._due - time.monotonic() < 6
        refresher._done_at = time.monotonic() - 10
        refresher.resumed()
        wait_until(lambda: len(job.at) == 2)


def test_a_resume_during_a_refresh_that_fails_tries_again_at_once() -> None:
    gate, started = threading.Event(), threading.Event()
    at: list[float] = []

    def refresh() -> RefreshResult:
        at.append(time.monotonic())
        if len(at) > 1:
            return FINE
        started.set()
        gate.wait(5)
        return FAILED

    refresher = Refresher(refresh, look=lambda: math.inf, interval_seconds=lambda: 1000.0, monotonic=time.monotonic)
    refresher.start()
    assert started.wait(5)
    refresher.resumed()
    gate.set()
    wait_until(lambda: len(at) == 2)
    refresher.stop()


def test_without_the_thread_a_resume_refreshes_all_the_same() -> None:
    job = Job(FINE)
    refresher = Refresher(job, look=job.look, interval_seconds=lambda: 1000.0, monotonic=time.monotonic)
    refresher.resumed()
    wait_until(lambda: len(job.at) == 1)


def test_the_thread_survives_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    job = Job(RuntimeError("bug"), FINE)
    with running(job) as refresher:
        wait_until(lambda: len(job.at) >= 2)
        assert refresher.is_running
    assert "bug" in caplog.text


def test_a_bug_reaches_whoever_asked_and_counts_as_a_failure() -> None:
    job = Job(RuntimeError("bug"))
    refresher = Refresher(job, look=job.look, interval_seconds=lambda: 1000.0, monotonic=time.monotonic)
    with pytest.raises(RuntimeError, match="bug"):
        refresher.start_refresh().result(5)
    assert refresher._backoff.failures == 1


def test_starting_twice_and_stopping_twice_is_harmless() -> None:
    job = Job(FINE)
    with running(job, interval=1000) as refresher:
        refresher.start()
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("holdfast-schedule") == 1
        refresher.stop()
        refresher.stop()
        refresher.start()
        wait_until(lambda: len(job.at) == 2)


def test_the_thread_may_stop_itself() -> None:
    job = Job(FINE)
    stopped = threading.Event()

    def look() -> float:
        refresher.stop()
        stopped.set()
        return math.inf

    refresher = Refresher(job, look=look, interval_seconds=lambda: 0.01, monotonic=time.monotonic)
    refresher.start()
    assert stopped.wait(5)
    assert not refresher.is_running


def test_a_refresh_that_began_after_the_refusal_answers_it_without_a_request() -> None:
    job = Job(FINE)
    refresher = Refresher(job, look=job.look, interval_seconds=lambda: 1000.0, monotonic=time.monotonic)
    started = refresher.started
    refresher.start_refresh().result(5)
    assert not refresher.on_mismatch(started_before=started, timeout_seconds=5)
    assert not asyncio.run(refresher.on_mismatch_async(started_before=started, timeout_seconds=5))
    assert len(job.at) == 1


def test_a_refresh_that_began_before_the_refusal_does_not_answer_it() -> None:
    job = Job(FINE, CHANGED)
    refresher = Refresher(job, look=job.look, interval_seconds=lambda: 1000.0, monotonic=time.monotonic)
    refresher.start_refresh().result(5)
    assert refresher.on_mismatch(started_before=refresher.started, timeout_seconds=5)
    assert len(job.at) == 2
    assert refresher.on_mismatch(started_before=None, timeout_seconds=5)  # nobody knows when
    assert len(job.at) == 3


def test_hints_leave_the_last_token_to_a_mismatch() -> None:
    now = [1000.0]
    job = Job(RefreshResult(False, 99, State.FRESH))  # every hint is met, so that none backs off
    refresher = Refresher(job, look=job.look, interval_seconds=lambda: 1000.0, monotonic=lambda: now[0])
    for version in range(2, 50):
        refresher.hint(version, known=1)
        wait_until(lambda: refresher._flights.find() is None)
    assert len(job.at) == BUCKET_CAPACITY - 1
    assert not refresher.on_mismatch(started_before=None, timeout_seconds=5)
    assert len(job.at) == BUCKET_CAPACITY
    assert not refresher.on_mismatch(started_before=None, timeout_seconds=5)
    assert len(job.at) == BUCKET_CAPACITY


async def test_an_asynchronous_wait_ends_in_time_and_leaves_the_flight_alone() -> None:
    gate = threading.Event()

    def slow() -> RefreshResult:
        gate.wait(5)
        return CHANGED

    refresher = Refresher(slow, look=lambda: math.inf, interval_seconds=lambda: 1000.0, monotonic=time.monotonic)
    assert not await refresher.on_mismatch_async(started_before=None, timeout_seconds=0.05)
    gate.set()
    assert (await wait_async(refresher.start_refresh(), 5)).changed


def test_trio_waits_as_asyncio_does() -> None:
    refresher = Refresher(
        Job(CHANGED), look=lambda: math.inf, interval_seconds=lambda: 1000.0, monotonic=time.monotonic
    )

    async def main() -> bool:
        return await refresher.on_mismatch_async(started_before=None, timeout_seconds=5)

    assert trio.run(main)


def test_without_a_known_event_loop_it_says_so() -> None:
    refresher = Refresher(Job(FINE), look=lambda: math.inf, interval_seconds=lambda: 1000.0, monotonic=time.monotonic)
    waiting = wait_async(refresher.start_refresh(), 5)
    with pytest.MonkeyPatch.context() as patched:
        patched.delitem(sys.modules, "trio")
        with pytest.raises(RuntimeError, match="no running event loop"):
            waiting.send(None)


def test_a_child_process_starts_anew() -> None:
    job = Job(FINE)
    with running(job, interval=1000) as refresher:
        wait_until(lambda: refresher._done_at is not None)
        thread = refresher._thread
        refresher._stopped.set()
        refresher._wake.set()
        refresher._lock.acquire()  # as a fork may leave it
        refresher.reset_after_fork()
        assert refresher.is_running
        assert refresher._thread is not thread
        wait_until(lambda: len(job.at) == 2)

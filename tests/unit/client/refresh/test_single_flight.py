# SPDX-License-Identifier: Apache-2.0
"""Single flight: one job, many waiters, threads and event loops alike."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from holdfast.client.refresh.single_flight import SingleFlight


class Job:
    """Counts its runs; each waits until it is let go."""

    def __init__(self) -> None:
        self.runs = 0
        self.release = threading.Event()

    def __call__(self) -> int:
        self.runs += 1
        assert self.release.wait(5)
        return self.runs


def test_whoever_asks_meanwhile_gets_the_same_outcome() -> None:
    job = Job()
    flights = SingleFlight(job, name="test")
    first = flights.start()
    assert all(flights.start() is first for _ in range(16))
    assert flights.find() is first
    job.release.set()
    assert first.result(5) == 1
    assert job.runs == 1


def test_the_next_flight_starts_once_the_last_has_landed() -> None:
    job = Job()
    job.release.set()
    flights = SingleFlight(job, name="test")
    assert flights.start().result(5) == 1
    assert flights.find() is None
    assert flights.start().result(5) == 2


def test_what_the_job_raises_reaches_every_waiter_and_ends_the_flight() -> None:
    def fail() -> None:
        raise ValueError("no")

    flights = SingleFlight(fail, name="test")
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            flights.start().result(5)


def test_a_waiter_that_gives_up_does_not_end_the_flight() -> None:
    job = Job()
    flights = SingleFlight(job, name="test")
    flight = flights.start()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        flight.result(0.05)
    assert time.monotonic() - started < 2
    assert not flight.cancel()
    job.release.set()
    assert flight.result(5) == 1


async def test_event_loops_wait_for_the_same_flight_and_cancel_only_their_own_wait() -> None:
    job = Job()
    flights = SingleFlight(job, name="test")
    flight = flights.start()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.wrap_future(flight), 0.05)
    waiting = [asyncio.wrap_future(flights.start()) for _ in range(8)]
    job.release.set()
    assert await asyncio.gather(*waiting) == [1] * 8
    assert job.runs == 1


def test_after_a_fork_the_parents_flight_is_forgotten() -> None:
    job = Job()
    flights = SingleFlight(job, name="test")
    parents = flights.start()
    flights.reset_after_fork()
    assert flights.find() is None
    job.release.set()
    assert flights.start() is not parents
    parents.result(5)

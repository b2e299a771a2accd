# SPDX-License-Identifier: Apache-2.0
"""One job at a time, in a thread of its own; whoever asks meanwhile waits for the same outcome.

The thread is never the caller's: so a caller's deadline holds whatever the network does (a name server that does not
answer cannot be interrupted), and threads and event loops wait for one and the same job.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["SingleFlight"]

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs ``job`` in a daemon thread, at most one at a time.

    Args:
        job: What to run. What it raises reaches everybody who waits.
        name: Of the threads, for people who look at a stack dump.
    """

    def __init__(self, job: Callable[[], T], *, name: str) -> None:
        self._job = job
        self._name = name
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None

    def find(self) -> Future[T] | None:
        """Return the flight that is under way, if there is one."""
        with self._lock:
            return self._flight

    def start(self) -> Future[T]:
        """Join the flight that is under way, or start one.

        Returns:
            A future that cannot be cancelled by one of those who wait for it.

        Raises:
            RuntimeError: No thread can be started (the interpreter is shutting down).
        """
        with self._lock:
            if self._flight is not None:
                return self._flight
            flight: Future[T] = Future()
            flight.set_running_or_notify_cancel()
            thread = threading.Thread(target=self._fly, args=(flight,), name=self._name, daemon=True)
            thread.start()
            self._flight = flight
            return flight

    def reset_after_fork(self) -> None:
        """Forget a flight whose thread stayed in the parent process, and the lock that it may have held."""
        self._lock = threading.Lock()
        self._flight = None

    def _fly(self, flight: Future[T]) -> None:
        try:
            result = self._job()
        except BaseException as error:  # noqa: BLE001  # it is handed on: whoever waits for the flight gets it raised
            self._land(flight)
            flight.set_exception(error)
        else:
            self._land(flight)
            flight.set_result(result)

    def _land(self, flight: Future[T]) -> None:
        with self._lock:
            if self._flight is flight:
                self._flight = None

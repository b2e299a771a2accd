# SPDX-License-Identifier: Apache-2.0
"""Decides when to refresh, and lets one refresh serve everybody who wants one.

* On schedule, in a background thread: at the start, then every ``refresh_seconds`` with jitter, sooner after a failure.
* On resume and on a change of network: soon, and the back-off is forgotten.
* On a hint, and on a mismatch: at once, if the shared token bucket allows it. A mismatch has a user waiting: the last
  token is its own, it joins a refresh that is under way, and it never waits for the back-off.

Threads and event loops wait for one and the same flight; whoever gives up waiting does not end it.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from holdfast.client.refresh.schedule import Backoff, TokenBucket, random_share, with_jitter
from holdfast.client.refresh.single_flight import SingleFlight

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.client.refresh.refresh_result import RefreshResult

__all__ = ["Refresher", "wait_async"]

_log = logging.getLogger(__name__)

_RESUME_SPACING_SECONDS = 5.0  # a phone that flaps between two networks
_MIN_LOOK_SECONDS = 0.05  # a moment that is due and still does not pass must not make the thread spin
_LOOK_SECONDS = 60.0  # how often a sleeping thread looks whether the device clock was moved


class Refresher:
    """Runs refreshes.

    Args:
        refresh: Does one; raises nothing but what is a bug.
        look: Called between refreshes, at least once a minute: notices what time has changed, and tells in how many
            seconds it will next change something (infinity: never).
        interval_seconds: Tells the normal time between refreshes.
        monotonic: The running clock, in seconds.
    """

    def __init__(
        self,
        refresh: Callable[[], RefreshResult],
        *,
        look: Callable[[], float],
        interval_seconds: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._refresh = refresh
        self._look = look
        self._interval_seconds = interval_seconds
        self._monotonic = monotonic
        self._flights = SingleFlight(self._fly, name="holdfast-refresh")
        self._lock = threading.Lock()
        self._bucket = TokenBucket(now=monotonic())
        self._backoff = Backoff()
        self._hint_backoff = Backoff()
        self._hint_not_before = 0.0
        self._done_at: float | None = None
        self._started = 0
        self._landed = 0
        self._resumed_in_flight = False
        self._due = monotonic()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    # ------------------------------------------------------------ on demand

    def start_refresh(self) -> Future[RefreshResult]:
        """Refresh now, or join the refresh that is under way."""
        return self._flights.start()

    @property
    def started(self) -> int:
        """Number of refreshes that have begun so far: what a verdict remembers of the moment at which it was made."""
        return self._started

    def on_mismatch(self, *, started_before: int | None, timeout_seconds: float) -> bool:
        """Refresh because a path was refused; blocks for at most ``timeout_seconds``.

        Args:
            started_before: What :attr:`started` was when the path was refused: a refresh that began later and has
                landed answers the question already (a crowd of handshakes that failed together). ``None``: not known.
            timeout_seconds: How long to wait.

        Returns:
            Whether an input of the verdict changed.
        """
        flight = self._find_flight(started_before)
        if flight is None:
            return False
        try:
            return flight.result(timeout_seconds).changed
        except TimeoutError:
            return False

    async def on_mismatch_async(self, *, started_before: int | None, timeout_seconds: float) -> bool:
        """Do the same without blocking the event loop."""
        flight = self._find_flight(started_before)
        if flight is None:
            return False
        try:
            result: RefreshResult = await wait_async(flight, timeout_seconds)
        except TimeoutError:
            return False
        return result.changed

    def hint(self, manifest_version: int, *, known: int | None) -> None:
        """Refresh because a server of an enforced connection knows of a newer manifest. Never blocks.

        Args:
            manifest_version: What the server spoke of.
            known: The enforced manifest's version.
        """
        if known is not None and manifest_version <= known:
            return
        now = self._monotonic()
        with self._lock:
            if now < self._hint_not_before or not self._bucket.take(now, reserve=1):
                return
        self._flights.start().add_done_callback(partial(self._hint_answered, manifest_version))

    def resumed(self) -> None:
        """Refresh soon, because the app was resumed or the network changed: what failed before may work now."""
        with self._lock:
            self._backoff.reset()
            self._hint_backoff.reset()
            self._hint_not_before = 0.0
            now = self._monotonic()
            recent = self._done_at is not None and now - self._done_at < _RESUME_SPACING_SECONDS
            self._due = now + _RESUME_SPACING_SECONDS if recent else now
            self._resumed_in_flight = self._flights.find() is not None
        if self._thread is not None:
            self._wake.set()
        elif not recent:
            self._flights.start()

    def _find_flight(self, started_before: int | None) -> Future[RefreshResult] | None:
        """Find the flight that a mismatch should wait for; ``None`` if there is nothing to wait for."""
        with self._lock:
            flight = self._flights.find()
            if flight is not None:
                return flight
            answered = started_before is not None and self._landed > started_before
            if answered or not self._bucket.take(self._monotonic()):
                return None
            return self._flights.start()

    def _hint_answered(self, manifest_version: int, flight: Future[RefreshResult]) -> None:
        met = flight.exception() is None and (flight.result().manifest_version or 0) >= manifest_version
        with self._lock:
            if met:
                self._hint_backoff.reset()
                return
            self._hint_backoff.failed()
            self._hint_not_before = self._monotonic() + self._hint_backoff.wait_seconds(self._interval_seconds())

    # ---------------------------------------------------------- on schedule

    def start(self) -> None:
        """Start the background thread; a second call does nothing."""
        with self._lock:
            if self._thread is not None:
                return
            self._due = self._monotonic()
            self._wake, self._stopped = threading.Event(), threading.Event()
            arguments = (self._wake, self._stopped)
            self._thread = threading.Thread(target=self._run, args=arguments, name="holdfast-schedule", daemon=True)
            self._thread.start()

    def stop(self, *, timeout_seconds: float = 5.0) -> None:
        """Stop the background thread; a refresh that is under way is left to its own deadline."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stopped.set()
            self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_seconds)

    @property
    def is_running(self) -> bool:
        """Tell whether the background thread runs."""
        return self._thread is not None

    def reset_after_fork(self) -> None:
        """Start anew in a child process: no thread came along, and any lock may have been held."""
        was_running = self._thread is not None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._flights.reset_after_fork()
        self._thread = None
        if was_running:
            self.start()

    def _run(self, wake: threading.Event, stopped: threading.Event) -> None:
        next_look_seconds = math.inf
        while not stopped.is_set():
            wake.wait(max(0.0, min(self._due - self._monotonic(), next_look_seconds, _LOOK_SECONDS)))
            wake.clear()
            try:
                if self._monotonic() >= self._due and not stopped.is_set():
                    self._flights.start().result()
                next_look_seconds = max(self._look(), _MIN_LOOK_SECONDS)
            except Exception:  # noqa: BLE001  # a bug must not end the refreshing for good: the next round may be spared
                _log.exception("a scheduled refresh failed")
                self._land(succeeded=False)

    def _fly(self) -> RefreshResult:
        with self._lock:
            self._started += 1
        try:
            result = self._refresh()
        except BaseException:
            self._land(succeeded=False)
            raise
        self._land(succeeded=result.error is None)
        return result

    def _land(self, *, succeeded: bool) -> None:
        interval = self._interval_seconds()
        with self._lock:
            now = self._done_at = self._monotonic()
            self._landed = self._started
            if succeeded:
                self._backoff.reset()
            else:
                self._backoff.failed()
            wait = with_jitter(self._backoff.wait_seconds(interval) or interval, random_share())
            # A refresh that failed on the network before says nothing about the one that came meanwhile.
            once_more, self._resumed_in_flight = self._resumed_in_flight and not succeeded, False
            self._due = now if once_more else now + wait


async def wait_async(flight: Future[Any], timeout_seconds: float | None) -> Any:
    """Wait for a flight under asyncio or trio; cancelling the wait leaves the flight alone.

    Raises:
        TimeoutError: It took longer.
        RuntimeError: There is no event loop that is known here.
    """
    import asyncio  # a heavy import; whoever awaits under asyncio has it already

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        trio: Any = sys.modules.get("trio")
        if trio is None:
            raise
        return await trio.to_thread.run_sync(partial(flight.result, timeout_seconds), abandon_on_cancel=True)
    return await asyncio.wait_for(asyncio.wrap_future(flight), timeout_seconds)

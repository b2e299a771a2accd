# SPDX-License-Identifier: Apache-2.0
"""Steady load: workers that send one request after the other at a fixed pace, each on a new TLS connection.

Every request is counted and none is repeated: what failed has failed. :meth:`SteadyLoad.mark` and
:meth:`SteadyLoad.since` count what happened between two moments.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

__all__ = ["SteadyLoad", "Tally"]

_STOP_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a number of requests.

    Attributes:
        succeeded: How many were answered.
        failures: Why the others were not: reason -> count.
        median_seconds: Of those that were answered; 0 if none was.
    """

    succeeded: int
    failures: dict[str, int] = field(default_factory=dict)
    median_seconds: float = 0.0

    @property
    def failed(self) -> int:
        """How many were not answered."""
        return sum(self.failures.values())

    @property
    def total(self) -> int:
        """How many there were."""
        return self.succeeded + self.failed


class SteadyLoad:
    """Load from entering to leaving its ``with`` block.

    Args:
        requests: One worker each: sends one request and returns; raises what made it fail.
        describe: Names a failure.
        interval_seconds: Pace of a worker; one that is late does not catch up.
    """

    def __init__(
        self,
        requests: Sequence[Callable[[], object]],
        *,
        describe: Callable[[Exception], str],
        interval_seconds: float,
    ) -> None:
        self._describe = describe
        self._interval = interval_seconds
        self._stopping = threading.Event()
        self._outcomes: list[tuple[float, str | None]] = []  # seconds, failure; appending is atomic
        self._workers = [
            threading.Thread(
                target=self._work, args=(request, number / len(requests)), name="holdfast-load", daemon=True
            )
            for number, request in enumerate(requests)
        ]

    def __enter__(self) -> Self:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Let every worker finish the request that it is at."""
        self._stopping.set()
        for worker in self._workers:
            worker.join(_STOP_TIMEOUT_SECONDS)

    def mark(self) -> int:
        """Remember this moment, for :meth:`since`."""
        return len(self._outcomes)

    def since(self, mark: int = 0) -> Tally:
        """Count the requests that ended after a moment."""
        outcomes = self._outcomes[mark:]
        failures = Counter(failure for _, failure in outcomes if failure is not None)
        times = sorted(seconds for seconds, failure in outcomes if failure is None)
        return Tally(len(times), dict(failures), times[len(times) // 2] if times else 0.0)

    def _work(self, request: Callable[[], object], offset: float) -> None:
        due = time.monotonic() + offset * self._interval
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            began = time.monotonic()
            failure = None
            try:
                request()
            except Exception as error:  # noqa: BLE001  # a worker that died would make the load look perfect
                failure = self._describe(error)
            now = time.monotonic()
            self._outcomes.append((now - began, failure))
            due = max(due + self._interval, now)

# SPDX-License-Identifier: Apache-2.0
"""How everything here is measured: ways of doing one thing take turns, and what is reported is the median of pairs.

The machine may be busy with something else. So the ways that are compared run within milliseconds of each other, in an
order that changes from round to round; each round gives one ratio, and a disturbance that lasts longer than a round
meets both sides of it. In its turn a way may be tried several times, and the fastest counts, because a neighbour can
only slow it down. The quartiles of the ratios are reported beside their median.
"""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Figure",
    "Spread",
    "Way",
    "compare",
    "cpu_clock",
    "fastest",
    "interleave",
    "no_collections",
    "ratios",
    "spread_of",
    "talk",
    "timed",
]

Way = Callable[[], float]
"""Does the thing once and returns what it cost, in seconds."""

cpu_clock = time.thread_time
"""CPU seconds of the calling thread: neither waiting, nor a server in another process, nor a neighbour counts."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with its quartiles."""

    median: float
    low: float
    high: float

    def scaled(self, factor: float) -> Spread:
        """The same in another unit."""
        return Spread(self.median * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    Attributes:
        name: Key in ``summary.json``: ``<subject>.<case>``.
        what: The same for people.
        value: The number, in ``unit``.
        unit: Such as ``x plain context``, ``us``, ``bytes``, ``requests``.
        quartiles: Of what ``value`` is the median of; ``None`` for what is counted.
        at_most: The target; ``None`` for what is only to be known.
        tried: What was done about it; shown where the target is missed.
    """

    name: str
    what: str
    value: float
    unit: str
    quartiles: tuple[float, float] | None = None
    at_most: float | None = None
    tried: str = "nothing yet."

    @classmethod
    def of(cls, spread: Spread, *, name: str, what: str, unit: str, **more: Any) -> Figure:
        """Make the figure of a spread."""
        return cls(name=name, what=what, value=spread.median, unit=unit, quartiles=(spread.low, spread.high), **more)

    @property
    def subject(self) -> str:
        """The module that measured it."""
        return self.name.partition(".")[0]

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; ``None`` where there is none."""
        return None if self.at_most is None else self.value <= self.at_most


def spread_of(values: Sequence[float]) -> Spread:
    """Take the median and the quartiles of at least one value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratios(costs: Sequence[float], baseline: Sequence[float]) -> Spread:
    """Compare two ways round by round."""
    return spread_of([cost / base for cost, base in zip(costs, baseline, strict=True)])


def interleave(ways: Mapping[str, Way], *, rounds: int, warm_up: int = 3) -> dict[str, list[float]]:
    """Let ways take turns.

    Args:
        ways: By name.
        rounds: How often each is measured.
        warm_up: Rounds before, which do not count.

    Returns:
        Per name what each round cost, in seconds; the same index is the same round.
    """
    order = list(ways)
    shuffle = random.Random(rounds).shuffle  # repeatable
    costs: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-warm_up, rounds):
        shuffle(order)
        for name in order:
            cost = ways[name]()
            if number >= 0:
                costs[name].append(cost)
    return costs


def compare(ways: Mapping[str, Way], baseline: str, *, rounds: int, warm_up: int = 3) -> dict[str, Spread]:
    """Let ways take turns, and give each in terms of one of them."""
    costs = interleave(ways, rounds=rounds, warm_up=warm_up)
    return {name: ratios(taken, costs[baseline]) for name, taken in costs.items()}


def fastest(way: Way, *, tries: int) -> Way:
    """Make a way that is tried several times in its turn, of which the fastest counts."""
    return lambda: min([way() for _ in range(tries)])


def timed(action: Callable[[], object], *, repeat: int = 1, clock: Callable[[], float] = cpu_clock) -> Way:
    """Make a way of a function.

    Args:
        action: What is measured.
        repeat: How often in one turn; the way returns the cost of one.
        clock: What is read before and after.
    """

    def way() -> float:
        start = clock()
        for _ in range(repeat):
            action()
        return (clock() - start) / repeat

    return way


@contextmanager
def no_collections() -> Iterator[None]:
    """Keep the collector from running at a moment of its own choosing; what is there now is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def talk(text: str) -> None:
    """Tell what is going on."""
    print(text, file=sys.stderr, flush=True)

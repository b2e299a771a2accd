# SPDX-License-Identifier: Apache-2.0
"""What a demonstration says: steps, each with checks that could have failed, and the figures behind them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Audience", "Check", "Report", "Step"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was expected, and what was measured.

    Attributes:
        what: What is checked, as a statement.
        measured: What was seen, for people.
        is_met: Whether it is what was expected.
    """

    what: str
    measured: str
    is_met: bool


class Audience(Protocol):
    """Whoever follows a demonstration while it runs."""

    def step_began(self, step: Step) -> None:
        """A step begins."""

    def step_works(self, step: Step, doing: str) -> None:
        """A step says what it is about to do; it may take a second."""

    def check_made(self, step: Step, check: Check) -> None:
        """A check was made."""

    def step_ended(self, step: Step) -> None:
        """A step has ended."""


@dataclass
class Step:
    """One step while it runs, and its record afterwards.

    Attributes:
        number: From 1.
        title: What it is about, in a few words.
        shows: What there is to see in it, one or two sentences.
        checks: In the order in which they were made.
        figures: Bare numbers, each with its unit in its name.
        headline: The measured result in a few words, for the summary.
        error: What ended the step before its time; empty if nothing did.
        seconds: How long it took.
    """

    number: int
    title: str
    shows: str
    audience: Audience = field(repr=False)
    checks: list[Check] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    headline: str = ""
    error: str = ""
    seconds: float = 0.0
    _began: float = field(default_factory=time.monotonic, repr=False)

    @property
    def is_as_expected(self) -> bool:
        """Whether it checked something, and everything that it checked was as expected."""
        return bool(self.checks) and all(check.is_met for check in self.checks) and not self.error

    def doing(self, text: str) -> None:
        """Say what is about to happen."""
        self.audience.step_works(self, text)

    def check(self, what: str, measured: object, *, met: bool) -> None:
        """Record a check.

        Args:
            what: What is checked, as a statement.
            measured: What was seen, for people.
            met: Whether it is what was expected.
        """
        check = Check(what, str(measured), bool(met))
        self.checks.append(check)
        self.audience.check_made(self, check)

    def end(self, error: str = "") -> None:
        """End the step; with an error it has deviated."""
        self.error = error
        self.seconds = time.monotonic() - self._began
        self.audience.step_ended(self)

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {
            "number": self.number,
            "title": self.title,
            "shows": self.shows,
            "ok": self.is_as_expected,
            "seconds": round(self.seconds, 3),
            "headline": self.headline,
            "error": self.error,
            "checks": [{"what": each.what, "measured": each.measured, "ok": each.is_met} for each in self.checks],
            "figures": {name: round(value, 4) for name, value in self.figures.items()},
        }


@dataclass(frozen=True, slots=True)
class Report:
    """A whole demonstration.

    Attributes:
        steps: The steps that ran.
        planned: How many there should have been.
        seconds: How long it took, preparation and clearing up included.
    """

    steps: Sequence[Step]
    planned: int
    seconds: float

    @property
    def is_as_expected(self) -> bool:
        """Whether every step ran, and none deviated."""
        return len(self.steps) == self.planned and all(step.is_as_expected for step in self.steps)

    @property
    def checks(self) -> int:
        """How many checks were made."""
        return sum(len(step.checks) for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """Return the whole record as plain values."""
        return {
            "ok": self.is_as_expected,
            "seconds": round(self.seconds, 3),
            "planned_steps": self.planned,
            "steps": [step.to_json() for step in self.steps],
        }

# SPDX-License-Identifier: Apache-2.0
"""The narration: a line for each check, a table, a verdict; plain where the place is plain."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from holdfast.sim.narration import Narrator
from holdfast.sim.report import Report, Step


class Ascii(io.StringIO):
    """A place that carries ASCII only."""

    encoding = "ascii"

    def write(self, text: str) -> int:
        text.encode("ascii")
        return super().write(text)


def tell(file: io.StringIO, *, met: bool, width: int = 100, terminal: bool = False, error: str = "") -> str:
    narrator = Narrator(Console(file=file, width=width, force_terminal=terminal, no_color=True))
    narrator.begin()
    step = Step(1, "The title", "What there is to see.", narrator)
    narrator.step_began(step)
    step.doing("working")
    step.check("what is checked", "what was measured", met=met)
    step.headline = "the headline"
    step.end(error)
    narrator.end(Report([step], 1, 1.25))
    return file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_everything_is_told(width: int) -> None:
    told = " ".join(tell(io.StringIO(), met=True, width=width).split())
    for words in ("The title", "What there is to see.", "what is checked", "what was measured", "1/1", "✓"):
        assert words in told
    assert "All 1 steps and all 1 checks as expected, in 1.2 seconds." in told
    assert "✗" not in told


def test_what_deviates_is_told_as_such() -> None:
    told = tell(io.StringIO(), met=False)
    assert "✗" in told
    assert "NOT as expected" in told
    assert "step 1 deviated" in told


def test_an_early_end_is_told_with_its_reason() -> None:
    told = tell(io.StringIO(), met=True, error="OSError: planted")
    assert "the step ended early: OSError: planted" in told
    assert "NOT as expected" in told


@pytest.mark.parametrize("met", [True, False])
def test_ascii_is_enough(met: bool) -> None:
    told = tell(Ascii(), met=met)
    assert ("ok" if met else "NO") in told


def test_a_log_gets_no_moving_parts_and_no_trailing_blanks() -> None:
    told = tell(io.StringIO(), met=True)
    assert "\x1b" not in told
    assert "working" not in told
    assert not [line for line in told.splitlines() if line != line.rstrip()]


def test_a_terminal_sees_what_is_under_way() -> None:
    assert "working" in tell(io.StringIO(), met=True, terminal=True)


def test_a_step_without_a_check_is_not_as_expected() -> None:
    narrator = Narrator(Console(file=io.StringIO(), width=80))
    step = Step(1, "Empty", "", narrator)
    step.end()
    assert not step.is_as_expected
    assert not Report([step], 1, 0.0).is_as_expected
    assert not Report([], 1, 0.0).is_as_expected

# SPDX-License-Identifier: Apache-2.0
"""How a demonstration is told on a terminal: a line for each check while it runs, and a table at the end.

On something that is no terminal (a log, a pipe) there are no colours and no moving parts, and what the encoding cannot
carry is said in plain letters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.status import Status

    from holdfast.sim.report import Check, Report, Step

__all__ = ["Narrator"]

_MAX_WIDTH: Final = 112
_INDENT: Final = 4
_MIN_WIDTH_OF_COLUMNS: Final = 96  # narrower terminals get what was measured on a line of its own

_TITLE: Final = "Holdfast: TLS pinning that survives certificate rotation"
_PROLOGUE: Final = (
    "A publisher, a manifest server, a TLS back end, apps and attackers, all on this machine and with real TLS between "
    "them. Every number is measured in this run, and every check could have failed."
)


class Narrator:
    """Tells a demonstration as it happens.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._console.width = min(self._console.width, _MAX_WIDTH)
        self._is_plain = not console.encoding.lower().startswith("utf")
        self._status: Status | None = None

    def begin(self) -> None:
        """Say what is to be seen."""
        self._print(Text(), Text(_TITLE, style="bold"), Text(_PROLOGUE, style="dim"))

    def step_began(self, step: Step) -> None:
        """Head a step."""
        heading = Text.assemble((f"{step.number:>2}  ", "bold cyan"), (step.title, "bold"))
        self._print(Text(), heading, Padding(Text(step.shows, style="dim"), (0, 0, 0, _INDENT)))

    def step_works(self, step: Step, doing: str) -> None:
        """Show on a terminal that something is under way; say nothing elsewhere."""
        del step
        self._quieten()
        if self._console.is_terminal:
            self._status = self._console.status(Text(doing, style="dim"), spinner="line" if self._is_plain else "dots")
            self._status.start()

    def check_made(self, step: Step, check: Check) -> None:
        """Tell one check."""
        del step
        self._quieten()
        style = "cyan" if check.is_met else "bold red"
        line = Table.grid(padding=(0, 1, 0, 0), expand=True)
        line.add_column(width=_INDENT + max(len(self._verdict(met).plain) for met in (True, False)), no_wrap=True)
        line.add_column(ratio=1)
        verdict = Text(" " * _INDENT) + self._verdict(check.is_met)
        if self._console.width >= _MIN_WIDTH_OF_COLUMNS:
            line.add_column(ratio=1)
            line.add_row(verdict, check.what, Text(check.measured, style=style))
        else:
            line.add_row(verdict, check.what)
            line.add_row("", Text(check.measured, style=style))
        self._print(line)

    def step_ended(self, step: Step) -> None:
        """Say what ended a step before its time."""
        self._quieten()
        if step.error:
            self._print(Padding(Text(f"the step ended early: {step.error}", style="bold red"), (0, 0, 0, _INDENT)))

    def end(self, report: Report) -> None:
        """Draw the table, and say in one line how it went."""
        self._quieten()
        self._print(Text(), self._tabulate(report), Text(), self._conclude(report), Text())

    def close(self) -> None:
        """Give the terminal back, whatever has happened."""
        self._quieten()

    def _tabulate(self, report: Report) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True, header_style="dim")
        table.add_column("", justify="right", no_wrap=True)
        table.add_column("step", ratio=50)
        table.add_column("measured", ratio=50)
        table.add_column("checks", justify="right", no_wrap=True)
        table.add_column("time", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for step in report.steps:
            met = sum(check.is_met for check in step.checks)
            table.add_row(
                Text(str(step.number), style="bold cyan"),
                Text(step.title),
                Text(step.headline or step.error, style="cyan" if step.is_as_expected else "bold red"),
                f"{met}/{len(step.checks)}",
                f"{step.seconds:.1f} s",
                self._verdict(step.is_as_expected),
            )
        return table

    @staticmethod
    def _conclude(report: Report) -> Text:
        took = f"in {report.seconds:.1f} seconds"
        if report.is_as_expected:
            return Text(
                f"All {report.planned} steps and all {report.checks} checks as expected, {took}.", style="bold green"
            )
        deviated = [str(step.number) for step in report.steps if not step.is_as_expected]
        missing = report.planned - len(report.steps)
        words = [f"step {', '.join(deviated)} deviated from what was expected"] if deviated else []
        words += [f"{missing} of {report.planned} steps did not run"] if missing else []
        return Text(f"NOT as expected, {took}: {'; '.join(words)}.", style="bold red")

    def _verdict(self, is_met: bool) -> Text:
        good, bad = ("ok", "NO") if self._is_plain else ("✓", "✗")
        return Text(good, style="bold green") if is_met else Text(bad, style="bold red")

    def _quieten(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _print(self, *parts: Text | Table | Padding) -> None:
        if self._console.is_terminal:
            self._console.print(Group(*parts), highlight=False)
            return
        with self._console.capture() as capture:
            self._console.print(Group(*parts), highlight=False)
        for line in capture.get().splitlines():  # a log needs no trailing blanks
            self._console.file.write(line.rstrip() + "\n")
        self._console.file.flush()

# SPDX-License-Identifier: Apache-2.0
"""``holdfast demo``: the whole promise, shown and measured on this machine."""

from __future__ import annotations

import sys
from contextlib import closing

from rich.console import Console

from holdfast.cli.command import verb
from holdfast.cli.output import NO, YES
from holdfast.cli.tree import Context
from holdfast.sim.demo import run_demo
from holdfast.sim.narration import Narrator

__all__ = ["command"]


@verb(
    None,
    "demo",
    examples=["holdfast demo", "holdfast demo --json | jq .ok"],
    codes=["0  every check came out as expected", "1  a step deviated", "2  usage"],
)
def command(context: Context) -> int:
    """Show the whole promise on real TLS, in under 30 seconds.

    A publisher, a manifest server, a TLS back end, apps and attackers run on this machine, on loopback and in a
    temporary folder; nothing is left behind and no root is needed. Each step says what it shows and what it measured.

    With --json the measurements are answered on stdout, and told on stderr meanwhile.
    """
    console = Console(file=sys.stderr if context.output.as_json else sys.stdout)
    with closing(Narrator(console)) as narrator:
        narrator.begin()
        report = run_demo(narrator)
        narrator.end(report)
    if context.output.as_json:
        context.output.answer(report.to_json(), lambda: ())
    return YES if report.is_as_expected else NO

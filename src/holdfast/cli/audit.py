# SPDX-License-Identifier: Apache-2.0
"""``holdfast audit``: who changed what; each line is chained to all before it."""

from __future__ import annotations

import json

from holdfast.cli.command import open_here, verb
from holdfast.cli.output import render_table
from holdfast.cli.tree import Context
from holdfast.core.instant import format_instant

__all__ = ["command"]


@verb(
    None,
    "audit",
    examples=["holdfast audit", "holdfast audit --json"],
    codes=["0  shown, the chain holds", "2  usage", "3  the chain is broken: somebody edited the database"],
)
def command(context: Context) -> None:
    """Show who changed what, oldest first."""
    entries = open_here(context)[1].load_audit()
    context.output.answer(
        {
            "entries": [
                {
                    "sequence": each.sequence,
                    "at": format_instant(each.at),
                    "actor": each.actor,
                    "action": each.action,
                    "detail": dict(each.detail),
                    "digest": each.digest,
                }
                for each in entries
            ]
        },
        lambda: render_table(
            ("at", "actor", "action", "detail"),
            [
                (format_instant(each.at), each.actor, each.action, json.dumps(dict(each.detail), sort_keys=True))
                for each in entries
            ],
        ),
    )

# SPDX-License-Identifier: Apache-2.0
"""``holdfast root``: the trust anchor and the signing keys."""

from __future__ import annotations

import click

from holdfast.cli.command import noun, open_here, verb, want_yes, yes_option
from holdfast.cli.output import render_table
from holdfast.cli.publish import answer_report, make_permission, permission_options
from holdfast.cli.tree import Context
from holdfast.control.ceremony import OFFLINE, PLAN, REPLACEABLE, RoleShape, RootChange
from holdfast.core.instant import format_instant

__all__ = ["command"]

command = noun(help_text="Show and rotate the trust anchor and the signing keys.")(lambda: None)


@verb(command, "show", examples=["holdfast root show", "holdfast root show --json"])
def show(context: Context) -> None:
    """List who may sign what, and which of these keys are at hand."""
    _, service = open_here(context)
    root, keys = service.load_repository().root, service.list_keys()
    facts = {
        "version": root.version,
        "expires": format_instant(root.expires),
        "keys": [
            {"role": key.role, "threshold": key.threshold, "keyid": key.keyid, "at_hand": key.is_at_hand}
            for key in keys
        ],
    }
    rows = [(key.role, key.threshold, key.keyid[:16], "at hand" if key.is_at_hand else "elsewhere") for key in keys]
    context.output.answer(
        facts,
        lambda: [
            f"Root {root.version}, expires {format_instant(root.expires)}",
            *render_table(("role", "threshold", "keyid", "key file"), rows),
        ],
    )


@verb(
    command,
    "rotate",
    examples=[
        "holdfast root rotate --yes                                # new root keys",
        "holdfast root rotate --replace timestamp --replace snapshot --yes",
        "holdfast root rotate --keep-keys --yes                    # only a new expiry",
        "holdfast root rotate --threshold 3 --key-count 5 --yes",
    ],
    codes=[
        "0  root N+1 is published; apps follow it without a release",
        "1  refused",
        "2  usage, or --yes is missing",
        "3  a key is missing or locked: nothing was signed",
    ],
)
@click.option(
    "--replace", "roles", multiple=True, type=click.Choice(REPLACEABLE), help="Roles that get new keys (default: root)."
)
@click.option("--keep-keys", is_flag=True, help="Replace no key: only sign a new expiry.")
@click.option("--threshold", type=click.IntRange(1, 16), help="How many root keys must sign from now on.")
@click.option("--key-count", type=click.IntRange(1, 16), help="How many root keys there are from now on.")
@permission_options
@yes_option
def rotate(
    context: Context,
    roles: tuple[str, ...],
    keep_keys: bool,
    threshold: int | None,
    key_count: int | None,
    overrides: tuple[str, ...],
    reason: str,
    yes: bool,
) -> None:
    """Publish root N+1, signed by the thresholds of N and of N+1, and what its new keys must sign again.

    Needs the offline root keys; the targets keys too, if targets or pins is replaced. New keys are made in the same
    directories and under the same passphrases; the old files stay until you remove them.
    """
    if keep_keys and (roles or threshold or key_count):
        raise click.UsageError("--keep-keys goes with none of --replace, --threshold, --key-count")
    chosen = frozenset() if keep_keys else frozenset(roles) or frozenset({"root"})
    shape = None
    if threshold or key_count:
        usual = PLAN["root"]
        shape = RoleShape(key_count or max(usual.keys, threshold or 0), threshold or usual.threshold, OFFLINE)
        chosen |= {"root"}
    _, service = open_here(context)
    version = service.load_repository().root.version
    named = ", ".join(sorted(chosen, key=REPLACEABLE.index)) or "no role: a new expiry only"
    want_yes(
        context.output,
        [
            f"plan: root {version + 1} follows root {version}; new keys for: {named}",
            "      old apps follow as long as every root between theirs and the newest stays published",
        ],
        yes=yes,
    )
    report = service.rotate_root(RootChange(replace=chosen, shape=shape), make_permission(overrides, reason))
    answer_report(context, report)
    context.output.say(
        "note: back up the new key files and .holdfast/state.db; export the anchors for the next release"
    )

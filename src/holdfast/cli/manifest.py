# SPDX-License-Identifier: Apache-2.0
"""``holdfast manifest``: break-glass. The security team signs the manifest itself, over the head of automation."""

from __future__ import annotations

import click

from holdfast.cli.command import noun, open_here, verb, want_yes, yes_option
from holdfast.cli.publish import answer_report, make_permission, permission_options
from holdfast.cli.tree import Context
from holdfast.errors import ConfigError

__all__ = ["command"]

command = noun(help_text="Break-glass: speak over automation, and end it.")(lambda: None)


@verb(
    command,
    "take-over",
    examples=['holdfast manifest take-over --reason "pins key stolen, ticket 4711" --yes'],
    codes=[
        "0  clients follow the security team's manifest",
        "1  refused",
        "2  usage, or --yes is missing",
        "3  no key",
    ],
)
@permission_options
@yes_option
def take_over(context: Context, overrides: tuple[str, ...], reason: str, yes: bool) -> None:
    """List manifest.json in the top-level targets: it wins over the delegated one, whatever automation signs.

    Publishes the draft at once, under a higher version. Needs the targets keys. From then on `holdfast publish` signs
    with the targets keys, until `holdfast manifest hand-back`.
    """
    _need_reason(reason)
    _, service = open_here(context)
    hosts = len(service.load_draft().hosts)
    want_yes(
        context.output,
        [
            f"plan: the security team signs the manifest of {hosts} hosts as the draft has it (`holdfast pin list`)",
            "      automation is not heard until `holdfast manifest hand-back`",
        ],
        yes=yes,
    )
    answer_report(context, service.take_over(make_permission(overrides, reason)))


@verb(
    command,
    "hand-back",
    examples=[
        'holdfast manifest hand-back --reason "pins key replaced" --yes',
        'holdfast manifest hand-back --to-new-role --reason "pins was fast-forwarded" --yes',
    ],
    codes=[
        "0  automation signs again",
        "1  refused, or nothing was taken over",
        "2  usage, or --yes is missing",
        "3  a key, the disk or the database could not be used",
    ],
)
@click.option(
    "--to-new-role", is_flag=True, help="Delegate to a fresh role with a fresh key: the old one was stolen or used up."
)
@permission_options
@yes_option
def hand_back(context: Context, to_new_role: bool, overrides: tuple[str, ...], reason: str, yes: bool) -> None:
    """End break-glass: the delegated role signs what the draft says, under a higher version, and is heard again."""
    _need_reason(reason)
    _, service = open_here(context)
    draft = service.load_draft()
    signer = "a fresh role" if to_new_role else draft.delegation.role
    want_yes(
        context.output,
        [
            f"plan: {signer} signs the manifest again",
            f"      hereby you approve the pins of {len(draft.hosts)} hosts (`holdfast pin list`)",
            *(
                []
                if to_new_role
                else ["      was its key stolen? then: `holdfast root rotate --replace pins`, or --to-new-role"]
            ),
        ],
        yes=yes,
    )
    answer_report(context, service.hand_back(make_permission(overrides, reason), to_new_role=to_new_role))


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise ConfigError(
            "break-glass needs a reason", code="needs-reason", hint="add --reason TEXT, for the audit log"
        )

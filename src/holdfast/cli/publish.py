# SPDX-License-Identifier: Apache-2.0
"""``holdfast publish``: what was chosen becomes what clients see."""

from __future__ import annotations

from typing import Any, Final

import click

from holdfast.cli.command import open_here, verb
from holdfast.cli.output import NO, YES
from holdfast.cli.tree import Context
from holdfast.control.policy import GATES, Gate
from holdfast.control.publication import Permission, Report
from holdfast.wiring import find_actor

__all__ = ["command", "describe_report", "permission_options", "report_lines"]

_OVERRIDABLE: Final = [gate.value for gate, rule in GATES.items() if rule.is_overridable]


def permission_options(function: Any) -> Any:
    """Add ``--override`` and ``--reason``."""
    reason = click.option("--reason", default="", help="Why, for the audit log; needed to override a gate.")
    override = click.option(
        "--override",
        "overrides",
        multiple=True,
        type=click.Choice(_OVERRIDABLE),
        help="Publish although this gate refuses. People only, and audited.",
    )
    return override(reason(function))


def make_permission(overrides: tuple[str, ...], reason: str) -> Permission:
    """Make what the service asks for."""
    return Permission(actor=find_actor(), overrides=frozenset(map(Gate, overrides)), reason=reason)


@verb(
    None,
    "publish",
    examples=[
        "holdfast publish",
        "holdfast publish --dry-run",
        "holdfast publish --timestamp-only    # hourly, from a timer, with the online keys alone",
        'holdfast publish --override half-changed --reason "new CA, ticket 4711"',
    ],
    codes=[
        "0  published and read back; with --dry-run: nothing speaks against it",
        "1  a gate refused: nothing was signed",
        "2  usage",
        "3  a key, the disk or the database could not be used: clients keep what they have; run it again",
    ],
)
@click.option("--timestamp-only", is_flag=True, help="Sign the timestamp again; leave the draft a draft.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and what the gates find; sign nothing.")
@permission_options
def command(
    context: Context, timestamp_only: bool, dry_run: bool, overrides: tuple[str, ...], reason: str
) -> int | None:
    """Lint, record, sign and store what was chosen, then check it as a client.

    A publication that was interrupted at any moment leaves clients a consistent set; the next one continues it.
    """
    _, service = open_here(context)
    if dry_run:
        return _preview(context, service.preview())
    if timestamp_only:
        report = service.sign_timestamp()
    else:
        report = service.publish(make_permission(overrides, reason))
    answer_report(context, report)
    return YES


def _preview(context: Context, previewed: Any) -> int:
    plan, findings = previewed
    facts = {
        "would_sign": list(plan.roles),
        "scope_changes": plan.scope is not None,
        "manifest_changes": plan.manifest is not None,
        "findings": [
            {"gate": f.gate.value, "message": f.message, "overridable": GATES[f.gate].is_overridable} for f in findings
        ],
        "notes": list(plan.notes),
    }
    context.output.answer(
        facts,
        lambda: [
            f"would sign: {', '.join(plan.roles)}",
            f"scope: {'changes' if plan.scope else 'as it is'}; manifest: {'changes' if plan.manifest else 'as it is'}",
            *(f"gate {found}" for found in findings),
            *(f"note: {note}" for note in plan.notes),
        ],
    )
    return NO if findings else YES


def answer_report(context: Context, report: Report) -> None:
    """Print what a publication did."""
    if report.continued:
        context.output.say("note: an interrupted publication was completed first")
    for finding in report.overridden:
        context.output.warn(f"overridden: {finding}")
    for note in report.notes:
        context.output.warn(note)
    context.output.answer(describe_report(report), lambda: report_lines(report))


def describe_report(report: Report) -> dict[str, Any]:
    """Return a report as JSON."""
    return {
        "versions": dict(report.versions),
        "signed": list(report.signed),
        "scope_changed": report.scope_changed,
        "manifest_changed": report.manifest_changed,
        "overridden": [str(finding) for finding in report.overridden],
        "notes": list(report.notes),
        "continued": report.continued,
    }


def report_lines(report: Report) -> list[str]:
    """Say in two lines what a publication did."""
    versions = report.versions
    changed = [name for name, yes in (("scope", report.scope_changed), ("manifest", report.manifest_changed)) if yes]
    what = " and ".join(f"{name} {versions[name]}" for name in changed) or "nothing new; signed again"
    signed = ", ".join(f"{role} {versions[role]}" for role in report.signed)
    return [f"Published: {what}.", f"Signed: {signed}. Read back and verified as a client."]

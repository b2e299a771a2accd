# SPDX-License-Identifier: Apache-2.0
"""``holdfast host``: which hosts are protected, and how strictly. Nothing here reaches clients before ``publish``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import click

from holdfast.cli.command import INSTANT, make_passphrases, noun, open_here, verb, want_yes, yes_option
from holdfast.cli.keys import KeyReader, describe_host, make_backup_key, pin_rows
from holdfast.cli.output import render_table
from holdfast.cli.tree import Context
from holdfast.control.drafts import get_host
from holdfast.control.model import HostRecord, PinList, PinRecord, PinUse
from holdfast.control.public_suffix import refuse_public_suffix
from holdfast.core.hostname import normalise_hostname
from holdfast.core.instant import format_instant
from holdfast.core.pin import Position, format_digest
from holdfast.core.scope import Mode
from holdfast.wiring import read_clock

if TYPE_CHECKING:
    from holdfast.control.signers import Passphrases

__all__ = ["command"]

command = noun(help_text="Choose which hosts are protected, and how strictly.")(lambda: None)

_MODES: Final = click.Choice([mode.value for mode in Mode])
# option -> list, position, use
_KEY_OPTIONS: Final = {
    "accept": (PinList.ACCEPT, Position.LEAF, PinUse.CURRENT),
    "accept_next": (PinList.ACCEPT, Position.LEAF, PinUse.NEXT),
    "accept_ca": (PinList.ACCEPT, Position.CA, PinUse.CURRENT),
    "backup": (PinList.BACKUP, Position.LEAF, None),
    "allow_ca": (PinList.ALLOW_CA, Position.CA, None),
    "require": (PinList.REQUIRE, Position.CA, None),
    "reject": (PinList.SCOPE_REJECT, Position.ANY, None),
}


def _key_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that take a KEY: a digest, or a certificate, request or key file."""
    options = [
        click.option("--accept", multiple=True, metavar="KEY", help="A key that the host shows now."),
        click.option("--accept-next", multiple=True, metavar="KEY", help="A key that it will show next."),
        click.option("--accept-ca", multiple=True, metavar="KEY", help="A CA to pin (permits it too)."),
        click.option("--backup", multiple=True, metavar="KEY", help="A key kept apart, signed into the scope."),
        click.option(
            "--new-backup-key", type=click.Path(path_type=Path), metavar="FILE", help="Make such a key in this file."
        ),
        click.option("--allow-ca", multiple=True, metavar="KEY", help="A CA that automation may pin."),
        click.option("--require", multiple=True, metavar="KEY", help="One of these CAs must stand on the path."),
        click.option("--reject", multiple=True, metavar="KEY", help="A key that is refused whatever else says."),
    ]
    return reduce(lambda made, option: option(made), reversed(options), function)


@verb(
    command,
    "add",
    examples=[
        "holdfast host add api.example.com --accept api.pem --new-backup-key api-backup.pem",
        "holdfast host add cdn.example.com --include-subdomains --accept-ca ca1.pem --accept-ca ca2.pem",
        "holdfast host add www.example.com --mode report-only --until 2026-12-20 --accept www.pem --backup spare.pub",
    ],
    codes=[
        "0  it will be protected by the next `holdfast publish`",
        "1  it is protected already",
        "2  usage",
        "3  a key, the disk or the database could not be used",
    ],
)
@click.argument("host")
@click.option("--include-subdomains", is_flag=True, help="All names below it too, at every depth.")
@click.option("--mode", type=_MODES, default=Mode.ENFORCE.value, show_default=True)
@click.option("--until", type=INSTANT, help="When report-only ends (at most 90 days away).")
@click.option("--allow-leaf/--no-allow-leaf", default=True, show_default=True, help="May automation pin leaf keys?")
@click.option("--unsafe-public-suffix", is_flag=True, help="Protect a public suffix with its subdomains.")
@_key_options
def add(
    context: Context,
    host: str,
    include_subdomains: bool,
    mode: str,
    until: datetime | None,
    allow_leaf: bool,
    unsafe_public_suffix: bool,
    **keys: Any,
) -> None:
    """Protect HOST.

    KEY is a file (certificate, signing request, public or private key; PEM or DER) or a SHA-256 of a
    SubjectPublicKeyInfo in base64 or hex.
    """
    name = normalise_hostname(host)
    if not unsafe_public_suffix:
        refuse_public_suffix(name, include_subdomains=include_subdomains)
    _, service = open_here(context)
    service.load_draft()  # before a backup key is made
    record = HostRecord(
        pattern=name,
        include_subdomains=include_subdomains,
        mode=Mode(mode),
        until=until,
        allow_leaf=allow_leaf,
    )
    with _Keys(context, name) as reader:
        record = replace(record, pins=reader.read_all(keys))
        draft = service.add_host(record)
    _answer(context, get_host(draft, name), "will be protected")


class _Keys:
    """Reads the KEY options of one command; a backup key that was made for nothing is removed again."""

    def __init__(self, context: Context, host: str) -> None:
        self._passphrases: Passphrases = make_passphrases(context.output, confirm=True)
        self._reader = KeyReader(context.output, make_passphrases(context.output), read_clock())
        self._host = host
        self._made: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None and self._made is not None:
            self._made.unlink(missing_ok=True)

    def read_all(self, keys: dict[str, Any]) -> tuple[PinRecord, ...]:
        """Make the records of all KEY options; a CA that is pinned is permitted too."""
        new_backup: Path | None = keys.pop("new_backup_key")
        pins = []
        for option, (into, at, use) in _KEY_OPTIONS.items():
            for text in keys[option]:
                key = self._reader.read(text, host=self._host if at is Position.LEAF else "")
                pins.append(self._reader.pin(key, into, at=at, use=use))
                if option == "accept_ca":
                    pins.append(self._reader.pin(key, PinList.ALLOW_CA, at=Position.CA))
        if new_backup is not None:
            key = make_backup_key(new_backup, self._passphrases)
            self._made = new_backup
            pins.append(self._reader.pin(key, PinList.BACKUP, at=Position.LEAF))
        return tuple({pin.identity: pin for pin in pins}.values())


def _answer(context: Context, host: HostRecord, what: str) -> None:
    context.output.answer(
        describe_host(host),
        lambda: [
            f"{_title(host)} {what} by the next `holdfast publish`.",
            *render_table(_HEADERS, pin_rows(host)),
        ],
    )
    if len({pin.independence for pin in host.listed(PinList.ACCEPT, PinList.BACKUP)}) < 2 and host.mode is Mode.ENFORCE:
        context.output.warn(f"{host.pattern} has fewer than two independent keys: publish will refuse it")


_HEADERS: Final = ("list", "type", "at", "digest", "use", "from", "added")


def _title(host: HostRecord) -> str:
    return host.pattern + (" and all names below it" if host.include_subdomains else "")


@verb(command, "list", examples=["holdfast host list", "holdfast host list --json"])
def list_hosts(context: Context) -> None:
    """List the hosts of the draft."""
    hosts = open_here(context)[1].load_draft().hosts
    context.output.answer(
        {"hosts": [describe_host(host) for host in hosts]},
        lambda: (
            render_table(("host", "subdomains", "mode", "until", "accept", "backup"), map(_row, hosts))
            if hosts
            else ["no host is protected yet: `holdfast host add`"]
        ),
    )


def _row(host: HostRecord) -> tuple[object, ...]:
    until = format_instant(host.until) if host.until else "-"
    subdomains = "yes" if host.include_subdomains else "no"
    counts = (len(host.listed(PinList.ACCEPT)), len(host.listed(PinList.BACKUP)))
    return (host.pattern, subdomains, host.mode.value, until, *counts)


@verb(command, "show", examples=["holdfast host show api.example.com"], codes=["0  shown", "1  it is not protected"])
@click.argument("host")
def show(context: Context, host: str) -> None:
    """Show one host and all its pins."""
    found = get_host(open_here(context)[1].load_draft(), host)
    context.output.answer(
        describe_host(found),
        lambda: [
            f"{_title(found)}: {found.mode.value}"
            + (f" until {format_instant(found.until)}" if found.until else "")
            + ("" if found.allow_leaf else ", leaf keys not permitted to automation"),
            *(render_table(_HEADERS, pin_rows(found)) if found.pins else ["no pins yet"]),
        ],
    )


@verb(
    command,
    "set",
    examples=[
        "holdfast host set www.example.com --mode enforce",
        "holdfast host set www.example.com --mode report-only --until 2026-12-20 --yes",
    ],
    codes=[
        "0  changed",
        "1  it is not protected",
        "2  usage, or --yes is missing to relax it",
        "3  a key, the disk or the database could not be used",
    ],
)
@click.argument("host")
@click.option("--include-subdomains/--no-include-subdomains", default=None)
@click.option("--mode", type=_MODES)
@click.option("--until", type=INSTANT, help="When report-only ends.")
@click.option("--allow-leaf/--no-allow-leaf", default=None)
@click.option("--unsafe-public-suffix", is_flag=True, help="Protect a public suffix with its subdomains.")
@_key_options
@yes_option
def set_host(
    context: Context,
    host: str,
    include_subdomains: bool | None,
    mode: str | None,
    until: datetime | None,
    allow_leaf: bool | None,
    unsafe_public_suffix: bool,
    yes: bool,
    **keys: Any,
) -> None:
    """Change how HOST is protected; what is not named stays. KEY options add pins."""
    _, service = open_here(context)
    old = get_host(service.load_draft(), host)
    new = replace(
        old,
        include_subdomains=old.include_subdomains if include_subdomains is None else include_subdomains,
        mode=old.mode if mode is None else Mode(mode),
        allow_leaf=old.allow_leaf if allow_leaf is None else allow_leaf,
    )
    new = replace(new, until=None if new.mode is Mode.ENFORCE and until is None else until or old.until)
    if not unsafe_public_suffix:
        refuse_public_suffix(new.pattern, include_subdomains=new.include_subdomains)
    relaxed = list(_relaxations(old, new))
    if relaxed:
        want_yes(context.output, relaxed, yes=yes)
    with _Keys(context, new.pattern) as reader:
        pins = reader.read_all(keys)
        draft = service.change_host(new.pattern, lambda host: replace(new, pins=(*host.pins, *pins)))
    _answer(context, get_host(draft, new.pattern), "will be protected so")


def _relaxations(old: HostRecord, new: HostRecord) -> Iterable[str]:
    if old.mode is Mode.ENFORCE and new.mode is Mode.REPORT_ONLY and new.until is not None:
        yield f"plan: until {format_instant(new.until)} clients only report what they would refuse at {old.pattern}"
    if old.include_subdomains and not new.include_subdomains:
        yield f"plan: names below {old.pattern} are no longer protected"


@verb(
    command,
    "retire",
    examples=["holdfast host retire old.example.com --yes"],
    codes=[
        "0  it leaves the scope with the next publication",
        "1  it is not protected",
        "2  --yes is missing",
        "3  a key, the disk or the database could not be used",
    ],
)
@click.argument("host")
@yes_option
def retire(context: Context, host: str, yes: bool) -> None:
    """Stop protecting HOST with the next publication."""
    _, service = open_here(context)
    found = get_host(service.load_draft(), host)
    digests = ", ".join(format_digest(pin.digest) for pin in found.listed(PinList.ACCEPT)) or "no pins"
    want_yes(
        context.output,
        [
            f"plan: {_title(found)} leaves the scope; clients then trust any public CA for it ({digests})",
            "      (an app that requires the host refuses it from then on)",
        ],
        yes=yes,
    )
    service.retire_host(found.pattern)
    context.output.answer(
        {"retired": found.pattern}, lambda: [f"{found.pattern} leaves the scope with the next `holdfast publish`."]
    )

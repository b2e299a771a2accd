# SPDX-License-Identifier: Apache-2.0
"""``holdfast pin``: which keys a host may show. Without ``--host`` a verb only prints the digest."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, Final

import click

from holdfast.cli.command import make_passphrases, noun, open_here, verb, want_yes, yes_option
from holdfast.cli.keys import (
    KeyReader,
    describe_pin,
    make_backup_key,
    parse_digest_argument,
    pin_rows,
)
from holdfast.cli.observation import add_compared, describe_observation, observation_lines
from holdfast.cli.output import UNKNOWN, YES, render_table
from holdfast.cli.tree import Context
from holdfast.control.drafts import get_host
from holdfast.control.model import PinList, PinRecord, PinUse
from holdfast.control.sources.key_files import (
    FileKey,
    key_from_certificate,
    key_from_csr,
    key_from_key_file,
    read_input_file,
)
from holdfast.core.pin import PinType, Position, format_digest
from holdfast.errors import InputError, NotFound
from holdfast.wiring import read_clock

__all__ = ["command"]

command = noun(help_text="Choose which keys a host may show.")(lambda: None)

_LISTS: Final = {each.value: each for each in PinList}
_ADDABLE: Final = click.Choice(
    [PinList.ACCEPT.value, PinList.BACKUP.value, PinList.ALLOW_CA.value, PinList.REQUIRE.value]
)
_FILE: Final = click.Path(path_type=Path)


def _target_options(function: Callable[..., Any]) -> Callable[..., Any]:
    options = [
        click.option("--host", help="Add the pin to this protected host; without it: print only."),
        click.option("--list", "into", type=_ADDABLE, default="accept", show_default=True, help="Which list."),
        click.option("--use", type=click.Choice([use.value for use in PinUse]), help="For the accept list."),
        click.option("--at", type=click.Choice([at.value for at in Position]), help="Where on the path."),
    ]
    return reduce(lambda made, option: option(made), reversed(options), function)


@verb(
    command,
    "from-cert",
    examples=[
        "holdfast pin from-cert api.pem",
        "holdfast pin from-cert api-new.pem --host api.example.com --use next",
        "holdfast pin from-cert device.pem --host device.example.com --whole-certificate",
    ],
)
@click.argument("file", type=_FILE)
@click.option("--whole-certificate", is_flag=True, help="Pin the certificate, not its key (long-lived private ones).")
@_target_options
def from_cert(context: Context, file: Path, whole_certificate: bool, **target: Any) -> None:
    """Pin the key of the certificate in FILE (PEM or DER; of a chain, the first)."""
    key = key_from_certificate(read_input_file(file))
    if whole_certificate:
        context.output.warn("a whole-certificate pin breaks at every renewal, also with the same key")
    _add(context, key, str(file), PinUse.CURRENT, whole_certificate=whole_certificate, **target)


@verb(
    command,
    "from-csr",
    examples=["holdfast pin from-csr next.csr --host api.example.com"],
)
@click.argument("file", type=_FILE)
@_target_options
def from_csr(context: Context, file: Path, **target: Any) -> None:
    """Pin the key of the signing request in FILE, before its certificate is issued."""
    _add(context, key_from_csr(read_input_file(file)), str(file), PinUse.NEXT, **target)


@verb(
    command,
    "from-key",
    examples=["holdfast pin from-key next.pub --host api.example.com", "holdfast pin from-key backup.pem"],
)
@click.argument("file", type=_FILE)
@_target_options
def from_key(context: Context, file: Path, **target: Any) -> None:
    """Pin the public key in FILE, or the public half of a private one."""
    reader = KeyReader(context.output, make_passphrases(context.output), read_clock())
    key = key_from_key_file(read_input_file(file), reader.ask_passphrase)
    _add(context, key, str(file), PinUse.NEXT, **target)


@verb(
    command,
    "new-key",
    examples=["holdfast pin new-key api-backup.pem --host api.example.com --list backup"],
    codes=["0  made", "1  the file exists already", "2  usage", "3  it cannot be written, or no passphrase"],
)
@click.argument("file", type=_FILE)
@_target_options
def new_key(context: Context, file: Path, **target: Any) -> None:
    """Make an ECDSA P-256 server key in an encrypted FILE: a backup to keep apart, or the next key."""
    key = make_backup_key(file, make_passphrases(context.output, confirm=True))
    try:
        _add(context, key, str(file), PinUse.NEXT, **target)
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _add(
    context: Context,
    key: FileKey,
    source: str,
    default_use: PinUse,
    *,
    host: str | None,
    into: str,
    use: str | None,
    at: str | None,
    whole_certificate: bool = False,
) -> None:
    """Print the digest of a key; with a host, add it to the draft."""
    reader = KeyReader(context.output, make_passphrases(context.output), read_clock())
    facts: dict[str, Any] = {
        "source": source,
        "spki_sha256": format_digest(key.spki_sha256),
        "certificate_sha256": format_digest(key.certificate_sha256) if key.certificate_sha256 else None,
        "names": list(key.names),
        "added_to": None,
    }
    if host is not None:
        _, service = open_here(context)
        pattern = get_host(service.load_draft(), host).pattern
        reader.remark(key, source, pattern if at in {None, "leaf"} else "")
        pin = _make_pin(reader, key, PinList(into), default_use, use=use, at=at, whole_certificate=whole_certificate)
        service.add_pins(pattern, [pin])
        facts |= {"added_to": pattern, "pin": describe_pin(pin)}
    context.output.answer(facts, lambda: _lines(facts))


def _make_pin(
    reader: KeyReader,
    key: FileKey,
    into: PinList,
    default_use: PinUse,
    *,
    use: str | None,
    at: str | None,
    whole_certificate: bool,
) -> PinRecord:
    is_ca_list = into in {PinList.ALLOW_CA, PinList.REQUIRE}
    position = Position(at) if at else Position.CA if is_ca_list else Position.LEAF
    wanted = PinUse(use) if use else default_use
    pin = reader.pin(key, into, at=position, use=wanted if into is PinList.ACCEPT else None)
    if not whole_certificate:
        return pin
    if key.certificate_sha256 is None:
        raise InputError("only a certificate has a whole-certificate digest", code="pin-useless")
    return PinRecord(
        list=pin.list,
        type=PinType.CERTIFICATE_SHA256,
        at=pin.at,
        digest=key.certificate_sha256,
        use=pin.use,
        origin=pin.origin,
        key=key.spki_sha256,
        added=pin.added,
    )


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = [f"spki-sha256         {facts['spki_sha256']}"]
    if facts["certificate_sha256"]:
        lines.append(f"certificate-sha256  {facts['certificate_sha256']}")
    if facts["added_to"]:
        pin = facts["pin"]
        lines.append(f"{pin['list']} pin of {facts['added_to']} with the next `holdfast publish`")
    else:
        lines.append("printed only: --host HOST adds it")
    return lines


# ------------------------------------------------------------------------------------------------- observation


@verb(
    command,
    "from-host",
    examples=[
        "holdfast pin from-host api.example.com",
        "holdfast pin from-host api.example.com:8443 --ca-file corporate.pem",
        "holdfast pin from-host api.example.com --compared-with 5a8f...e1",
    ],
    codes=[
        "0  shown; with --compared-with: added",
        "1  no address shows the compared key, or another one is shown too: nothing was added",
        "2  usage",
        "3  no address answered",
    ],
)
@click.argument("endpoint", metavar="HOST[:PORT]")
@click.option(
    "--compared-with", metavar="SHA256", help="The digest that you got on another way: adds it if it is shown."
)
@click.option("--host", help="The protected host to add it to (default: HOST).")
@click.option("--use", type=click.Choice([use.value for use in PinUse]), default=PinUse.CURRENT.value)
@click.option("--ca-file", type=_FILE, help="CAs in PEM instead of the system's.")
@click.option("--timeout", type=click.FloatRange(0.1, 120), default=10.0, show_default=True, help="Seconds a step.")
def from_host(
    context: Context,
    endpoint: str,
    compared_with: str | None,
    host: str | None,
    use: str,
    ca_file: Path | None,
    timeout: float,
) -> int:
    """Show which keys every address of HOST serves now.

    This is an observation: whoever sits in front of this machine can forge it, and pinning is made against exactly
    him. So nothing is added, unless you compared the digest on another way and say so.
    """
    # Heavy import: ssl and sockets, for this verb alone.
    from holdfast.control.sources.probe import parse_endpoint, probe_address, resolve_addresses

    wanted = parse_digest_argument(compared_with) if compared_with else None
    place = parse_endpoint(endpoint)
    if wanted is not None:  # say it before knocking at doors
        get_host(open_here(context)[1].load_draft(), host or place.host)
    seen = []
    for address in resolve_addresses(place):
        context.output.progress(f"asking {address}")
        seen.append(probe_address(place, address, ca_file=ca_file, timeout_seconds=timeout))
    facts: dict[str, Any] = {"host": place.host, "port": place.port, "added_to": None}
    facts["addresses"] = [describe_observation(each) for each in seen]
    code = YES if any(each.path for each in seen) else UNKNOWN
    if wanted is not None and code == YES:
        code = add_compared(context, wanted, seen, host or place.host, PinUse(use), facts)
    context.output.answer(facts, lambda: observation_lines(str(place), seen, facts))
    if code == UNKNOWN:
        context.output.say(f"error: no address of {place} answered")
        context.output.say("hint: is it up, and reachable from this machine?")
    return code


# ------------------------------------------------------------------------------------------------------- the draft


@verb(command, "list", examples=["holdfast pin list", "holdfast pin list api.example.com --json"])
@click.argument("host", required=False)
def list_pins(context: Context, host: str | None) -> None:
    """List the pins of HOST, or of all hosts."""
    draft = open_here(context)[1].load_draft()
    hosts = draft.hosts if host is None else (get_host(draft, host),)
    headers = ("host", "list", "type", "at", "digest", "use", "from", "added")
    context.output.answer(
        {"hosts": [{"host": each.pattern, "pins": [describe_pin(pin) for pin in each.pins]} for each in hosts]},
        lambda: render_table(headers, [(each.pattern, *row) for each in hosts for row in pin_rows(each)]),
    )


@verb(
    command,
    "remove",
    examples=[
        "holdfast pin remove api.example.com old.pem --yes",
        "holdfast pin remove api.example.com 5a8f...e1 --yes",
    ],
    codes=[
        "0  removed from the draft",
        "1  no such pin",
        "2  usage, or --yes is missing",
        "3  a key, the disk or the database could not be used",
    ],
)
@click.argument("host")
@click.argument("key")
@click.option("--list", "lists", multiple=True, type=click.Choice(list(_LISTS)), help="Only from this list.")
@yes_option
def remove(context: Context, host: str, key: str, lists: tuple[str, ...], yes: bool) -> None:
    """Remove a pin of HOST: clients stop accepting (or rejecting) it with the next publication.

    KEY is the digest, or a file with the key (certificate, request, public or private key).
    """
    wanted, chosen = _read_digest(context, key), frozenset(map(PinList, lists)) or frozenset(PinList)
    _, service = open_here(context)
    found = get_host(service.load_draft(), host)
    affected = [pin for pin in found.pins if pin.digest == wanted and pin.list in chosen]
    if not affected:
        raise NotFound(f"{found.pattern} has no pin {format_digest(wanted)}", code="no-pin", hint="`holdfast pin list`")
    plan = [f"plan: {pin.list.value} pin {format_digest(pin.digest)} leaves {found.pattern}" for pin in affected]
    want_yes(context.output, plan, yes=yes)
    gone = service.remove_pins(found.pattern, wanted, chosen)
    context.output.answer(
        {"host": found.pattern, "removed": [describe_pin(pin) for pin in gone]},
        lambda: [f"{len(gone)} pin(s) leave {found.pattern} with the next `holdfast publish`."],
    )


@verb(
    command,
    "reject",
    examples=[
        "holdfast pin reject api.example.com stolen.pem --reason key-compromise --yes",
        "holdfast pin reject api.example.com 5a8f...e1 --reason key-compromise --by-scope --yes",
    ],
    codes=[
        "0  rejected with the next publication",
        "1  it is rejected already, or no such host",
        "2  usage",
        "3  a key, the disk or the database could not be used",
    ],
)
@click.argument("host")
@click.argument("key")
@click.option("--reason", required=True, help="Why, for the audit log and for clients' reports: key-compromise.")
@click.option("--by-scope", is_flag=True, help="Signed by the security team: automation cannot undo it.")
@yes_option
def reject(context: Context, host: str, key: str, reason: str, by_scope: bool, yes: bool) -> None:
    """Reject a key of HOST: clients refuse it from the next publication on, and drop live connections with it.

    KEY is the digest, or a file with the key (certificate, request, public or private key).
    """
    wanted = _read_digest(context, key)
    _, service = open_here(context)
    draft = service.load_draft()
    found = get_host(draft, host)
    pin = PinRecord(
        list=PinList.SCOPE_REJECT if by_scope else PinList.REJECT,
        type=PinType.SPKI_SHA256,
        at=Position.ANY,
        digest=wanted,
        reason=reason,
        added=read_clock().replace(microsecond=0),
    )
    max_age = open_here(context)[0].settings.channel.max_age_seconds
    blocked = f"for at most {max_age} seconds" if max_age else "for as long as he blocks (no max_age_seconds is set)"
    plan = [
        f"plan: clients refuse {format_digest(wanted)} at {found.pattern} once it is published",
        f"      whoever can block the manifest keeps the key usable for the clients he blocks, {blocked}",
    ]
    want_yes(context.output, plan, yes=yes)
    gone = service.reject_key(found.pattern, pin)
    context.output.answer(
        {"host": found.pattern, "rejected": describe_pin(pin), "removed": [describe_pin(each) for each in gone]},
        lambda: [
            f"{format_digest(wanted)} is rejected at {found.pattern} with the next `holdfast publish`.",
            *(f"  it left the {each.value} list" for each in sorted({p.list for p in gone}, key=lambda x: x.value)),
        ],
    )


def _read_digest(context: Context, key: str) -> bytes:
    return KeyReader(context.output, make_passphrases(context.output), read_clock()).read(key).spki_sha256

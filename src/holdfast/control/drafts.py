# SPDX-License-Identifier: Apache-2.0
"""Edits of a draft: pure functions from a draft to the next one. What makes no sense is refused here, at the edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from holdfast.control.model import Draft, HostRecord, PinList, PinRecord
from holdfast.core.hostname import is_ip, normalise_hostname
from holdfast.core.instant import format_instant
from holdfast.core.limits import MAX_CA_DIGESTS, MAX_HOSTS, MAX_LABEL_TEXT, MAX_PINS, MAX_REPORT_ONLY_SECONDS
from holdfast.core.pin import PinType, Position, format_digest
from holdfast.core.scope import Mode
from holdfast.errors import Conflict, InputError, NotFound, PinSyntaxError

__all__ = ["add_host", "add_pins", "change_host", "check_host", "get_host", "reject_key", "remove_pins", "retire_host"]

# Lists whose pins name CAs by their keys, whatever the caller says.
_CA_LISTS: Final = frozenset({PinList.ALLOW_CA, PinList.REQUIRE})
_REJECTS: Final = frozenset({PinList.REJECT, PinList.SCOPE_REJECT})


def get_host(draft: Draft, pattern: str) -> HostRecord:
    """Return a host by its pattern, in any spelling.

    Raises:
        NotFound: It is not protected (``no-host``).
    """
    name = normalise_hostname(pattern)
    host = draft.find(name)
    if host is None:
        known = ", ".join(each.pattern for each in draft.hosts[:8]) or "none yet"
        raise NotFound(f"{name} is not a protected host", code="no-host", hint=f"protected: {known}")
    return host


def add_host(draft: Draft, host: HostRecord, *, now: datetime) -> Draft:
    """Protect a host.

    Raises:
        Conflict: It is protected already (``host-exists``).
        InputError: See :func:`check_host`.
    """
    if draft.find(host.pattern) is not None:
        raise Conflict(
            f"{host.pattern} is protected already", code="host-exists", hint="`holdfast host set` changes it"
        )
    if len(draft.hosts) >= MAX_HOSTS:
        raise InputError(f"a channel holds at most {MAX_HOSTS} hosts", code="too-many-hosts")
    return _with_hosts(draft, [*draft.hosts, check_host(host, now=now)])


def change_host(draft: Draft, pattern: str, change: Callable[[HostRecord], HostRecord], *, now: datetime) -> Draft:
    """Replace one host by what ``change`` makes of it."""
    old = get_host(draft, pattern)
    new = check_host(change(old), now=now)
    return _with_hosts(draft, [new if host is old else host for host in draft.hosts])


def retire_host(draft: Draft, pattern: str) -> Draft:
    """Stop protecting a host."""
    old = get_host(draft, pattern)
    return _with_hosts(draft, [host for host in draft.hosts if host is not old])


def add_pins(draft: Draft, pattern: str, pins: Iterable[PinRecord], *, now: datetime) -> Draft:
    """Add pins to a host.

    Raises:
        Conflict: One stands in that list already (``pin-exists``).
    """
    return change_host(draft, pattern, lambda host: replace(host, pins=(*host.pins, *pins)), now=now)


def remove_pins(
    draft: Draft, pattern: str, digest: bytes, *, lists: frozenset[PinList], now: datetime
) -> tuple[Draft, tuple[PinRecord, ...]]:
    """Remove a digest from lists of a host.

    Returns:
        The draft, and the pins that are gone.

    Raises:
        NotFound: It stands in none of them (``no-pin``).
    """
    host = get_host(draft, pattern)
    gone = tuple(pin for pin in host.pins if pin.digest == digest and pin.list in lists)
    if not gone:
        raise NotFound(
            f"{host.pattern} has no pin {format_digest(digest)}",
            code="no-pin",
            hint=f"`holdfast pin list {host.pattern}` shows them",
        )
    kept = tuple(pin for pin in host.pins if pin not in gone)
    return change_host(draft, pattern, lambda old: replace(old, pins=kept), now=now), gone


def reject_key(draft: Draft, pattern: str, pin: PinRecord, *, now: datetime) -> tuple[Draft, tuple[PinRecord, ...]]:
    """Put a key on a reject list and take it off the lists that the same signers accept it by.

    Returns:
        The draft, and the pins that were taken off.
    """
    host = get_host(draft, pattern)
    taken_from = {PinList.ACCEPT} if pin.list is PinList.REJECT else {PinList.ACCEPT, PinList.BACKUP}
    gone = tuple(each for each in host.pins if each.digest == pin.digest and each.list in taken_from)
    kept = (*(each for each in host.pins if each not in gone), pin)
    return change_host(draft, pattern, lambda old: replace(old, pins=kept), now=now), gone


def check_host(host: HostRecord, *, now: datetime) -> HostRecord:
    """Check that a host makes sense by itself.

    Raises:
        InputError: Subdomains of an IP address (``subdomains-of-ip``); report-only without an end, or with one that is
            past or more than 90 days away (``report-only-window``); too many pins (``too-many-pins``).
        Conflict: A pin stands twice (``pin-exists``).
        PinSyntaxError: A pin that no client could use (``pin-useless``).
    """
    if host.include_subdomains and is_ip(host.pattern):
        raise InputError(f"{host.pattern} is an IP address: it has no subdomains", code="subdomains-of-ip")
    _check_until(host, now)
    seen = set()
    for pin in host.pins:
        _check_pin(host, pin)
        if pin.identity in seen:
            raise Conflict(
                f"{host.pattern} has this pin already ({pin.list.value}): {format_digest(pin.digest)}",
                code="pin-exists",
            )
        seen.add(pin.identity)
    for each in PinList:
        limit = MAX_CA_DIGESTS if each in _CA_LISTS else MAX_PINS
        if len(host.listed(each)) > limit:
            raise InputError(f"{host.pattern}: more than {limit} pins in {each.value}", code="too-many-pins")
    return host


def _check_until(host: HostRecord, now: datetime) -> None:
    if host.mode is Mode.ENFORCE:
        if host.until is not None:
            raise InputError(f"{host.pattern}: only report-only ends", code="report-only-window", hint="drop --until")
        return
    latest = now + timedelta(seconds=MAX_REPORT_ONLY_SECONDS)
    if host.until is None or not now < host.until <= latest:
        raise InputError(
            f"{host.pattern}: report-only must end within 90 days",
            code="report-only-window",
            hint=f"--until at most {format_instant(latest)}; past it the host is enforced",
        )


def _check_pin(host: HostRecord, pin: PinRecord) -> None:
    if pin.type is PinType.CERTIFICATE_SHA256 and pin.at is not Position.LEAF:
        raise PinSyntaxError(f"{host.pattern}: a certificate is pinned at the leaf only", code="pin-useless")
    if pin.list in _CA_LISTS and (pin.type, pin.at) != (PinType.SPKI_SHA256, Position.CA):
        raise PinSyntaxError(f"{host.pattern}: {pin.list.value} names CA keys", code="pin-useless")
    if len(pin.reason) > MAX_LABEL_TEXT or not pin.reason.isprintable():
        raise InputError(f"a reason is one line of at most {MAX_LABEL_TEXT} characters", code="reason-syntax")
    if pin.list in _REJECTS and pin.use is not None:
        raise PinSyntaxError(f"{host.pattern}: a rejected key has no use", code="pin-useless")


def _with_hosts(draft: Draft, hosts: Iterable[HostRecord]) -> Draft:
    return replace(draft, hosts=tuple(sorted(hosts, key=lambda host: host.pattern)))

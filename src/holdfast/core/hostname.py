# SPDX-License-Identifier: Apache-2.0
"""One spelling for every host: the name that the TLS stack verified, normalised before any look-up.

Host names are lower-case A-labels without a trailing dot; IP addresses are in their canonical text (RFC 5952 without
its mixed notation; an IPv4-mapped address is the IPv4 address that it stands for). Nothing here converts IDNA: a name
that is not ASCII is refused, because two libraries convert it to two names.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from holdfast.core.limits import MAX_HOSTNAME_LENGTH
from holdfast.errors import HostnameSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_ip", "normalise_hostname", "parent_domains", "parse_pattern"]

# No possessive quantifiers here: CPython before 3.11.5 lets what follows them match although it should not.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# What nearly all names are: in normal form already, and no number at the end, for no number begins with a letter.
_NORMAL_NAME = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]){_LABEL}")
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


def normalise_hostname(text: object) -> str:
    """Normalise a host name or an IP address.

    Args:
        text: ASCII; any case; one trailing dot and the brackets of an IPv6 address are allowed. No port, no zone.

    Returns:
        The one spelling under which pins are found.

    Raises:
        HostnameSyntaxError: Empty, too long, not ASCII, a label that is not letters, digits, hyphen and underscore,
            or a last label that is a number in anything but a canonical IPv4 address (``hostname-syntax``).

    >>> normalise_hostname("API.Example.com.")
    'api.example.com'
    >>> normalise_hostname("[2001:DB8:0:0::1]")
    '2001:db8::1'
    """
    if not isinstance(text, str) or not text.isascii() or len(text) > MAX_HOSTNAME_LENGTH + 1:
        raise HostnameSyntaxError("a host name must be ASCII text of at most 253 characters")
    if len(text) <= MAX_HOSTNAME_LENGTH and _NORMAL_NAME.fullmatch(text):
        return text
    if ":" in text:
        return _canonical_ipv6(text)
    name = text.lower().removesuffix(".")
    if len(name) > MAX_HOSTNAME_LENGTH or not _NAME.fullmatch(name):
        raise HostnameSyntaxError(f"{text!r} is not a host name", hint="write an internationalised name as A-labels")
    if _ENDS_IN_NUMBER.fullmatch(name) and not (text == name and _is_canonical_ipv4(name)):
        raise HostnameSyntaxError(f"{text!r} is neither a host name nor a canonical IPv4 address")
    return name


def parse_pattern(text: object) -> str:
    """Check that a host pattern is already in its one spelling.

    Returns:
        The pattern, unchanged.

    Raises:
        HostnameSyntaxError: It is no host, or not in normal form (``pattern-not-normalised``).
    """
    name = normalise_hostname(text)
    if name != text:
        raise HostnameSyntaxError(f"{text!r} must be written {name!r}", code="pattern-not-normalised")
    return name


def is_ip(name: str) -> bool:
    """Tell whether a *normalised* name is an IP address."""
    return ":" in name or (name[-1:].isdigit() and _is_canonical_ipv4(name))


def parent_domains(name: str) -> Iterator[str]:
    """Yield the parents of a normalised host name, nearest first; an IP address has none.

    >>> list(parent_domains("a.b.example"))
    ['b.example', 'example']
    """
    if is_ip(name):
        return
    dot = name.find(".")
    while dot >= 0:
        yield name[dot + 1 :]
        dot = name.find(".", dot + 1)


def _canonical_ipv6(text: str) -> str:
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ipaddress.IPv6Address(inner)
    except ValueError as error:
        raise HostnameSyntaxError(f"{text!r} is not an IPv6 address") from error
    if address.scope_id is not None:
        raise HostnameSyntaxError(f"{text!r} carries a zone")
    if address.ipv4_mapped is not None:
        # Both spellings reach one machine, and some platforms turn this one into the other by themselves (OkHttp).
        return str(address.ipv4_mapped)
    return address.compressed


def _is_canonical_ipv4(name: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(name)) == name
    except ValueError:
        return False

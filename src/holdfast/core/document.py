# SPDX-License-Identifier: Apache-2.0
"""What a scope and a manifest have in common: a JSON object with a format, a channel, a version, an issuing time.

Readers of single fields, each total: a value of the right type and within bounds, or a ``ManifestSyntaxError`` that
names the field. Unknown fields are ignored everywhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from holdfast.core.hostname import is_ip, parse_pattern
from holdfast.core.instant import parse_instant
from holdfast.core.limits import MAX_CA_DIGESTS, MAX_CHANNEL_LENGTH, MAX_HOSTS, MAX_INTEGER, MAX_PINS
from holdfast.core.pin import NO_PINS, PinSet, parse_digest, parse_pin
from holdfast.core.strict_json import parse_json
from holdfast.errors import FormatError, HostnameSyntaxError, ManifestSyntaxError, PinSyntaxError

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "parse_channel",
    "parse_document",
    "read_boolean",
    "read_digests",
    "read_hosts",
    "read_instant",
    "read_integer",
    "read_list",
    "read_object",
    "read_pattern",
    "read_pins",
]

_CHANNEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?/[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")

_NO_DIGESTS: Final[frozenset[bytes]] = frozenset()
_ABSENT: Final[list[Any]] = []  # never changed

JsonObject = dict[str, Any]


def parse_channel(text: object) -> str:
    """Check the name of a channel: ``<app>/<environment>``, letters, digits, dot, hyphen, underscore.

    Returns:
        The channel, unchanged; its two parts are safe as parts of a path and of a URL.

    Raises:
        FormatError: ``code`` is ``channel-syntax``.
    """
    if not isinstance(text, str) or len(text) > MAX_CHANNEL_LENGTH or not _CHANNEL.fullmatch(text) or ".." in text:
        raise FormatError(
            "a channel reads <app>/<environment>, such as com.example.bank/production", code="channel-syntax"
        )
    return text


def parse_document(data: bytes, *, form: str, max_bytes: int) -> JsonObject:
    """Parse a scope or a manifest up to its common fields.

    Args:
        data: The document.
        form: What its ``format`` must read.
        max_bytes: Its largest size.

    Returns:
        The JSON object; ``format``, ``channel``, ``version`` and ``issued`` have been checked.

    Raises:
        ManifestSyntaxError: With the ``code`` of what was wrong.
    """
    try:
        document = parse_json(data, max_bytes=max_bytes, floats=True)
    except FormatError as error:
        raise ManifestSyntaxError(error.message, code=error.code) from error
    if not isinstance(document, dict):
        raise ManifestSyntaxError("not a JSON object")
    if document.get("format") != form:
        raise ManifestSyntaxError(f"`format` must read {form}", code="format-unknown")
    try:
        parse_channel(document.get("channel"))
    except FormatError as error:
        raise ManifestSyntaxError(error.message, code=error.code) from error
    read_integer(document, "version", 1, MAX_INTEGER)
    read_instant(document, "issued")
    return document


def read_object(fields: JsonObject, name: str) -> JsonObject:
    """Read a JSON object that must be there."""
    value = fields.get(name)
    if not isinstance(value, dict):
        raise ManifestSyntaxError(f"`{name}` must be an object")
    return value


def read_integer(fields: JsonObject, name: str, low: int, high: int, default: int | None = None) -> int:
    """Read an integer within bounds; absent is the default, if there is one."""
    value = fields.get(name, default)
    if type(value) is not int or not low <= value <= high:
        raise ManifestSyntaxError(f"`{name}` must be an integer from {low} to {high}")
    return value


def read_boolean(fields: JsonObject, name: str) -> bool:
    """Read a boolean; absent is ``false``."""
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise ManifestSyntaxError(f"`{name}` must be true or false")
    return value


def read_instant(fields: JsonObject, name: str) -> datetime:
    """Read an instant that must be there."""
    try:
        return parse_instant(fields.get(name))
    except FormatError as error:
        raise ManifestSyntaxError(f"`{name}`: {error.message}", code=error.code) from error


def read_list(value: object, name: str, most: int) -> list[Any]:
    """Read a list of at most ``most`` entries."""
    if not isinstance(value, list):
        raise ManifestSyntaxError(f"`{name}` must be a list")
    if len(value) > most:
        raise ManifestSyntaxError(f"`{name}` holds more than {most}", code="too-many")
    return value


def read_hosts(document: JsonObject) -> list[JsonObject]:
    """Read the list ``hosts`` of a document: objects, at most ``MAX_HOSTS``; an empty list is allowed."""
    hosts = read_list(document.get("hosts"), "hosts", MAX_HOSTS)
    if not {dict}.issuperset(map(type, hosts)):
        raise ManifestSyntaxError("`hosts` must be a list of objects")
    return cast("list[JsonObject]", hosts)


def read_pattern(host: JsonObject) -> tuple[str, bool]:
    """Read ``pattern`` and ``include_subdomains`` of a host; subdomains of an IP address are refused."""
    try:
        pattern = parse_pattern(host.get("pattern"))
    except HostnameSyntaxError as error:
        raise ManifestSyntaxError(f"`pattern`: {error.message}", code=error.code) from error
    include_subdomains = read_boolean(host, "include_subdomains")
    if include_subdomains and is_ip(pattern):
        raise ManifestSyntaxError(f"{pattern}: an IP address has no subdomains", code="ip-with-subdomains")
    return pattern, include_subdomains


def read_pins(host: JsonObject, name: str) -> tuple[PinSet, int]:
    """Read a list of pins; absent is empty.

    Returns:
        The pins that can match, and the number of those of unknown kind, which never do.
    """
    entries = read_list(host.get(name, _ABSENT), name, MAX_PINS)
    if not entries:
        return NO_PINS, 0
    try:
        pins = PinSet(filter(None, map(parse_pin, entries)))
    except PinSyntaxError as error:
        if not all(isinstance(entry, dict) for entry in entries):
            raise ManifestSyntaxError(f"`{name}` must hold objects") from error
        raise ManifestSyntaxError(f"`{name}`: {error.message}", code=error.code) from error
    return pins, len(entries) - len(pins)


def read_digests(fields: JsonObject, name: str) -> frozenset[bytes]:
    """Read a list of SPKI digests; absent is empty."""
    entries = read_list(fields.get(name, _ABSENT), name, MAX_CA_DIGESTS)
    if not entries:
        return _NO_DIGESTS
    try:
        return frozenset(map(parse_digest, entries))
    except PinSyntaxError as error:
        raise ManifestSyntaxError(f"`{name}`: {error.message}", code=error.code) from error

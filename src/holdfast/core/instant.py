# SPDX-License-Identifier: Apache-2.0
"""Instants as they are signed: ``2026-11-23T12:00:00Z`` and no other form of it (RFC 3339, UTC, whole seconds)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from holdfast.errors import FormatError

__all__ = ["format_instant", "parse_instant"]

# Later versions of Python read more than this one: 24:00:00, for instance.
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")


def parse_instant(text: object) -> datetime:
    """Parse an instant.

    Args:
        text: Exactly ``YYYY-MM-DDTHH:MM:SSZ``, years 0001 to 9999, no leap second.

    Returns:
        An aware ``datetime`` in UTC.

    Raises:
        FormatError: ``code`` is ``instant-syntax``.

    >>> parse_instant("2026-11-23T12:00:00Z")
    datetime.datetime(2026, 11, 23, 12, 0, tzinfo=datetime.timezone.utc)
    """
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        raise FormatError("an instant must read YYYY-MM-DDTHH:MM:SSZ", code="instant-syntax")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise FormatError(f"{text} is not an instant: {error}", code="instant-syntax") from error


def format_instant(instant: datetime) -> str:
    """Format an aware ``datetime`` as it is signed; fractions of a second are cut off.

    Raises:
        FormatError: The ``datetime`` is naive (``instant-naive``), or lies outside the years 0001 to 9999 in UTC
            (``instant-syntax``).
    """
    if instant.utcoffset() is None:
        raise FormatError("an instant without a time zone", code="instant-naive")
    try:
        utc = instant.astimezone(UTC)
    except OverflowError as error:
        raise FormatError(f"{instant} is beyond what can be written", code="instant-syntax") from error
    return utc.isoformat(timespec="seconds").removesuffix("+00:00") + "Z"

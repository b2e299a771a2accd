# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON (OLPC form, as TUF uses it): the bytes that a signature covers.

Keys in code-point order, no white space, strings with only backslash and quotation mark escaped: a line feed inside a
PEM key stays a raw line feed. A client computes these bytes from *what it received*, so unknown fields are covered;
a publisher also keeps to the restricted profile of ``spec/trust.md``, within which no two implementations differ.
"""

from __future__ import annotations

from typing import Any

from holdfast.core.limits import MAX_INTEGER, MAX_JSON_DEPTH
from holdfast.errors import FormatError

__all__ = ["check_profile", "encode_canonical"]


def encode_canonical(value: Any) -> bytes:
    """Encode a JSON value canonically.

    Args:
        value: What :func:`holdfast.core.strict_json.parse_json` returns.

    Raises:
        FormatError: A float, another type, or a string that UTF-8 cannot carry (``canonical-json``).
    """
    try:
        return _encode(value).encode("utf-8")
    except (TypeError, UnicodeEncodeError, RecursionError) as error:
        raise FormatError(f"no canonical form: {error}", code="canonical-json") from error


def check_profile(value: Any, depth: int = 1) -> None:
    """Check that what a role signs keeps to the publisher's profile.

    ASCII strings in which line feed is the only control character, integers within 2^53 - 1, no floats, 15 containers
    deep: the role file around it is the sixteenth.

    Raises:
        FormatError: ``code`` is ``canonical-profile``.
    """
    if isinstance(value, list | dict) and depth >= MAX_JSON_DEPTH:
        raise FormatError("nested too deeply for a signed role", code="canonical-profile")
    match value:
        case bool() | None:
            return
        case str():
            if not all(character == "\n" or " " <= character <= "~" for character in value):
                raise FormatError(f"{value!r} is not plain ASCII", code="canonical-profile")
        case int():
            if abs(value) > MAX_INTEGER:
                raise FormatError("an integer beyond 2^53 - 1", code="canonical-profile")
        case list():
            for item in value:
                check_profile(item, depth + 1)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise FormatError(f"the key {key!r} is not a text", code="canonical-profile")
                check_profile(key, depth + 1)
                check_profile(item, depth + 1)
        case _:
            raise FormatError(f"{type(value).__name__} has no place in a signed role", code="canonical-profile")


def _encode(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return _quote(value)
    if kind is dict:
        return "{" + ",".join([f"{_quote(key)}:{_encode(value[key])}" for key in sorted(value)]) + "}"
    if kind is int:
        return str(value)
    if kind is list:
        return "[" + ",".join(map(_encode, value)) + "]"
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    raise TypeError(f"{kind.__name__} has no canonical form")


def _quote(text: str) -> str:
    if type(text) is not str:
        raise TypeError(f"the key {text!r} is not a text")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"') if "\\" in text or '"' in text else text
    return f'"{escaped}"'

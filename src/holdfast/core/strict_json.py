# SPDX-License-Identifier: Apache-2.0
"""JSON without its ambiguities: whatever two parsers could read differently is refused.

Refused: more bytes or values than allowed, anything but UTF-8 without a byte order mark, duplicate keys, ``NaN`` and
infinities, integers beyond 2^53 - 1, fractions (unless asked for), lone surrogates, more than 16 nested containers.
"""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder
from types import MappingProxyType
from typing import Any, Final, NoReturn

from holdfast.core.limits import MAX_INTEGER, MAX_JSON_DEPTH, MAX_JSON_VALUES
from holdfast.errors import FormatError

__all__ = ["parse_json"]

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_INTEGER_DIGITS: Final = len(str(MAX_INTEGER)) + 1  # and a sign
_CONTAINERS: Final = frozenset({dict, list})
_AS_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b'[]{}"'))


def parse_json(data: bytes, *, max_bytes: int, floats: bool = False) -> Any:
    """Parse one JSON document strictly.

    Args:
        data: The document, UTF-8.
        max_bytes: Upper bound of ``len(data)``.
        floats: Whether numbers with a fraction or an exponent are allowed.

    Returns:
        ``dict``, ``list``, ``str``, ``int``, ``float``, ``bool`` or ``None``; no two keys of an object are equal.

    Raises:
        FormatError: The document is refused; ``code`` is one of ``json-too-large``, ``json-encoding``,
            ``json-syntax``, ``json-duplicate-key``, ``json-number``, ``json-depth``.
    """
    if len(data) > max_bytes:
        raise FormatError(f"document of {len(data)} bytes, at most {max_bytes} are allowed", code="json-too-large")
    if len(data) > MAX_JSON_VALUES:
        _check_count(data)
    if data.startswith(_BYTE_ORDER_MARK):
        raise FormatError("a byte order mark", code="json-encoding")
    try:
        value = _DECODERS[floats].decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8 at byte {error.start}", code="json-encoding") from error
    except RecursionError as error:
        raise FormatError("nested too deeply", code="json-depth") from error
    except JSONDecodeError as error:
        raise FormatError(f"not JSON: {error}", code="json-syntax") from error
    has_escapes = b"\\" in data
    if has_escapes or not _is_shallow(data):
        _check_depth(value)
    if has_escapes and _SURROGATE_ESCAPE.search(data):
        _check_surrogates(value)
    return value


def _unique_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise FormatError("an object repeats a key", code="json-duplicate-key")
    return result


def _bounded_integer(text: str) -> int:
    # The length comes first: converting a million digits is work that an attacker would choose.
    if len(text) > _MAX_INTEGER_DIGITS or abs(value := int(text)) > MAX_INTEGER:
        raise FormatError("an integer beyond 2^53 - 1", code="json-number")
    return value


def _finite_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise FormatError("a number beyond the range of a double", code="json-number")
    return value


def _refuse_number(text: str) -> NoReturn:
    raise FormatError(f"the number {text[:32]} is not an integer", code="json-number")


# With and without fractions.
_DECODERS: Final = MappingProxyType(
    {
        floats: JSONDecoder(
            object_pairs_hook=_unique_object,
            parse_int=_bounded_integer,
            parse_float=_finite_float if floats else _refuse_number,
            parse_constant=_refuse_number,
        )
        for floats in (False, True)
    }
)


def _check_count(data: bytes) -> None:
    """Refuse a bomb of small values: an empty list takes 3 bytes here, and 64 once it is parsed."""
    if _count_separators(data) > MAX_JSON_VALUES:  # it may well be text inside strings
        without_escapes = data.replace(rb"\\", b"").replace(rb"\"", b"")
        if _count_separators(re.sub(rb'"[^"]*"', b"", without_escapes)) > MAX_JSON_VALUES:
            raise FormatError(f"a document of more than {MAX_JSON_VALUES} values", code="json-too-large")


def _count_separators(data: bytes) -> int:
    return data.count(b",") + data.count(b"[") + data.count(b"{")


def _is_shallow(data: bytes) -> bool:
    """Tell from well-formed text without escapes that it nests at most ``MAX_JSON_DEPTH`` deep; ``False``: who knows.

    Leaves nothing but brackets and quotation marks, drops the empty strings, then takes off one level of brackets at a
    time. A bracket within a string keeps the quotation mark before it from being dropped.
    """
    brackets = data.translate(_AS_BRACKETS, _NO_BRACKETS).replace(b'""', b"")
    depth = 0
    while brackets and depth < MAX_JSON_DEPTH:
        brackets = brackets.replace(b"[]", b"")
        depth += 1
    return not brackets


def _check_depth(value: object) -> None:
    """Refuse more than ``MAX_JSON_DEPTH`` nested containers, level by level and so without recursion."""
    depth = 0
    level: list[Any] = [value] if type(value) in _CONTAINERS else []
    while level:
        depth += 1
        if depth > MAX_JSON_DEPTH:
            raise FormatError(f"more than {MAX_JSON_DEPTH} nested containers", code="json-depth")
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) in _CONTAINERS
        ]


def _check_surrogates(value: object) -> None:
    """Refuse strings that no UTF-8 can carry; only called when the text has such an escape at all."""
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            if _SURROGATE.search(node):
                raise FormatError("a string with a lone surrogate", code="json-encoding")
        elif isinstance(node, dict):
            pending += node
            pending += node.values()
        elif isinstance(node, list):
            pending += node

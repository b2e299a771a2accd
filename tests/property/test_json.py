# SPDX-License-Identifier: Apache-2.0
"""Strict JSON against a naive reader: it refuses what is ambiguous, and reads the rest like everybody else."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.strict_json import parse_json
from holdfast.errors import FormatError
from tests.property.strategies import as_octets, damaged, json_values
from tests.property.totality import attempt


def is_ambiguous(data: bytes, *, floats: bool) -> bool:
    """Judge a document the slow way: everything is kept as it was written."""

    class Odd(Exception):
        pass

    def number(text: str) -> float:
        value = float(text)
        if not floats or value in (float("inf"), float("-inf")):
            raise Odd
        return value

    def integer(text: str) -> int:
        if abs(int(text)) >= 2**53:
            raise Odd
        return int(text)

    def constant(_: str) -> None:
        raise Odd

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in found}) < len(found):
            raise Odd
        return dict(found)

    def depth(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    try:
        value = json.loads(
            data.decode(), parse_float=number, parse_int=integer, parse_constant=constant, object_pairs_hook=pairs
        )
        json.dumps(value, ensure_ascii=False).encode()
    except (Odd, ValueError):
        return True
    return depth(value) > 16


@given(
    st.one_of(st.binary(max_size=40), st.text(alphabet='[]{}":,\\u0d8 truenfalse1.-eE\n', max_size=40).map(str.encode))
)
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    for floats in (False, True):
        value, error = attempt(partial(parse_json, max_bytes=100, floats=floats), data, raises=FormatError)
        assert is_ambiguous(data, floats=floats) is (error is not None)
        if error is None:
            assert value == json.loads(data)
        else:
            assert error.code.startswith("json-")


@given(json_values)
def test_any_value_is_read_as_it_is_or_refused(value: Any) -> None:
    for data in (as_octets(value), json.dumps(value, indent=1).encode()):
        read, error = attempt(partial(parse_json, max_bytes=len(data), floats=True), data, raises=FormatError)
        assert is_ambiguous(data, floats=True) is (error is not None)
        assert error is not None or read == value


@given(json_values.flatmap(lambda value: damaged(as_octets(value))))
def test_a_damaged_document_is_read_or_refused(data: bytes) -> None:
    _, error = attempt(partial(parse_json, max_bytes=10_000), data, raises=FormatError)
    assert is_ambiguous(data, floats=False) is (error is not None)


containers = st.sampled_from(
    ["[", '{"a":', '["]",', '{"}":1,"b":', '[["[[["],', '["\\"]\\"",', '["\\\\",', '[{"":[]},']
)


@given(st.lists(containers, max_size=24), st.sampled_from(["1", '"]]]"', '"\\""', "[]", '"["']))
def test_depth_is_counted_whatever_stands_in_strings(opened: list[str], innermost: str) -> None:
    text = "".join(opened) + innermost + "".join("}" if one[0] == "{" else "]" for one in reversed(opened))
    depth = len(opened) + (innermost == "[]")
    # A sibling of the next container may reach one or two levels deeper than its parent.
    for index, one in enumerate(opened):
        depth = max(depth, index + 1 + {'[["[[["],': 1, '[{"":[]},': 2}.get(one, 0))
    if depth <= 16:
        parse_json(text.encode(), max_bytes=10_000)
    else:
        with pytest.raises(FormatError) as caught:
            parse_json(text.encode(), max_bytes=10_000)
        assert caught.value.code == "json-depth"

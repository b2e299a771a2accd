# SPDX-License-Identifier: Apache-2.0
"""``holdfast.trust.canonical_json``: the octets that a signature covers, and what a publisher keeps to."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Any

import pytest

from holdfast.core.limits import MAX_INTEGER
from holdfast.errors import FormatError
from holdfast.trust.canonical_json import check_profile, encode_canonical


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        ({}, b"{}"),
        ([], b"[]"),
        ([None, True, False, 0, -7, "x"], b'[null,true,false,0,-7,"x"]'),
        ({"b": 1, "a": {"d": [], "c": ""}}, b'{"a":{"c":"","d":[]},"b":1}'),
        ("line\nfeed\ttab\x00null/slash", b'"line\nfeed\ttab\x00null/slash"'),
        ('"quoted" \\ back', b'"\\"quoted\\" \\\\ back"'),
        ("\\n", b'"\\\\n"'),
        ("é😀", '"é😀"'.encode()),
        # UTF-16 would put the second one first.
        ({"\U0001f600": 1, "\uff5e": 2}, '{"\uff5e":2,"\U0001f600":1}'.encode()),
        ({'"': 1, "\\": 2, "a\n": 3}, b'{"\\"":1,"\\\\":2,"a\n":3}'),
        (2**53 - 1, b"9007199254740991"),
    ],
)
def test_each_value_has_one_form(value: Any, octets: bytes) -> None:
    assert encode_canonical(value) == octets


class Colour(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        1.0, float("nan"), [0.5], {"a": 1e9}, b"x", {1: "a"}, {None: 1}, {"a": {True: 1}}, {"a": 1, 2: 3}, ("a",),
        {"a"}, object(), Colour.RED, {"a": Colour.RED}, "\ud800", {"\udfff": 1},
    ],
)  # fmt: skip
def test_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(FormatError) as caught:
        encode_canonical(value)
    assert caught.value.code == "canonical-json"


def test_endless_nesting_is_an_error_like_any_other() -> None:
    deep: list[Any] = []
    for _ in range(sys.getrecursionlimit() * 2):
        deep = [deep]
    with pytest.raises(FormatError) as caught:
        encode_canonical(deep)
    assert caught.value.code == "canonical-json"


def lists(depth: int) -> Any:
    return [lists(depth - 1)] if depth > 1 else []


@pytest.mark.parametrize(
    "value",
    [{"a": [1, None, True, "x\ny ~"]}, "", MAX_INTEGER, -MAX_INTEGER, lists(15), {"k\n": {}}],
)
def test_what_a_publisher_may_sign(value: Any) -> None:
    check_profile(value)


@pytest.mark.parametrize(
    "value",
    [
        "é", "\t", "\x7f", "\r\n", {"é": 1}, {"a": ["\x00"]}, MAX_INTEGER + 1, -MAX_INTEGER - 1, 1.0, [0.5], b"x",
        ("a",), {1: 2}, {None: 2}, {("a",): 1}, object(), lists(16), {"a": lists(15)}, [{"a": lists(14)}],
    ],
)  # fmt: skip
def test_what_a_publisher_may_not_sign(value: Any) -> None:
    with pytest.raises(FormatError) as caught:
        check_profile(value)
    assert caught.value.code == "canonical-profile"

# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON of what is odd, and the profile that keeps a publisher from it."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.core.limits import MAX_INTEGER, MAX_JSON_DEPTH
from holdfast.errors import FormatError
from holdfast.trust.canonical_json import check_profile, encode_canonical


def test_strings_stand_as_they_are_but_for_two_characters() -> None:
    assert encode_canonical('\n\t\x00\u00e9"\\') == '"\n\t\x00\u00e9\\"\\\\"'.encode()


def test_keys_come_in_the_order_of_their_code_points() -> None:
    assert encode_canonical({"\U0001f600": 1, "\uffff": 2, "b": [True, None, -1], "B": {}}) == (
        '{"B":{},"b":[true,null,-1],"\uffff":2,"\U0001f600":1}'.encode()
    )


@pytest.mark.parametrize("value", [1.5, b"", (), {1: 2}, object(), {"a": {2.0}}, "\ud800", {"\udfff": 1}])
def test_what_json_cannot_say_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(FormatError) as caught:
        encode_canonical(value)
    assert caught.value.code == "canonical-json"


def test_depth_has_an_end() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(FormatError):
        encode_canonical(value)


def nested(containers: int) -> Any:
    value: Any = 1
    for number in range(containers):
        value = [value] if number % 2 else {"a": value}
    return value


@pytest.mark.parametrize(
    "value", [MAX_INTEGER, -MAX_INTEGER, True, None, "a\n~ ", {"a": [1]}, nested(MAX_JSON_DEPTH - 1)], ids=str
)
def test_the_profile_takes_what_no_two_implementations_differ_in(value: Any) -> None:
    check_profile(value)


@pytest.mark.parametrize(
    "value",
    [
        MAX_INTEGER + 1,
        -MAX_INTEGER - 1,
        1.0,
        "\t",
        "\x7f",
        "\u00e9",
        {"\u00e9": 1},
        {1: 1},
        [1.0],
        nested(MAX_JSON_DEPTH),
    ],
    ids=str,
)
def test_the_profile_refuses_the_rest(value: Any) -> None:
    with pytest.raises(FormatError) as caught:
        check_profile(value)
    assert caught.value.code == "canonical-profile"

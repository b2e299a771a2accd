# SPDX-License-Identifier: Apache-2.0
"""``holdfast.core.strict_json``: each ambiguity is refused with its own code, and nothing else is."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from holdfast.core import strict_json
from holdfast.core.limits import MAX_JSON_VALUES
from holdfast.core.strict_json import parse_json
from holdfast.errors import FormatError


def refusal(data: bytes, *, max_bytes: int = 1_000_000, floats: bool = False) -> str:
    with pytest.raises(FormatError) as caught:
        parse_json(data, max_bytes=max_bytes, floats=floats)
    return caught.value.code


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{}", {}),
        (b" [1, -2, true, false, null]\n", [1, -2, True, False, None]),
        (b'{"a": {"b": ["c"]}, "A": "\xc3\xa9"}', {"a": {"b": ["c"]}, "A": "é"}),
        (b'"\\u00e9\\ud83d\\ude00\\n\\/"', "é😀\n/"),
        (b"9007199254740991", 2**53 - 1),
        (b"-9007199254740991", -(2**53 - 1)),
        (b"-0", 0),
    ],
)
def test_what_is_unambiguous_is_read(data: bytes, value: Any) -> None:
    assert parse_json(data, max_bytes=len(data)) == value


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "json-syntax"),
        (b"{} {}", "json-syntax"),
        (b"{'a': 1}", "json-syntax"),
        (b"[1,]", "json-syntax"),
        (b"[01]", "json-syntax"),
        (b'"\n"', "json-syntax"),
        (b"\x0b{}", "json-syntax"),
        (b'"\\u12"', "json-syntax"),
        (b"\xef\xbb\xbf{}", "json-encoding"),
        (b'"\xff"', "json-encoding"),
        (b'"\xc0\x80"', "json-encoding"),
        (b'"\xed\xa0\x80"', "json-encoding"),
        (b'"\\ud800"', "json-encoding"),
        (b'"\\uDFFF"', "json-encoding"),
        (b'"\\ude00\\ud83d"', "json-encoding"),
        (b'[{"a": "\\ud800"}]', "json-encoding"),
        (b'{"\\udc00": 1}', "json-encoding"),
        (b'{"a": 1, "a": 1}', "json-duplicate-key"),
        (b'{"a": 1, "\\u0061": 2}', "json-duplicate-key"),
        (b'[{"x": {"a": [], "b": 1, "a": []}}]', "json-duplicate-key"),
        (b"9007199254740992", "json-number"),
        (b"-9007199254740992", "json-number"),
        (b"1" + b"0" * 100_000, "json-number"),
        (b"1.0", "json-number"),
        (b"1e2", "json-number"),
        (b"NaN", "json-number"),
        (b"[-Infinity]", "json-number"),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(data: bytes, code: str) -> None:
    assert refusal(data) == code


def test_an_escaped_surrogate_beside_a_pair_does_not_hide() -> None:
    assert parse_json(b'["\\ud83d\\ude00", "\\\\ud800"]', max_bytes=100) == ["😀", "\\ud800"]
    assert refusal(b'["\\ud83d\\ude00", "\\ud83d"]') == "json-encoding"


def test_fractions_only_where_they_are_asked_for() -> None:
    assert parse_json(b"[0.5, 1e2, -0.0, 3]", max_bytes=100, floats=True) == [0.5, 100.0, 0.0, 3]
    for overflow in (b"1e400", b"-1e400"):
        assert refusal(overflow, floats=True) == "json-number"
    assert refusal(b"NaN", floats=True) == "json-number"
    assert refusal(b"Infinity", floats=True) == "json-number"


def test_the_bound_on_bytes_is_inclusive() -> None:
    assert parse_json(b'"ab"', max_bytes=4) == "ab"
    assert refusal(b'"abc"', max_bytes=4) == "json-too-large"


def nested(depth: int, inner: bytes = b"") -> bytes:
    return b'[{"a":' * (depth // 2) + b"[" * (depth % 2) + inner + b"]" * (depth % 2) + b"}]" * (depth // 2)


@pytest.mark.parametrize("inner", [b'""', b'"["', b'"]}"', b'"\\n"', b'"\\"[[["'])
def test_sixteen_containers_and_no_more(inner: bytes) -> None:
    for depth in (15, 16):
        parse_json(nested(depth, inner), max_bytes=1000)
    for depth in (17, 18, 100):
        assert refusal(nested(depth, inner)) == "json-depth"


def test_brackets_in_strings_are_no_containers() -> None:
    opened = b'["' + b"[" * 40 + b'", "' + b"{" * 40 + b'"]'
    assert parse_json(opened, max_bytes=1000) == ["[" * 40, "{" * 40]


def test_brackets_in_strings_hide_no_containers() -> None:
    # Each closing bracket within a string would take one level off a count that did not know strings.
    deep = b'["]",' * 30 + b'"x"' + b"]" * 30
    assert refusal(deep) == "json-depth"
    escaped = b'["\\"]\\"",' * 30 + b'"x"' + b"]" * 30
    assert refusal(escaped) == "json-depth"


def test_a_depth_bomb_costs_an_error_and_no_stack() -> None:
    assert refusal(b"[" * 400_000) == "json-depth"
    assert refusal(b'{"a":' * 100_000) == "json-depth"


def test_near_the_end_of_the_stack_it_is_still_the_same_error() -> None:
    caught: list[str] = []

    def dive(left: int) -> None:
        if left:
            dive(left - 1)
        else:
            caught.append(refusal(b"[" * 400 + b"]" * 400))

    thread = threading.Thread(target=dive, args=(sys.getrecursionlimit() // 2,))
    thread.start()
    thread.join()
    assert caught == ["json-depth"]


def test_a_bomb_of_small_values_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "_DECODERS", {})  # parsing would be a KeyError
    bomb = b"[" + b"[]," * (MAX_JSON_VALUES // 2) + b"[]]"
    assert refusal(bomb, max_bytes=len(bomb)) == "json-too-large"


def test_as_many_values_as_allowed_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "MAX_JSON_VALUES", 10)
    assert parse_json(b"[1,2,3,4,5,6,7,8,9,0]", max_bytes=100) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    assert refusal(b"[1,2,3,4,5,6,7,8,9,0,1]") == "json-too-large"
    assert refusal(b"[[{},{}],[[],[]],[]]") == "json-too-large"
    # What stands inside strings does not count, escapes or not.
    text = b'["' + b",[{" * 20 + b'\\"' + b"," * 20 + b'\\\\", 1]'
    assert parse_json(text, max_bytes=1000) == [",[{" * 20 + '"' + "," * 20 + "\\", 1]
    assert refusal(b'["' + b",[{" * 20 + b'\\\\",1,2,3,4,5,6,7,8,9,0]') == "json-too-large"


def test_documents_as_large_as_ours_ever_are_pass_the_bound_on_values() -> None:
    pin = b'{"type":"spki-sha256","at":"leaf","digest":"' + b"A" * 43 + b'=","use":"current"},'
    count = 8 * 1024 * 1024 // len(pin)
    assert pin.count(b",") * count + count < MAX_JSON_VALUES

# SPDX-License-Identifier: Apache-2.0
"""``spec/forms.md``: strict JSON, instants, digests, channels."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Final

from vectors.making.case import Case, Table, octets, recipe, text

ZEROS: Final = b64encode(bytes(32)).decode()
ONES: Final = b64encode(b"\xff" * 32).decode()
CANARY: Final = b64encode(hashlib.sha256(b"holdfast canary v1").digest()).decode()


def cases() -> list[Case]:
    """All cases of the chapter."""
    return [*_json(), *_instants(), *_digests(), *_channels()]


def _json() -> list[Case]:
    table = Table("json")

    def accept(name: str, musts: str, comment: str, source: dict[str, object], value: object, **more: object) -> None:
        table.accept(name, musts, comment, source | more, value=value)

    def refuse(name: str, musts: str, comment: str, source: dict[str, object], code: str, **more: object) -> None:
        table.refuse(name, musts, comment, source | more, code, "FormatError")

    accept("size-equal", "FRM-1", "exactly as many octets as allowed", text("[1,2,3]"), [1, 2, 3], max_bytes=7)
    refuse("size-more", "FRM-1", "one octet more than allowed", text("[1,2,3] "), "json-too-large", max_bytes=7)
    bomb = recipe('["', ("a", 2_000_000), '"]')
    refuse("size-bomb", "FRM-1", "two million octets where a mebibyte is allowed", bomb, "json-too-large")

    many = recipe("[0", (",0", 499_999), "]")  # 500,000 of them, with the bracket
    table.accept("values-most", "FRM-13", "500,000 values", many | {"max_bytes": 2_000_000}, length=500_000)
    more = recipe("[0", (",0", 500_000), "]")
    refuse("values-more", "FRM-13", "500,001 values", more, "json-too-large", max_bytes=2_000_000)
    empty = recipe("[[]", (",[]", 400_000), "]")
    refuse(
        "values-empty",
        "FRM-13",
        "400,000 empty arrays: commas and brackets count",
        empty,
        "json-too-large",
        max_bytes=2_000_000,
    )
    inside = recipe('["', (",", 600_000), '"]')
    table.accept(
        "values-in-string", "FRM-13", "commas inside a string are text", inside | {"max_bytes": 2_000_000}, length=1
    )
    quoted = recipe(r'["\\\"', (",[{", 300_000), r'\""]')
    table.accept(
        "values-in-escaped-string",
        "FRM-13",
        "an escaped quotation mark does not end it",
        quoted | {"max_bytes": 2_000_000},
        length=1,
    )

    accept("utf-8", "FRM-2", "UTF-8 beyond the BMP", octets('"\u00e9\U0001f600"'.encode()), "\u00e9\U0001f600")
    refuse("bom", "FRM-2", "a byte order mark", octets(b"\xef\xbb\xbf{}"), "json-encoding")
    refuse("latin-1", "FRM-2", "an octet that is not UTF-8", octets(b'"\xe9"'), "json-encoding")
    refuse("utf-16", "FRM-2", "UTF-16", octets("{}".encode("utf-16")), "json-encoding")
    refuse("overlong", "FRM-2", "an overlong form of /", octets(b'"\xc0\xaf"'), "json-encoding")
    refuse("encoded-surrogate", "FRM-2", "a surrogate in UTF-8 (CESU-8)", octets(b'"\xed\xa0\x80"'), "json-encoding")

    accept("whitespace", "FRM-3", "JSON whitespace around the value", text(" \t\r\n{ } \n"), {})
    accept("scalar", "FRM-3", "a scalar is a document", text("null"), None)
    for name, source in {
        "empty": "",
        "blank": " \n",
        "two-values": "{} {}",
        "trailing-comma": "[1,]",
        "trailing-member-comma": '{"a":1,}',
        "comment": "[1] // one",
        "single-quotes": "['a']",
        "leading-zero": "[01]",
        "leading-plus": "[+1]",
        "hexadecimal": "[0x10]",
        "bare-key": "{a:1}",
        "raw-line-feed": '"a\nb"',
        "raw-tab": '"a\tb"',
        "raw-nul": '"a\x00b"',
        "bad-escape": '"\\x41"',
        "short-escape": '"\\u12"',
        "upper-case-literal": "[True]",
        "form-feed": "[1]\f",
        "html": "<!DOCTYPE html><title>Welcome to our Wi-Fi</title>",
        "unclosed": '{"a":[1,2',
    }.items():
        refuse(f"syntax-{name}", "FRM-3", f"not RFC 8259: {name.replace('-', ' ')}", text(source), "json-syntax")

    accept(
        "same-key-apart",
        "FRM-4",
        "one name in two objects",
        text('{"a":{"a":1},"b":{"a":2}}'),
        {"a": {"a": 1}, "b": {"a": 2}},
    )
    accept("keys-differ-in-case", "FRM-4", "names are compared octet by octet", text('{"a":1,"A":2}'), {"a": 1, "A": 2})
    for name, source in {
        "plain": '{"a":1,"a":2}',
        "equal-values": '{"a":1,"b":0,"a":1}',
        "escaped": '{"a":1,"\\u0061":2}',
        "deep": '[{"x":{"a":null,"a":null}}]',
        "empty-name": '{"":1,"":2}',
    }.items():
        refuse(f"duplicate-{name}", "FRM-4", "an object names a member twice", text(source), "json-duplicate-key")

    deep: object = 0
    for _ in range(16):
        deep = [deep]
    accept("depth-16", "FRM-5", "16 containers are allowed", text("[" * 16 + "0" + "]" * 16), deep)
    refuse("depth-17", "FRM-5", "17 containers are not", text("[" * 17 + "0" + "]" * 17), "json-depth")
    refuse("depth-17-empty", "FRM-5", "[] has depth 1", text("[" * 17 + "]" * 17), "json-depth")
    refuse("depth-17-objects", "FRM-5", "objects count too", text('{"a":' * 17 + "0" + "}" * 17), "json-depth")
    bomb = recipe(("[", 500_000), ("]", 500_000))
    refuse("depth-bomb", "FRM-5", "half a million containers within the size bound", bomb, "json-depth")
    bomb = recipe(('{"a":', 150_000), "0", ("}", 150_000))
    refuse("depth-bomb-objects", "FRM-5", "the same with objects", bomb, "json-depth")

    accept("integer-largest", "FRM-6", "2^53 - 1", text("[9007199254740991]"), [9007199254740991])
    accept("integer-smallest", "FRM-6", "-(2^53 - 1)", text("[-9007199254740991]"), [-9007199254740991])
    accept("integer-minus-zero", "FRM-6", "-0 is an integer, and 0", text("[-0]"), [0])
    for name, source in {
        "too-large": "[9007199254740992]",
        "too-small": "[-9007199254740992]",
        "huge": "[" + "9" * 400 + "]",
        "fraction": "[1.5]",
        "whole-fraction": "[1.0]",
        "exponent": "[1e2]",
        "nan": "[NaN]",
        "infinity": "[Infinity]",
        "minus-infinity": "[-Infinity]",
    }.items():
        refuse(f"number-{name}", "FRM-6", "not an integer within 2^53 - 1", text(source), "json-number")
    bomb = recipe("[", ("9", 500_000), "]")
    refuse("number-bomb", "FRM-6", "half a million digits, refused without computing them", bomb, "json-number")
    accept(
        "fraction-in-scope",
        "FRM-6",
        "a scope may hold fractions",
        text('{"sample":0.25}'),
        {"sample": 0.25},
        fractions=True,
    )
    accept("exponent-in-scope", "FRM-6", "and exponents", text('{"sample":25e-2}'), {"sample": 0.25}, fractions=True)
    refuse("overflow-in-scope", "FRM-6", "a double that overflows", text("[1e400]"), "json-number", fractions=True)
    refuse("nan-in-scope", "FRM-6", "NaN is no number anywhere", text("[NaN]"), "json-number", fractions=True)
    refuse(
        "integer-in-scope", "FRM-6", "integers stay bounded", text("[9007199254740992]"), "json-number", fractions=True
    )

    accept("surrogate-pair", "FRM-7", "a pair of surrogates is one character", text('"\\ud83d\\ude00"'), "\U0001f600")
    accept("escaped-bmp", "FRM-7", "an escape next to the surrogates", text('"\\ud7ff\\ue000"'), "\ud7ff\ue000")
    for name, source in {
        "high": '"\\ud83d"',
        "low": '"\\ude00"',
        "reversed": '"\\ude00\\ud83d"',
        "in-key": '{"\\uD83D":1}',
        "deep": '[[{"a":["\\udfff"]}]]',
        "high-then-text": '"\\ud83dx"',
    }.items():
        refuse(f"surrogate-{name}", "FRM-7", "a surrogate without its partner", text(source), "json-encoding")
    return table.cases


def _instants() -> list[Case]:
    table = Table("instant")
    for value, seconds, comment in (
        ("2026-11-23T12:00:00Z", 1795435200, "an instant"),
        ("1970-01-01T00:00:00Z", 0, "the epoch"),
        ("2024-02-29T23:59:59Z", 1709251199, "a leap day"),
        ("2000-02-29T00:00:00Z", 951782400, "2000 was a leap year"),
        ("0001-01-01T00:00:00Z", -62135596800, "the first"),
        ("9999-12-31T23:59:59Z", 253402300799, "the last"),
    ):
        table.accept(value, "FRM-10", comment, {"text": value}, unix_seconds=seconds)
    for name, value in {
        "fraction": "2026-11-23T12:00:00.0Z",
        "offset": "2026-11-23T12:00:00+00:00",
        "no-zone": "2026-11-23T12:00:00",
        "lower-case-t": "2026-11-23t12:00:00Z",
        "lower-case-z": "2026-11-23T12:00:00z",
        "space": "2026-11-23 12:00:00Z",
        "short-month": "2026-1-23T12:00:00Z",
        "no-seconds": "2026-11-23T12:00Z",
        "compact": "20261123T120000Z",
        "leap-second": "2016-12-31T23:59:60Z",
        "hour-24": "2026-11-23T24:00:00Z",
        "minute-60": "2026-11-23T12:60:00Z",
        "month-13": "2026-13-01T00:00:00Z",
        "month-0": "2026-00-01T00:00:00Z",
        "day-0": "2026-11-00T00:00:00Z",
        "november-31": "2026-11-31T00:00:00Z",
        "no-leap-day": "2026-02-29T00:00:00Z",
        "century-leap-day": "2100-02-29T00:00:00Z",
        "year-0": "0000-01-01T00:00:00Z",
        "five-digit-year": "12026-11-23T12:00:00Z",
        "arabic-digits": "\u0662\u0660\u0662\u0666-11-23T12:00:00Z",
        "leading-space": " 2026-11-23T12:00:00Z",
        "trailing-line-feed": "2026-11-23T12:00:00Z\n",
        "week-date": "2026-W48-1T12:00:00Z",
        "sign": "+026-11-23T12:00:00Z",
        "empty": "",
    }.items():
        table.refuse(
            name,
            "FRM-10",
            f"not the one form: {name.replace('-', ' ')}",
            {"text": value},
            "instant-syntax",
            "FormatError",
        )
    return table.cases


def _digests() -> list[Case]:
    table = Table("digest")
    table.accept("zeros", "FRM-11", "32 octets of zero", {"text": ZEROS}, hex="00" * 32)
    table.accept(
        "ones", "FRM-11", "32 octets of ff: the last character still has two zero bits", {"text": ONES}, hex="ff" * 32
    )
    hexadecimal = hashlib.sha256(b"holdfast canary v1").hexdigest()
    table.accept("canary", "FRM-11", "SHA-256 of 'holdfast canary v1'", {"text": CANARY}, hex=hexadecimal)
    for name, value in {
        "unused-bits": ZEROS[:42] + "B=",
        "unused-bits-of-ones": ONES[:42] + "9=",
        "url-alphabet": ONES.replace("/", "_"),
        "no-padding": ZEROS[:43],
        "two-paddings": ZEROS[:42] + "==",
        "31-octets": b64encode(bytes(31)).decode(),
        "33-octets": b64encode(bytes(33)).decode(),
        "48-octets": b64encode(bytes(48)).decode(),
        "leading-space": " " + ZEROS,
        "inner-line-feed": ZEROS[:20] + "\n" + ZEROS[20:],
        "inner-space-same-length": ZEROS[:20] + " " + ZEROS[21:],
        "trailing-line-feed": ZEROS + "\n",
        "prefix": "sha256/" + ZEROS,
        "hexadecimal": "00" * 22,
        "full-width": "\uff21" * 43 + "=",
        "four-spaces": ZEROS[:20] + "    " + ZEROS[24:],
        "four-line-feeds": ZEROS[:20] + "\n\n\n\n" + ZEROS[24:],
        "four-url-characters": ZEROS[:20] + "-_-_" + ZEROS[24:],
        "padding-inside": ZEROS[:20] + "=" + ZEROS[21:],
        "empty": "",
    }.items():
        table.refuse(
            name,
            "FRM-11",
            f"not canonical base64 of 32 octets: {name.replace('-', ' ')}",
            {"text": value},
            "digest-syntax",
            "PinSyntaxError",
        )
    return table.cases


def _channels() -> list[Case]:
    table = Table("channel")
    for value in ("com.example.bank/production", "a/b", "0/9", "A_b-c.d/E", "a" * 64 + "/" + "b" * 63):
        table.accept(
            value if len(value) < 64 else "longest", "FRM-12", "<app>/<environment>", {"text": value}, channel=value
        )
    for name, value in {
        "no-slash": "com.example.bank",
        "two-slashes": "com/example/bank",
        "empty-app": "/production",
        "empty-environment": "com.example.bank/",
        "dots": "../production",
        "inner-dots": "a..b/production",
        "leading-dot": ".bank/production",
        "trailing-dot": "bank./production",
        "leading-hyphen": "-bank/production",
        "space": "com.example bank/production",
        "percent": "com%2eexample/production",
        "non-ascii": "b\u00e4nk/production",
        "line-feed": "bank/production\n",
        "too-long": "a" * 64 + "/" + "b" * 64,
        "empty": "",
    }.items():
        table.refuse(
            name, "FRM-12", f"no channel: {name.replace('-', ' ')}", {"text": value}, "channel-syntax", "FormatError"
        )
    return table.cases

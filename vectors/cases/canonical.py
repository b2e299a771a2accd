# SPDX-License-Identifier: Apache-2.0
"""``spec/trust.md``: canonical JSON, the publisher's profile, paths of delegations."""

from __future__ import annotations

from vectors.making.case import Case, Table, text


def cases() -> list[Case]:
    """All cases of the part."""
    return [*_canonical(), *_profile(), *_paths()]


def _canonical() -> list[Case]:
    table = Table("canonical")

    def accept(name: str, musts: str, comment: str, source: str, form: str) -> None:
        table.accept(name, musts, comment, text(source), octets=text(form))

    accept("key-order", "TRU-5", "members in the order of their keys", '{"b":1,"a":2,"C":3}', '{"C":3,"a":2,"b":1}')
    accept(
        "key-order-prefix",
        "TRU-5",
        "a prefix comes first",
        '{"ab":1,"a":2,"a b":3,"":4}',
        '{"":4,"a":2,"a b":3,"ab":1}',
    )
    accept(
        "key-order-code-points",
        "TRU-5",
        "U+FF5E before U+1F600: UTF-16 has them the other way round",
        '{"\\ud83d\\ude00":1,"\\uff5e":2}',
        '{"\uff5e":2,"\U0001f600":1}',
    )
    accept(
        "key-order-deep",
        "TRU-5",
        "at every depth, and never in arrays",
        '[{"z":[2,1],"y":{}},{"b":0,"a":0}]',
        '[{"y":{},"z":[2,1]},{"a":0,"b":0}]',
    )
    accept(
        "key-escapes",
        "TRU-5 TRU-6",
        "keys are compared after their escapes are resolved",
        '{"\\u0062":1,"a":2,"\\"":3}',
        '{"\\"":3,"a":2,"b":1}',
    )
    accept(
        "line-feed",
        "TRU-6",
        "a line feed stays the octet 0A (JCS writes an escape)",
        '{"pem":"-----BEGIN\\nAAAA\\n"}',
        '{"pem":"-----BEGIN\nAAAA\n"}',
    )
    accept(
        "controls",
        "TRU-6",
        "every control character stays itself",
        '"\\u0000\\u0001\\b\\t\\r\\f\\u001f\\u007f"',
        '"\x00\x01\b\t\r\f\x1f\x7f"',
    )
    accept("solidus", "TRU-6", "a solidus is never escaped", '["a\\/b","a/b"]', '["a/b","a/b"]')
    accept(
        "quote-and-backslash",
        "TRU-6",
        "these two are, by one backslash",
        '"a\\"b\\\\c\\u0022\\u005c"',
        '"a\\"b\\\\c\\"\\\\"',
    )
    accept("backslash-n", "TRU-6", "a backslash before an n is no line feed", '"a\\\\nb"', '"a\\\\nb"')
    accept("non-ascii", "TRU-6", "UTF-8, no escapes", '"\\u00e9\\u2028\\ud83d\\ude00"', '"\u00e9\u2028\U0001f600"')
    accept("no-normalisation", "TRU-6", "e and a combining accent stay two characters", '"e\\u0301"', '"e\u0301"')
    accept(
        "integers", "TRU-7", "shortest decimal form", "[0,-0,10,-5,9007199254740991]", "[0,0,10,-5,9007199254740991]"
    )
    accept(
        "literals",
        "TRU-7",
        "literals, and no white space",
        '{ "a" : [ true , false , null ] , "e" : [ ] , "o" : { } }',
        '{"a":[true,false,null],"e":[],"o":{}}',
    )
    for name, source in {"fraction": "[1.5]", "whole-fraction": "[1.0]", "exponent": "[1e3]"}.items():
        table.refuse(
            name,
            "TRU-7",
            "a number with fraction or exponent has no canonical form",
            text(source),
            "canonical-json",
            "FormatError",
        )
    return table.cases


def _profile() -> list[Case]:
    table = Table("profile")

    def refuse(name: str, comment: str, source: str) -> None:
        table.refuse(name, "TRU-8", comment, text(source), "canonical-profile", "FormatError")

    table.accept(
        "plain",
        "TRU-8",
        "ASCII and line feed",
        text('{"a":["~ !\\n",0,-1,9007199254740991,-9007199254740991,true,null,{}]}'),
        ok=True,
    )
    table.accept(
        "depth-15", "TRU-8", "15 containers: the file is the sixteenth", text("[" * 15 + "0" + "]" * 15), ok=True
    )
    refuse("depth-16", "16 containers", "[" * 16 + "0" + "]" * 16)
    refuse("depth-16-empty", "16 containers, the last one empty", '{"a":' + "[" * 15 + "]" * 15 + "}")
    refuse("tab", "a tab", '"a\\tb"')
    refuse("carriage-return", "a carriage return", '"a\\rb"')
    refuse("delete", "a DEL", '"\\u007f"')
    refuse("non-ascii", "a letter beyond ASCII", '["\\u00e9"]')
    refuse("non-ascii-key", "in a key", '{"\\u00e9":1}')
    refuse("fraction", "a fraction", "[0.5]")
    refuse("large", "an integer beyond 2^53 - 1", "[9007199254740992]")
    return table.cases


def _paths() -> list[Case]:
    table = Table("delegation-path")
    for pattern, path, musts in (
        ("manifest.json", "manifest.json", "TRU-33"),
        ("*", "manifest.json", "TRU-35"),
        ("manifest.*", "manifest.json", "TRU-35"),
        ("manifest.jso?", "manifest.json", "TRU-35"),
        ("eu/*", "eu/manifest.json", "TRU-35"),
    ):
        table.accept(
            f"{pattern} {path}", musts, "the pattern covers the path", {"pattern": pattern, "path": path}, covers=True
        )
    for pattern, path in (
        ("*", "eu/manifest.json"),
        ("eu*", "eu/manifest.json"),
        ("eu?manifest.json", "eu/manifest.json"),
        ("*/manifest.json", "eu/west/manifest.json"),
        ("Manifest.json", "manifest.json"),
        ("manifest", "manifest.json"),
        ("scope.json", "manifest.json"),
    ):
        table.accept(
            f"{pattern} {path}",
            "TRU-35",
            "the pattern does not cover the path: * and ? stop at /",
            {"pattern": pattern, "path": path},
            covers=False,
        )
    return table.cases

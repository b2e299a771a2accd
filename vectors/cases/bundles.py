# SPDX-License-Identifier: Apache-2.0
"""``spec/bundle.md``: what is a bundle, before any signature was looked at."""

from __future__ import annotations

from typing import Any, Final

from vectors.making.case import Case, Table, document, octets, recipe, text

DIGEST: Final = "0123456789abcdef" * 4


def cases() -> list[Case]:
    """All cases of the chapter."""
    table = Table("bundle")

    def bundle(files: Any) -> dict[str, Any]:
        return document({"format": "holdfast-bundle/1", "files": files})

    def accept(name: str, musts: str, comment: str, given: dict[str, Any], files: dict[str, str]) -> None:
        table.accept(name, musts, comment, given, files=files)

    def refuse(name: str, musts: str, comment: str, given: dict[str, Any], code: str = "bundle-syntax") -> None:
        table.refuse(name, musts, comment, given, code, "MetadataError")

    plain = {"2.root.json": "{}", "timestamp.json": "[]", "7.snapshot.json": "", f"targets/{DIGEST}.scope.json": "x"}
    accept(
        "plain",
        "BUN-1 BUN-2 BUN-6 BUN-7",
        "strings under names of the grammar; what is in them is not looked at",
        bundle(plain),
        plain,
    )
    accept("empty", "BUN-1", "no files", bundle({}), {})
    accept(
        "unknown-members",
        "BUN-1 FRM-8",
        "members that nobody knows",
        document({"format": "holdfast-bundle/1", "files": {}, "next": [1]}),
        {},
    )
    for name, value in {
        "other": "holdfast-bundle/2",
        "manifest": "holdfast-manifest/1",
        "number": 1,
        "null": None,
    }.items():
        refuse(f"format-{name}", "BUN-1", "another format", document({"format": value, "files": {}}))
    refuse("format-missing", "BUN-1", "no format", document({"files": {}}))
    refuse("files-missing", "BUN-1", "no files", document({"format": "holdfast-bundle/1"}))
    refuse("files-list", "BUN-1", "files as an array", bundle([["timestamp.json", "{}"]]))
    refuse("list", "BUN-1", "no object", document([]))
    for name, odd in {"object": {}, "number": 1, "null": None, "list": ["{}"], "boolean": True}.items():
        refuse(f"value-{name}", "BUN-1", "a file that is not a string", bundle({"timestamp.json": odd}))
    refuse(
        "metadata-inline",
        "BUN-1",
        "a role file as JSON instead of text",
        bundle({"timestamp.json": {"signed": {}, "signatures": []}}),
    )
    refuse("html", "BUN-7 BUN-1", "a captive portal", text("<!DOCTYPE html><title>Log in</title>"), "json-syntax")

    names = {
        "longest-version": "9007199254740991.root.json",
        "sixteen-digits": "9999999999999999.root.json",
        "delegated": "12.pins-2.json",
        "underscore": "1.pins_eu.json",
        "one-letter": "1.a.json",
        "role-64": f"1.{'a' * 64}.json",
        "digits": "1.2.json",
        "manifest": f"targets/{DIGEST}.manifest.json",
        "next-manifest": f"targets/{DIGEST}.manifest-2.json",
    }
    for name, value in names.items():
        accept(f"name-{name}", "BUN-2", "a name of the grammar", bundle({value: ""}), {value: ""})
    for name, value in {
        "empty": "",
        "root-alone": "root.json",
        "parent": "../timestamp.json",
        "parent-inside": "targets/../timestamp.json",
        "absolute": "/etc/passwd",
        "drive": "C:\\timestamp.json",
        "backslash": "targets\\" + DIGEST + ".scope.json",
        "current": "./timestamp.json",
        "folder": "x/timestamp.json",
        "two-folders": f"targets/x/{DIGEST}.scope.json",
        "version-zero": "0.root.json",
        "version-leading-zero": "02.root.json",
        "version-negative": "-1.root.json",
        "version-17-digits": "10000000000000000.root.json",
        "role-upper-case": "1.Root.json",
        "role-dot": "1.a.b.json",
        "role-65": f"1.{'a' * 65}.json",
        "role-hyphen-first": "1.-a.json",
        "role-slash": "1.a/b.json",
        "role-percent": "1.a%2fb.json",
        "role-empty": "1..json",
        "role-non-ascii": "1.r\u00f6le.json",
        "digest-upper-case": f"targets/{DIGEST.upper()}.scope.json",
        "digest-short": f"targets/{DIGEST[1:]}.scope.json",
        "digest-missing": "targets/scope.json",
        "digest-not-hexadecimal": f"targets/{DIGEST[:-1]}g.scope.json",
        "target-slash": f"targets/{DIGEST}.a/scope.json",
        "target-dots": f"targets/{DIGEST}...",
        "line-feed": "timestamp.json\n",
        "nul": "timestamp.json\x00",
        "trailing-space": "timestamp.json ",
        "query": "timestamp.json?x",
    }.items():
        refuse(
            f"name-{name}",
            "BUN-2",
            f"no name of the grammar: {name.replace('-', ' ')}",
            bundle({value: ""}),
            "bundle-name",
        )

    head = '{"format":"holdfast-bundle/1","files":{'
    accept(
        "640-files",
        "BUN-3",
        "640 files",
        bundle({f"{n}.root.json": "" for n in range(1, 641)}),
        {f"{n}.root.json": "" for n in range(1, 641)},
    )
    refuse("641-files", "BUN-3", "641 files", bundle({f"{n}.root.json": "" for n in range(1, 642)}))

    odd_text = '{"a":1}\r\n\t \u00e9\u2028e\u0301\U0001f600'
    accept(
        "exact-octets",
        "BUN-4",
        "line ends, spaces, accents stay what they are",
        bundle({"timestamp.json": odd_text}),
        {"timestamp.json": odd_text},
    )
    escaped = text(head + '"timestamp.json":"\\u007b\\/\\n\\ud83d\\ude00"}}')
    accept(
        "escapes",
        "BUN-4",
        "escapes of the bundle are not part of the file",
        escaped,
        {"timestamp.json": "{/\n\U0001f600"},
    )
    refuse(
        "surrogate",
        "BUN-4 FRM-7",
        "half a character is no file",
        text(head + '"timestamp.json":"\\ud83d"}}'),
        "json-encoding",
    )
    refuse(
        "not-utf-8",
        "BUN-4 FRM-2",
        "nor is Latin-1",
        octets((head + '"timestamp.json":"\u00e9"}}').encode("latin-1")),
        "json-encoding",
    )

    size = 25_165_824
    whole = head + '"timestamp.json":"'
    largest = recipe(whole, ("a", size - len(whole) - 3), '"}}')
    table.accept("largest", "BUN-5", "24 MiB to the octet", largest, sizes={"timestamp.json": size - len(whole) - 3})
    refuse(
        "too-large",
        "BUN-5",
        "one octet more than 24 MiB",
        recipe(whole, ("a", size - len(whole) - 2), '"}}'),
        "json-too-large",
    )
    refuse(
        "name-twice",
        "BUN-1 FRM-4",
        "one name twice",
        text(head + '"timestamp.json":"a","timestamp.json":"b"}}'),
        "json-duplicate-key",
    )
    refuse(
        "depth-bomb",
        "BUN-5 FRM-5",
        "a hundred thousand arrays",
        recipe(head[:-1], ("[", 100_000), ("]", 100_000), "}"),
        "json-depth",
    )
    return table.cases

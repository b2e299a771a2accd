# SPDX-License-Identifier: Apache-2.0
"""``holdfast.trust.bundle``: what packs files, adds no trust, and is read before any signature."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.core.limits import MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES
from holdfast.errors import FormatError, MetadataError
from holdfast.trust.bundle import (
    build_bundle,
    fetch_from,
    is_role_name,
    name_role_file,
    name_target_file,
    parse_bundle,
)

SHA = "0123456789abcdef" * 4


def octets(files: Any, **changes: Any) -> bytes:
    return json.dumps({"format": "holdfast-bundle/1", "files": files, **changes}).encode()


def refusal(data: bytes) -> str:
    with pytest.raises(MetadataError) as caught:
        parse_bundle(data)
    assert caught.value.role == "bundle"
    return caught.value.code


NAMES = [
    "timestamp.json",
    "1.root.json",
    "9999999999999999.snapshot.json",
    "7.targets.json",
    "3.pins-2.json",
    "3.a_b.json",
    "3.9.json",
    f"3.{'a' * 64}.json",
    f"targets/{SHA}.scope.json",
    f"targets/{SHA}.manifest-2.json",
    f"targets/{SHA}.{'a' * 64}",
]


def test_every_name_of_the_grammar_there_and_back() -> None:
    files = {name: f'content of {name} \n é "quoted"'.encode() for name in NAMES}
    assert dict(parse_bundle(build_bundle(files))) == files
    assert list(json.loads(build_bundle(files))["files"]) == sorted(NAMES)


@pytest.mark.parametrize(
    "name",
    [
        "", "timestamp", "root.json", "0.root.json", "01.root.json", "-1.root.json", "1.Root.json", "1.root.JSON",
        "1..json", "1.-a.json", "1.a-.json", "1.a.b.json", "1.root.json\n", "../1.root.json", "1.root.json/..",
        "12345678901234567.root.json", f"1.{'a' * 65}.json", f"targets/{SHA}", f"targets/{SHA}.",
        f"targets/{SHA[1:]}.scope.json", f"targets/{SHA.upper()}.scope.json", f"targets/{SHA}./scope.json",
        f"targets/{SHA}..", f"targets/{SHA}.a/../b", f"Targets/{SHA}.scope.json", f"{SHA}.scope.json",
        f"targets/{SHA}.{'a' * 65}", "١.root.json",
    ],
)  # fmt: skip
def test_no_other_name(name: str) -> None:
    assert refusal(octets({"timestamp.json": "x", name: "x"})) == "bundle-name"
    with pytest.raises(FormatError) as caught:
        build_bundle({name: b"x"})
    assert caught.value.code == "bundle-syntax"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<html>", "json-syntax"),
        (b"[]", "bundle-syntax"),
        (b"null", "bundle-syntax"),
        (octets({}, format="holdfast-bundle/2"), "bundle-syntax"),
        (octets({}, format=None), "bundle-syntax"),
        (octets([]), "bundle-syntax"),
        (octets(None), "bundle-syntax"),
        (octets({"timestamp.json": 7}), "bundle-syntax"),
        (octets({"timestamp.json": None}), "bundle-syntax"),
        (octets({"timestamp.json": {"signed": {}}}), "bundle-syntax"),
        (b'{"format":"holdfast-bundle/1","files":{"timestamp.json":"a","timestamp.json":"b"}}', "json-duplicate-key"),
        (b'{"format":"holdfast-bundle/1","files":{"timestamp.json":"\\ud800"}}', "json-encoding"),
        (octets({}, later=0.5), "json-number"),
    ],
)
def test_what_is_no_bundle(data: bytes, code: str) -> None:
    assert refusal(data) == code


def test_an_unknown_member_is_ignored() -> None:
    assert parse_bundle(octets({"timestamp.json": "x"}, later={"a": [1]})) == {"timestamp.json": b"x"}


def test_as_many_files_as_allowed_and_no_more() -> None:
    files = {f"{number}.root.json": b"" for number in range(1, MAX_BUNDLE_FILES + 1)}
    assert len(parse_bundle(build_bundle(files))) == MAX_BUNDLE_FILES
    files["timestamp.json"] = b""
    with pytest.raises(FormatError) as caught:
        build_bundle(files)
    assert caught.value.code == "bundle-syntax"
    assert refusal(octets(dict.fromkeys(files, ""))) == "bundle-syntax"


def test_as_large_as_allowed_and_no_larger() -> None:
    frame = len(octets({"timestamp.json": ""}))
    assert len(parse_bundle(octets({"timestamp.json": "x" * (MAX_BUNDLE_BYTES - frame)}))) == 1
    assert refusal(octets({"timestamp.json": "x" * (MAX_BUNDLE_BYTES - frame + 1)})) == "json-too-large"


def test_only_text_can_be_packed() -> None:
    with pytest.raises(FormatError) as caught:
        build_bundle({"timestamp.json": b"\xff"})
    assert caught.value.code == "bundle-syntax"


def test_what_was_read_cannot_be_changed() -> None:
    files = parse_bundle(octets({"timestamp.json": "x"}))
    with pytest.raises(TypeError):
        files["timestamp.json"] = b"y"  # type: ignore[index]


def test_names_of_files() -> None:
    assert name_role_file("timestamp", None) == "timestamp.json"
    assert name_role_file("pins", 9) == "9.pins.json"
    assert name_target_file(SHA, "scope.json") == f"targets/{SHA}.scope.json"


@pytest.mark.parametrize("role", ["pins", "pins-2", "a", "0", "a_b", "a" * 64])
def test_a_name_for_a_role(role: str) -> None:
    assert is_role_name(role)


@pytest.mark.parametrize("role", ["", "A", "a.b", "1.root", "../a", "a/b", "-a", "a-", "é", "a\n", "a" * 65, "a b"])
def test_no_name_for_a_role(role: str) -> None:
    assert not is_role_name(role)


def test_a_bundle_brings_its_files() -> None:
    files = {"timestamp.json": b"t", "9.pins.json": b"p", f"targets/{SHA}.scope.json": b"s"}
    fetch = fetch_from(files)
    assert fetch("timestamp", None, 1) == b"t"
    assert fetch("pins", 9, 1) == b"p"
    assert fetch("pins", 8, 1) is None
    assert fetch(f"targets/{SHA}.scope.json", None, 1) == b"s"
    assert fetch(f"targets/{SHA}.manifest.json", None, 1) is None

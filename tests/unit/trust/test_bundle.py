# SPDX-License-Identifier: Apache-2.0
"""Packing a bundle: what cannot be packed is refused, and what was packed is unpacked byte for byte."""

from __future__ import annotations

import pytest

from holdfast.core.limits import MAX_BUNDLE_FILES
from holdfast.errors import FormatError, MetadataError
from holdfast.trust.bundle import build_bundle, fetch_from, parse_bundle

FILES = {"timestamp.json": b'{"a": "\xc3\xa9"}', "7.snapshot.json": b"{}\n", f"targets/{'0' * 64}.scope.json": b"x"}


def test_what_was_packed_is_unpacked() -> None:
    data = build_bundle(FILES)
    assert parse_bundle(data) == FILES
    assert "\u00e9".encode() in data  # as it stands: an escape would cost six bytes for two


def test_the_order_is_that_of_the_names() -> None:
    assert build_bundle(dict(reversed(FILES.items()))) == build_bundle(FILES)


def test_as_many_files_as_are_allowed() -> None:
    files = {f"{number}.root.json": b"{}" for number in range(1, MAX_BUNDLE_FILES + 1)}
    assert parse_bundle(build_bundle(files)) == files
    with pytest.raises(FormatError) as caught:
        build_bundle({**files, "timestamp.json": b"{}"})
    assert caught.value.code == "bundle-syntax"


@pytest.mark.parametrize(
    ("name", "data"), [("../root.json", b"{}"), ("0.root.json", b"{}"), ("root.json", b"{}"), ("1.root.json", b"\xff")]
)
def test_what_no_client_would_read_is_not_packed(name: str, data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        build_bundle({name: data})
    assert caught.value.code == "bundle-syntax"


@pytest.mark.parametrize("data", [b"[]", b"7", b'{"format":"holdfast-bundle/1","files":[]}'])
def test_another_shape_is_no_bundle(data: bytes) -> None:
    with pytest.raises(MetadataError) as caught:
        parse_bundle(data)
    assert caught.value.code == "bundle-syntax"


def test_a_file_is_brought_by_the_name_of_its_role() -> None:
    fetch = fetch_from(FILES)
    assert fetch("timestamp", None, 1) == FILES["timestamp.json"]
    assert fetch("snapshot", 7, 1) == FILES["7.snapshot.json"]
    assert fetch("snapshot", 8, 1) is None
    assert fetch(f"targets/{'0' * 64}.scope.json", None, 1) == b"x"

# SPDX-License-Identifier: Apache-2.0
"""Where the code once read the design otherwise than ``spec/`` does; each has its vectors too."""

from __future__ import annotations

import json

import pytest

from holdfast.core.hostname import normalise_hostname, parse_pattern
from holdfast.core.scope import parse_scope
from holdfast.core.strict_json import parse_json
from holdfast.errors import FormatError, HostnameSyntaxError, ManifestSyntaxError


@pytest.mark.parametrize("text", ["::ffff:192.0.2.1", "[::FFFF:c000:201]"])
def test_an_ipv4_mapped_address_finds_the_pins_of_the_ipv4_address(text: str) -> None:
    assert normalise_hostname(text) == "192.0.2.1"


def test_a_pattern_is_not_written_as_an_ipv4_mapped_address() -> None:
    with pytest.raises(HostnameSyntaxError) as caught:
        parse_pattern("::ffff:c000:201")
    assert caught.value.code == "pattern-not-normalised"


@pytest.mark.parametrize("name", ["backup", "require"])
def test_what_is_no_list_is_not_too_long(name: str) -> None:
    host = {"pattern": "api.example.com", "allow": {"leaf": True}, name: {}}
    common = {"channel": "a/b", "version": 1, "issued": "2026-11-23T12:00:00Z", "unpinned": "allow"}
    with pytest.raises(ManifestSyntaxError) as caught:
        parse_scope(json.dumps({"format": "holdfast-scope/1", "hosts": [host], **common}).encode())
    assert caught.value.code == "manifest-syntax"


def test_a_byte_order_mark_is_a_matter_of_encoding() -> None:
    with pytest.raises(FormatError) as caught:
        parse_json(b"\xef\xbb\xbf{}", max_bytes=100)
    assert caught.value.code == "json-encoding"

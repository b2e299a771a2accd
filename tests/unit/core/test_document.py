# SPDX-License-Identifier: Apache-2.0
"""``holdfast.core.document``: what scope and manifest have in common, and the readers of single members."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.core.document import parse_channel, parse_document
from holdfast.core.limits import MAX_CHANNEL_LENGTH, MAX_HOSTS, MAX_INTEGER, MAX_PINS
from holdfast.core.manifest import parse_manifest
from holdfast.errors import FormatError, ManifestSyntaxError
from tests.pin_documents import manifest, manifest_host, octets, pin


def refusal(document: object) -> str:
    with pytest.raises(ManifestSyntaxError) as caught:
        parse_manifest(document if isinstance(document, bytes) else octets(document))
    return caught.value.code


@pytest.mark.parametrize(
    "text", ["a/b", "com.example.bank/production", "A-1_b.c/9", f"{'a' * 60}/{'b' * (MAX_CHANNEL_LENGTH - 61)}"]
)
def test_a_channel(text: str) -> None:
    assert parse_channel(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a/", "/b", "a/b/c", "a//b", "../b", "a/..", "a..b/c", ".a/b", "a./b", "a/-b", "a b/c", "a/b\n", "é/b",
        "a\\b/c", "a/b?c", "a/b#c", "a%2f/b", f"{'a' * 60}/{'b' * (MAX_CHANNEL_LENGTH - 60)}", None, 7, b"a/b", ["a/b"],
    ],
)  # fmt: skip
def test_no_channel(text: object) -> None:
    with pytest.raises(FormatError) as caught:
        parse_channel(text)
    assert caught.value.code == "channel-syntax"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": "holdfast-manifest/2"}, "format-unknown"),
        ({"format": "holdfast-scope/1"}, "format-unknown"),
        ({"format": None}, "format-unknown"),
        ({"format": ["holdfast-manifest/1"]}, "format-unknown"),
        ({"channel": "nowhere"}, "channel-syntax"),
        ({"channel": None}, "channel-syntax"),
        ({"version": 0}, "manifest-syntax"),
        ({"version": -1}, "manifest-syntax"),
        ({"version": True}, "manifest-syntax"),
        ({"version": "7"}, "manifest-syntax"),
        ({"version": 7.0}, "manifest-syntax"),
        ({"version": None}, "manifest-syntax"),
        ({"issued": "today"}, "instant-syntax"),
        ({"issued": None}, "instant-syntax"),
        ({"hosts": None}, "manifest-syntax"),
        ({"hosts": {}}, "manifest-syntax"),
        ({"hosts": [[]]}, "manifest-syntax"),
        ({"hosts": [manifest_host(), "x"]}, "manifest-syntax"),
        ({"hosts": [{}] * (MAX_HOSTS + 1)}, "too-many"),
    ],
)
def test_common_members_have_one_form(changes: dict[str, Any], code: str) -> None:
    assert refusal(manifest(**changes)) == code


@pytest.mark.parametrize("name", ["format", "channel", "version", "issued", "hosts"])
def test_common_members_must_be_there(name: str) -> None:
    document = manifest()
    del document[name]
    expected = {"format": "format-unknown", "channel": "channel-syntax", "issued": "instant-syntax"}
    assert refusal(document) == expected.get(name, "manifest-syntax")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"[]", "manifest-syntax"),
        (b"7", "manifest-syntax"),
        (b"", "json-syntax"),
        (b'{"a":1,"a":1}', "json-duplicate-key"),
    ],
)
def test_a_document_is_one_strict_json_object(data: bytes, code: str) -> None:
    assert refusal(data) == code


def test_the_largest_version_and_the_largest_document() -> None:
    assert parse_manifest(octets(manifest(version=MAX_INTEGER))).version == MAX_INTEGER
    data = octets(manifest())
    assert parse_document(data, form="holdfast-manifest/1", max_bytes=len(data))["version"] == 7
    with pytest.raises(ManifestSyntaxError) as caught:
        parse_document(data, form="holdfast-manifest/1", max_bytes=len(data) - 1)
    assert caught.value.code == "json-too-large"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pattern": None}, "hostname-syntax"),
        ({"pattern": "*.example.com"}, "hostname-syntax"),
        ({"pattern": "API.example.com"}, "pattern-not-normalised"),
        ({"include_subdomains": None}, "manifest-syntax"),
        ({"include_subdomains": 1}, "manifest-syntax"),
        ({"include_subdomains": "true"}, "manifest-syntax"),
        ({"pattern": "192.0.2.1", "include_subdomains": True}, "ip-with-subdomains"),
        ({"pattern": "2001:db8::1", "include_subdomains": True}, "ip-with-subdomains"),
        ({"accept": None}, "manifest-syntax"),
        ({"accept": {}}, "manifest-syntax"),
        ({"accept": ""}, "manifest-syntax"),
        ({"accept": 0}, "manifest-syntax"),
        ({"accept": False}, "manifest-syntax"),
        ({"accept": [pin("a"), "b"]}, "manifest-syntax"),
        ({"accept": [pin("a"), None]}, "manifest-syntax"),
        ({"accept": [pin("a"), pin("b", use=7)]}, "pin-syntax"),
        ({"accept": [pin("a") | {"digest": "b"}]}, "digest-syntax"),
        ({"reject": None}, "manifest-syntax"),
        ({"accept": [pin("a")] * (MAX_PINS + 1)}, "too-many"),
        ({"reject": [pin("a")] * (MAX_PINS + 1)}, "too-many"),
    ],
)
def test_members_of_a_host_have_one_form(changes: dict[str, Any], code: str) -> None:
    assert refusal(manifest(manifest_host() | changes)) == code


def test_an_address_without_subdomains_and_as_many_pins_as_allowed() -> None:
    host = manifest_host("192.0.2.1", *[pin("a")] * MAX_PINS, include_subdomains=False, reject=[pin("b")] * MAX_PINS)
    (read,) = parse_manifest(octets(manifest(host))).hosts
    assert (read.pattern, read.include_subdomains) == ("192.0.2.1", False)
    assert (len(read.accept), len(read.reject)) == (MAX_PINS, MAX_PINS)


def test_an_error_names_the_field() -> None:
    with pytest.raises(ManifestSyntaxError, match="`reject`"):
        parse_manifest(octets(manifest(manifest_host(reject=[pin("a", use=1)]))))
    with pytest.raises(ManifestSyntaxError, match="`issued`"):
        parse_manifest(octets(manifest(issued="then")))

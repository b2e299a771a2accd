# SPDX-License-Identifier: Apache-2.0
"""``holdfast.core.manifest``: what a manifest says, before anything is known about its scope."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.core.limits import MAX_INTEGER
from holdfast.core.manifest import ManifestHost, parse_manifest
from holdfast.core.pin import NO_PINS, Pin, PinSet, PinType, Position, parse_digest
from holdfast.errors import ManifestSyntaxError
from tests.pin_documents import manifest, manifest_host, octets, pin, text


def leaf(word: str) -> Pin:
    return Pin(PinType.SPKI_SHA256, Position.LEAF, parse_digest(text(word)))


def test_everything_that_a_manifest_says() -> None:
    first = manifest_host("a.example.com", pin("k1", use="current"), pin("k2", kind="later"), include_subdomains=True)
    second = manifest_host("b.example.com", pin("k3"), reject=[pin("k4", "any", reason="lost"), pin("k5", at="top")])
    read = parse_manifest(octets(manifest(first, second, refresh_seconds=60, later={"member": [0.5]})))
    assert (read.channel, read.version) == ("com.example.bank/production", 7)
    assert read.issued == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert read.refresh_seconds == 60
    rejected = PinSet([Pin(PinType.SPKI_SHA256, Position.ANY, parse_digest(text("k4")))])
    assert read.hosts == (
        ManifestHost("a.example.com", True, PinSet([leaf("k1")]), NO_PINS, 1),
        ManifestHost("b.example.com", False, PinSet([leaf("k3")]), rejected, 0),
    )


def test_what_is_not_said() -> None:
    read = parse_manifest(octets(manifest({"pattern": "a.example.com"})))
    assert read.refresh_seconds == 900
    assert read.hosts == (ManifestHost("a.example.com", False, NO_PINS, NO_PINS, 0),)
    assert parse_manifest(octets(manifest())).hosts == ()


@pytest.mark.parametrize("wanted", [1, MAX_INTEGER])
def test_any_interval_is_read(wanted: int) -> None:
    assert parse_manifest(octets(manifest(refresh_seconds=wanted))).refresh_seconds == wanted


@pytest.mark.parametrize("wanted", [0, -1, "900", None, True, 900.0])
def test_what_is_no_interval(wanted: Any) -> None:
    with pytest.raises(ManifestSyntaxError, match="refresh_seconds"):
        parse_manifest(octets(manifest(refresh_seconds=wanted)))


def test_one_pattern_may_stand_with_and_without_subdomains_once_each() -> None:
    both = [manifest_host("a.example.com"), manifest_host("a.example.com", include_subdomains=True)]
    assert len(parse_manifest(octets(manifest(*both))).hosts) == 2
    for twice in both:
        with pytest.raises(ManifestSyntaxError) as caught:
            parse_manifest(octets(manifest(*both, twice)))
        assert caught.value.code == "duplicate-host"

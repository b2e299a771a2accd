# SPDX-License-Identifier: Apache-2.0
"""Scopes, manifests, bundles, pins, host names: any octets become a value or one of our errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from holdfast.core.document import parse_channel
from holdfast.core.hostname import is_ip, normalise_hostname, parent_domains, parse_pattern
from holdfast.core.instant import format_instant, parse_instant
from holdfast.core.manifest import parse_manifest
from holdfast.core.pin import format_digest, parse_digest, parse_pin
from holdfast.core.pin_set import build_pin_table
from holdfast.core.scope import parse_scope
from holdfast.errors import (
    FormatError,
    HostnameSyntaxError,
    ManifestSyntaxError,
    MetadataError,
    PinSyntaxError,
    ScopeError,
)
from holdfast.trust.bundle import build_bundle, parse_bundle
from tests.pin_documents import manifest, manifest_host, octets, pin, scope, scope_host, text
from tests.property.strategies import damaged, json_values, manifests, pins, replaced, scopes
from tests.property.totality import attempt

RICH_SCOPE = scope(
    scope_host(
        "a.example.com", mode="report-only", until="2026-12-01T00:00:00Z", require=[text("ca")], backup=[pin("b")]
    ),
    scope_host(
        "b.example.com", include_subdomains=True, allow={"leaf": True, "ca": [text("ca")]}, reject=[pin("r", "any")]
    ),
    unpinned="deny",
    max_age_seconds=2_592_000,
    fresh_seconds=3600,
    report={"urls": ["https://pins.example.com/reports"], "sample": 0.5},
    canary={"host": "canary.example.org"},
)
RICH_MANIFEST = manifest(
    manifest_host("a.example.com", pin("k1", use="current"), pin("k2", use="next")),
    manifest_host("b.example.com", pin("k3", "any"), include_subdomains=True, reject=[pin("r", reason="stolen")]),
    refresh_seconds=600,
)


@pytest.mark.parametrize(("parse", "document"), [(parse_scope, RICH_SCOPE), (parse_manifest, RICH_MANIFEST)])
def test_the_documents_that_are_damaged_below_are_sound(parse: Any, document: Any) -> None:
    parse(octets(document))


@given(st.one_of(st.binary(max_size=60), json_values.map(octets)))
def test_any_octets(data: bytes) -> None:
    attempt(parse_scope, data, raises=ManifestSyntaxError)
    attempt(parse_manifest, data, raises=ManifestSyntaxError)
    attempt(parse_bundle, data, raises=MetadataError)


@given(replaced(RICH_SCOPE).map(octets))
def test_a_scope_with_one_thing_wrong(data: bytes) -> None:
    attempt(parse_scope, data, raises=ManifestSyntaxError)


@given(replaced(RICH_MANIFEST).map(octets))
def test_a_manifest_with_one_thing_wrong(data: bytes) -> None:
    attempt(parse_manifest, data, raises=ManifestSyntaxError)


@given(st.one_of(damaged(octets(RICH_SCOPE)), damaged(octets(RICH_MANIFEST))))
def test_damaged_octets(data: bytes) -> None:
    attempt(parse_scope, data, raises=ManifestSyntaxError)
    attempt(parse_manifest, data, raises=ManifestSyntaxError)


@given(scopes, manifests)
def test_any_scope_with_any_manifest(scope_document: Any, manifest_document: Any) -> None:
    read_scope, read_manifest = parse_scope(octets(scope_document)), parse_manifest(octets(manifest_document))
    table, error = attempt(build_pin_table, read_scope, read_manifest, raises=ScopeError)
    if error is not None:
        assert error.code == "host-without-pin"
        return
    assert set(table.hosts) == {host["pattern"] for host in scope_document["hosts"]}
    assert all(pins.accept for pins in table.hosts.values())


@given(st.one_of(json_values, replaced(pin("key", use="current")), st.binary()))
def test_any_pin(fields: Any) -> None:
    attempt(parse_pin, fields, raises=PinSyntaxError)


@given(pins)
def test_a_known_pin_keeps_what_it_says(fields: dict[str, Any]) -> None:
    read = parse_pin(fields)
    if read is not None:
        assert (read.type.value, read.at.value) == (fields["type"], fields["at"])
        assert format_digest(read.digest) == fields["digest"]


@given(st.one_of(st.text(max_size=50), json_values, st.text(alphabet="AQgw48+/=-_ \n", min_size=42, max_size=46)))
def test_any_digest(value: Any) -> None:
    digest, error = attempt(parse_digest, value, raises=PinSyntaxError)
    if error is None:
        assert len(digest) == 32
        assert format_digest(digest) == value


@given(st.binary(min_size=32, max_size=32))
def test_every_digest_has_one_text(digest: bytes) -> None:
    assert parse_digest(format_digest(digest)) == digest


@given(st.one_of(st.text(alphabet="aA09.-_:[]%x \n*é", max_size=30), st.ip_addresses().map(str), json_values))
def test_any_host_name(value: Any) -> None:
    name, error = attempt(normalise_hostname, value, raises=HostnameSyntaxError)
    if error is None:
        assert normalise_hostname(name) == parse_pattern(name) == name
        assert name == name.lower()
        parents = list(parent_domains(name))
        assert all(name.endswith(f".{parent}") for parent in parents)
        assert len(parents) == (0 if is_ip(name) else name.count("."))
        assert attempt(parse_pattern, value, raises=HostnameSyntaxError)[0] == (name if name == value else None)


@given(st.one_of(st.text(max_size=24), json_values, st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n?")))
def test_any_instant(value: Any) -> None:
    instant, error = attempt(parse_instant, value, raises=FormatError)
    if error is None:
        assert format_instant(instant) == value


@given(st.datetimes(timezones=st.timezones()))
def test_an_instant_is_written_in_the_one_form(moment: Any) -> None:
    written, error = attempt(format_instant, moment, raises=FormatError)
    assume(error is None)
    assert abs((parse_instant(written) - moment).total_seconds()) < 1


@given(st.one_of(json_values, st.text(alphabet="aA0._-/\n", max_size=12)))
def test_any_channel(value: Any) -> None:
    channel, error = attempt(parse_channel, value, raises=FormatError)
    assert error is not None or channel == value


@given(
    st.dictionaries(
        st.one_of(
            st.just("timestamp.json"), st.from_regex(r"[0-9]{1,3}\.[a-z.-]{1,6}\.json", fullmatch=True), st.text()
        ),
        st.one_of(st.text().map(lambda words: words.encode("utf-8", "surrogatepass")), st.binary()),
        max_size=5,
    )
)
def test_a_bundle_is_what_was_packed(files: dict[str, bytes]) -> None:
    packed, error = attempt(build_bundle, files, raises=FormatError)
    if error is None:
        assert dict(parse_bundle(packed)) == files

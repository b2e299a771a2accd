# SPDX-License-Identifier: Apache-2.0
"""``holdfast.core.pin_set``: what of a manifest counts within its scope, and how a host finds its pins."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.core.manifest import parse_manifest
from holdfast.core.pin import parse_digest
from holdfast.core.pin_set import HostPins, Ignored, PinTable, build_pin_table
from holdfast.core.scope import Mode, Unpinned, parse_scope
from holdfast.errors import ScopeError
from tests.pin_documents import manifest, manifest_host, octets, pin, scope, scope_host, text

HOST = "api.example.com"


def build(scope_document: dict[str, Any], manifest_document: dict[str, Any]) -> PinTable:
    return build_pin_table(parse_scope(octets(scope_document)), parse_manifest(octets(manifest_document)))


def combine(protected: dict[str, Any], entry: dict[str, Any]) -> tuple[HostPins, list[tuple[str, str]]]:
    table = build(scope(scope_host(HOST, **protected)), manifest(manifest_host(HOST) | entry))
    assert all(row.pattern == HOST for row in table.ignored)
    return table.hosts[HOST], [(row.why, row.digest) for row in table.ignored]


def accepted(pins: HostPins) -> set[tuple[str, str, bytes]]:
    return {(pin.type.value, pin.at.value, pin.digest) for pin in pins.accept}


def listed(*pins: dict[str, Any]) -> set[tuple[str, str, bytes]]:
    return {(pin["type"], pin["at"], parse_digest(pin["digest"])) for pin in pins}


def refusal(scope_document: dict[str, Any], manifest_document: dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(ScopeError) as caught:
        build(scope_document, manifest_document)
    return caught.value.code, caught.value.role


def test_everything_that_a_verdict_needs() -> None:
    protected = scope_host(
        HOST,
        include_subdomains=True,
        mode="report-only",
        until="2026-12-01T00:00:00Z",
        require=[text("ca")],
        backup=[pin("backup")],
        reject=[pin("stolen")],
    )
    entry = manifest_host(HOST, pin("key"), include_subdomains=True, reject=[pin("lost", "any")])
    table = build(scope(protected, unpinned="deny", canary={"host": "canary.example.org"}), manifest(entry))
    assert (table.unpinned, table.canary_host, table.ignored) == (Unpinned.DENY, "canary.example.org", ())
    pins = table.hosts[HOST]
    assert (pins.pattern, pins.include_subdomains, pins.mode) == (HOST, True, Mode.REPORT_ONLY)
    assert pins.until == datetime(2026, 12, 1, tzinfo=UTC)
    assert pins.require == frozenset({parse_digest(text("ca"))})
    assert pins.scope_reject.leaf_spki == {parse_digest(text("stolen"))}
    assert pins.backup.leaf_spki == {parse_digest(text("backup"))}
    assert pins.reject.ca_spki == pins.reject.leaf_spki == {parse_digest(text("lost"))}
    assert accepted(pins) == listed(pin("key"))


LEAF, CA, ANY, WHOLE = pin("leaf"), pin("ca", "ca"), pin("any", "any"), pin("whole", kind="certificate-sha256")
NAMED_CAS = [text("ca"), text("any")]


@pytest.mark.parametrize(
    ("allow", "permitted"),
    [
        ({"leaf": True}, [LEAF, WHOLE]),
        ({"leaf": True, "ca": NAMED_CAS}, [LEAF, WHOLE, CA, ANY]),
        ({"leaf": True, "ca": [text("ca"), text("leaf"), text("whole")]}, [LEAF, WHOLE, CA]),
        ({"leaf": False, "ca": NAMED_CAS}, [CA]),
        ({"ca": [text("ca")]}, [CA]),
    ],
)
def test_a_pin_counts_only_where_the_scope_permits_it(allow: dict[str, Any], permitted: list[dict[str, Any]]) -> None:
    everything = [LEAF, CA, ANY, WHOLE]
    pins, ignored = combine({"allow": allow}, {"accept": everything})
    assert accepted(pins) == listed(*permitted)
    assert ignored == [("not-allowed", pin["digest"]) for pin in everything if pin not in permitted]


REJECTIONS = [
    # accepted, rejected, still usable
    (LEAF, [pin("leaf")], False),
    (LEAF, [pin("leaf", "any")], False),
    (LEAF, [pin("leaf", "ca")], True),
    (LEAF, [pin("leaf", kind="certificate-sha256")], True),
    (LEAF, [pin("other", "any")], True),
    (LEAF, [pin("leaf", kind="later")], True),
    (CA, [pin("ca", "ca")], False),
    (CA, [pin("ca", "any")], False),
    (CA, [pin("ca", "leaf")], True),
    (ANY, [pin("any", "any")], False),
    (ANY, [pin("any", "leaf")], True),
    (ANY, [pin("any", "ca")], True),
    (ANY, [pin("any", "leaf"), pin("any", "ca")], False),
    (WHOLE, [pin("whole", kind="certificate-sha256")], False),
    (WHOLE, [pin("whole", "any")], True),
]


@pytest.mark.parametrize(("candidate", "rejections", "usable"), REJECTIONS)
@pytest.mark.parametrize("who", ["scope", "manifest", "both"])
def test_a_pin_that_is_rejected_wherever_it_may_stand_does_not_count(
    candidate: dict[str, Any], rejections: list[dict[str, Any]], usable: bool, who: str
) -> None:
    by_scope = {"scope": rejections, "manifest": [], "both": rejections[:1]}[who]
    by_manifest = {"scope": [], "manifest": rejections, "both": rejections[1:] or rejections}[who]
    protected = {"allow": {"leaf": True, "ca": NAMED_CAS}, "reject": by_scope}
    pins, ignored = combine(protected, {"accept": [candidate, pin("sound")], "reject": by_manifest})
    if usable:
        assert (accepted(pins), ignored) == (listed(candidate, pin("sound")), [])
    else:
        assert (accepted(pins), ignored) == (listed(pin("sound")), [("rejected", candidate["digest"])])


def test_a_list_of_leaf_keys_is_taken_as_it_stands() -> None:
    document = parse_manifest(octets(manifest(manifest_host(HOST, pin("one"), pin("two")))))
    table = build_pin_table(parse_scope(octets(scope(scope_host(HOST)))), document)
    assert table.hosts[HOST].accept is document.hosts[0].accept


@pytest.mark.parametrize(
    "entry",
    [
        {"accept": []},
        {"accept": [pin("strange", kind="later")]},
        {"accept": [CA]},
        {"accept": [pin("leaf")], "reject": [pin("leaf")]},
        {"pattern": "b.example.com"},
        {"include_subdomains": True},
    ],
)
def test_a_manifest_that_leaves_a_host_without_a_pin_is_refused_whole(entry: dict[str, Any]) -> None:
    other = manifest_host("z.example.com")
    protected = [scope_host("z.example.com"), scope_host(HOST, backup=[pin("backup")])]
    refused = refusal(scope(*protected), manifest(other, manifest_host(HOST) | entry))
    assert refused == ("host-without-pin", "manifest.json")


def test_a_usable_pin_may_repeat_a_backup() -> None:
    pins, _ = combine({"backup": [pin("key")]}, {"accept": [pin("key")]})
    assert accepted(pins) == listed(pin("key"))


def test_what_lies_beyond_the_scope_is_ignored_and_told() -> None:
    table = build(
        scope(scope_host(HOST)),
        manifest(
            manifest_host(HOST, pin("key"), pin("strange", kind="later"), pin("stranger", at="top")),
            manifest_host(HOST, include_subdomains=True),
            manifest_host("evil.example.net", reject=[pin("key", "any")]),
        ),
    )
    assert list(table.hosts) == [HOST]
    assert table.ignored == (
        Ignored(HOST, "unknown-kind"),
        Ignored(HOST, "not-in-scope"),
        Ignored("evil.example.net", "not-in-scope"),
    )


@pytest.mark.parametrize(
    ("pattern", "below", "canary", "refused"),
    [
        ("canary.example.com", False, "canary.example.com", True),
        ("example.com", True, "canary.example.com", True),
        ("example.com", False, "canary.example.com", False),
        ("a.canary.example.com", True, "canary.example.com", False),
        ("192.0.2.1", False, "192.0.2.1", True),
    ],
)
def test_the_canary_lies_under_no_pattern(pattern: str, below: bool, canary: str, refused: bool) -> None:
    protected = scope(scope_host(pattern, include_subdomains=below), canary={"host": canary})
    pins = manifest(manifest_host(pattern, include_subdomains=below))
    if refused:
        assert refusal(protected, pins) == ("canary-in-scope", "scope.json")
    else:
        assert build(protected, pins).canary_host == canary


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("example.com", "example.com"),
        ("api.example.com", "api.example.com"),
        ("www.example.com", "example.com"),
        ("a.b.c.example.com", "example.com"),
        ("v2.api.example.com", "example.com"),
        ("eu.cdn.example.com", "cdn.example.com"),
        ("cdn.example.com", "cdn.example.com"),
        ("evil-example.com", None),
        ("com", None),
        ("exact.example.net", "exact.example.net"),
        ("a.exact.example.net", None),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.2", None),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_most_specific_pattern_governs_alone(host: str, found: str | None) -> None:
    patterns = {
        "example.com": True,
        "api.example.com": False,
        "cdn.example.com": True,
        "exact.example.net": False,
        "192.0.2.1": False,
        "2001:db8::1": False,
    }
    table = build(
        scope(*[scope_host(pattern, include_subdomains=below) for pattern, below in patterns.items()]),
        manifest(*[manifest_host(pattern, include_subdomains=below) for pattern, below in patterns.items()]),
    )
    pins = table.find(host)
    assert (None if pins is None else pins.pattern) == found


def test_what_was_ignored_is_no_part_of_what_a_table_is() -> None:
    strange = manifest_host(HOST, pin("key"), pin("strange", kind="later"))
    assert build(scope(scope_host(HOST)), manifest(strange)) == build(
        scope(scope_host(HOST)), manifest(manifest_host(HOST))
    )

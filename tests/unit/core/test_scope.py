# SPDX-License-Identifier: Apache-2.0
"""``holdfast.core.scope``: what a scope says, and that in doubt it says the stricter thing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.core.limits import MAX_CA_DIGESTS, MAX_PINS, MAX_REPORT_URLS, MAX_URL_LENGTH
from holdfast.core.pin import NO_PINS, Pin, PinSet, PinType, Position, parse_digest
from holdfast.core.scope import Mode, Reporting, ScopeHost, Unpinned, parse_scope
from holdfast.errors import ManifestSyntaxError
from tests.pin_documents import octets, pin, scope, scope_host, text

DAY = 86_400


def refusal(document: object) -> str:
    with pytest.raises(ManifestSyntaxError) as caught:
        parse_scope(octets(document))
    return caught.value.code


def digest(word: str) -> bytes:
    return parse_digest(text(word))


def leaf(word: str) -> Pin:
    return Pin(PinType.SPKI_SHA256, Position.LEAF, digest(word))


def test_everything_that_a_scope_says() -> None:
    strict = scope_host(
        "a.example.com",
        include_subdomains=True,
        mode="enforce",
        until="ignored here",
        allow={"leaf": True, "ca": [text("ca1"), text("ca2"), text("ca1")], "later": 0.5},
        require=[text("root")],
        backup=[pin("backup"), pin("strange", kind="later")],
        reject=[pin("stolen", use="x", reason="y")],
    )
    lenient = scope_host("b.example.com", mode="report-only", until="2026-12-20T00:00:00Z", allow={})
    document = scope(
        strict,
        lenient,
        unpinned="deny",
        max_age_seconds=30 * DAY,
        fresh_seconds=3600,
        report={"urls": ["https://pins.example.com/v1/reports"], "sample": 0.25},
        canary={"host": "canary.example.org"},
    )
    read = parse_scope(octets(document))
    assert (read.channel, read.version) == ("com.example.bank/production", 7)
    assert read.issued == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert (read.unpinned, read.max_age_seconds, read.fresh_seconds) == (Unpinned.DENY, 30 * DAY, 3600)
    assert read.reporting == Reporting(("https://pins.example.com/v1/reports",), 0.25)
    assert read.canary_host == "canary.example.org"
    assert read.hosts == (
        ScopeHost(
            pattern="a.example.com",
            include_subdomains=True,
            mode=Mode.ENFORCE,
            until=None,
            allow_leaf=True,
            allow_ca=frozenset({digest("ca1"), digest("ca2")}),
            require=frozenset({digest("root")}),
            backup=PinSet([leaf("backup")]),
            reject=PinSet([leaf("stolen")]),
        ),
        ScopeHost(
            pattern="b.example.com",
            include_subdomains=False,
            mode=Mode.REPORT_ONLY,
            until=datetime(2026, 12, 20, tzinfo=UTC),
            allow_leaf=False,
            allow_ca=frozenset(),
            require=None,
            backup=NO_PINS,
            reject=NO_PINS,
        ),
    )


def test_what_is_not_said() -> None:
    read = parse_scope(octets(scope(scope_host())))
    assert (read.max_age_seconds, read.fresh_seconds, read.reporting, read.canary_host) == (None, DAY, None, None)
    assert read.hosts[0].mode is Mode.ENFORCE
    assert read.unpinned is Unpinned.ALLOW
    assert parse_scope(octets(scope())).hosts == ()


def test_an_unknown_word_reads_as_the_stricter_one() -> None:
    read = parse_scope(octets(scope(scope_host(mode="observe", until=7), unpinned="Allow")))
    assert (read.hosts[0].mode, read.hosts[0].until) == (Mode.ENFORCE, None)
    assert read.unpinned is Unpinned.DENY


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"unpinned": None}, "manifest-syntax"),
        ({"unpinned": True}, "manifest-syntax"),
        ({"max_age_seconds": 7 * DAY - 1}, "manifest-syntax"),
        ({"max_age_seconds": 3650 * DAY + 1}, "manifest-syntax"),
        ({"max_age_seconds": None}, "manifest-syntax"),
        ({"max_age_seconds": 1e6}, "manifest-syntax"),
        ({"fresh_seconds": 59}, "manifest-syntax"),
        ({"fresh_seconds": 366 * DAY + 1}, "manifest-syntax"),
        ({"fresh_seconds": None}, "manifest-syntax"),
        ({"report": None}, "manifest-syntax"),
        ({"report": {}}, "manifest-syntax"),
        ({"report": {"urls": "https://a.example"}}, "manifest-syntax"),
        ({"report": {"urls": [7]}}, "manifest-syntax"),
        ({"report": {"urls": ["ftp://a.example"]}}, "manifest-syntax"),
        ({"report": {"urls": ["https://a.example/ b"]}}, "manifest-syntax"),
        ({"report": {"urls": ["https://é.example"]}}, "manifest-syntax"),
        ({"report": {"urls": ["https://" + "a" * (MAX_URL_LENGTH - 7)]}}, "manifest-syntax"),
        ({"report": {"urls": ["https://a.example"] * (MAX_REPORT_URLS + 1)}}, "too-many"),
        ({"report": {"urls": [], "sample": 1.5}}, "manifest-syntax"),
        ({"report": {"urls": [], "sample": -0.5}}, "manifest-syntax"),
        ({"report": {"urls": [], "sample": True}}, "manifest-syntax"),
        ({"report": {"urls": [], "sample": "1"}}, "manifest-syntax"),
        ({"report": {"urls": [], "sample": None}}, "manifest-syntax"),
        ({"canary": None}, "manifest-syntax"),
        ({"canary": {}}, "hostname-syntax"),
        ({"canary": {"host": "Canary.example.com"}}, "pattern-not-normalised"),
    ],
)
def test_members_have_one_form(changes: dict[str, Any], code: str) -> None:
    assert refusal(scope(scope_host(), **changes)) == code


@pytest.mark.parametrize(
    "changes",
    [
        {"max_age_seconds": 7 * DAY},
        {"max_age_seconds": 3650 * DAY},
        {"fresh_seconds": 60},
        {"fresh_seconds": 366 * DAY},
        {"report": {"urls": [], "sample": 0}},
        {"report": {"urls": ["http://a.example/!~"] * MAX_REPORT_URLS, "sample": 1}},
        {"report": {"urls": ["https://" + "a" * (MAX_URL_LENGTH - 8)]}},
    ],
)
def test_bounds_are_inclusive(changes: dict[str, Any]) -> None:
    parse_scope(octets(scope(scope_host(), **changes)))


def test_a_share_that_is_not_said_is_everybody() -> None:
    assert parse_scope(octets(scope(report={"urls": []}))).reporting == Reporting((), 1.0)


def test_scope_lacks_unpinned() -> None:
    document = scope()
    del document["unpinned"]
    assert refusal(document) == "manifest-syntax"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"allow": None}, "manifest-syntax"),
        ({"allow": []}, "manifest-syntax"),
        ({"allow": {"leaf": 1}}, "manifest-syntax"),
        ({"allow": {"ca": None}}, "manifest-syntax"),
        ({"allow": {"ca": [7]}}, "digest-syntax"),
        ({"allow": {"ca": [text("a")] * (MAX_CA_DIGESTS + 1)}}, "too-many"),
        ({"require": None}, "manifest-syntax"),
        ({"require": []}, "require-empty"),
        ({"require": [text("a"), "b"]}, "digest-syntax"),
        ({"require": [text("a")] * (MAX_CA_DIGESTS + 1)}, "too-many"),
        ({"backup": [pin("a")] * (MAX_PINS + 1)}, "too-many"),
        ({"backup": {}}, "manifest-syntax"),
        ({"reject": [7]}, "manifest-syntax"),
        ({"mode": None}, "manifest-syntax"),
        ({"mode": ["enforce"]}, "manifest-syntax"),
        ({"mode": "report-only"}, "instant-syntax"),
        ({"mode": "report-only", "until": "soon"}, "instant-syntax"),
        ({"mode": "report-only", "until": "2027-02-21T12:00:01Z"}, "report-only-too-long"),
        ({"pattern": "10.0.0.1", "include_subdomains": True}, "ip-with-subdomains"),
    ],
)
def test_members_of_a_host_have_one_form(changes: dict[str, Any], code: str) -> None:
    assert refusal(scope(scope_host() | changes)) == code


def test_a_host_must_say_what_it_allows() -> None:
    assert refusal(scope({"pattern": "api.example.com"})) == "manifest-syntax"


def test_report_only_for_ninety_days_to_the_second_and_perhaps_long_over() -> None:
    for until in ("2027-02-21T12:00:00Z", "2020-01-01T00:00:00Z"):
        (host,) = parse_scope(octets(scope(scope_host(mode="report-only", until=until)))).hosts
        assert host.mode is Mode.REPORT_ONLY


def test_as_many_cas_as_allowed() -> None:
    digests = [text(str(number)) for number in range(MAX_CA_DIGESTS)]
    (host,) = parse_scope(octets(scope(scope_host(allow={"ca": digests}, require=digests)))).hosts
    assert host.require is not None
    assert len(host.allow_ca) == len(host.require) == MAX_CA_DIGESTS


def test_a_pattern_stands_once_whatever_its_subdomains() -> None:
    hosts = [scope_host("a.example.com"), scope_host("a.example.com", include_subdomains=True)]
    assert refusal(scope(*hosts)) == "duplicate-host"

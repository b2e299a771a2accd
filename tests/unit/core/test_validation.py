# SPDX-License-Identifier: Apache-2.0
"""``holdfast.core.validation``: the order of evaluation, and every way to a verdict."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.core.certificate import Certificate
from holdfast.core.limits import MAX_PATH_LENGTH
from holdfast.core.manifest import parse_manifest
from holdfast.core.pin import format_digest
from holdfast.core.pin_set import build_pin_table
from holdfast.core.scope import Unpinned, parse_scope
from holdfast.core.validation import ACCEPTING, Enforcement, Reason, Verdict, judge, validate_path
from tests.pin_documents import manifest, manifest_host, octets, pin, scope, scope_host, text

HOST = "api.example.com"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(days=3)


def certificate(word: str) -> Certificate:
    return Certificate(b64decode(text(word)), b64decode(text(f"{word} certificate")), word.encode())


def path(*words: str) -> tuple[Certificate, ...]:
    return tuple(map(certificate, words))


GOOD = path("key", "issuer", "root")


def enforce(*, unpinned: str = "allow", canary: str | None = None, **changes: Any) -> Enforcement:
    more = {} if canary is None else {"canary": {"host": canary}}
    accept, reject = changes.pop("accept", [pin("key")]), changes.pop("reject", [])
    protected = scope_host(HOST, reject=changes.pop("scope_reject", []), **changes)
    table = build_pin_table(
        parse_scope(octets(scope(protected, unpinned=unpinned, **more))),
        parse_manifest(octets(manifest(manifest_host(HOST, *accept, reject=reject)))),
    )
    return Enforcement(table=table, manifest_version=42, unpinned=Unpinned.ALLOW)


def reason(enforcement: Enforcement, shown: Sequence[Certificate] = GOOD) -> Reason:
    assert enforcement.table is not None
    return validate_path(enforcement.table.hosts[HOST], shown)


STEPS: list[tuple[dict[str, Any], Reason]] = [
    ({"scope_reject": [pin("issuer", "any")]}, Reason.SCOPE_REJECT),
    ({"require": [text("another root")]}, Reason.REQUIRE),
    ({"backup": [pin("key")]}, Reason.BACKUP),
    ({"reject": [pin("issuer", "ca")]}, Reason.MANIFEST_REJECT),
    ({"accept": [pin("key")]}, Reason.PIN),
]


@pytest.mark.parametrize("first", range(len(STEPS)))
def test_each_step_comes_before_all_later_ones(first: int) -> None:
    settings: dict[str, Any] = {"accept": [pin("other")]}
    for changes, _ in STEPS[first:]:
        settings |= changes
    assert reason(enforce(**settings)) is STEPS[first][1]


def test_what_matches_nothing_is_refused() -> None:
    assert reason(enforce(accept=[pin("other")])) is Reason.NO_MATCH


def test_neither_a_backup_nor_a_pin_undoes_the_security_teams_rejection() -> None:
    assert (
        reason(enforce(scope_reject=[pin("key")], accept=[pin("key"), pin("x")], backup=[pin("key")]))
        is Reason.SCOPE_REJECT
    )


def test_automation_cannot_reject_a_backup() -> None:
    assert reason(enforce(reject=[pin("key", "any")], accept=[pin("x")], backup=[pin("key")])) is Reason.BACKUP


@pytest.mark.parametrize(
    ("required", "shown", "expected"),
    [
        (["root"], GOOD, Reason.PIN),
        (["issuer"], GOOD, Reason.PIN),
        (["x", "root"], GOOD, Reason.PIN),
        (["key"], GOOD, Reason.REQUIRE),  # the leaf is no CA
        (["root"], path("key"), Reason.REQUIRE),
        (["root"], path("key", "issuer"), Reason.REQUIRE),
        (["root certificate"], GOOD, Reason.REQUIRE),
    ],
)
def test_one_of_the_required_cas_must_be_on_the_path(
    required: list[str], shown: Sequence[Certificate], expected: Reason
) -> None:
    assert reason(enforce(require=[text(word) for word in required]), shown) is expected


def test_a_verdict_says_everything() -> None:
    verdict = judge(enforce(), "API.example.com.", list(GOOD), now=NOW)
    assert verdict == Verdict(True, Reason.PIN, HOST, HOST, 42, path=GOOD)
    assert verdict.enforced
    assert verdict.observed == tuple(format_digest(one.spki_sha256) for one in GOOD)
    refused = judge(enforce(), HOST, path("evil", "issuer"), now=NOW)
    assert refused == Verdict(False, Reason.NO_MATCH, HOST, HOST, 42, path=path("evil", "issuer"))


@pytest.mark.parametrize("host", ["", "a b", "bücher.example", "192.0.2.01", "[::1", "x" * 300])
def test_a_name_without_a_normal_form_is_refused_before_all_else(host: str) -> None:
    empty = Enforcement(None, None, Unpinned.ALLOW)
    for enforcement in (enforce(), empty):
        verdict = judge(enforcement, host, GOOD, now=NOW)
        assert (verdict.allowed, verdict.reason, verdict.host) == (False, Reason.HOSTNAME_SYNTAX, host)
        assert (verdict.pattern, verdict.path) == (None, GOOD)


def test_without_a_set_every_host_is_refused() -> None:
    empty = Enforcement(None, None, Unpinned.ALLOW)
    for host in (HOST, "anything.example.net"):
        verdict = judge(empty, host, GOOD, now=NOW)
        assert (verdict.allowed, verdict.reason, verdict.manifest_version) == (False, Reason.NO_PINS, None)


def test_the_canary_is_refused_though_unpinned_hosts_are_allowed() -> None:
    enforcement = enforce(canary="canary.example.org")
    assert judge(enforcement, "canary.example.org", GOOD, now=NOW).reason is Reason.CANARY
    assert judge(enforcement, "www.example.org", GOOD, now=NOW).reason is Reason.UNPINNED


@pytest.mark.parametrize(
    ("scope_word", "app_word", "expected"),
    [
        ("allow", Unpinned.ALLOW, Reason.UNPINNED),
        ("deny", Unpinned.ALLOW, Reason.UNPINNED_DENIED),
        ("allow", Unpinned.DENY, Reason.UNPINNED_DENIED),
        ("deny", Unpinned.DENY, Reason.UNPINNED_DENIED),
    ],
)
def test_of_two_words_on_unpinned_hosts_the_stricter_counts(
    scope_word: str, app_word: Unpinned, expected: Reason
) -> None:
    verdict = judge(replace(enforce(unpinned=scope_word), unpinned=app_word), "www.example.org", GOOD, now=NOW)
    assert (verdict.reason, verdict.allowed) == (expected, expected is Reason.UNPINNED)
    assert (verdict.pattern, verdict.path, verdict.manifest_version) == (None, GOOD, 42)


@pytest.mark.parametrize("unpinned", Unpinned)
def test_a_required_host_that_the_scope_drops_is_refused_alone(unpinned: Unpinned) -> None:
    enforcement = replace(enforce(), required_hosts=frozenset({"login.example.com", HOST}), unpinned=unpinned)
    assert judge(enforcement, "login.example.com", GOOD, now=NOW).reason is Reason.REQUIRED_HOST_DROPPED
    assert judge(enforcement, HOST, GOOD, now=NOW).reason is Reason.PIN


def test_past_max_age_a_protected_host_is_refused_and_no_other() -> None:
    enforcement = replace(enforce(mode="report-only", until="2026-11-26T12:00:00Z"), past_max_age=True)
    verdict = judge(enforcement, HOST, GOOD, now=NOW)
    assert (verdict.allowed, verdict.reason, verdict.pattern) == (False, Reason.MAX_AGE, HOST)
    assert judge(enforcement, "www.example.org", GOOD, now=NOW).allowed


@pytest.mark.parametrize("mode", [{}, {"mode": "report-only", "until": "2026-11-26T12:00:00Z"}])
def test_a_path_has_a_leaf_and_a_bound(mode: dict[str, str]) -> None:
    enforcement = enforce(**mode)
    empty = judge(enforcement, HOST, (), now=NOW)
    assert (empty.allowed, empty.reason, empty.pattern) == (False, Reason.EMPTY_PATH, HOST)
    longest = path("key", *map(str, range(MAX_PATH_LENGTH - 1)))
    assert judge(enforcement, HOST, longest, now=NOW).reason is Reason.PIN
    longer = judge(enforcement, HOST, (*longest, certificate("one more")), now=NOW)
    assert (longer.allowed, longer.reason, longer.path) == (False, Reason.PATH_TOO_LONG, ())


def test_an_unpinned_host_may_have_no_path_and_any() -> None:
    assert judge(enforce(), "www.example.org", (), now=NOW).allowed
    long_path = path(*map(str, range(MAX_PATH_LENGTH + 3)))
    verdict = judge(enforce(), "www.example.org", long_path, now=NOW)
    assert verdict.allowed
    assert verdict.path == long_path[:MAX_PATH_LENGTH]
    refused = judge(enforce(unpinned="deny"), "www.example.org", long_path, now=NOW)
    assert refused.path == long_path[:MAX_PATH_LENGTH]


REPORT_ONLY = {"mode": "report-only", "until": "2026-11-26T12:00:00Z"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"require": [text("x")]}, Reason.REQUIRE),
        ({"reject": [pin("key")], "accept": [pin("x")]}, Reason.MANIFEST_REJECT),
        ({"accept": [pin("x")]}, Reason.NO_MATCH),
    ],
)
def test_report_only_lets_the_pins_own_refusals_pass(changes: dict[str, Any], expected: Reason) -> None:
    verdict = judge(enforce(**REPORT_ONLY, **changes), HOST, GOOD, now=NOW)
    assert (verdict.allowed, verdict.reason, verdict.enforced, verdict.until) == (True, expected, False, UNTIL)
    assert (verdict.pattern, verdict.manifest_version, verdict.path) == (HOST, 42, GOOD)


def test_report_only_lets_no_rejection_of_the_security_team_pass() -> None:
    verdict = judge(enforce(**REPORT_ONLY, scope_reject=[pin("root", "ca")]), HOST, GOOD, now=NOW)
    assert (verdict.allowed, verdict.reason, verdict.enforced) == (False, Reason.SCOPE_REJECT, True)


def test_what_is_accepted_anyway_is_enforced_in_report_only_too() -> None:
    verdict = judge(enforce(**REPORT_ONLY), HOST, GOOD, now=NOW)
    assert (verdict.allowed, verdict.reason, verdict.enforced, verdict.until) == (True, Reason.PIN, True, None)


def test_report_only_ends_with_until() -> None:
    enforcement = enforce(**REPORT_ONLY, accept=[pin("x")])
    assert judge(enforcement, HOST, GOOD, now=UNTIL - timedelta(seconds=1)).allowed
    assert not judge(enforcement, HOST, GOOD, now=UNTIL).allowed
    # Once it was seen to have passed, no clock brings it back.
    ended = replace(enforcement, ended=frozenset({HOST}))
    assert not judge(ended, HOST, GOOD, now=NOW).allowed
    assert judge(replace(enforcement, ended=frozenset({"other.example.com"})), HOST, GOOD, now=NOW).allowed


def test_report_only_on_a_required_host_reads_as_enforce() -> None:
    enforcement = replace(enforce(**REPORT_ONLY, accept=[pin("x")]), required_hosts=frozenset({HOST}))
    verdict = judge(enforcement, HOST, GOOD, now=NOW)
    assert (verdict.allowed, verdict.reason, verdict.enforced) == (False, Reason.NO_MATCH, True)


def test_every_reason_accepts_or_refuses() -> None:
    assert {reason.value for reason in ACCEPTING} == {"pin", "backup", "unpinned"}
    assert len({reason.value for reason in Reason}) == len(Reason) == 18

# SPDX-License-Identifier: Apache-2.0
"""``holdfast.core.freshness``: ages, states, and moments that have passed for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.core.freshness import (
    CLOCK_TOLERANCE_SECONDS,
    Passed,
    Source,
    State,
    age_seconds,
    clamp_refresh_seconds,
    effective_now,
    find_passed,
    find_state,
    suspect_clock,
)
from holdfast.core.scope import Scope, parse_scope
from tests.pin_documents import octets, scope, scope_host

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "age", "retired", "state"),
    [
        (None, 0, False, State.EMPTY),
        (None, 9999, True, State.EMPTY),
        (Source.SEED, 0, False, State.SEED),
        (Source.SEED, 9999, False, State.SEED),
        (Source.SEED, 0, True, State.SEED),
        (Source.CACHE, 0, False, State.FRESH),
        (Source.CACHE, 100, False, State.FRESH),
        (Source.CACHE, 100.001, False, State.STALE),
        (Source.CACHE, 0, True, State.STALE),
        (Source.NETWORK, 100, False, State.FRESH),
        (Source.NETWORK, 101, False, State.STALE),
        (Source.NETWORK, 0, True, State.STALE),
    ],
)
def test_the_table_of_states(source: Source | None, age: float, retired: bool, state: State) -> None:
    assert find_state(source, age=age, fresh_seconds=100, retired=retired) is state


def test_effective_now_is_the_latest_that_counts() -> None:
    assert effective_now(NOW, []) == NOW
    assert effective_now(NOW, [None, NOW - SECOND]) == NOW
    assert effective_now(NOW, [None, NOW + SECOND, NOW - SECOND]) == NOW + SECOND


def test_age_is_never_negative() -> None:
    assert age_seconds(NOW, NOW + 90 * SECOND) == 90
    assert age_seconds(NOW + 90 * SECOND, NOW) == 0
    assert age_seconds(NOW, NOW) == 0


@pytest.mark.parametrize(("wanted", "used"), [(1, 60), (60, 60), (61, 61), (86_400, 86_400), (86_401, 86_400)])
def test_what_clients_honour_of_an_interval(wanted: int, used: int) -> None:
    assert clamp_refresh_seconds(wanted) == used


def test_only_tests_lower_the_floor() -> None:
    assert clamp_refresh_seconds(1, floor=0.5) == 1
    assert clamp_refresh_seconds(100_000, floor=0.5) == 86_400


def test_a_clock_behind_by_more_than_the_tolerance_is_suspected() -> None:
    tolerance = timedelta(seconds=CLOCK_TOLERANCE_SECONDS)
    assert not suspect_clock(NOW, NOW)
    assert not suspect_clock(NOW - tolerance, NOW)
    assert suspect_clock(NOW - tolerance - SECOND, NOW)
    assert not suspect_clock(NOW + timedelta(days=9000), NOW)


def test_a_clock_at_the_end_of_time_is_a_clock_like_any_other() -> None:
    assert not suspect_clock(END_OF_TIME, NOW)
    assert suspect_clock(datetime.min.replace(tzinfo=UTC), END_OF_TIME)
    assert effective_now(END_OF_TIME, [NOW]) == END_OF_TIME
    assert age_seconds(NOW, END_OF_TIME) > 0


SHA, STAMP = "5c" * 32, "75" * 32


def make_scope(**changes: object) -> Scope:
    hosts = [
        scope_host("a.example.com", mode="report-only", until="2026-11-23T12:00:00Z"),
        scope_host("b.example.com", mode="report-only", until="2026-11-23T12:00:01Z"),
        scope_host("c.example.com"),
    ]
    return parse_scope(octets(scope(*hosts, issued="2026-11-20T00:00:00Z", **changes)))


def test_report_only_has_passed_from_until_on() -> None:
    def passed(now: datetime) -> frozenset[str]:
        found = find_passed(make_scope(), scope_sha256=SHA, timestamp_sha256=STAMP, age=9e9, now=now)
        assert found.max_ages == frozenset()
        assert found.ended_patterns("other scope") == frozenset()
        return found.ended_patterns(SHA)

    assert passed(NOW - SECOND) == frozenset()
    assert passed(NOW) == {"a.example.com"}
    assert passed(NOW + SECOND) == {"a.example.com", "b.example.com"}


@pytest.mark.parametrize(("age", "is_past"), [(604_800.0, False), (604_800.5, True)])
def test_a_set_is_past_max_age_beyond_it(age: float, is_past: bool) -> None:
    limited = make_scope(max_age_seconds=604_800)
    found = find_passed(limited, scope_sha256=SHA, timestamp_sha256=STAMP, age=age, now=NOW)
    assert found.max_ages == (frozenset({STAMP}) if is_past else frozenset())


def test_what_has_passed_adds_up() -> None:
    one = Passed(frozenset({("s", "a")}), frozenset({"t"}))
    other = Passed(frozenset({("s", "b"), ("x", "c")}), frozenset({"u"}))
    both = one | other
    assert both == Passed(frozenset({("s", "a"), ("s", "b"), ("x", "c")}), frozenset({"t", "u"}))
    assert both.ended_patterns("s") == {"a", "b"}
    assert Passed() | one == one

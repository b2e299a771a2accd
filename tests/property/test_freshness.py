# SPDX-License-Identifier: Apache-2.0
"""States and ages over all inputs: no state without its reason, no moment that comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.freshness import (
    STATES,
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
from holdfast.core.scope import parse_scope
from tests.pin_documents import octets, scope, scope_host

moments = st.datetimes(timezones=st.just(UTC))
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)
SCOPE = parse_scope(
    octets(scope(scope_host(mode="report-only", until="2026-12-01T00:00:00Z"), max_age_seconds=604_800))
)


@given(st.sampled_from([None, *Source]), st.floats(0, 1e12), st.integers(60, 31_622_400), st.booleans())
def test_every_client_is_in_one_state(source: Source | None, age: float, fresh: int, retired: bool) -> None:
    state = find_state(source, age=age, fresh_seconds=fresh, retired=retired)
    assert state in STATES.values()
    assert (state is State.EMPTY) == (source is None)
    assert (state is State.SEED) == (source is Source.SEED)
    assert (state is State.FRESH) == (source in (Source.CACHE, Source.NETWORK) and age <= fresh and not retired)


@given(moments, st.lists(st.none() | moments, max_size=3))
def test_effective_now_is_never_before_the_device_nor_before_what_was_signed(
    device: datetime, references: list[datetime | None]
) -> None:
    now = effective_now(device, references)
    known = [moment for moment in (device, *references) if moment is not None]
    assert now in known
    assert all(now >= moment for moment in known)


@given(moments, moments)
def test_ages_and_suspicions_are_total(issued: datetime, now: datetime) -> None:
    age = age_seconds(issued, now)
    assert age == max(0.0, (now - issued).total_seconds())
    assert suspect_clock(now, issued) == (issued - now > timedelta(minutes=5))


@given(st.integers(-(2**53), 2**53))
def test_an_interval_is_always_within_what_clients_honour(wanted: int) -> None:
    used = clamp_refresh_seconds(wanted)
    assert 60 <= used <= 86_400
    assert used == wanted or not 60 <= wanted <= 86_400


@given(st.lists(st.tuples(moments, st.floats(0, 1e9)), max_size=6))
def test_what_has_passed_stays_passed_however_the_clock_jumps(readings: list[tuple[datetime, float]]) -> None:
    passed = Passed()
    for now, age in readings:
        before = passed
        passed |= find_passed(SCOPE, scope_sha256="s", timestamp_sha256="t", age=age, now=now)
        assert before.untils <= passed.untils
        assert before.max_ages <= passed.max_ages
    assert bool(passed.untils) == any(now >= UNTIL for now, _ in readings)
    assert bool(passed.max_ages) == any(age > 604_800 for _, age in readings)

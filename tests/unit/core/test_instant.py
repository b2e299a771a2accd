# SPDX-License-Identifier: Apache-2.0
"""Instants are written in UTC, whole seconds, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from holdfast.core.instant import format_instant, parse_instant
from holdfast.errors import FormatError


def test_what_is_written_is_read_back() -> None:
    instant = datetime(2026, 11, 23, 12, 0, 1, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert format_instant(instant) == "2026-11-23T10:00:01Z"
    assert parse_instant(format_instant(instant)) == instant.replace(microsecond=0)


@pytest.mark.parametrize("year", [1, 9999])
def test_the_first_and_the_last_year_can_be_written(year: int) -> None:
    instant = datetime(year, 6, 1, tzinfo=UTC)
    assert parse_instant(format_instant(instant)) == instant


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(FormatError) as caught:
        format_instant(datetime(2026, 11, 23))  # noqa: DTZ001
    assert caught.value.code == "instant-naive"


@pytest.mark.parametrize(("year", "hours"), [(1, 14), (9999, -12)])
def test_an_instant_outside_of_the_years_that_can_be_written_is_refused(year: int, hours: int) -> None:
    edge = datetime(year, 1, 1) if year == 1 else datetime(year, 12, 31, 23, 59, 59)  # noqa: DTZ001
    with pytest.raises(FormatError) as caught:
        format_instant(edge.replace(tzinfo=timezone(timedelta(hours=hours))))
    assert caught.value.code == "instant-syntax"

# SPDX-License-Identifier: Apache-2.0
"""``holdfast.core.instant``: one form, both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

from holdfast.core.instant import format_instant, parse_instant
from holdfast.errors import FormatError


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T12:00:00Z", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2024-02-29T19:08:07Z", datetime(2024, 2, 29, 19, 8, 7, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_and_written_in_one_form(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant
    assert parse_instant(text).tzinfo is UTC
    assert format_instant(instant) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-11-23", "2026-11-23T12:00:00", "2026-11-23 12:00:00Z", "2026-11-23T12:00:00z",
        "2026-11-23T12:00:00+00:00", "2026-11-23T12:00:00.5Z", "2026-11-23T12:00Z", "20261123T120000Z",
        "2026-W48-1T12:00:00Z", " 2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z\n", "0000-01-01T00:00:00Z",
        "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T12:60:00Z",
        "2026-11-23T12:00:60Z", "٢026-11-23T12:00:00Z", None, 0, b"", True,
    ],
)  # fmt: skip
def test_no_other_form_is_read(text: object) -> None:
    with pytest.raises(FormatError) as caught:
        parse_instant(text)
    assert caught.value.code == "instant-syntax"


def test_writing_cuts_fractions_off_and_goes_to_utc() -> None:
    moment = datetime(2026, 11, 23, 12, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert format_instant(moment) == "2026-11-23T10:00:00Z"


class Nowhere(tzinfo):
    """A zone that does not say how far it is from UTC."""

    def utcoffset(self, _: datetime | None, /) -> None:
        return None

    def dst(self, _: datetime | None, /) -> None:
        return None

    def tzname(self, _: datetime | None, /) -> str:
        return "nowhere"


@pytest.mark.parametrize("zone", [None, Nowhere()])
def test_an_instant_without_a_zone_cannot_be_written(zone: tzinfo | None) -> None:
    with pytest.raises(FormatError) as caught:
        format_instant(datetime(2026, 11, 23, tzinfo=zone))
    assert caught.value.code == "instant-naive"


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=12))),
    ],
)
def test_what_utc_cannot_say_cannot_be_written(moment: datetime) -> None:
    with pytest.raises(FormatError) as caught:
        format_instant(moment)
    assert caught.value.code == "instant-syntax"

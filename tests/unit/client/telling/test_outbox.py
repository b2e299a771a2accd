# SPDX-License-Identifier: Apache-2.0
"""What waits to be reported: once a day, 200 at most, and nothing that tells two devices apart."""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.client.telling.outbox import (
    MAX_BATCH,
    MAX_BATCH_BYTES,
    MAX_PENDING,
    Outbox,
    Report,
    bucket_days,
    format_outbox,
    parse_outbox,
)
from holdfast.errors import FormatError
from tests.repository import EPOCH

DAY = timedelta(days=1)


def filled(number: int, *, size: int = 10) -> Outbox:
    box = Outbox()
    for index in range(number):
        box = box.add(Report(f"key-{index}", "x" * size), EPOCH)
    return box


def test_one_identical_report_a_day() -> None:
    report = Report("key", "{}")
    box = Outbox().add(report, EPOCH)
    assert box.add(report, EPOCH + timedelta(hours=11)) is box
    delivered = box.without((report,))
    assert delivered.pending == ()
    assert delivered.add(report, EPOCH + timedelta(hours=11)) is delivered
    assert delivered.add(report, EPOCH + DAY).pending == (report,)


def test_a_report_that_waits_over_midnight_is_not_kept_twice() -> None:
    report, again = Report("key", "{1}"), Report("key", "{2}")
    box = Outbox().add(report, EPOCH).add(again, EPOCH + DAY)
    assert box.pending == (again,)


def test_at_most_two_hundred_wait_and_the_oldest_is_lost_first() -> None:
    box = filled(MAX_PENDING + 5)
    assert len(box.pending) == MAX_PENDING
    assert box.pending[0].key == "key-5"


def test_an_attacker_with_ever_new_certificates_fills_no_memory() -> None:
    box = filled(5000)
    assert len(box.seen) == 2000
    assert len(box.pending) == MAX_PENDING


def test_a_batch_is_bounded_in_number_and_size() -> None:
    assert len(filled(MAX_PENDING).next_batch()) == MAX_BATCH
    batch = filled(20, size=100_000).next_batch()
    assert len(batch) == 10
    assert sum(len(report.text) for report in batch) <= MAX_BATCH_BYTES
    assert Outbox().next_batch() == ()


def test_two_processes_join_what_they_have() -> None:
    one, two, three = (Report(key, key) for key in ("1", "2", "3"))
    ours = Outbox().add(one, EPOCH).add(two, EPOCH)
    theirs = Outbox().add(two, EPOCH).add(three, EPOCH).without((two,))  # they have delivered the second already
    joined = ours.join(theirs, EPOCH)
    assert {report.key for report in joined.pending} == {"1", "3"}
    assert joined.seen == {"1", "2", "3"}


def test_yesterdays_memory_does_not_hide_todays_report() -> None:
    report = Report("1", "{}")
    yesterday = Outbox().add(report, EPOCH).without((report,))
    today = Outbox().add(report, EPOCH + DAY)
    assert today.join(yesterday, EPOCH + DAY).pending == (report,)


def test_a_draw_is_made_once_a_scope_and_kept() -> None:
    numbers = count(1)
    box, drawn = Outbox().draw("scope-1", lambda: next(numbers) / 100)
    box, again = box.draw("scope-1", lambda: next(numbers) / 100)
    box, other = box.draw("scope-2", lambda: next(numbers) / 100)
    assert (drawn, again, other) == (0.01, 0.01, 0.02)
    for index in range(100):
        box, _ = box.draw(f"more-{index}", lambda: 0.5)
    assert len(box.draws) == 16


def test_a_check_in_is_planned_within_today_and_then_within_tomorrow() -> None:
    box = Outbox().plan_check_in(EPOCH, 0.5)
    assert box.check_in_due == EPOCH + timedelta(hours=6)
    assert box.plan_check_in(EPOCH, 0.1) is box
    assert not box.is_check_in_due(EPOCH)
    assert not box.needs_attention(EPOCH)
    at = EPOCH + timedelta(hours=6)
    assert box.is_check_in_due(at)
    assert box.needs_attention(at)
    sent = box.after_check_in(at, 0.25)
    assert sent.check_in_due == EPOCH + timedelta(hours=18)  # 06:00 of the next day
    assert not sent.is_check_in_due(at)
    assert not sent.is_check_in_due(EPOCH + timedelta(hours=11, minutes=59))
    assert sent.is_check_in_due(EPOCH + timedelta(hours=18))


def test_at_most_one_check_in_a_day_even_with_a_plan_for_it() -> None:
    box = Outbox(checked_in="2026-11-23", check_in_due=EPOCH - DAY)
    assert not box.is_check_in_due(EPOCH)
    assert box.is_check_in_due(EPOCH + DAY)


def test_a_clock_that_was_ahead_once_does_not_silence_a_client() -> None:
    ahead = Outbox(checked_in="2028-01-01", check_in_due=EPOCH + 400 * DAY)
    joined = Outbox().join(ahead, EPOCH)
    assert (joined.checked_in, joined.check_in_due) == (None, None)
    assert ahead.plan_check_in(EPOCH, 0.0).check_in_due == EPOCH


@pytest.mark.parametrize(
    ("days", "bucket"),
    [(0, "1"), (1, "1"), (2, "2-6"), (6, "2-6"), (7, "7-29"), (29, "7-29"), (30, "30+"), (900, "30+")],
)
def test_days_are_said_in_buckets(days: int, bucket: str) -> None:
    assert bucket_days("2026-11-23", EPOCH + days * DAY) == bucket


def test_the_first_check_in_and_a_clock_set_back() -> None:
    assert bucket_days(None, EPOCH) == "first"
    assert bucket_days("2028-01-01", EPOCH) == "1"


def test_an_outbox_comes_back_as_it_was() -> None:
    box = filled(3).draw("scope", lambda: 0.25)[0].after_check_in(EPOCH, 0.5)
    assert parse_outbox(format_outbox(box)) == box
    assert parse_outbox(format_outbox(Outbox())) == Outbox()


MEMBERS = ["format", "day", "seen", "pending", "draws", "checked_in", "check_in_due"]
VALUES: st.SearchStrategy[object] = st.one_of(
    st.none(), st.integers(), st.just([[]]), st.just({"a": "b"}), st.lists(st.sampled_from(["a", "b"]))
)


@given(st.dictionaries(st.sampled_from(MEMBERS), VALUES, min_size=1))
def test_any_members_are_an_outbox_or_a_format_error(change: dict[str, object]) -> None:
    document = json.loads(format_outbox(filled(2))) | change
    with contextlib.suppress(FormatError):
        parse_outbox(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b'{"format":"holdfast-outbox/2"}', b"\xff"])
def test_what_is_no_outbox_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_outbox(data)

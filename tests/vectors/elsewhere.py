# SPDX-License-Identifier: Apache-2.0
"""The rules that no octets can test, and the tests that do; and the rules that have but one side.

``ELSEWHERE`` names test functions, ``file::name``, in whatever room of ``tests/`` they lie; the map test looks that
they exist.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

ELSEWHERE: Final = MappingProxyType(
    {
        "BUN-8": ("test_not_modified_for_ever.py::test_a_304_renews_nothing",),
        "BUN-9": ("test_exempt_context.py::test_no_other_context_is_exempt",),
        "FRE-17": (
            "test_mismatch_flood.py::test_a_crowd_at_a_rotated_server_costs_one_request_and_all_get_through",
            "test_mismatch_flood.py::test_a_mismatch_does_not_wait_for_the_back_off",
        ),
        "FRE-18": (
            "test_hint_flood.py::test_an_unmet_hint_backs_off",
            "test_hint_flood.py::test_a_flood_costs_few_requests_and_leaves_one_for_a_mismatch",
        ),
        "FRE-20": ("test_cache_torn_write.py::test_a_killed_writer_leaves_the_old_file_or_the_new_one",),
        "REP-4": ("test_outbox.py::test_one_identical_report_a_day",),
        "REP-5": (
            "test_reporting.py::test_what_the_attacker_drops_is_sent_on_the_next_network",
            "test_outbox.py::test_at_most_two_hundred_wait_and_the_oldest_is_lost_first",
        ),
        "REP-6": ("test_reporting.py::test_a_collector_that_is_away_is_not_hammered",),
        "REP-7": ("test_outbox.py::test_a_draw_is_made_once_a_scope_and_kept",),
        "REP-8": ("test_outbox.py::test_at_most_one_check_in_a_day_even_with_a_plan_for_it",),
        "SCO-16": ("test_registry.py::test_a_host_that_is_claimed_already_does_not_open",),
        "TRU-40": (
            "test_publication.py::test_of_two_publishers_without_a_lock_one_wins_and_no_version_has_two_contents",
            "test_publication.py::test_an_old_copy_of_the_database_cannot_lower_a_version",
        ),
        "VAL-19": (
            "test_clients.py::test_a_mis_issued_certificate_learns_nothing",
            "test_clients.py::test_the_genuine_server_is_reached",
            "test_ssl_context.py::test_verify_mode_cannot_be_weakened",
        ),
        "VAL-25": ("test_pin_store.py::test_a_live_connection_is_judged_again_when_its_key_is_revoked",),
    }
)

ACCEPTING_ONLY: Final = MappingProxyType(
    {
        "FRM-8": "says what is ignored; nothing is refused by it",
        "MAN-6": "says which pins count; what does not is SCO-12 to SCO-14",
        "MAN-7": "says clamped, and not refused",
        "MAN-8": "says what is no mark; the marks are TRU-25 and TRU-27",
        "TRU-20": "says how far one refresh goes; it stops there without an error",
        "VAL-13": "says what is read all the same; what is not is VAL-12",
    }
)

# SPDX-License-Identifier: Apache-2.0
"""Attack: a mirror serves one genuine set for ever, so that no revocation arrives; each role that can freeze."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.client.refresh.fetcher import Response
from holdfast.errors import FreezeError
from tests.client_world import HOST, FakeClock, reason, state
from tests.repository import LIVES
from tests.siege import Siege, accepted, path_of

# What an attacker must hold the keys of, to keep everything above a frozen role young.
SIGNED_ANEW = {
    "timestamp": (),
    "snapshot": ("timestamp",),
    "pins": ("snapshot", "timestamp"),
    "targets": ("pins", "snapshot", "timestamp"),
    "root": ("targets", "pins", "snapshot", "timestamp"),
}


@pytest.mark.parametrize("role", SIGNED_ANEW)
def test_a_frozen_role_expires(tmp_path: Path, role: str) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        before = FakeClock(siege.clock.device)
        siege.clock.wait(days=LIVES[role])
        repository.now, repository.issued_override = siege.clock.device, before.device  # he dates himself back
        for above in SIGNED_ANEW[role]:
            getattr(repository, f"publish_{above}")()
        repository.issued_override = None
        # Not even "unchanged" may be said of it: the mirror hides that it is the same.
        siege.mirror.replaced["bundle.json"] = Response(200, repository.bundle(), '"another"')
        # Snapshot and timestamp above the frozen role verify, so they are kept; the set itself stays what it was.
        siege.refused(store, FreezeError, "expired", role, progress=role in {"snapshot", "pins", "targets"})
        assert state(store) == "stale"
        assert store.age_seconds is not None
        assert store.age_seconds > LIVES[role] * 86_400
        # Control: whoever does not look at the time, here by a clock that stands still, finds nothing wrong with it.
        with siege.newcomer(clock=before) as victim:
            assert victim.refresh().error is None
            assert accepted(victim) == {"second"}
        if role == "root":
            repository.publish_root()
        siege.recovers(store, "third")
        assert state(store) == "fresh"


def test_one_second_earlier_it_is_not_expired(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        siege.clock.wait(days=LIVES["timestamp"], hours=-1, seconds=-1)
        siege.mirror.replaced["bundle.json"] = Response(200, siege.repository.bundle(), '"another"')
        assert store.refresh().error is None
        siege.clock.wait(seconds=1)
        siege.refused(store, FreezeError, "expired", "timestamp")


def test_with_a_maximum_age_the_freeze_ends_in_refusal(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    siege.repository.scope["max_age_seconds"] = 7 * 86_400
    with siege.settled() as store:
        siege.mirror.freeze()
        siege.clock.wait(days=7)
        verdict = store.judge(HOST, path_of("second"))
        assert (verdict.allowed, reason(verdict)) == (False, "max-age")
        assert store.refresh().error is None  # "unchanged", says the mirror, and that renews nothing
        assert not store.judge(HOST, path_of("second")).allowed
        assert len(siege.cached()["passed"]["max_ages"]) == 1
        del siege.mirror._find  # thaws: ``freeze`` had hidden the method
        siege.recovers(store, "third")

# SPDX-License-Identifier: Apache-2.0
"""Attack: the online keys (timestamp and snapshot) are stolen, and with them the time that the fleet believes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.errors import FreezeError, MetadataError, SignatureError
from holdfast.telemetry.events import SetSignedByRetiredKey
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.state import TrustedState
from holdfast.trust.verification import refresh
from tests.client_world import HOST, reason, state
from tests.repository import LIVES, Repository, instant
from tests.siege import Siege, accepted, path_of

FAR = datetime(2099, 1, 1, tzinfo=UTC)


def date_timestamp(repository: Repository, issued: datetime) -> None:
    """Sign a timestamp that claims to be signed at another time, and to live from there."""
    repository.publish_timestamp()
    repository.resign(
        "timestamp.json",
        "timestamp",
        **{"x-holdfast-issued": instant(issued), "expires": instant(issued + timedelta(days=7))},
    )


def replace_online_keys(repository: Repository) -> None:
    for role in ("timestamp", "snapshot"):
        repository.rotate_keys(role)
    repository.publish_root()


def test_what_they_can_do_is_keep_an_old_set_looking_young(tmp_path: Path) -> None:
    """The control that leaks: before the root speaks, the thief withholds a rotation and nobody sees it."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        siege.mirror.freeze()
        for _ in range(3):
            siege.clock.wait(days=6)
            repository.now = siege.clock.device
            repository.publish_timestamp()
            siege.mirror.freeze()
            assert store.refresh().error is None
            assert state(store) == "fresh"
        assert accepted(store) == {"second"}
        # The publisher speaks over it, with a root: what the stolen keys go on signing is refused.
        stolen = dict(repository.signers)
        replace_online_keys(repository)
        genuine, repository.signers = repository.signers, stolen
        repository.publish_timestamp()
        siege.mirror.freeze()
        siege.refused(store, SignatureError, "signature-threshold", "timestamp", progress=True)
        assert state(store) == "stale"
        assert siege.heard.last(SetSignedByRetiredKey).manifest_version == 2
        assert accepted(store) == {"second"}
        repository.signers = genuine
        del siege.mirror._find
        siege.recovers(store, "third")
        assert state(store) == "fresh"


def test_they_cannot_change_a_pin(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        for role in ("pins", "targets"):
            genuine = repository.signers[role]
            repository.signers[role] = repository.signers["snapshot"]
            siege.choose("evil")
            if role == "pins":
                repository.publish_pins()
            else:
                repository.publish_targets()
                repository.resign(f"{repository.versions['targets']}.targets.json", "targets")
            repository.publish_snapshot()
            repository.publish_timestamp()
            siege.refused(store, SignatureError, "signature-threshold", role, progress=True)
            repository.signers[role] = genuine
            siege.publish()  # so that the next round begins with sound files of every role
            assert store.refresh().changed
            siege.recovers(store, "second")


def test_the_year_2099_is_refused(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        date_timestamp(repository, FAR)
        siege.refused(store, MetadataError, "issued-after-expiry", "root")
        assert store.effective_now == siege.clock.device
        assert "2099" not in siege.cache_file.read_text("utf-8")
        # Control: an anchor without a channel asks no such question, and takes the same bytes.
        anchor = replace(parse_anchor(repository.anchor), channel=None)
        leaky = refresh(TrustedState(anchor), repository.fetch, now=siege.clock.device)
        assert leaky.error is None
        assert leaky.state.enforced is not None
        assert leaky.state.enforced.issued == FAR
        siege.recovers(store, "third")


@pytest.mark.parametrize("role", ["pins", "targets", "root"])
def test_no_later_than_the_first_role_expires_that_was_not_stolen(tmp_path: Path, role: str) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        repository.publish_snapshot()
        repository.resign(
            f"{repository.versions['snapshot']}.snapshot.json", "snapshot", expires=instant(FAR)
        )  # the thief has that key too
        date_timestamp(repository, siege.clock.device + timedelta(days=LIVES[role], hours=1))
        siege.refused(
            store, MetadataError, "issued-after-expiry", role, progress=role != "root"
        )  # the root is compared with the timestamp itself
        assert store.effective_now == siege.clock.device
        siege.recovers(store, "third")


def test_a_clock_that_was_driven_ahead_is_healed_by_a_root(tmp_path: Path) -> None:
    """Within the lives of the other roles the thief may lie: four weeks ahead. A new root ends that, and at once."""
    siege = Siege(tmp_path)
    repository = siege.repository
    siege.repository.scope["max_age_seconds"] = 30 * 86_400
    with siege.settled() as store:
        ahead = siege.clock.device + timedelta(days=28)
        date_timestamp(repository, ahead)
        assert store.refresh().error is None
        assert store.effective_now == ahead
        siege.assert_enforces(store, 2, "second")

        # What is signed today seems to have expired: the fleet hears nothing any more.
        siege.clock.wait(hours=1)
        siege.rotate("third")
        siege.refused(store, FreezeError, "expired", "timestamp")
        with siege.newcomer() as victim:  # the control: the very bytes are sound
            assert victim.refresh().error is None
            assert accepted(victim) == {"third"}

        replace_online_keys(repository)
        siege.recovers(store, "third")
        assert store.effective_now == siege.clock.device
        assert state(store) == "fresh"
        assert reason(store.judge(HOST, path_of("evil"))) == "no-match"


def test_a_root_is_never_judged_by_the_time_that_an_online_key_claims(tmp_path: Path) -> None:
    """Else a timestamp from beyond the next root's life would make the recovery itself look expired."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        date_timestamp(repository, siege.clock.device + timedelta(days=28))
        assert store.refresh().error is None
        repository.publish_root()
        short = instant(siege.clock.device + timedelta(days=14))
        repository.resign("2.root.json", "root", expires=short)
        siege.rotate("third")
        siege.refused(store, FreezeError, "expired", "timestamp", progress=True)  # not the root: it is good
        assert siege.cached()["roots"] == [repository.files["2.root.json"].decode()]
        replace_online_keys(repository)
        repository.resign("3.root.json", "root", expires=short)
        siege.recovers(store, "third")

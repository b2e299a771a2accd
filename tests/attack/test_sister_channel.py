# SPDX-License-Identifier: Apache-2.0
"""Attack: files of a sister channel (staging), signed with online keys that it shares with ours, are served here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.errors import ChannelError
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.state import TrustedState
from holdfast.trust.verification import refresh
from tests.client_world import HOST
from tests.repository import Repository
from tests.siege import Siege, leaf

STAGING = "com.example.bank/staging"
ROLES = ["timestamp", "snapshot", "targets", "pins", "scope", "manifest"]


def accepts_without_channel(siege: Siege) -> bool:
    """The control: the same verification, of an anchor that speaks for no channel, accepts the same bytes."""
    anchor = replace(parse_anchor(siege.repository.anchor), channel=None)
    outcome = refresh(TrustedState(anchor), siege.repository.fetch, now=siege.clock.device)
    enforced = outcome.state.enforced
    return outcome.error is None and enforced is not None


@pytest.mark.parametrize("role", ROLES)
def test_one_file_of_the_sister(tmp_path: Path, role: str) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    channel = repository.channel
    with siege.settled() as store:
        siege.choose("evil")  # what staging trusts
        repository.now = siege.clock.device
        repository.manifest["version"] += 1
        document = {"scope": repository.scope, "manifest": repository.manifest}.get(role)
        for part in ("targets", "pins", "snapshot", "timestamp"):
            repository.channel = STAGING if part == role else channel
            if document is not None:
                document["channel"] = STAGING
            getattr(repository, f"publish_{part}")()
        repository.channel = channel
        what = f"{role}.json" if document is not None else role
        siege.refused(store, ChannelError, "channel-mismatch", what, progress=role != "timestamp")
        cached = siege.cache_file.read_text("utf-8")
        assert STAGING not in cached  # no mark of the sister's either
        assert accepts_without_channel(siege)
        if document is not None:
            document["channel"] = channel
        siege.recovers(store, "third")


def make_sister(siege: Siege) -> Repository:
    """Staging as a whole, far ahead of production: online keys and automation are shared, the root is its own."""
    sister = Repository(STAGING, now=siege.clock.device)
    sister.add_host(HOST, [leaf("evil").pin])
    for role in ("targets", "pins", "snapshot", "timestamp"):
        sister.signers[role] = siege.repository.signers[role]
    sister.versions.update(targets=90, pins=90, snapshot=90, timestamp=90)
    sister.publish()
    return sister


def test_the_whole_sister(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        sister = make_sister(siege)
        siege.mirror.replaced["bundle.json"] = sister.bundle()
        siege.refused(store, ChannelError, "channel-mismatch", "timestamp")
        anchor = replace(parse_anchor(siege.repository.anchor), channel=None)
        control = refresh(TrustedState(anchor), sister.fetch, now=siege.clock.device)
        assert control.error is None
        siege.recovers(store, "third")


def test_the_channel_is_compared_before_version_and_expiry(tmp_path: Path) -> None:
    """A sister's timestamp is neither an older copy nor a frozen one: it is none of ours."""
    siege = Siege(tmp_path)
    with siege.settled() as store:
        sister = make_sister(siege)
        sister.versions["timestamp"] = 0
        sister.publish_timestamp()
        siege.clock.wait(days=60)
        siege.mirror.replaced["bundle.json"] = sister.bundle()
        siege.refused(store, ChannelError, "channel-mismatch", "timestamp")
        siege.recovers(store, "third")


def test_a_root_of_the_sister(tmp_path: Path) -> None:
    """One team, one set of root keys: the next root of staging is well signed for production."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        channel, repository.channel = repository.channel, STAGING
        repository.rotate_keys("timestamp")
        repository.publish_root()
        siege.refused(store, ChannelError, "channel-mismatch", "root")
        assert siege.cached()["roots"] == []
        repository.channel = channel
        repository.versions["root"] = 1
        repository.publish_root()
        siege.recovers(store, "third")


def test_a_role_without_a_channel_is_of_no_channel(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        channel, repository.channel = repository.channel, None
        repository.publish_timestamp()
        siege.refused(store, ChannelError, "channel-mismatch", "timestamp")
        assert accepts_without_channel(siege)
        repository.channel = channel
        siege.recovers(store, "third")

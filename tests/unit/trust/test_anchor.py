# SPDX-License-Identifier: Apache-2.0
"""``holdfast.trust.anchor``: the root that was shipped inside the app."""

from __future__ import annotations

import json

import pytest

from holdfast.errors import AnchorError
from holdfast.trust.anchor import parse_anchor
from tests.repository import CHANNEL, Repository


def test_an_anchor_speaks_for_its_channel() -> None:
    repository = Repository()
    anchor = parse_anchor(repository.anchor)
    assert (anchor.version, anchor.channel) == (1, CHANNEL)
    repository.rotate_root()
    assert parse_anchor(repository.files["2.root.json"]).version == 2


def test_an_anchor_of_a_plain_tuf_repository_speaks_for_none() -> None:
    assert parse_anchor(Repository(channel=None).anchor).channel is None


def refusal(data: bytes) -> AnchorError:
    with pytest.raises(AnchorError) as caught:
        parse_anchor(data)
    error = caught.value
    assert (error.code, error.role) == ("anchor-invalid", "root")
    assert error.hint
    return error


def test_an_anchor_meets_its_own_threshold() -> None:
    document = json.loads(Repository().anchor)
    document["signatures"] = document["signatures"][:1]
    assert "1 of the 2" in refusal(json.dumps(document).encode()).message


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff"])
def test_what_is_no_root(data: bytes) -> None:
    refusal(data)


def test_another_role_is_no_root() -> None:
    repository = Repository()
    repository.publish()
    refusal(repository.files["timestamp.json"])


def test_a_malformed_channel_is_no_channel() -> None:
    repository = Repository(channel="com.example.bank")
    assert "<app>/<environment>" in refusal(repository.anchor).message

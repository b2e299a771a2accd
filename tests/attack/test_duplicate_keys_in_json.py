# SPDX-License-Identifier: Apache-2.0
"""Attack: one member twice in a document: whoever checks reads the first, whoever acts reads the last.

``test_hostile_transfer`` does it to a bundle; here it is the files in it, listed with the hashes that they have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.errors import MetadataError
from tests.siege import Siege, believed, leaf

ROLES = ["root", "timestamp", "snapshot", "targets", "pins"]


def twice(pattern: str, before: str) -> Callable[[bytes], bytes]:
    """Make a change that says something else before the first member that matches."""

    def change(data: bytes) -> bytes:
        text, count = re.subn(pattern, lambda match: before + match[0], data.decode(), count=1)
        assert count == 1, pattern
        return text.encode()

    return change


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "change",
    [
        twice(r'"signed":', '"signed":{"_type":"none"},'),
        twice(r'"version":', '"version":1,'),
        twice(r'"x-holdfast-channel":', '"x-holdfast-\\u0063hannel":"com.example.bank/staging",'),
        twice(r'"sig":', '"sig":"00",'),
    ],
    ids=["signed", "version", "escaped-channel", "signature"],
)
def test_in_a_role(tmp_path: Path, role: str, change: Callable[[bytes], bytes]) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        name = siege.publish_with(role, change)
        data = siege.repository.files[name]
        siege.refused(store, MetadataError, "json-duplicate-key", role, progress=role not in {"root", "timestamp"})
        # Control: a parser that is not asked reads the last member, and that is the file that was signed.
        assert json.loads(data)["signed"]["x-holdfast-channel"] == "com.example.bank/production"
        if role == "root":
            siege.repository.versions["root"] -= 1
            siege.repository.publish_root()
        siege.recovers(store, "third")


def test_in_a_manifest(tmp_path: Path) -> None:
    """People see the genuine key, clients the attacker's."""
    siege = Siege(tmp_path)
    genuine = f'"accept": [{{"type": "spki-sha256", "at": "leaf", "digest": "{leaf("second").pin}"}}], '
    with siege.settled() as store:
        siege.publish_with("manifest", twice(r'"accept":', genuine))
        siege.refused(store, MetadataError, "json-duplicate-key", "manifest.json", progress=True)
        assert believed(siege.repository.bundle()) == {"evil"}  # the control
        del siege.repository._target_name
        siege.recovers(store, "third")


@pytest.mark.parametrize(
    ("pattern", "before"),
    [(r'"hosts":', '"hosts": [], '), (r'"mode":', '"mode": "report-only", '), (r'"format":', '"format": "other", ')],
)
def test_in_a_scope(tmp_path: Path, pattern: str, before: str) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        name = siege.publish_with("scope", twice(pattern, before))
        siege.refused(store, MetadataError, "json-duplicate-key", "scope.json", progress=True)
        scope = json.loads(siege.repository.files[name])  # the control
        assert (scope["format"], scope["hosts"][0]["mode"]) == ("holdfast-scope/1", "enforce")
        del siege.repository._target_name
        siege.recovers(store, "third")

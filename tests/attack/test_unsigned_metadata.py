# SPDX-License-Identifier: Apache-2.0
"""Attack: a sound set of the attacker's whose one file bears no signature that counts; each role."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.errors import MetadataError, SignatureError
from tests.siege import Siege, believed, keep_signatures

ROLES = ["root", "timestamp", "snapshot", "targets", "pins"]
ABOVE_IT_VERIFIES = {"snapshot", "targets", "pins"}


def edit(key: str, value: object) -> Callable[[bytes], bytes]:
    """Put something else into each signature of a role file."""

    def change(data: bytes) -> bytes:
        document = json.loads(data)
        for signature in document["signatures"]:
            signature[key] = value
        return json.dumps(document).encode()

    return change


def drop_list(data: bytes) -> bytes:
    document = json.loads(data)
    del document["signatures"]
    return json.dumps(document).encode()


def word_for_list(data: bytes) -> bytes:
    document = json.loads(data)
    document["signatures"] = "none needed"
    return json.dumps(document).encode()


def flip(data: bytes) -> bytes:
    """Signatures of the right keys, and of something else."""
    document = json.loads(data)
    document["signed"]["x-note"] = "changed after signing"
    return json.dumps(document).encode()


def back_to_sound(siege: Siege, role: str, name: str) -> None:
    if role == "root":
        del siege.repository.files[name]
        siege.repository.versions["root"] -= 1
        siege.repository.publish_root()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "change",
    [keep_signatures(0), edit("sig", ""), edit("sig", "00" * 70), edit("sig", None), flip],
    ids=["none", "empty", "zeros", "null", "of-another-text"],
)
def test_no_signature_that_counts(tmp_path: Path, role: str, change: Callable[[bytes], bytes]) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        name = siege.publish_with(role, change)
        siege.refused(store, SignatureError, "signature-threshold", role, progress=role in ABOVE_IT_VERIFIES)
        # The very bytes of the attacker's are in nothing that lies on disk.
        assert siege.repository.files[name].decode() not in json.dumps(siege.cached())
        assert believed(siege.repository.bundle()) == {"evil"}  # the control
        back_to_sound(siege, role, name)
        siege.recovers(store, "third")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("change", [drop_list, word_for_list])
def test_not_even_a_place_for_signatures(tmp_path: Path, role: str, change: Callable[[bytes], bytes]) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        name = siege.publish_with(role, change)
        siege.refused(store, MetadataError, "metadata-syntax", role, progress=role in ABOVE_IT_VERIFIES)
        assert believed(siege.repository.bundle()) == {"evil"}  # the control
        back_to_sound(siege, role, name)
        siege.recovers(store, "third")

# SPDX-License-Identifier: Apache-2.0
"""Attack: one stolen key of a role that needs two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from holdfast.errors import SignatureError
from tests.client_world import HOST
from tests.siege import Siege, accepted, evil_pin, keep_signatures

THRESHOLDS = {"root": 2, "targets": 2, "pins": 2, "snapshot": 2, "timestamp": 2}


def siege_of_two(tmp_path: Path) -> Siege:
    """A channel whose every role needs two signatures."""
    siege = Siege(tmp_path)
    repository = siege.repository
    repository.thresholds.update(THRESHOLDS)
    for role in ("pins", "snapshot", "timestamp"):
        repository.signers[role].append(CryptoSigner.generate_ecdsa())
    repository.versions["root"] = 0
    repository.publish_root(previous=[])
    return siege


@pytest.mark.parametrize("role", THRESHOLDS)
def test_one_of_two(tmp_path: Path, role: str) -> None:
    siege = siege_of_two(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        if role == "root":  # the thief appoints himself for everything else, over the one signature that he can make
            repository.rotate_keys("timestamp")
        siege.publish_with(role, keep_signatures(1))
        siege.refused(store, SignatureError, "signature-threshold", role, progress=role not in {"root", "timestamp"})
        assert siege.cached()["roots"] == []
        if role == "root":
            repository.versions["root"] = 1
            repository.publish_root()
        siege.recovers(store, "third")


def test_control_one_key_is_all_it_takes_where_one_is_the_threshold(tmp_path: Path) -> None:
    """The same theft in a channel that needs one signature: the host is unprotected at once."""
    siege = Siege(tmp_path)
    repository = siege.repository
    repository.thresholds["targets"] = 1
    repository.versions["root"] = 0
    repository.publish_root(previous=[])
    with siege.settled() as store:
        repository.scope["hosts"] = []
        siege.publish_with("targets", keep_signatures(1))
        assert store.refresh().changed
        assert "evil" in accepted(store)


def test_one_stolen_targets_key_protects_and_unprotects_nothing(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        host = repository.scope["hosts"].pop()
        siege.publish_with("targets", keep_signatures(1))
        siege.refused(store, SignatureError, "signature-threshold", "targets", progress=True)
        repository.scope["hosts"] = [{**host, "mode": "report-only", "until": "2027-01-01T00:00:00Z"}]
        siege.publish_with("targets", keep_signatures(1))
        siege.refused(store, SignatureError, "signature-threshold", "targets", progress=True)
        repository.scope["hosts"] = [{**host, "backup": [evil_pin()]}]
        siege.publish_with("targets", keep_signatures(1))
        siege.refused(store, SignatureError, "signature-threshold", "targets", progress=True)
        assert store.hosts == (HOST,)
        repository.scope["hosts"] = [host]
        siege.recovers(store, "third")


def test_a_signature_of_another_role_fills_no_gap(tmp_path: Path) -> None:
    """A stolen targets key and all online keys are still one targets key."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        genuine = repository.signers["targets"]
        siege.choose("evil")
        siege.publish()
        online = [*repository.signers["pins"], *repository.signers["snapshot"], *repository.signers["timestamp"]]
        name = f"{repository.versions['targets']}.targets.json"
        repository.signers["targets"] = [genuine[0], *online]
        repository.resign(name, "targets")
        assert len(json.loads(repository.files[name])["signatures"]) == 4
        siege.publish_above("targets")
        siege.refused(store, SignatureError, "signature-threshold", "targets", progress=True)
        repository.signers["targets"] = genuine
        siege.recovers(store, "third")

# SPDX-License-Identifier: Apache-2.0
"""Attack or accident: a key of a type that this client does not know, in a root or in a delegation.

It is a key that never verifies, and never an error: else the first root that appoints a new algorithm locks out every
client of before, and so would one malformed key that an attacker talks somebody into listing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.formats import encode_canonical
from tuf.api.metadata import Metadata
from tuf.api.serialization import DeserializationError

from holdfast.errors import SignatureError
from tests.repository import Repository
from tests.siege import Siege, accepted, believed

KEYID = "e" * 64
UNKNOWN: dict[str, dict[str, Any]] = {
    "type": {"keytype": "slh-dsa", "scheme": "slh-dsa-128s/1", "keyval": {"public": "00"}},
    "scheme": {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp999", "keyval": {"public": "00"}},
    "malformed": {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": "no PEM at all"}},
    "no-public": {"keytype": "vendor", "scheme": "vendor", "keyval": {"reference": 7}},
}
LOCKS_OUT = {"type", "scheme", "no-public"}
"""Where the public library refuses the whole file; a malformed key it lets pass, until it is asked to verify."""


def edit(repository: Repository, name: str, role: str, body: dict[str, Any]) -> None:
    """Put a changed signed part in the place of a file, signed with the role's keys.

    The library that signs for these tests does not know the key either, so the text is signed here.
    """
    payload = encode_canonical(body)
    assert isinstance(payload, str)
    payload_bytes = payload.encode()
    signatures = [signer.sign(payload_bytes).to_dict() for signer in repository.signers[role]]
    repository.files[name] = json.dumps({"signed": body, "signatures": signatures}).encode()


def list_in_root(repository: Repository, key: dict[str, Any], *, alone: bool = False) -> str:
    """Publish a root that lists the key for the timestamp, beside the others or alone."""
    repository.publish_root()
    name = f"{repository.versions['root']}.root.json"
    body = json.loads(repository.files[name])["signed"]
    body["keys"][KEYID] = key
    keyids = body["roles"]["timestamp"]["keyids"]
    body["roles"]["timestamp"]["keyids"] = [KEYID] if alone else [KEYID, *keyids]
    edit(repository, name, "root", body)
    return name


def list_in_targets(siege: Siege, key: dict[str, Any], *, alone: bool = False) -> str:
    """Publish targets that list the key for the delegation, beside the other or alone."""
    repository = siege.repository
    siege.rotate("third")
    name = f"{repository.versions['targets']}.targets.json"
    body = json.loads(repository.files[name])["signed"]
    body["delegations"]["keys"][KEYID] = key
    role = body["delegations"]["roles"][0]
    role["keyids"] = [KEYID] if alone else [KEYID, *role["keyids"]]
    edit(repository, name, "targets", body)
    siege.publish_above("targets")
    return name


def add_signature(repository: Repository, name: str) -> None:
    """Let the unknown key "sign" a file."""
    document = json.loads(repository.files[name])
    document["signatures"].append({"keyid": KEYID, "sig": "ab" * 64})
    repository.files[name] = json.dumps(document).encode()


def control(data: bytes, kind: str) -> None:
    """The stock parser refuses the same bytes as a whole: a client that is built on it is locked out."""
    if kind in LOCKS_OUT:
        with pytest.raises(DeserializationError):
            Metadata.from_bytes(data)


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_root_that_lists_it_is_believed(tmp_path: Path, kind: str) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        name = list_in_root(siege.repository, UNKNOWN[kind])
        siege.recovers(store, "third")
        assert siege.cached()["roots"] == [siege.repository.files[name].decode()]
        control(siege.repository.files[name], kind)


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_delegation_that_lists_it_is_believed(tmp_path: Path, kind: str) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        name = list_in_targets(siege, UNKNOWN[kind])
        control(siege.repository.files[name], kind)
        assert store.refresh().changed
        siege.assert_enforces(store, 3, "third")
        siege.recovers(store, "second")


@pytest.mark.parametrize("kind", UNKNOWN)
def test_its_signature_counts_for_nothing(tmp_path: Path, kind: str) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        list_in_root(repository, UNKNOWN[kind], alone=True)
        siege.rotate("evil")
        add_signature(repository, "timestamp.json")
        siege.refused(store, SignatureError, "signature-threshold", "timestamp", progress=True)
        assert believed(repository.bundle()) == {"evil"}  # the control
        # recovery: a root that appoints a key that old clients know
        repository.publish_root()
        siege.recovers(store, "third")


@pytest.mark.parametrize("kind", UNKNOWN)
def test_nor_does_it_in_a_delegation(tmp_path: Path, kind: str) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        list_in_targets(siege, UNKNOWN[kind], alone=True)
        siege.choose("evil")
        repository.publish_pins()
        add_signature(repository, f"{repository.versions['pins']}.pins.json")
        siege.publish_above("pins")
        siege.refused(store, SignatureError, "signature-threshold", "pins", progress=True)
        assert believed(repository.bundle()) == {"evil"}  # the control
        siege.recovers(store, "third")


def test_a_threshold_is_not_met_by_one_known_and_one_unknown(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        name = list_in_root(repository, UNKNOWN["type"])
        body = json.loads(repository.files[name])["signed"]
        body["roles"]["timestamp"]["threshold"] = 2
        edit(repository, name, "root", body)
        siege.rotate("evil")
        add_signature(repository, "timestamp.json")
        siege.refused(store, SignatureError, "signature-threshold", "timestamp", progress=True)
        assert accepted(store) == {"second"}
        repository.publish_root()
        siege.recovers(store, "third")

# SPDX-License-Identifier: Apache-2.0
"""Role files of odd shape: what a library would let pass, or answer with another exception than ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from holdfast.core.limits import MAX_PATTERN_CHARACTERS, MAX_ROLE_KEYS
from holdfast.errors import MetadataError, SignatureError
from holdfast.trust.roles import parse_role, verify_threshold
from tests.repository import Repository

MAX_BYTES = 2**20
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def repository() -> Repository:
    made = Repository()
    made.publish()
    return made


def change(repository: Repository, name: str, edit: Change) -> bytes:
    document = json.loads(repository.files[name])
    edit(document)
    return json.dumps(document).encode()


def test_a_role_that_is_not_delegated_is_signed_by_nobody(repository: Repository) -> None:
    root = parse_role(Root, repository.anchor, max_bytes=MAX_BYTES)
    with pytest.raises(SignatureError) as caught:
        verify_threshold(root.signed, "mirrors", root)
    assert caught.value.code == "not-delegated"


def test_a_delegator_without_delegations_delegates_nothing(repository: Repository) -> None:
    pins = parse_role(Targets, repository.files["1.pins.json"], max_bytes=MAX_BYTES)
    with pytest.raises(SignatureError) as caught:
        verify_threshold(pins.signed, "pins", pins)
    assert caught.value.code == "not-delegated"


ROOT: list[Change] = [
    lambda d: d.update(signatures={}),
    lambda d: d.update(signed=[]),
    lambda d: d["signed"].update(spec_version="2.0.0"),
    lambda d: d["signed"].update(spec_version="1.0.0.0"),
    lambda d: d["signed"].update(version=True),
    lambda d: d["signed"].update(version=0),
    lambda d: d["signed"].update(expires="2026-11-23"),
    lambda d: d["signed"].update({"x-holdfast-channel": 1}),
    lambda d: d["signed"].update({"x-holdfast-issued": "now"}),
    lambda d: d["signed"]["roles"]["root"].update(threshold="2"),
    lambda d: d["signed"]["roles"]["root"].update(threshold=True),
    lambda d: d["signed"]["roles"]["root"].update(keyids="abc"),
    lambda d: d["signed"]["roles"]["root"].update(keyids=[1]),
    lambda d: d["signed"]["roles"]["root"].update(keyids=[str(i) for i in range(MAX_ROLE_KEYS + 1)]),
    lambda d: d["signed"]["roles"].update(mirrors={"keyids": [], "threshold": 1}),
    lambda d: d["signed"].pop("keys"),
]


@pytest.mark.parametrize("edit", ROOT)
def test_a_root_of_odd_shape_is_refused(repository: Repository, edit: Change) -> None:
    with pytest.raises(MetadataError):
        parse_role(Root, change(repository, "1.root.json", edit), max_bytes=MAX_BYTES)


KEYS: list[Any] = [
    None,
    [],
    {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": []},
    {"keytype": 1, "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": "x"}},
    {"keytype": "ecdsa", "scheme": [], "keyval": {"public": "x"}},
    {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": 1}},
    {"keytype": "sphincs", "scheme": "sphincs-shake", "keyval": {"public": "x"}},
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_odd_shape_is_passed_over(repository: Repository, key: Any) -> None:
    def add(document: dict[str, Any]) -> None:
        document["signed"]["keys"]["odd"] = key
        document["signed"]["roles"]["root"]["keyids"].append("odd")

    root = parse_role(Root, change(repository, "1.root.json", add), max_bytes=MAX_BYTES)
    assert "odd" not in root.signed.keys
    assert "odd" in root.signed.roles["root"].keyids


@pytest.mark.parametrize(
    ("kind", "scheme", "public"),
    [
        ("ecdsa", "ecdsa-sha2-nistp256", "no PEM"),
        ("ecdsa", "ecdsa-sha2-nistp256", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
        ("ecdsa", "ecdsa-sha2-nistp256", "-----BEGIN PUBLIC KEY-----\nü"),
        ("ed25519", "ed25519", "zz" * 32),
        ("ed25519", "ed25519", "00"),
        ("rsa", "rsassa-pss-sha256", "P256"),
        ("ml-dsa", "ml-dsa-65/1", "P256"),
        ("ecdsa", "ecdsa-sha2-nistp256", "ED25519"),
    ],
)
def test_a_key_that_cannot_be_read_never_verifies_and_never_raises(
    repository: Repository, kind: str, scheme: str, public: str
) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if public == "P256":
        public = repository.signers["root"][0].public_key.keyval["public"]
    elif public == "ED25519":
        made = Ed25519PrivateKey.generate().public_key()
        public = made.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def replace(document: dict[str, Any]) -> None:
        signed = document["signed"]
        signed["keys"]["odd"] = {"keytype": kind, "scheme": scheme, "keyval": {"public": public}}
        signed["roles"]["timestamp"].update(keyids=["odd"], threshold=1)
        document["signatures"].append({"keyid": "odd", "sig": "00" * 64})

    root = parse_role(Root, change(repository, "1.root.json", replace), max_bytes=MAX_BYTES)
    with pytest.raises(SignatureError) as caught:
        verify_threshold(root.signed, "timestamp", root)
    assert caught.value.code == "signature-threshold"


TARGETS: list[Change] = [
    lambda d: d["delegations"]["roles"][0].update(name=7),
    lambda d: d["delegations"]["roles"][0].update(terminating=1),
    lambda d: d["delegations"]["roles"][0].update(paths="*"),
    lambda d: d["delegations"]["roles"][0].update(paths=["a" * 1024] * (MAX_PATTERN_CHARACTERS // 1024)),
    lambda d: d["delegations"]["roles"][0].update(keyids=None),
    lambda d: d["delegations"].update(roles=7),
    lambda d: d["delegations"].update(roles=None),
]


@pytest.mark.parametrize("edit", TARGETS)
def test_a_delegation_of_odd_shape_is_refused(repository: Repository, edit: Change) -> None:
    data = change(repository, "1.targets.json", lambda d: edit(d["signed"]))
    with pytest.raises(MetadataError):
        parse_role(Targets, data, max_bytes=MAX_BYTES)


@pytest.mark.parametrize(("bits", "refused"), [(4, False), (True, True), ("4", True), (0, True)])
def test_succinct_delegations_are_read_with_care(repository: Repository, bits: Any, refused: bool) -> None:
    def edit(document: dict[str, Any]) -> None:
        delegations = document["signed"]["delegations"]
        del delegations["roles"]
        delegations["succinct_roles"] = {"keyids": [], "threshold": 1, "bit_length": bits, "name_prefix": "bin"}

    data = change(repository, "1.targets.json", edit)
    if refused:
        with pytest.raises(MetadataError):
            parse_role(Targets, data, max_bytes=MAX_BYTES)
    else:
        assert parse_role(Targets, data, max_bytes=MAX_BYTES).signed.delegations is not None


def test_hash_prefixes_stand_for_paths(repository: Repository) -> None:
    def edit(document: dict[str, Any]) -> None:
        role = document["signed"]["delegations"]["roles"][0]
        del role["paths"]
        role["path_hash_prefixes"] = ["ab"]

    assert parse_role(Targets, change(repository, "1.targets.json", edit), max_bytes=MAX_BYTES).version == 1


@pytest.mark.parametrize(
    ("kind", "name", "edit"),
    [
        (Timestamp, "timestamp.json", lambda d: d["signed"]["meta"]["snapshot.json"].update(version=True)),
        (Timestamp, "timestamp.json", lambda d: d["signed"].update(meta={})),
        (Snapshot, "1.snapshot.json", lambda d: d["signed"]["meta"]["pins.json"].update(version="1")),
        (Snapshot, "1.snapshot.json", lambda d: d["signed"].update(_type="timestamp")),
        (Targets, "1.pins.json", lambda d: d["signed"].update(targets=[])),
    ],
)
def test_other_roles_of_odd_shape_are_refused(repository: Repository, kind: type[Any], name: str, edit: Change) -> None:
    with pytest.raises(MetadataError):
        parse_role(kind, change(repository, name, edit), max_bytes=MAX_BYTES)

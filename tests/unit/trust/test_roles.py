# SPDX-License-Identifier: Apache-2.0
"""``holdfast.trust.roles``: one role file, parsed strictly, judged by its delegator's keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from holdfast.core.limits import MAX_PATTERN_CHARACTERS, MAX_ROLE_KEYS
from holdfast.errors import ChannelError, FreezeError, MetadataError, SignatureError
from holdfast.trust.roles import RoleFile, parse_role, verify_channel, verify_not_expired, verify_threshold
from tests.repository import CHANNEL, EPOCH, Repository

KINDS: dict[str, Any] = {
    "1.root.json": Root,
    "timestamp.json": Timestamp,
    "1.snapshot.json": Snapshot,
    "1.targets.json": Targets,
    "1.pins.json": Targets,
}


@pytest.fixture(scope="module")
def published() -> dict[str, bytes]:
    repository = Repository()
    repository.add_host("api.example.com", ["A" * 43 + "="])
    repository.publish()
    return repository.files


def parse(name: str, document: object) -> RoleFile[Any]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_role(KINDS[name], data, max_bytes=10_000_000)


def refusal(name: str, document: object) -> str:
    with pytest.raises(MetadataError) as caught:
        parse(name, document)
    assert len(caught.value.message) < 400, "no message quotes a whole file"
    return caught.value.code


@pytest.mark.parametrize("name", KINDS)
def test_a_role_of_each_kind(name: str, published: dict[str, bytes]) -> None:
    file = parse(name, published[name])
    document = json.loads(published[name])
    assert file.data == published[name]
    assert file.version == 1
    assert (file.channel, file.issued) == (CHANNEL, EPOCH)
    assert {keyid: value.hex() for keyid, value in file.signatures.items()} == {
        entry["keyid"]: entry["sig"] for entry in document["signatures"]
    }
    assert file.payload.startswith(b'{"_type":')
    assert b'"x-holdfast-channel":' in file.payload


def edit(data: bytes, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(data)
    change(document)
    return document


def setting(*path: str | int, to: object) -> Callable[[dict[str, Any]], object]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = to

    return change


FAULTS: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("timestamp.json", lambda document: document.pop("signed")),
    ("timestamp.json", lambda document: document.pop("signatures")),
    ("timestamp.json", setting("signed", to=None)),
    ("timestamp.json", setting("signed", to=[])),
    ("timestamp.json", setting("signed", to="x")),
    ("timestamp.json", setting("signatures", to={})),
    ("timestamp.json", setting("signatures", to=None)),
    ("timestamp.json", setting("signed", "_type", to="snapshot")),
    ("timestamp.json", setting("signed", "_type", to=None)),
    ("timestamp.json", lambda document: document["signed"].pop("_type")),
    ("timestamp.json", setting("signed", "spec_version", to="2.0.0")),
    ("timestamp.json", setting("signed", "spec_version", to="1")),
    ("timestamp.json", setting("signed", "spec_version", to="1.0.0.0")),
    ("timestamp.json", setting("signed", "spec_version", to="1.²")),
    ("timestamp.json", setting("signed", "spec_version", to="1.٣.1")),
    ("timestamp.json", setting("signed", "spec_version", to=1)),
    ("timestamp.json", setting("signed", "spec_version", to=None)),
    ("timestamp.json", setting("signed", "version", to=0)),
    ("timestamp.json", setting("signed", "version", to=-1)),
    ("timestamp.json", setting("signed", "version", to=True)),
    ("timestamp.json", setting("signed", "version", to="1")),
    ("timestamp.json", setting("signed", "version", to=None)),
    ("timestamp.json", setting("signed", "x-holdfast-channel", to=7)),
    ("timestamp.json", setting("signed", "x-holdfast-channel", to=["a/b"])),
    ("timestamp.json", setting("signed", "meta", to={})),
    ("timestamp.json", setting("signed", "meta", "snapshot.json", to=7)),
    ("timestamp.json", setting("signed", "meta", "snapshot.json", "version", to=0)),
    ("timestamp.json", setting("signed", "meta", "snapshot.json", "version", to=True)),
    ("timestamp.json", setting("signed", "meta", "snapshot.json", "version", to="1")),
    ("timestamp.json", setting("signed", "meta", "snapshot.json", "length", to=-1)),
    ("timestamp.json", setting("signed", "meta", "snapshot.json", "length", to="x")),
    ("timestamp.json", setting("signed", "meta", "snapshot.json", "hashes", to={})),
    ("timestamp.json", setting("signed", "meta", "snapshot.json", "hashes", to=[])),
    ("timestamp.json", setting("signed", "meta", "snapshot.json", "hashes", to={"sha256": 7})),
    ("1.snapshot.json", setting("signed", "meta", to=[])),
    ("1.snapshot.json", setting("signed", "meta", "pins.json", "version", to=True)),
    ("1.snapshot.json", setting("signed", "meta", "pins.json", "version", to=0)),
    ("1.root.json", setting("signed", "keys", to=None)),
    ("1.root.json", setting("signed", "keys", to=[])),
    ("1.root.json", setting("signed", "roles", to={})),
    ("1.root.json", setting("signed", "roles", "mirrors", to={"keyids": [], "threshold": 1})),
    ("1.root.json", setting("signed", "roles", "root", "threshold", to=0)),
    ("1.root.json", setting("signed", "roles", "root", "threshold", to=True)),
    ("1.root.json", setting("signed", "roles", "root", "threshold", to="2")),
    ("1.root.json", setting("signed", "roles", "root", "keyids", to="ab")),
    ("1.root.json", setting("signed", "roles", "root", "keyids", to=["a", "a"])),
    ("1.root.json", setting("signed", "roles", "root", "keyids", to=[["a"]])),
    ("1.root.json", setting("signed", "roles", "root", "keyids", to=[7])),
    ("1.root.json", setting("signed", "roles", "root", "keyids", to=None)),
    ("1.root.json", setting("signed", "roles", "root", "keyids", to=[f"{n}" for n in range(MAX_ROLE_KEYS + 1)])),
    ("1.targets.json", setting("signed", "targets", to=[])),
    ("1.targets.json", setting("signed", "targets", "scope.json", "length", to=-1)),
    ("1.targets.json", setting("signed", "targets", "scope.json", "hashes", to={})),
    ("1.targets.json", setting("signed", "delegations", to=None)),
    ("1.targets.json", setting("signed", "delegations", to={})),
    ("1.targets.json", setting("signed", "delegations", "keys", to=None)),
    ("1.targets.json", setting("signed", "delegations", "roles", to=None)),
    ("1.targets.json", setting("signed", "delegations", "roles", to={})),
    ("1.targets.json", setting("signed", "delegations", "roles", to="")),
    ("1.targets.json", setting("signed", "delegations", to=[])),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "name", to=7)),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "name", to=["pins"])),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "name", to="root")),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "terminating", to=1)),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "terminating", to=None)),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "paths", to="manifest.json")),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "paths", to={"a": 1})),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "paths", to=[7])),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "paths", to=None)),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "path_hash_prefixes", to=[])),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "threshold", to=True)),
    ("1.targets.json", setting("signed", "delegations", "roles", 0, "keyids", to="ab")),
    (
        "1.targets.json",
        setting("signed", "delegations", "roles", 0, "paths", to=["x" * 1023] * (MAX_PATTERN_CHARACTERS // 1024 + 1)),
    ),
]


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_what_is_no_metadata_of_its_kind(number: int, published: dict[str, bytes]) -> None:
    name, change = FAULTS[number]
    assert refusal(name, edit(published[name], change)) == "metadata-syntax"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (setting("signed", "expires", to="2026-12-01"), "instant-syntax"),
        (setting("signed", "expires", to="2026-1-2T3:4:5Z"), "instant-syntax"),
        (setting("signed", "expires", to=7), "instant-syntax"),
        (lambda document: document["signed"].pop("expires"), "instant-syntax"),
        (setting("signed", "x-holdfast-issued", to="today"), "instant-syntax"),
        (setting("signed", "x-holdfast-issued", to=7), "instant-syntax"),
        (setting("signed", "version", to=1.5), "json-number"),
        (setting("signed", "later", to=2**53), "json-number"),
    ],
)
def test_forms_keep_their_codes(
    change: Callable[[dict[str, Any]], object], code: str, published: dict[str, bytes]
) -> None:
    assert refusal("timestamp.json", edit(published["timestamp.json"], change)) == code


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"a":1,"a":2}', b"[" * 50 + b"]" * 50])
def test_what_is_no_json(data: bytes) -> None:
    assert refusal("timestamp.json", data).startswith("json-")


@pytest.mark.parametrize("data", [b"[]", b"7", b"null", b'"signed"', b"[[]]"])
def test_what_is_no_object(data: bytes) -> None:
    assert refusal("timestamp.json", data) == "metadata-syntax"


def test_the_error_names_the_role_and_the_bound_counts() -> None:
    with pytest.raises(MetadataError, match="pins-2") as caught:
        parse_role(Targets, b"{}", max_bytes=2, role="pins-2")
    assert caught.value.role == "pins-2"
    with pytest.raises(MetadataError, match="root") as caught:
        parse_role(Root, b"{} ", max_bytes=2)
    assert (caught.value.role, caught.value.code) == ("root", "json-too-large")


def test_unknown_members_are_signed_and_ignored(published: dict[str, bytes]) -> None:
    file = parse("timestamp.json", edit(published["timestamp.json"], setting("signed", "later", to={"a": [1]})))
    assert b'"later":{"a":[1]}' in file.payload


@pytest.mark.parametrize("value", [None, 7, [], {"roles": 7, "keys": 7}])
@pytest.mark.parametrize("member", ["delegations", "roles", "keys", "meta", "targets"])
def test_a_member_of_another_kind_of_role_is_one_that_nobody_knows(
    member: str, value: object, published: dict[str, bytes]
) -> None:
    known = {"1.root.json": {"roles", "keys"}, "1.snapshot.json": {"meta"}, "timestamp.json": {"meta"}}
    for name, own in known.items():
        if member not in own:
            parse(name, edit(published[name], setting("signed", member, to=value)))


def test_as_many_keyids_and_patterns_as_allowed(published: dict[str, bytes]) -> None:
    keyids = [str(number) for number in range(MAX_ROLE_KEYS)]
    parse("1.root.json", edit(published["1.root.json"], setting("signed", "roles", "root", "keyids", to=keyids)))
    patterns = ["x" * 1023] * (MAX_PATTERN_CHARACTERS // 1024)
    path = ("signed", "delegations", "roles", 0, "paths")
    parse("1.targets.json", edit(published["1.targets.json"], setting(*path, to=patterns)))


def prefixes(*digits: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        role = document["signed"]["delegations"]["roles"][0]
        del role["paths"]
        role["path_hash_prefixes"] = list(digits)

    return change


def succinct(**changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        delegations = document["signed"]["delegations"]
        keyids = delegations.pop("roles")[0]["keyids"]
        roles = {"keyids": keyids, "threshold": 1, "bit_length": 2, "name_prefix": "bins"} | changes
        delegations["succinct_roles"] = roles

    return change


def test_other_ways_to_delegate(published: dict[str, bytes]) -> None:
    data = published["1.targets.json"]
    assert parse("1.targets.json", edit(data, prefixes("", "ab"))).version == 1
    assert parse("1.targets.json", edit(data, succinct())).version == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"bit_length": True}, {"bit_length": "2"}, {"bit_length": 33}, {"name_prefix": 7}, {"threshold": True},
        {"keyids": "ab"}, {"keyids": [str(number) for number in range(MAX_ROLE_KEYS + 1)]},
    ],
)  # fmt: skip
def test_malformed_succinct_roles(changes: dict[str, Any], published: dict[str, bytes]) -> None:
    assert refusal("1.targets.json", edit(published["1.targets.json"], succinct(**changes))) == "metadata-syntax"


# ------------------------------------------------------------------------------------------------ unknown keys

ODD_KEYS: list[Any] = [
    {"keytype": "later", "scheme": "later-1", "keyval": {"public": "x"}},
    {"keytype": "ecdsa", "scheme": "later-1", "keyval": {"public": "x"}},
    {"keytype": "later", "scheme": "later-1", "keyval": {"modulus": 7}},
    {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": 7}},
    {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {}},
    {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": "x"},
    {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": "no PEM"}},
    {"keytype": ["ecdsa"], "scheme": {"a": 1}, "keyval": {"public": "x"}},
    {"keytype": None, "scheme": None, "keyval": {"public": "x"}},
    {},
    [],
    None,
    7,
]


@pytest.mark.parametrize("key", ODD_KEYS)
@pytest.mark.parametrize("place", ["root", "delegation"])
def test_a_key_that_nobody_knows_never_verifies_and_is_no_error(
    key: Any, place: str, published: dict[str, bytes]
) -> None:
    def change(document: dict[str, Any]) -> None:
        signed = document["signed"]
        holder, role = (
            (signed, signed["roles"]["timestamp"])
            if place == "root"
            else (signed["delegations"], signed["delegations"]["roles"][0])
        )
        holder["keys"]["odd"] = key
        role["keyids"].append("odd")

    name, kind, role = (
        ("1.root.json", Timestamp, "timestamp") if place == "root" else ("1.targets.json", Targets, "pins")
    )
    delegator = parse(name, edit(published[name], change)).signed
    served = published["timestamp.json" if place == "root" else "1.pins.json"]
    file = parse_role(kind, served, max_bytes=100_000)  # type: ignore[type-var]  # either kind
    verify_threshold(delegator, role, file)
    only_odd = parse_role(  # type: ignore[type-var]
        kind,
        json.dumps(edit(served, setting("signatures", to=[{"keyid": "odd", "sig": "ab"}]))).encode(),
        max_bytes=100_000,
    )
    with pytest.raises(SignatureError):
        verify_threshold(delegator, role, only_odd)


# -------------------------------------------------------------------------------------------------- signatures


def with_signatures(data: bytes, change: Callable[[list[Any]], object]) -> RoleFile[Targets]:
    file: RoleFile[Targets] = parse("1.targets.json", edit(data, lambda document: change(document["signatures"])))
    return file


def targets_root(published: dict[str, bytes]) -> Root:
    root = parse("1.root.json", published["1.root.json"]).signed
    assert isinstance(root, Root)
    return root


def test_two_of_two(published: dict[str, bytes]) -> None:
    verify_threshold(targets_root(published), "targets", parse("1.targets.json", published["1.targets.json"]))


STRANGE: list[Any] = [
    {"keyid": "unknown", "sig": "ab"},
    {"keyid": 7, "sig": "ab"},
    {"sig": "ab"},
    {"keyid": "x"},
    {"keyid": "y", "sig": 7},
    "z",
    None,
    [],
]


def test_strange_entries_neither_count_nor_harm(published: dict[str, bytes]) -> None:
    file = with_signatures(published["1.targets.json"], lambda signatures: signatures.extend(STRANGE))
    verify_threshold(targets_root(published), "targets", file)
    assert set(file.signatures) == {
        entry["keyid"] for entry in json.loads(published["1.targets.json"])["signatures"]
    } | {"unknown"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: f"{text[:4]} {text[4:]}",
        lambda text: f" {text}",
        lambda text: f"{text}\n",
        lambda text: f"0x{text}",
        lambda text: "zz" + text[2:],
        lambda text: "ab" * 70,
        lambda text: 7,
        lambda text: None,
    ],
)
def test_a_signature_in_another_form_does_not_count(spoil: Callable[[str], Any], published: dict[str, bytes]) -> None:
    def change(signatures: list[Any]) -> None:
        signatures[0]["sig"] = spoil(signatures[0]["sig"])

    file = with_signatures(published["1.targets.json"], change)
    with pytest.raises(SignatureError, match="1 of the 2") as caught:
        verify_threshold(targets_root(published), "targets", file)
    assert (caught.value.code, caught.value.role) == ("signature-threshold", "targets")


def test_capitals_are_hexadecimal_too(published: dict[str, bytes]) -> None:
    def change(signatures: list[Any]) -> None:
        for entry in signatures:
            entry["sig"] = entry["sig"].upper()

    verify_threshold(targets_root(published), "targets", with_signatures(published["1.targets.json"], change))


def test_one_keyid_twice_is_refused_even_above_the_threshold(published: dict[str, bytes]) -> None:
    document = json.loads(published["1.targets.json"])
    document["signatures"].append(document["signatures"][0])
    assert refusal("1.targets.json", document) == "duplicate-keyid"
    document["signatures"][-1] = {"keyid": document["signatures"][0]["keyid"]}
    assert refusal("1.targets.json", document) == "duplicate-keyid"


def test_one_key_under_two_keyids_counts_once(published: dict[str, bytes]) -> None:
    root = json.loads(published["1.root.json"])
    role = root["signed"]["roles"]["targets"]
    first, second = role["keyids"]
    key = json.loads(json.dumps(root["signed"]["keys"][first]))
    public = load_pem_public_key(key["keyval"]["public"].encode())
    compact = "".join(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().split("\n")[1:-2])
    layouts = [
        key["keyval"]["public"],
        key["keyval"]["public"].replace("\n", "\r\n"),
        f"-----BEGIN PUBLIC KEY-----\n{compact}\n-----END PUBLIC KEY-----\n",
    ]
    targets = json.loads(published["1.targets.json"])
    signature = next(entry["sig"] for entry in targets["signatures"] if entry["keyid"] == first)
    for number, layout in enumerate(layouts):
        root["signed"]["keys"][f"copy {number}"] = {**key, "keyval": {"public": layout}}
        role["keyids"].append(f"copy {number}")
        targets["signatures"].append({"keyid": f"copy {number}", "sig": signature})
    delegator = parse("1.root.json", root).signed
    verify_threshold(delegator, "targets", parse("1.targets.json", targets))  # the second key has signed too
    targets["signatures"] = [entry for entry in targets["signatures"] if entry["keyid"] != second]
    with pytest.raises(SignatureError, match="1 of the 2"):
        verify_threshold(delegator, "targets", parse("1.targets.json", targets))


def test_who_is_not_delegated_and_who_delegates_nothing(published: dict[str, bytes]) -> None:
    pins = parse("1.pins.json", published["1.pins.json"])
    targets = parse("1.targets.json", published["1.targets.json"])
    for delegator in (targets.signed, pins.signed, targets_root(published)):
        with pytest.raises(SignatureError) as caught:
            verify_threshold(delegator, "unheard-of", pins)
        assert (caught.value.code, caught.value.role) == ("not-delegated", "unheard-of")


def test_succinct_roles_delegate_by_their_names(published: dict[str, bytes]) -> None:
    delegator = parse("1.targets.json", edit(published["1.targets.json"], succinct())).signed
    pins = parse("1.pins.json", published["1.pins.json"])
    verify_threshold(delegator, "bins-3", pins)
    with pytest.raises(SignatureError):
        verify_threshold(delegator, "bins-4", pins)


# ------------------------------------------------------------------------------------------- channel and expiry


def test_a_channel_is_compared_octet_by_octet(published: dict[str, bytes]) -> None:
    file = parse("timestamp.json", published["timestamp.json"])
    verify_channel(file, CHANNEL, "timestamp")
    verify_channel(file, None, "timestamp")
    for other in (CHANNEL.upper(), CHANNEL + "x", "com.example.bank/staging"):
        with pytest.raises(ChannelError) as caught:
            verify_channel(file, other, "timestamp")
        assert (caught.value.code, caught.value.role) == ("channel-mismatch", "timestamp")


def test_no_channel_is_another_channel(published: dict[str, bytes]) -> None:
    def change(document: dict[str, Any]) -> None:
        del document["signed"]["x-holdfast-channel"]
        del document["signed"]["x-holdfast-issued"]

    file = parse("timestamp.json", edit(published["timestamp.json"], change))
    assert (file.channel, file.issued) == (None, None)
    verify_channel(file, None, "timestamp")
    with pytest.raises(ChannelError, match="none"):
        verify_channel(file, CHANNEL, "timestamp")


def test_expired_from_expires_on(published: dict[str, bytes]) -> None:
    file = parse("timestamp.json", published["timestamp.json"])
    expires = EPOCH + timedelta(days=7)
    verify_not_expired(file, expires - timedelta(seconds=1), "timestamp")
    for moment in (expires, expires + timedelta(days=9000), datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(FreezeError) as caught:
            verify_not_expired(file, moment, "timestamp")
        assert (caught.value.code, caught.value.role) == ("expired", "timestamp")
        assert caught.value.hint

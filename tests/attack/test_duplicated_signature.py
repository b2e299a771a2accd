# SPDX-License-Identifier: Apache-2.0
"""Attack: the signature of one stolen key, twice, to reach a threshold of two."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner, SSlibKey

from holdfast.errors import HoldfastError, MetadataError, SignatureError
from tests.siege import Siege

ROLES = ["root", "targets"]


def duplicate(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    """Keep the first signature, and a second one that is made of it."""

    def edit(data: bytes) -> bytes:
        document = json.loads(data)
        first = document["signatures"][0]
        second = dict(first)
        change(second)
        document["signatures"] = [first, second]
        return json.dumps(document).encode()

    return edit


def same(signature: dict[str, Any]) -> None:
    del signature


def upper_case(signature: dict[str, Any]) -> None:
    signature["sig"] = signature["sig"].upper()


def other_keyid(signature: dict[str, Any]) -> None:
    signature["keyid"] = signature["keyid"].upper()


def unlisted_keyid(signature: dict[str, Any]) -> None:
    signature["keyid"] = "0" * 64


CASES: list[tuple[Callable[[dict[str, Any]], None], type[HoldfastError], str]] = [
    (same, MetadataError, "duplicate-keyid"),
    (upper_case, MetadataError, "duplicate-keyid"),
    (other_keyid, SignatureError, "signature-threshold"),
    (unlisted_keyid, SignatureError, "signature-threshold"),
]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("change", "kind", "code"), CASES, ids=[case[0].__name__ for case in CASES])
def test_one_signature_counts_once(
    tmp_path: Path, role: str, change: Callable[[dict[str, Any]], None], kind: type[HoldfastError], code: str
) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        name = siege.publish_with(role, duplicate(change))
        siege.refused(store, kind, code, role, progress=role == "targets")
        # Control: whoever counts signatures, and not keys, finds as many as it takes.
        assert len(json.loads(repository.files[name])["signatures"]) == repository.thresholds[role]
        if role == "root":
            repository.versions["root"] = 1
            repository.publish_root()
        siege.recovers(store, "third")


@pytest.mark.parametrize("role", ROLES)
def test_one_key_under_two_keyids_counts_once(tmp_path: Path, role: str) -> None:
    """The root itself lists one key twice, by mistake or by malice: two valid signatures, one key."""
    siege = Siege(tmp_path)
    repository = siege.repository
    genuine = repository.signers[role][0]
    assert isinstance(genuine, CryptoSigner)
    public = genuine.public_key
    # The keyid of a key is whatever the root says that it is.
    alias = SSlibKey("f" * 64, public.keytype, public.scheme, dict(public.keyval))
    twin = CryptoSigner(genuine._private_key, alias)
    repository.signers[role] = [*repository.signers[role], twin]
    repository.versions["root"] = 0
    repository.publish_root(previous=[])
    with siege.settled() as store:
        everyone = repository.signers[role]
        if role == "root":
            repository.signers["root"] = [genuine, twin]
            repository.publish_root(previous=[])
            name = "2.root.json"
        else:
            siege.choose("evil")
            siege.publish()
            name = f"{repository.versions['targets']}.targets.json"
            repository.signers["targets"] = [genuine, twin]
            repository.resign(name, "targets")
            siege.publish_above("targets")
        signatures = json.loads(repository.files[name])["signatures"]
        assert len({signature["keyid"] for signature in signatures}) == 2  # the control: two keyids have signed
        siege.refused(store, SignatureError, "signature-threshold", role, progress=role == "targets")
        repository.signers[role] = everyone
        if role == "root":
            repository.versions["root"] = 1
            repository.publish_root()
        siege.recovers(store, "third")

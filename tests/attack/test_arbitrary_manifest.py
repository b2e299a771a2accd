# SPDX-License-Identifier: Apache-2.0
"""Attack: who owns the manifest host, its CDN or its DNS name serves a manifest of his own making."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.client.refresh.fetcher import HttpFetcher
from holdfast.errors import MixAndMatchError, SignatureError
from tests.client_world import HOST, http_mirror
from tests.repository import Repository
from tests.siege import Siege, believed, leaf


def forge(siege: Siege) -> Repository:
    """A whole repository for the same channel and host, at high versions, signed with keys of the attacker."""
    forged = Repository(now=siege.clock.device)
    forged.add_host(HOST, [leaf("evil").pin])
    forged.versions.update(targets=50, pins=50, snapshot=50, timestamp=50)
    forged.publish()
    return forged


def test_a_repository_of_other_keys(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        forged = forge(siege)
        siege.mirror.replaced["bundle.json"] = forged.bundle()
        siege.refused(store, SignatureError, "signature-threshold", "timestamp")
        assert believed(forged.bundle()) == {"evil"}  # the control
        siege.recovers(store, "third")


def test_with_a_root_of_its_own(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        forged = forge(siege)
        forged.rotate_root()
        siege.mirror.replaced["bundle.json"] = forged.bundle()
        siege.refused(store, SignatureError, "signature-threshold", "root")
        assert siege.cached()["roots"] == []
        # Control: the very bytes are a sound repository for whoever believes the root that comes with it.
        with siege.newcomer(root=forged.anchor) as victim:
            assert victim.refresh().error is None
            assert victim.judge(HOST, (leaf("evil").der,)).allowed
        siege.recovers(store, "third")


@pytest.mark.parametrize("target", ["manifest.json", "scope.json"])
def test_other_bytes_under_the_name_of_a_genuine_hash(tmp_path: Path, target: str) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        siege.repository.scope["version"] += 1
        siege.rotate("third")
        files = siege.repository.files
        name = next(name for name in siege.repository.current_files() if name.endswith(f".{target}"))
        genuine = files[name]
        document = json.loads(genuine)
        if target == "scope.json":
            document["hosts"] = []
        else:
            document["hosts"][0]["accept"][0]["digest"] = leaf("evil").pin
        files[name] = json.dumps(document).encode()
        siege.refused(store, MixAndMatchError, "hash-mismatch", target, progress=True)
        assert name in siege.mirror.requests  # the single file was asked, and was no better
        if target == "manifest.json":
            assert believed(siege.repository.bundle()) == {"evil"}  # the control
        files[name] = genuine
        siege.recovers(store, "first", "third")


def test_over_real_http(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        forged = forge(siege)
        with http_mirror(forged) as server:
            mirrors = (server.url("/v1/"),)
            with siege.open(mirrors=mirrors, fetcher=HttpFetcher()) as other:
                siege.refused(other, SignatureError, "signature-threshold", "timestamp")
        siege.recovers(store, "third")

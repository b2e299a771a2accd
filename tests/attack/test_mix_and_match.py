# SPDX-License-Identifier: Apache-2.0
"""Attack: genuine files of several publications, put together into a set that was never published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.errors import MixAndMatchError
from tests.siege import Siege, accepted, believed

ROLES = ["snapshot", "targets", "pins"]


def publish_twice(siege: Siege) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Publish a mistake (``first`` is accepted again), then its correction; return the files of both."""
    siege.repository.scope["unpinned"] = "deny"
    siege.rotate("first", "third")
    mistake = siege.repository.current_files()
    siege.repository.scope["unpinned"] = "allow"
    siege.clock.wait(hours=1)
    siege.rotate("second", "third")
    return mistake, siege.repository.current_files()


def find(files: dict[str, bytes], suffix: str) -> str:
    return next(name for name in files if name.endswith(suffix))


def accepts_alone(siege: Siege, files: dict[str, bytes]) -> set[str]:
    """The control: what a client accepts to which the older publication is served as a whole."""
    bundle = {"format": "holdfast-bundle/1", "files": {name: data.decode() for name, data in files.items()}}
    siege.mirror.replaced["bundle.json"] = json.dumps(bundle).encode()
    try:
        with siege.newcomer() as victim:
            assert victim.refresh().error is None
            return accepted(victim)
    finally:
        del siege.mirror.replaced["bundle.json"]


@pytest.mark.parametrize("role", ROLES)
def test_the_role_of_one_publication_in_another(tmp_path: Path, role: str) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        mistake, correction = publish_twice(siege)
        suffix = f".{role}.json"
        siege.repository.files[find(correction, suffix)] = mistake[find(mistake, suffix)]
        siege.refused(store, MixAndMatchError, "hash-mismatch", role, progress=True)
        assert accepts_alone(siege, mistake) == {"first", "third"}
        siege.repository.files.update(correction)
        siege.recovers(store, "third")


@pytest.mark.parametrize("target", ["scope.json", "manifest.json"])
def test_the_target_of_one_publication_in_another(tmp_path: Path, target: str) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        mistake, correction = publish_twice(siege)
        suffix = f".{target}"
        siege.repository.files[find(correction, suffix)] = mistake[find(mistake, suffix)]
        siege.refused(store, MixAndMatchError, "hash-mismatch", target, progress=True)
        if target == "manifest.json":  # the control: each file is genuine, and says what the attacker wants
            assert believed(siege.repository.bundle()) == {"first", "third"}
        siege.repository.files.update(correction)
        siege.recovers(store, "third")


@pytest.mark.parametrize("role", ROLES)
def test_where_no_hash_is_named_the_version_is_compared(tmp_path: Path, role: str) -> None:
    """Publishers other than ours may name a version alone: the file must still be of that version."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        mistake, correction = publish_twice(siege)
        repository.now = siege.clock.device
        if role == "snapshot":
            meta = {"snapshot.json": {"version": repository.versions["snapshot"]}}
            repository.resign("timestamp.json", "timestamp", meta=meta)
        else:
            repository.publish_snapshot()
            name = f"{repository.versions['snapshot']}.snapshot.json"
            listed = json.loads(repository.files[name])["signed"]["meta"]
            repository.resign(name, "snapshot", meta={key: {"version": one["version"]} for key, one in listed.items()})
            repository.publish_timestamp()
        repository.files[find(correction, f".{role}.json")] = mistake[find(mistake, f".{role}.json")]
        siege.refused(store, MixAndMatchError, "version-mismatch", role, progress=True)
        assert accepts_alone(siege, mistake) == {"first", "third"}
        repository.files[find(correction, f".{role}.json")] = correction[find(correction, f".{role}.json")]
        siege.recovers(store, "third")


@pytest.mark.parametrize("suffix", [f".{role}.json" for role in ROLES] + [".scope.json", ".manifest.json"])
def test_a_file_that_is_kept_back(tmp_path: Path, suffix: str) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        _, correction = publish_twice(siege)
        name = find(correction, suffix)
        kept_back = siege.repository.files.pop(name)
        role = suffix.strip(".").removesuffix(".json")
        role = f"{role}.json" if role in {"scope", "manifest"} else role
        siege.repository.bundle = lambda: json.dumps(  # type: ignore[method-assign]
            {
                "format": "holdfast-bundle/1",
                "files": {key: data.decode() for key, data in correction.items() if key != name},
            }
        ).encode()
        siege.refused(store, MixAndMatchError, "file-missing", role, progress=True)
        del siege.repository.bundle
        siege.repository.files[name] = kept_back
        assert accepts_alone(siege, correction) == {"second", "third"}  # the control: complete, it is accepted
        siege.recovers(store, "third")

# SPDX-License-Identifier: Apache-2.0
"""Attack or accident: hundreds of roots behind the embedded one, and a chain of them that never ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.core.limits import MAX_ROOT_ROTATIONS, PACKED_ROOTS_BYTES
from holdfast.errors import FreezeError, SignatureError, TransportError
from tests.client_world import Mirror
from tests.repository import Repository
from tests.siege import Siege

DEEP = 256


class EndlessMirror(Mirror):
    """Makes the next root whenever one is asked for; its bundle promises the very last one."""

    def _find(self, name: str) -> bytes | None:
        repository = self.repository
        if name.endswith(".root.json"):
            while name not in repository.files and repository.versions["root"] < int(name.removesuffix(".root.json")):
                repository.publish_root()
        if name == "bundle.json":
            return self._pack()
        return repository.files.get(name)

    def _pack(self) -> bytes:
        """Pack no root, but the name of one at the end of all versions."""
        whole = Repository.bundle(self.repository)
        head, tail = whole.split(b'"files": {', 1)
        return head + b'"files": {"9007199254740991.root.json": "{}", ' + tail


def root_requests(mirror: Mirror) -> int:
    return sum(name.endswith(".root.json") for name in mirror.requests)


def rotate(siege: Siege, times: int) -> None:
    for _ in range(times):
        siege.repository.publish_root()


@pytest.mark.slow
def test_256_roots_are_followed_in_one_refresh(tmp_path: Path) -> None:
    """An app that slept for years: everything was replaced meanwhile, and old roots have long expired."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        rotate(siege, DEEP - 1)
        siege.clock.wait(days=4000)
        repository.now = siege.clock.device
        for role in ("timestamp", "snapshot", "targets", "pins"):
            repository.rotate_keys(role)
        repository.publish_root()
        roots = sum(len(data) for name, data in repository.files.items() if name.endswith(".root.json"))
        assert roots > PACKED_ROOTS_BYTES  # so that a publisher packs only the last of them
        siege.recovers(store, "third")
        assert len(siege.cached()["roots"]) == DEEP

        # One more, signed by keys that root 257 does not know, moves nothing, as at any depth.
        genuine = repository.signers["root"]
        repository.rotate_keys("root")
        repository.publish_root(previous=[])
        siege.refused(store, SignatureError, "signature-threshold", "root")
        repository.signers["root"] = genuine
        repository.versions["root"] -= 1
        repository.publish_root()
        siege.recovers(store, "second")


@pytest.mark.slow
def test_deeper_than_that_the_next_refresh_goes_on(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        rotate(siege, MAX_ROOT_ROTATIONS + 1)
        repository.rotate_keys("timestamp")
        repository.publish_root()
        siege.rotate("third")
        siege.refused(store, SignatureError, "signature-threshold", "timestamp", progress=True)
        assert len(siege.cached()["roots"]) == MAX_ROOT_ROTATIONS
        siege.recovers(store, "third")
        assert len(siege.cached()["roots"]) == MAX_ROOT_ROTATIONS + 2


@pytest.mark.slow
def test_an_endless_chain_costs_a_bounded_number_of_requests(tmp_path: Path) -> None:
    """It takes the threshold of root keys to make one; even then a refresh ends."""
    siege = Siege(tmp_path)
    mirror = siege.mirror = EndlessMirror(siege.repository)
    siege.publish_seed()
    with siege.open() as store:
        mirror.requests.clear()
        assert store.refresh().error is None
        assert root_requests(mirror) == MAX_ROOT_ROTATIONS  # the control: the 257th would have been made, too
        siege.assert_enforces(store, 1, "first")
        assert len(siege.cached()["roots"]) == MAX_ROOT_ROTATIONS
        siege.mirror.replaced[f"{MAX_ROOT_ROTATIONS + 2}.root.json"] = TransportError("cut", code="timeout")
        mirror.requests.clear()
        siege.refused(store, TransportError, "timeout")
        assert root_requests(mirror) == 1


def test_a_long_chain_whose_end_has_expired(tmp_path: Path) -> None:
    """The roots on the way may have expired; the last one may not."""
    siege = Siege(tmp_path)
    with siege.settled() as store:
        rotate(siege, 3)
        siege.clock.wait(days=731)
        siege.publish()
        siege.refused(store, FreezeError, "expired", "root", progress=True)
        assert len(siege.cached()["roots"]) == 3
        siege.repository.publish_root()
        siege.recovers(store, "third")

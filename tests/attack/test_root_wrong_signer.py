# SPDX-License-Identifier: Apache-2.0
"""Attack: a root that appoints the attacker's keys, signed by whoever he could get to sign it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner, Signer

from holdfast.client.pin_store import PinStore
from holdfast.errors import AnchorError, SignatureError
from tests.client_world import allowed
from tests.repository import Repository
from tests.siege import Siege, believed, path_of

Choice = Callable[[Repository, list[Signer]], list[Signer]]


def nobody_before(repository: Repository, old: list[Signer]) -> list[Signer]:
    return list(repository.signers["root"])


def one_before(repository: Repository, old: list[Signer]) -> list[Signer]:
    return [old[0], *repository.signers["root"]]


def only_before(repository: Repository, old: list[Signer]) -> list[Signer]:
    return list(old)


def online_and_targets(repository: Repository, old: list[Signer]) -> list[Signer]:
    """Every key that is not a root key, and the new root keys."""
    others = [signer for role in ("targets", "pins", "snapshot", "timestamp") for signer in repository.signers[role]]
    return [*others, *repository.signers["root"]]


CHOICES: list[Choice] = [nobody_before, one_before, only_before, online_and_targets]


@pytest.mark.parametrize("choose", CHOICES)
def test_not_the_threshold_of_both(tmp_path: Path, choose: Choice) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        genuine = {role: list(signers) for role, signers in repository.signers.items()}
        for role in repository.signers:
            repository.rotate_keys(role)
        repository.publish_root(previous=[])
        repository.signers["root"] = choose(repository, genuine["root"])
        repository.resign("2.root.json", "root")
        siege.rotate("evil")
        siege.refused(store, SignatureError, "signature-threshold", "root")
        assert siege.cached()["roots"] == []
        assert believed(repository.bundle()) == {"evil"}  # the control
        repository.signers = genuine
        repository.versions["root"] = 1
        repository.publish_root()
        siege.recovers(store, "third")
        assert len(siege.cached()["roots"]) == 1


def test_control_with_the_threshold_of_both_it_is_believed(tmp_path: Path) -> None:
    """Two stolen root keys are everything: that is what a threshold means."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        old = list(repository.signers["root"])
        for role in repository.signers:
            repository.rotate_keys(role)
        repository.publish_root(previous=old[:2])
        siege.rotate("evil")
        assert store.refresh().error is None
        assert allowed(store, path_of("evil"))


def test_a_root_of_the_attacker_as_the_embedded_one_needs_his_own_app(tmp_path: Path) -> None:
    """The embedded root is signed by its own threshold; one that is not does not even open."""
    siege = Siege(tmp_path)
    repository = siege.repository
    siege.publish_seed()
    repository.versions["root"] = 0
    keys = repository.signers["root"]
    stranger: list[Signer] = [CryptoSigner.generate_ecdsa()]
    repository.publish_root(previous=[])
    repository.signers["root"] = [keys[0], *stranger]
    repository.resign("1.root.json", "root")
    with pytest.raises(AnchorError) as refused:
        PinStore(siege.config())
    assert refused.value.code == "anchor-invalid"
    assert not siege.cache_file.exists()

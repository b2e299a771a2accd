# SPDX-License-Identifier: Apache-2.0
"""Attack: the root that replaces a stolen key is let through and the next one spoiled, so that the chain breaks off.

A thief has signed timestamp 2^53-1. The security team replaces the key by root 2. If what root 2 denies fell only at
the end of a whole chain, a spoiled root 3 would keep the thief's mark alive for as long as somebody spoils it, and
beyond: at the next refresh nothing would be new any more.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.client.pin_store import PinStore
from holdfast.errors import MetadataError
from holdfast.trust import loading, verification
from tests.siege import TOP, Siege, accepted


def steal_and_recover(siege: Siege, store: PinStore) -> None:
    """Timestamp 2^53-1 by a stolen key; then root 2, which replaces the key, and a root 3 that somebody spoils."""
    repository = siege.repository
    repository.versions["timestamp"] = TOP - 1
    repository.publish_timestamp()
    assert store.refresh().error is None
    repository.rotate_keys("timestamp")
    repository.publish_root()
    repository.versions["timestamp"] = 2
    siege.rotate("third")
    repository.files["3.root.json"] = b"{}"


def test_a_mark_falls_with_its_key_though_the_chain_broke_off(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        steal_and_recover(siege, store)
        siege.refused(store, MetadataError, "metadata-syntax", "root", progress=True)
        assert len(siege.cached()["roots"]) == 1, "root 2 is taken"
        assert siege.cached()["timestamp"] is None, "and the mark of the key that it replaced is gone"
        del siege.repository.files["3.root.json"]
        siege.recovers(store, "third")


def test_the_control_keeps_the_thiefs_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (verification, loading):
        monkeypatch.setattr(module, "drop_replaced_marks", lambda state: state)
    siege = Siege(tmp_path)
    with siege.settled() as store:
        steal_and_recover(siege, store)
        assert store.refresh().error is not None
        del siege.repository.files["3.root.json"]
        siege.rotate("third")
        assert store.refresh().is_older_copy, "what is genuine passes for an older copy"
        assert accepted(store) == {"second"}

# SPDX-License-Identifier: Apache-2.0
"""The security team speaks over a lost, expired or hostile automation, and hands back to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.errors import FreezeError, HoldfastError, MixAndMatchError, SignatureError
from tests.client_world import state
from tests.repository import LIVES
from tests.siege import Siege, accepted


def hostile(siege: Siege) -> None:
    """The stolen key has published the attacker's pin, and his version is far ahead."""
    siege.repository.manifest["version"] = 900
    siege.choose("evil")
    siege.repository.publish_pins()
    siege.publish_above("pins")


def lost(siege: Siege) -> None:
    """The automation's key is gone; what it had published is gone too."""
    siege.publish_above("pins")
    del siege.repository.files[f"{siege.repository.versions['pins']}.pins.json"]


def expired(siege: Siege) -> None:
    siege.clock.wait(days=LIVES["pins"])
    siege.publish_above("pins")


def unsigned(siege: Siege) -> None:
    genuine, siege.repository.signers["pins"] = siege.repository.signers["pins"], []
    siege.repository.publish_pins()
    siege.publish_above("pins")
    siege.repository.signers["pins"] = genuine


# What ails the automation, and what a client says as long as nobody speaks over it (``None``: it believes it).
AILMENTS: list[tuple[Callable[[Siege], None], type[HoldfastError] | None, str]] = [
    (hostile, None, ""),
    (lost, MixAndMatchError, "file-missing"),
    (expired, FreezeError, "expired"),
    (unsigned, SignatureError, "signature-threshold"),
]


@pytest.mark.parametrize(("ail", "kind", "code"), AILMENTS, ids=[case[0].__name__ for case in AILMENTS])
def test_begun_and_ended(
    tmp_path: Path, ail: Callable[[Siege], None], kind: type[HoldfastError] | None, code: str
) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        # The automation is not well. The control: without break-glass that is what clients live with.
        ail(siege)
        if kind is None:
            assert store.refresh().changed
            siege.assert_enforces(store, 900, "evil")
        else:
            with siege.newcomer() as victim:  # it holds no older file of that role
                result = victim.refresh()
                assert type(result.error) is kind
                assert result.error.code == code
                assert accepted(victim) == set()

        # Begun: the manifest stands in the top-level targets. The delegated role is not even looked at.
        repository.is_break_glass = True
        siege.clock.wait(hours=1)
        repository.now = siege.clock.device
        repository.manifest["version"] += 1
        siege.choose("third")
        repository.publish_targets()
        name = f"{repository.versions['pins']}.pins.json"  # the snapshot goes on listing it, whatever became of it
        repository.files.setdefault(name, b"lost")
        siege.publish_above("targets")
        del repository.files[name]
        siege.mirror.requests.clear()
        assert store.refresh().changed
        siege.assert_enforces(store, repository.manifest["version"], "third")
        assert not any("pins" in name for name in siege.mirror.requests)
        assert not any(name.endswith(".pins.json") for name in siege.cached()["set"]["files"])
        with siege.newcomer() as victim:
            assert victim.refresh().error is None
            assert accepted(victim) == {"third"}
        assert state(store) == "fresh"

        # While it lasts, the automation can say what it wants.
        siege.choose("evil")
        repository.publish_pins()
        siege.publish_above("pins")
        siege.choose("third")
        result = store.refresh()
        assert (result.error, result.changed) == (None, False)
        assert accepted(store) == {"third"}

        # Ended: a new key for automation, under the same name, and a manifest that people looked at.
        repository.rotate_keys("pins")
        repository.is_break_glass = False
        siege.recovers(store, "second", "third")
        assert any(name.endswith(".pins.json") for name in siege.cached()["set"]["files"])
        siege.recovers(store, "second")


def test_it_does_not_end_by_being_left_out_of_an_older_copy(tmp_path: Path) -> None:
    """Who would end it for the security team has to serve targets of before, which is a rollback."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        hostile(siege)
        assert store.refresh().changed
        assert accepted(store) == {"evil"}
        before = repository.bundle()
        repository.is_break_glass = True
        siege.recovers(store, "third")
        siege.mirror.replaced["bundle.json"] = before
        result = store.refresh()
        assert (result.is_older_copy, result.changed) == (True, False)
        siege.assert_enforces(store, 901, "third")
        with siege.newcomer() as victim:  # the control
            assert victim.refresh().error is None
            assert accepted(victim) == {"evil"}
        siege.recovers(store, "second")

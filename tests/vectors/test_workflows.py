# SPDX-License-Identifier: Apache-2.0
"""Whole workflows: after every step the error, the marks, and what stays enforced."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.core.freshness import Source, effective_now
from holdfast.core.instant import parse_instant
from holdfast.core.pin import format_digest
from holdfast.errors import HoldfastError
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.bundle import fetch_from
from holdfast.trust.loading import Restored, StoredState, load_seed, restore
from holdfast.trust.state import TrustedState, find_clock_references, is_retired
from holdfast.trust.verification import refresh
from tests.vectors.material import load, parameters

if TYPE_CHECKING:
    from datetime import datetime

    from tests.vectors.material import Vector


def _text(reference: str | None) -> bytes | None:
    return None if reference is None else str(load("workflows.json")["texts"][reference]).encode()


def _texts(references: dict[str, str]) -> dict[str, bytes]:
    return {name: _text(reference) or b"" for name, reference in references.items()}


class Client:
    """A client that keeps its state as the specification says: exact octets, and the time of acceptance."""

    def __init__(self) -> None:
        self.state: TrustedState | None = None
        self.source: Source | None = None
        self.accepted_at: datetime | None = None
        self.dropped: HoldfastError | None = None
        self.has_conflict = False

    def run(self, step: dict[str, Any]) -> HoldfastError | None:
        """Take one step and return its error."""
        if step["do"] == "refresh":
            return self._refresh(_texts(step["serves"]), parse_instant(step["now"]))
        try:
            self._open(step)
        except HoldfastError as error:
            self.state = TrustedState(parse_anchor(_text(step["anchor"]) or b""))
            self.source = None
            return error
        return None

    def _open(self, step: dict[str, Any]) -> None:
        stored = self._stored(step["cache"])
        anchor = parse_anchor(_text(step["anchor"]) or b"")
        seeded = TrustedState(anchor) if step["seed"] is None else load_seed(anchor, _texts(step["seed"]))
        restored = restore(seeded, stored) if stored is not None else Restored(seeded, None, None)
        if stored is None and seeded.enforced is not None:
            restored = replace(restored, source=Source.SEED)
        self.state, self.source, self.dropped = restored.state, restored.source, restored.error
        self.accepted_at = None if stored is None else stored.accepted_at

    def _stored(self, cache: Any) -> StoredState | None:
        """What lies on disk."""
        if cache is None:
            return None
        if cache == "kept":
            assert self.state is not None
            enforced = self.state.enforced if self.source is not Source.SEED else None
            return StoredState(
                roots=tuple(root.data for root in self.state.roots),
                timestamp=None if self.state.timestamp is None else self.state.timestamp.data,
                snapshot=None if self.state.snapshot is None else self.state.snapshot.data,
                files={} if enforced is None else enforced.files,
                accepted_at=self.accepted_at,
            )
        return StoredState(
            roots=tuple(_text(root) or b"" for root in cache["roots"]),
            timestamp=_text(cache["timestamp"]),
            snapshot=_text(cache["snapshot"]),
            files=_texts(cache["files"]),
            accepted_at=cache["accepted_at"] and parse_instant(cache["accepted_at"]),
        )

    def _refresh(self, files: dict[str, bytes], now: datetime) -> HoldfastError | None:
        assert self.state is not None
        before = self.state.enforced
        outcome = refresh(self.state, fetch_from(files), now=now)
        self.state, self.has_conflict = outcome.state, outcome.has_conflict
        if self.state.enforced is not before:
            self.source = Source.NETWORK
            self.accepted_at = effective_now(now, find_clock_references(self.state))
        return outcome.error

    def describe(self) -> dict[str, Any]:
        """Say what is known, in the words of the vectors."""
        state = self.state
        assert state is not None
        enforced = state.enforced
        accepts = {}
        for pattern, pins in {} if enforced is None else enforced.table.hosts.items():
            digests = pins.accept.leaf_spki | pins.accept.ca_spki | pins.accept.leaf_certificate
            accepts[pattern] = sorted(map(format_digest, digests))
        return {
            "root": state.root.version,
            "timestamp": state.timestamp and state.timestamp.version,
            "snapshot": state.snapshot and state.snapshot.version,
            "manifest": enforced and enforced.manifest.version,
            "scope": enforced and enforced.scope.version,
            "break_glass": enforced and enforced.is_break_glass,
            "retired": enforced and is_retired(enforced, state.root),
            "source": self.source and self.source.value,
            "conflict": self.has_conflict,
            "accepts": accepts,
        }


def _named(error: HoldfastError | None) -> dict[str, str] | None:
    return None if error is None else {"error": type(error).__name__, "code": error.code}


@pytest.mark.parametrize("vector", parameters("workflows.json"))
def test_workflow(vector: Vector) -> None:
    client = Client()
    for number, step in enumerate(vector["input"]["steps"], 1):
        expect = dict(step["expect"])
        for digests in expect.get("accepts", {}).values():
            digests.sort()
        error = client.run(step)
        found = client.describe() | {"error": _named(error), "dropped": _named(client.dropped)}
        assert {name: found[name] for name in expect} == expect, f"step {number}: {error}"

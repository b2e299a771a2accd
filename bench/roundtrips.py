# SPDX-License-Identifier: Apache-2.0
"""How often a refresh asks, and how many round trips it waits, beside the stock client of TUF on the same repository.

Both go over a link with a round trip of 80 ms (:mod:`bench.links`), by plain HTTP. A round trip of the connection's
own set-up is in every figure; TLS with the mirror would add one or two more for either. What counts as one refresh of
``tuf.ngclient``: a new ``Updater`` on its metadata folder, ``refresh``, and scope.json and manifest.json found and
downloaded unless they are there already.

*first*: what was published since the app was built; *steady*: nothing new; *changed*: another key for one host;
*rotated*: a new root; *restarted*: a new process finds its cache, and nothing new.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tuf.ngclient import Updater

from bench.channels import build_channel, name_host
from bench.harness import Figure, talk
from bench.links import BASE, Mirror, delay_link, run_mirror
from holdfast.client.config import ClientConfig
from holdfast.client.pin_store import PinStore
from tests.repository import Repository, digest_text

__all__ = ["STATES", "Cost", "measure", "measure_refreshes"]

ROUND_TRIP_SECONDS = 0.080
SIZES = (50, 200)
FEW_HOSTS = 50
STATES = {
    "first": "the first refresh",
    "steady": "nothing new",
    "changed": "another key",
    "rotated": "a new root",
    "restarted": "a new process, nothing new",
}
CLIENTS = {"holdfast": "Holdfast", "ngclient": "`tuf.ngclient`"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one refresh took."""

    requests: int
    round_trips: float


class Client(Protocol):
    """Somebody who keeps a set current."""

    def refresh(self) -> None:
        """Refresh once, completely."""

    def restart(self) -> None:
        """Forget what is not on disk."""


class HoldfastClient:
    """The SDK."""

    def __init__(self, anchor: bytes, seed: bytes, base_url: str, folder: Path) -> None:
        self._config = ClientConfig(
            root=anchor, seed=seed, mirrors=(base_url,), cache_dir=folder, use_environment_proxy=False,
            send_reports=False,
        )  # fmt: skip
        self._store = PinStore(self._config)

    def refresh(self) -> None:
        """Refresh once."""
        result = self._store.refresh()
        if result.error is not None:
            raise result.error

    def restart(self) -> None:
        """Open a new store on the same cache."""
        self._store.close()
        self._store = PinStore(self._config)


class StockClient:
    """``tuf.ngclient``."""

    def __init__(self, anchor: bytes, seed: bytes, base_url: str, folder: Path) -> None:
        del seed  # it has no such thing
        self._anchor = anchor
        self._base_url = base_url
        self._metadata, self._targets = folder / "metadata", folder / "targets"
        self._metadata.mkdir()
        self._targets.mkdir()

    def refresh(self) -> None:
        """Refresh once."""
        updater = Updater(
            str(self._metadata), self._base_url, str(self._targets), f"{self._base_url}targets/", bootstrap=self._anchor
        )
        updater.refresh()
        for path in ("scope.json", "manifest.json"):
            info = updater.get_targetinfo(path)
            assert info is not None, path
            if updater.find_cached_target(info) is None:
                updater.download_target(info)

    def restart(self) -> None:
        """Do nothing: each refresh is a new start."""


def _change(repository: Repository, state: str) -> None:
    if state == "first":
        repository.publish()
    elif state == "changed":
        repository.set_pins(name_host(0), [digest_text("rotated"), digest_text("after")])
        repository.publish()
    elif state == "rotated":
        repository.rotate_root()
        repository.publish()


def _take_through(client: Client, mirror: Mirror) -> Iterator[tuple[str, Cost]]:
    for state in STATES:
        _change(mirror.repository, state)
        if state == "restarted":
            client.restart()
        mirror.take_requests()
        start = time.monotonic()
        client.refresh()
        seconds = time.monotonic() - start
        yield state, Cost(mirror.take_requests().total(), seconds / ROUND_TRIP_SECONDS)


def measure_refreshes(kind: str, hosts: int) -> dict[str, Cost]:
    """Take a client (``holdfast`` or ``ngclient``) of a channel with so many hosts through all states."""
    makers: dict[str, Callable[[bytes, bytes, str, Path], Client]] = {
        "holdfast": HoldfastClient,
        "ngclient": StockClient,
    }
    make = makers[kind]
    repository = build_channel(hosts)
    with contextlib.ExitStack() as stack:
        mirror = stack.enter_context(run_mirror(repository))
        port = stack.enter_context(delay_link(mirror.port, round_trip_seconds=ROUND_TRIP_SECONDS))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        client = make(repository.anchor, repository.bundle(), f"http://127.0.0.1:{port}{BASE}", folder)
        return dict(_take_through(client, mirror))


def measure(*, quick: bool) -> list[Figure]:
    """Measure this subject."""
    figures = []
    for hosts in SIZES[:1] if quick else SIZES:
        for kind, client in CLIENTS.items():
            talk(f"roundtrips: {client}, {hosts} hosts")
            for state, cost in measure_refreshes(kind, hosts).items():
                at_most = (1 if hosts <= FEW_HOSTS else 2) if kind == "holdfast" else None
                what = f"{client}, {hosts} hosts: {STATES[state]}"
                figures += [
                    Figure(
                        name=f"roundtrips.{kind}_requests_{state}_{hosts}", what=what, value=cost.requests,
                        unit="requests", at_most=at_most,
                    ),
                    Figure(
                        name=f"roundtrips.{kind}_trips_{state}_{hosts}", what=what,
                        value=round(cost.round_trips, 2), unit="round trips",
                    ),
                ]  # fmt: skip
    return figures

# SPDX-License-Identifier: Apache-2.0
"""An installed app: the anchors that it ships, a cache of its own, the real SDK, and what it heard and did."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from holdfast.client.config import load_exported
from holdfast.client.pin_store import PinStore
from holdfast.client.tls.ssl_context import create_default_context, pin_error
from holdfast.sim.network import fetch
from holdfast.telemetry.events import Event, ManifestAccepted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from holdfast.errors import PinMismatchError
    from holdfast.sim.listener import Address

__all__ = ["App", "attempt", "describe_failure"]

E = TypeVar("E", bound=Event)


class App:
    """An app on somebody's device. It refreshes in the background from entering to leaving its ``with`` block.

    Args:
        anchors: The folder that ``holdfast anchors export`` wrote.
        cache: Its cache folder: the same one again is the same app, started again.
        trusted: The device's CA store, PEM; whatever a user or a profile installed there included.
        refresh_floor_seconds: Shortest time between refreshes; a long one leaves refreshing to mismatches.
        refresh_on_mismatch: Whether a refused key makes it ask for newer pins.
        mirror: Where its network leads it when it asks for the manifest; empty: where the anchors say.
    """

    def __init__(
        self,
        anchors: Path,
        cache: Path,
        trusted: str,
        *,
        refresh_floor_seconds: float = 1.0,
        refresh_on_mismatch: bool = True,
        mirror: str = "",
    ) -> None:
        self.events: list[tuple[float, Event]] = []
        config = load_exported(
            anchors,
            cache_dir=cache,
            refresh_floor_seconds=refresh_floor_seconds,
            refresh_on_mismatch=refresh_on_mismatch,
            use_environment_proxy=False,
            fetch_timeout_seconds=3.0,
            **({"mirrors": (mirror,)} if mirror else {}),
        )
        self.store = PinStore(config, listener=self._hear)
        self.context = create_default_context(self.store, cadata=trusted)

    def __enter__(self) -> Self:
        self.store.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.store.close()

    @property
    def manifest_version(self) -> int:
        """Version of the manifest that it enforces; 0 for none."""
        return self.store.manifest_version or 0

    def get(self, host: str, address: Address) -> bytes:
        """Fetch a page over a new pinned connection; see :func:`holdfast.sim.network.fetch`."""
        return fetch(host, address, self.context)

    def heard(self, kind: type[E], *, since: float = 0.0) -> list[E]:
        """Return the events of a kind that it heard since a moment of :func:`time.monotonic`."""
        return [event for at, event in self.events if isinstance(event, kind) and at >= since]

    def find_accepted_at(self, manifest_version: int) -> float | None:
        """Find when it began to enforce a manifest, of :func:`time.monotonic`."""
        return next(
            (
                at
                for at, event in self.events
                if isinstance(event, ManifestAccepted) and event.manifest_version == manifest_version
            ),
            None,
        )

    def _hear(self, event: Event) -> None:
        self.events.append((time.monotonic(), event))


def attempt(request: Callable[..., Any], *arguments: Any) -> PinMismatchError | Exception | None:
    """Make a request that may be refused.

    Returns:
        ``None`` if it was answered; the pins' refusal; or whatever else went wrong.
    """
    try:
        request(*arguments)
    except Exception as error:  # noqa: BLE001  # an answer that is not the expected one is told, whatever it is
        return pin_error(error) or error
    return None


def describe_failure(error: Exception) -> str:
    """Name a failure in a few words."""
    refusal = pin_error(error)
    return f"refused: {refusal.reason}" if refusal is not None else f"{type(error).__name__}: {error}"

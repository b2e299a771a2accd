# SPDX-License-Identifier: Apache-2.0
"""What the TLS side of the SDK asks of the pin store, and nothing more.

The sockets, the contexts and the adapters know :class:`~holdfast.client.pin_store.PinStore` only through these
protocols, so that each can be tested without the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.core.validation import Verdict

__all__ = ["HintedJudge", "PinJudge"]


class PinJudge(Protocol):
    """Decides whether a connection may carry application data."""

    @property
    def generation(self) -> int:
        """A number, never negative, that moves whenever any input of a verdict changed (set, mode, until, age).

        Every guarded read and write compares it, so it must cost no more than an attribute.
        """

    def judge(self, host: str, path: Sequence[bytes]) -> Verdict:
        """Judge a validated path and emit the events that belong to the verdict.

        Args:
            host: The name that the TLS stack verified.
            path: DER certificates, leaf first, as validated; empty if there is no validated path, which is a refusal
                for every host that is protected.

        Returns:
            The verdict; this method never raises.
        """

    def protects(self, host: str) -> bool:
        """Tell whether pins are asked for a host, so that session resumption must be refused."""

    def refresh_on_mismatch(self, host: str, *, timeout_seconds: float) -> bool:
        """Fetch a newer set, blocking, at most one fetch at a time in the process.

        Returns:
            Whether the enforced set changed, by this call or by one that it waited for. Never raises.
        """

    async def refresh_on_mismatch_async(self, host: str, *, timeout_seconds: float) -> bool:
        """Do the same without blocking the event loop."""


class HintedJudge(PinJudge, Protocol):
    """A judge that takes in-band hints: what adapters need."""

    def hint(self, manifest_version: int, *, host: str | None = None) -> None:
        """Take note that a server spoke of this manifest version. Never blocks or raises.

        Args:
            manifest_version: What it spoke of.
            host: Whose response it was; one whose pins are not enforced is not listened to. ``None``: the caller has
                seen to that.
        """

# SPDX-License-Identifier: Apache-2.0
"""A judge with fixed pins: the client's TLS side is tested against it, apart from the pin store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from holdfast.core.certificate import parse_certificate
from holdfast.core.hostname import normalise_hostname
from holdfast.core.pin import format_digest
from holdfast.core.validation import Reason, Verdict

__all__ = ["Asked", "StaticJudge"]


@dataclass(frozen=True)
class Asked:
    """One question that the judge was asked."""

    host: str
    path: tuple[bytes, ...]
    verdict: Verdict


class StaticJudge:
    """Accepts a path if any of its certificates has a pinned key.

    Args:
        pins: Base64 SPKI digests by *normalised* host name.
        refreshed: What a refresh on mismatch makes of the pins; ``None``: a refresh brings nothing.
        report_only: Hosts whose refusals are let pass.
    """

    def __init__(
        self,
        pins: Mapping[str, Iterable[str]],
        *,
        refreshed: Mapping[str, Iterable[str]] | None = None,
        report_only: Iterable[str] = (),
    ) -> None:
        self.pins = {host: frozenset(digests) for host, digests in pins.items()}
        self.refreshed = refreshed
        self.report_only = frozenset(report_only)
        self.generation = 0
        self.asked: list[Asked] = []
        self.refreshes: list[float] = []
        self.hints: list[int] = []
        self.on_refresh: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def set_pins(self, pins: Mapping[str, Iterable[str]]) -> None:
        """Change the policy, as a refresh does."""
        self.pins = {host: frozenset(digests) for host, digests in pins.items()}
        self.generation += 1

    def judge(self, host: str, path: Sequence[bytes]) -> Verdict:
        verdict = self._decide(host, path)
        self.asked.append(Asked(host, tuple(path), verdict))
        return verdict

    def _decide(self, host: str, path: Sequence[bytes]) -> Verdict:
        # An exact look-up, on purpose: whoever asks must have normalised the name.
        certificates = tuple(map(parse_certificate, path))
        pins = self.pins.get(host)
        if pins is None:
            return Verdict(True, Reason.UNPINNED, host, None, 1, path=certificates)
        if not path:
            return Verdict(False, Reason.EMPTY_PATH, host, host, 1)
        if any(format_digest(certificate.spki_sha256) in pins for certificate in certificates):
            return Verdict(True, Reason.PIN, host, host, 1, path=certificates)
        lenient = host in self.report_only
        return Verdict(lenient, Reason.NO_MATCH, host, host, 1, enforced=not lenient, path=certificates)

    def protects(self, host: str) -> bool:
        return normalise_hostname(host) in self.pins if host else False

    def refresh_on_mismatch(self, host: str, *, timeout_seconds: float) -> bool:
        with self._lock:
            self.refreshes.append(timeout_seconds)
            self.on_refresh()
            if self.refreshed is None:
                return False
            self.set_pins(self.refreshed)
            self.refreshed = None
            return True

    async def refresh_on_mismatch_async(self, host: str, *, timeout_seconds: float) -> bool:
        return self.refresh_on_mismatch(host, timeout_seconds=timeout_seconds)

    def hint(self, manifest_version: int, *, host: str | None = None) -> None:
        del host
        self.hints.append(manifest_version)


def stall(seconds: float) -> Callable[[], None]:
    """A refresh that takes its time."""
    return lambda: time.sleep(seconds)

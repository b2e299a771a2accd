# SPDX-License-Identifier: Apache-2.0
"""The self-test: a pin that can never match must refuse. If it does not, something has switched enforcement off.

*Offline*, a TLS handshake in memory with a server made up for the purpose, valid in every respect but the pins: the
pinned context must refuse it, and a plain context with the same CA must not (otherwise the test proves nothing).
*Online*, the same with the scope's real canary host. What cannot be told is ``inconclusive``, and never a pass.

A failed self-test means a hooked process, a patched ``ssl`` module or a bug; what to do about it is the app's decision.
"""

from __future__ import annotations

import socket
import ssl
import tempfile
from dataclasses import dataclass
from enum import Enum, unique
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.client.tls.exempt_context import create_exempt_context
from holdfast.client.tls.ssl_context import create_default_context
from holdfast.core.validation import Reason
from holdfast.errors import PinMismatchError
from holdfast.telemetry.events import SelfTestFailed, SelfTestInconclusive, SelfTestPassed

if TYPE_CHECKING:
    from datetime import datetime

    from holdfast.client.tls.judge import PinJudge
    from holdfast.telemetry.events import Event

__all__ = ["SelfTestOutcome", "SelfTestResult", "run_offline_test", "run_online_test", "run_self_test"]

_MAX_ROUNDS = 20  # of a handshake in memory, which takes three


@unique
class SelfTestOutcome(Enum):
    """What a self-test found."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """What a self-test found, and in words.

    Attributes:
        kind: ``offline`` or ``online``.
        outcome: Only ``PASSED`` is a pass.
        detail: For people.
    """

    kind: str
    outcome: SelfTestOutcome
    detail: str

    @property
    def passed(self) -> bool:
        """Whether enforcement was seen to work."""
        return self.outcome is SelfTestOutcome.PASSED


def run_self_test(
    judge: PinJudge,
    channel: str,
    canary_host: str | None,
    *,
    at: datetime,
    online: bool,
    port: int,
    cafile: str | None,
    timeout_seconds: float,
) -> tuple[SelfTestResult, Event]:
    """Run one of the two tests, and make the event that tells of it; see :meth:`holdfast.PinStore.self_test`."""
    if online:
        result = run_online_test(judge, canary_host, port=port, cafile=cafile, timeout_seconds=timeout_seconds)
    else:
        result = run_offline_test(judge, canary_host)
    if result.passed:
        return result, SelfTestPassed(channel=channel, at=at, kind=result.kind)
    kind = SelfTestFailed if result.outcome is SelfTestOutcome.FAILED else SelfTestInconclusive
    return result, kind(channel=channel, at=at, kind=result.kind, detail=result.detail)


def run_offline_test(judge: PinJudge, canary_host: str | None) -> SelfTestResult:
    """Handshake in memory with a made-up canary; no network.

    Args:
        judge: The pin store.
        canary_host: The scope's canary; without one there is nothing that must always be refused.
    """
    if canary_host is None:
        return _inconclusive("offline", "the scope names no canary")
    with tempfile.TemporaryDirectory(prefix="holdfast-canary-") as folder:
        ca_file, server = _make_up_server(Path(folder), canary_host)
        try:
            _handshake_in_memory(create_exempt_context(cafile=str(ca_file)), server, canary_host)
        except (OSError, PinMismatchError) as error:
            return _inconclusive("offline", f"the control connection failed: {error}")
        pinned = create_default_context(judge, cafile=str(ca_file))
        try:
            _handshake_in_memory(pinned, server, canary_host)
        except (OSError, PinMismatchError) as error:
            return _conclude("offline", error)
    return _accepted("offline", canary_host)


def run_online_test(
    judge: PinJudge, canary_host: str | None, *, port: int, cafile: str | None, timeout_seconds: float
) -> SelfTestResult:
    """Connect to the real canary, without pins and with them.

    Args:
        judge: The pin store.
        canary_host: The scope's canary.
        port: TCP port.
        cafile: PEM file of CA certificates; ``None`` takes the platform's.
        timeout_seconds: For each of the two connections.
    """
    if canary_host is None:
        return _inconclusive("online", "the scope names no canary")
    try:
        _connect(create_exempt_context(cafile=cafile), canary_host, port, timeout_seconds)
    except (OSError, PinMismatchError) as error:
        return _inconclusive("online", f"the control connection failed: {error}")
    try:
        _connect(create_default_context(judge, cafile=cafile), canary_host, port, timeout_seconds)
    except (OSError, PinMismatchError) as error:
        return _conclude("online", error)
    return _accepted("online", canary_host)


def _conclude(kind: str, error: Exception) -> SelfTestResult:
    if isinstance(error, PinMismatchError) and error.reason == Reason.CANARY.value:
        return SelfTestResult(kind, SelfTestOutcome.PASSED, "the canary was refused, the control was not")
    return _inconclusive(kind, f"the canary failed for another reason: {error}")


def _accepted(kind: str, host: str) -> SelfTestResult:
    return SelfTestResult(kind, SelfTestOutcome.FAILED, f"{host} was accepted: pins are not enforced in this process")


def _inconclusive(kind: str, detail: str) -> SelfTestResult:
    return SelfTestResult(kind, SelfTestOutcome.INCONCLUSIVE, detail)


def _connect(context: ssl.SSLContext, host: str, port: int, timeout_seconds: float) -> None:
    with (
        socket.create_connection((host, port), timeout=timeout_seconds) as plain,
        context.wrap_socket(plain, server_hostname=host),
    ):
        pass


def _handshake_in_memory(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> None:
    """Shake hands between two contexts over memory buffers; raise what the client's side raises."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=host)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(_MAX_ROUNDS):
        waiting = 0
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                waiting += 1
        if not waiting:
            return
    raise ssl.SSLError("the handshake in memory does not end")


def _make_up_server(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """Make a CA and a server of that name, good for an hour; their keys never leave this function's folder."""
    # A heavy import, for who runs a self-test.
    from holdfast.client.self_test.made_up_server import make_up_files

    ca_file, chain_file = make_up_files(folder, host)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(str(chain_file))
    return ca_file, server

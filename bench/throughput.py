# SPDX-License-Identifier: Apache-2.0
"""What pins cost on a connection that stands: bulk data down and up, pinned beside plain.

One connection of each kind stands, and they take turns: 4 MiB three times over, of which the fastest counts. New ones
follow after three rounds, because the system gives each connection buffers of its own, which last as long as it does.
Turns are timed by the wall clock, because throughput is what people see, and then by client CPU, because a slow server
would hide what the client does. The data is read by 64 KiB and written by 64 KiB, as clients do, so that every guard is
passed as often as it is in an app. The server is another process.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable, Mapping

import holdfast
from bench.backends import HOST, Backend, connect, open_store, run_backends
from bench.harness import Figure, Spread, Way, cpu_clock, fastest, interleave, no_collections, ratios, spread_of
from bench.tls_server import DOWNLOAD, UPLOAD
from holdfast.client.pin_store import PinStore

__all__ = ["Comparison", "build_contexts", "compare_throughput", "measure"]

AT_MOST = 1.02
MIB = 1024 * 1024
TURN = 4 * MIB
TRIES = 3
ROUNDS = 3
SESSIONS = 30  # 1 GiB of each way, case by case
_PIECE = 64 * 1024
DIRECTIONS = {"download": DOWNLOAD, "upload": UPLOAD}

_CASES = {
    "download": ("download", time.perf_counter),
    "upload": ("upload", time.perf_counter),
    "download cpu": ("download", cpu_clock),
    "upload cpu": ("upload", cpu_clock),
}

Comparison = dict[str, dict[str, Spread]]
"""By case and way, in terms of the plain connection; ``plain`` itself in seconds a turn."""


def _download(tls: ssl.SSLSocket, buffer: bytearray) -> None:
    left = TURN
    while left:
        left -= tls.recv_into(buffer, min(left, _PIECE))


def _upload(tls: ssl.SSLSocket, buffer: bytearray) -> None:
    view = memoryview(buffer)
    for _ in range(TURN // _PIECE):
        tls.sendall(view)
    assert tls.recv(1) == b"!"


def _way(tls: ssl.SSLSocket, direction: str, clock: Callable[[], float]) -> Way:
    move = _download if direction == "download" else _upload
    buffer = bytearray(_PIECE)
    command = DIRECTIONS[direction] + TURN.to_bytes(8, "big")

    def way() -> float:
        start = clock()
        tls.sendall(command)
        move(tls, buffer)
        return clock() - start

    return way


def build_contexts(backend: Backend, store: PinStore) -> dict[str, ssl.SSLContext]:
    """Make the contexts that are compared: plain, pinned, and pinned with a client certificate."""
    cafile = str(backend.cafile)
    with_certificate = holdfast.create_default_context(store, cafile=cafile)
    with_certificate.load_cert_chain(*backend.files)  # any will do: the server asks for none
    return {
        "plain": backend.plain_context(),
        "pinned": holdfast.create_default_context(store, cafile=cafile),
        "bio": with_certificate,
    }


def compare_throughput(backend: Backend, contexts: Mapping[str, ssl.SSLContext], *, sessions: int) -> Comparison:
    """Move data over one connection of each context by turns, and over new ones in each session."""
    costs: dict[str, dict[str, list[float]]] = {}
    for _ in range(sessions):
        with contextlib.ExitStack() as stack:
            connections = {
                name: stack.enter_context(context.wrap_socket(connect(backend), server_hostname=HOST))
                for name, context in contexts.items()
            }
            for case, (direction, clock) in _CASES.items():
                ways = {name: fastest(_way(tls, direction, clock), tries=TRIES) for name, tls in connections.items()}
                with no_collections():
                    taken = interleave(ways, rounds=ROUNDS, warm_up=1)
                for name, seconds in taken.items():
                    costs.setdefault(case, {}).setdefault(name, []).extend(seconds)
    return {
        case: {name: ratios(taken[name], taken["plain"]) for name in contexts} | {"plain": spread_of(taken["plain"])}
        for case, taken in costs.items()
    }


def measure(*, quick: bool) -> list[Figure]:
    """Measure this subject."""
    sessions = 5 if quick else SESSIONS
    with run_backends() as backends:
        contexts = build_contexts(backends["p256"], open_store(backends["p256"].identity))
        taken = compare_throughput(backends["p256"], contexts, sessions=sessions)
    figures = []
    for direction in DIRECTIONS:
        figures += [
            Figure.of(
                taken[direction]["pinned"], name=f"throughput.{direction}_pinned",
                what=f"{direction} over a pinned connection", unit="x plain time", at_most=AT_MOST,
            ),
            Figure.of(
                taken[f"{direction} cpu"]["pinned"], name=f"throughput.{direction}_pinned_cpu",
                what=f"{direction} over a pinned connection, client CPU", unit="x plain CPU",
            ),
            Figure.of(
                taken[direction]["bio"], name=f"throughput.{direction}_bio",
                what=f"{direction} over a pinned connection with a client certificate", unit="x plain time",
            ),
            Figure(
                name=f"throughput.{direction}_plain", what=f"{direction} over a plain connection",
                value=TURN / MIB / taken[direction]["plain"].median, unit="MiB/s",
            ),
        ]  # fmt: skip
    return figures

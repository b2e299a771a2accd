# SPDX-License-Identifier: Apache-2.0
"""What pins cost on a connection that stands: bulk data down and up, pinned beside plain.

All connections stand at once and take turns: 4 MiB three times over, the fastest of which counts. Turns are timed by
the wall clock, because throughput is what people see, and then by client CPU, because a slow server would hide what
the client does. The data is read by 64 KiB and written by 64 KiB, as clients do, so that every guard is passed as often
as it is in an app. The server is another process.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable, Mapping

import holdfast
from bench.backends import HOST, Backend, connect, open_store, run_backends
from bench.harness import Figure, Spread, Way, cpu_clock, fastest, interleave, no_collections, ratios, spread_of, talk
from bench.tls_server import DOWNLOAD, UPLOAD
from holdfast.client.pin_store import PinStore

__all__ = ["Comparison", "build_contexts", "compare_throughput", "measure"]

AT_MOST = 1.02
MIB = 1024 * 1024
TURN = 4 * MIB
TRIES = 3
TOTAL = 150 * MIB  # of each way and direction, in a full run
_PIECE = 64 * 1024
DIRECTIONS = {"download": DOWNLOAD, "upload": UPLOAD}

Comparison = dict[str, dict[str, Spread]]
"""By direction and way (``_cpu``: client CPU), in terms of the plain one; ``plain`` itself in seconds a turn."""


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


def compare_throughput(backend: Backend, contexts: Mapping[str, ssl.SSLContext], *, rounds: int) -> Comparison:
    """Move data over one connection of each context by turns."""
    others = [name for name in contexts if name != "plain"]
    taken: Comparison = {}
    with contextlib.ExitStack() as stack:
        connections = {}
        for name, context in contexts.items():
            tls = context.wrap_socket(connect(backend), server_hostname=HOST)
            connections[name] = stack.enter_context(tls)
        for direction in DIRECTIONS:
            spreads = taken[direction] = {}
            for suffix, clock in (("", time.perf_counter), ("_cpu", cpu_clock)):
                ways = {name: fastest(_way(tls, direction, clock), tries=TRIES) for name, tls in connections.items()}
                with no_collections():
                    costs = interleave(ways, rounds=rounds, warm_up=3)
                spreads |= {f"{name}{suffix}": ratios(costs[name], costs["plain"]) for name in others}
                spreads.setdefault("plain", spread_of(costs["plain"]))
    return taken


def measure(*, quick: bool) -> list[Figure]:
    """Measure this subject."""
    rounds = (TOTAL // 3 if quick else TOTAL * 8) // TURN // TRIES
    with run_backends() as backends:
        talk(f"throughput: {rounds * TRIES * TURN // MIB} MiB each way, each connection")
        contexts = build_contexts(backends["p256"], open_store(backends["p256"].identity))
        taken = compare_throughput(backends["p256"], contexts, rounds=rounds)
    figures = []
    for direction in DIRECTIONS:
        plain = taken[direction]["plain"]
        figures += [
            Figure.of(
                taken[direction]["pinned"], name=f"throughput.{direction}_pinned",
                what=f"{direction} over a pinned connection", unit="x plain time", at_most=AT_MOST,
            ),
            Figure.of(
                taken[direction]["pinned_cpu"], name=f"throughput.{direction}_pinned_cpu",
                what=f"{direction} over a pinned connection, client CPU", unit="x plain CPU",
            ),
            Figure.of(
                taken[direction]["bio"], name=f"throughput.{direction}_bio",
                what=f"{direction} over a pinned connection with a client certificate", unit="x plain time",
            ),
            Figure(
                name=f"throughput.{direction}_plain", what=f"{direction} over a plain connection",
                value=TURN / MIB / plain.median, unit="MiB/s",
            ),
        ]  # fmt: skip
    return figures

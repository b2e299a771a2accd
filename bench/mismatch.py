# SPDX-License-Identifier: Apache-2.0
"""Sixteen threads at once at a server whose key was exchanged: how often the mirror is asked, and who gets through."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass

import holdfast
from bench.backends import HOST, HOSTS, Backend, connect, run_backends
from bench.channels import build_channel
from bench.harness import Figure
from bench.links import BASE, delay_link, run_mirror
from bench.roundtrips import ROUND_TRIP_SECONDS
from holdfast.client.config import ClientConfig
from holdfast.client.pin_store import PinStore
from tests.repository import digest_text

__all__ = ["Rush", "measure", "rush"]

THREADS = 16


@dataclass(frozen=True, slots=True)
class Rush:
    """How it came out.

    Attributes:
        fetches: Requests that reached the mirror.
        connected: Threads whose first and only handshake succeeded.
        slowest_seconds: From the start until the last thread was through.
    """

    fetches: int
    connected: int
    slowest_seconds: float


def rush(backend: Backend, threads: int = THREADS) -> Rush:
    """Let threads connect to a back end whose key only the mirror knows of, over a link of 80 ms to the mirror."""
    repository = build_channel(HOSTS, pins={HOST: [digest_text("the key before")]})
    seed = repository.bundle()
    repository.set_pins(HOST, [backend.identity.pin])
    repository.publish()
    outcomes: list[str] = []
    with contextlib.ExitStack() as stack:
        mirror = stack.enter_context(run_mirror(repository))
        port = stack.enter_context(delay_link(mirror.port, round_trip_seconds=ROUND_TRIP_SECONDS))
        config = ClientConfig(
            root=repository.anchor, seed=seed, mirrors=(f"http://127.0.0.1:{port}{BASE}",),
            use_environment_proxy=False, send_reports=False,
        )  # fmt: skip
        store = PinStore(config)
        context = holdfast.create_default_context(store, cafile=str(backend.cafile))
        barrier = threading.Barrier(threads + 1)

        def shake() -> None:
            with connect(backend) as connection:
                barrier.wait()
                try:
                    context.wrap_socket(connection, server_hostname=HOST).close()
                except holdfast.PinMismatchError as error:
                    outcomes.append(error.code)
                else:
                    outcomes.append("connected")

        crowd = [threading.Thread(target=shake) for _ in range(threads)]
        for thread in crowd:
            thread.start()
        barrier.wait()
        start = time.monotonic()
        for thread in crowd:
            thread.join()
        seconds = time.monotonic() - start
        store.close()
        return Rush(mirror.take_requests().total(), outcomes.count("connected"), seconds)


def measure(*, quick: bool) -> list[Figure]:
    """Measure this subject; the worst of several tries."""
    with run_backends() as backends:
        rushes = [rush(backends["p256"]) for _ in range(3 if quick else 20)]
    return [
        Figure(
            name="mismatch.fetches", what=f"{THREADS} threads at a rotated server: fetches", at_most=1,
            value=max(one.fetches for one in rushes), unit="fetches",
        ),
        Figure(
            name="mismatch.failed", what=f"{THREADS} threads at a rotated server: handshakes that failed", at_most=0,
            value=max(THREADS - one.connected for one in rushes), unit="handshakes",
        ),
        Figure(
            name="mismatch.slowest", what=f"{THREADS} threads at a rotated server: until the last one is through",
            value=round(max(one.slowest_seconds for one in rushes) / ROUND_TRIP_SECONDS, 2), unit="round trips",
        ),
    ]  # fmt: skip

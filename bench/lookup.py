# SPDX-License-Identifier: Apache-2.0
"""What it costs to find the pins of a host, by the number of hosts, and how much memory a host takes.

Names are looked up in a random order that is the same for every size, so that a large table also pays for the caches
that it does not fit into.
"""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable, Sequence
from hashlib import sha256

from bench.channels import name_host
from bench.harness import Figure, Spread, interleave, no_collections, spread_of, talk, timed
from holdfast.core.pin import Pin, PinSet, PinType, Position
from holdfast.core.pin_set import HostPins, PinTable
from holdfast.core.scope import Mode, Unpinned

__all__ = ["build_table", "measure", "measure_lookups"]

SIZES = (10, 1_000, 10_000)
INFORMATIVE_SIZE = 1_000_000
CASES = {
    "exact": "the host itself",
    "suffix": "a host two labels below a pattern",
    "miss": "a host that no pattern covers",
}
_NAMES = 2_000


def build_table(hosts: int) -> PinTable:
    """Make the table that a verified scope and manifest lead to: two accepted keys and a backup a host."""
    return PinTable({host.pattern: host for host in _protect(hosts)}, Unpinned.ALLOW, None)


def _protect(hosts: int) -> Iterable[HostPins]:
    for number in range(hosts):
        pattern = name_host(number)
        current, following, backup = (
            Pin(PinType.SPKI_SHA256, Position.LEAF, sha256(f"{pattern} {use}".encode()).digest())
            for use in ("current", "next", "backup")
        )
        yield HostPins(
            pattern=pattern,
            include_subdomains=number % 5 == 0,
            mode=Mode.ENFORCE,
            until=None,
            scope_reject=PinSet(),
            require=None,
            backup=PinSet([backup]),
            reject=PinSet(),
            accept=PinSet([current, following]),
        )


def _names(case: str, hosts: int) -> Sequence[str]:
    chance = random.Random(case)
    numbers = [chance.randrange(hosts) for _ in range(_NAMES)]
    match case:
        case "exact":
            return [name_host(number) for number in numbers]
        case "suffix":
            return [f"a.b.{name_host(number // 5 * 5)}" for number in numbers]
        case _:
            return [f"service-{number}.example.org" for number in numbers]


def measure_lookups(sizes: Sequence[int], *, rounds: int) -> dict[tuple[str, int], Spread]:
    """Look names up, all sizes and cases by turns; seconds a look-up by case and size."""
    ways = {}
    for size in sizes:
        table = build_table(size)
        for case in CASES:
            names = _names(case, size)
            assert (table.find(names[0]) is None) == (case == "miss")

            def look_up(names: Sequence[str] = names, table: PinTable = table) -> None:
                find = table.find
                for name in names:
                    find(name)

            ways[f"{case} {size}"] = timed(look_up)
    with no_collections():
        costs = interleave(ways, rounds=rounds)
    return {(case, size): spread_of(costs[f"{case} {size}"]).scaled(1 / _NAMES) for size in sizes for case in CASES}


def measure_bytes_per_host(hosts: int = SIZES[-1]) -> float:
    """Measure the memory of a table, digests and names included."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        table = build_table(hosts)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / len(table.hosts)


def measure(*, quick: bool) -> list[Figure]:
    """Measure this subject."""
    sizes = SIZES if quick else (*SIZES, INFORMATIVE_SIZE)
    taken = measure_lookups(sizes, rounds=21 if quick else 51)
    figures = [
        Figure.of(
            taken[case, size].scaled(1e6), name=f"lookup.{case}_{size}", what=f"look-up among {size:,} hosts: {what}",
            unit="µs",
        )
        for size in sizes
        for case, what in CASES.items()
    ]  # fmt: skip
    talk("lookup: memory")
    figures.append(
        Figure(
            name="lookup.bytes_per_host", what="memory of a host with 3 pins, among 10,000",
            value=measure_bytes_per_host(), unit="bytes",
        )
    )  # fmt: skip
    return figures

# SPDX-License-Identifier: Apache-2.0
"""What ``import holdfast`` costs beside ``import ssl``, each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

from bench.harness import Figure, Spread, Way, interleave, ratios, spread_of

__all__ = ["compare_imports", "count_modules", "measure"]

TARGET = 2.5
ROUNDS = 41

# The interpreter's own start stays out: the clock runs around the import alone, and counts CPU of the whole process.
_TIME = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"
_COUNT = "import sys; before = len(sys.modules); import {}; print(len(sys.modules) - before)"


def _run(code: str) -> float:
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _import(module: str) -> Way:
    return lambda: _run(_TIME.format(module))


def count_modules(module: str) -> int:
    """Count the modules that an import brings into a fresh interpreter."""
    return int(_run(_COUNT.format(module)))


def compare_imports(rounds: int) -> tuple[Spread, dict[str, list[float]]]:
    """Import each by turns; the ratio of each round, and CPU seconds by name."""
    costs = interleave({"ssl": _import("ssl"), "holdfast": _import("holdfast")}, rounds=rounds, warm_up=2)
    return ratios(costs["holdfast"], costs["ssl"]), costs


def measure(*, quick: bool) -> list[Figure]:
    """Measure this subject."""
    ratio, costs = compare_imports(11 if quick else ROUNDS)
    absolute = spread_of(costs["holdfast"]).scaled(1e3)
    return [
        Figure.of(
            ratio, name="imports.ratio", what="`import holdfast`, CPU", unit="x `import ssl`", at_most=TARGET,
        ),
        Figure.of(absolute, name="imports.holdfast", what="`import holdfast`, CPU", unit="ms"),
        Figure(
            name="imports.modules_holdfast", what="modules that `import holdfast` loads",
            value=count_modules("holdfast"), unit="modules",
        ),
        Figure(
            name="imports.modules_ssl", what="modules that `import ssl` loads", value=count_modules("ssl"),
            unit="modules",
        ),
    ]  # fmt: skip

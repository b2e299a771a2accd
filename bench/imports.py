# SPDX-License-Identifier: Apache-2.0
"""What ``import holdfast`` costs beside ``import ssl``, each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

from bench.harness import Figure, Spread, Way, interleave, ratios, spread_of

__all__ = ["compare_imports", "count_modules", "measure"]

TARGET = 2.5
ROUNDS = 31

# The interpreter's own start stays out: the clock runs around the import alone, and counts CPU of the whole process.
_TIME = "import time; start = time.process_time(); import {}; print(time.process_time() - start)"
# What an app names first; `import holdfast` itself loads hardly anything.
_FACE = "holdfast; holdfast.PinStore; holdfast.create_default_context"
_COUNT = "import sys; before = len(sys.modules); import {}; print(len(sys.modules) - before)"


def _run(code: str) -> float:
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True
    )
    return float(done.stdout)


def _import(module: str) -> Way:
    return lambda: _run(_TIME.format(module))


def count_modules(module: str) -> int:
    """Count the modules that an import brings into a fresh interpreter."""
    return int(_run(_COUNT.format(module)))


def compare_imports(rounds: int) -> tuple[dict[str, Spread], dict[str, Spread]]:
    """Import each by turns: in terms of ``ssl``, and in CPU seconds, by ``ssl``, ``holdfast`` and ``face``."""
    ways = {"ssl": _import("ssl"), "holdfast": _import("holdfast"), "face": _import(_FACE)}
    costs = interleave(ways, rounds=rounds, warm_up=2)
    return {name: ratios(costs[name], costs["ssl"]) for name in ways}, {name: spread_of(costs[name]) for name in ways}


def measure(*, quick: bool) -> list[Figure]:
    """Measure this subject."""
    relative, seconds = compare_imports(11 if quick else ROUNDS)
    return [
        Figure.of(
            relative["holdfast"], name="imports.ratio", what="`import holdfast`, CPU", unit="x `import ssl`",
            at_most=TARGET,
        ),
        Figure.of(
            seconds["holdfast"].scaled(1e3), name="imports.ms", what="`import holdfast`, CPU", unit="ms",
        ),
        Figure.of(
            relative["face"], name="imports.face_ratio", unit="x `import ssl`",
            what="`import holdfast` and the names `PinStore` and `create_default_context`, CPU",
        ),
        Figure(
            name="imports.modules_holdfast", what="modules that `import holdfast` loads",
            value=count_modules("holdfast"), unit="modules",
        ),
        Figure(
            name="imports.modules_ssl", what="modules that `import ssl` loads", value=count_modules("ssl"),
            unit="modules",
        ),
    ]  # fmt: skip

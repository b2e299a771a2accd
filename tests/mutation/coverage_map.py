# SPDX-License-Identifier: Apache-2.0
"""Which test reaches which line, and how long each test takes: measured once, on the unchanged sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage

__all__ = ["CoverageMap", "measure"]


@dataclass(frozen=True, slots=True)
class CoverageMap:
    """What one run of the tests showed."""

    tests_by_line: dict[str, dict[int, frozenset[str]]]  # file -> line -> node ids
    seconds: dict[str, float]  # node id -> seconds, under measurement

    def find_tests(self, path: Path, first: int, last: int) -> list[str]:
        """Node ids that reach any of these lines, the fastest first; all tests for lines that run at import."""
        lines = self.tests_by_line.get(str(path), {})
        reached: set[str] = set()
        for line in range(first, last + 1):
            found = lines.get(line, frozenset())
            if "" in found:  # run while no test ran
                return sorted(self.seconds, key=self._order)
            reached |= found
        return sorted(reached & self.seconds.keys(), key=self._order)

    def _order(self, test: str) -> tuple[float, str]:
        return self.seconds[test], test


def measure(root: Path, suites: Sequence[str], folder: Path) -> CoverageMap:
    """Run the suites once under coverage with a context for each test.

    Raises:
        RuntimeError: A test fails on the unchanged sources, so nothing could be learnt from one that fails later.
    """
    report = folder / "durations.json"
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", __name__,
            "-m", "not slow and not serial", "--cov=holdfast.core", "--cov=holdfast.trust", "--cov-context=test",
            "--cov-report=", *suites,
        ],
        cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        env={
            **os.environ, "PYTHONPATH": str(root / "src"), "COVERAGE_FILE": str(folder / "coverage"),
            _REPORT: str(report),
        },
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"the tests fail before anything was changed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    data = coverage.CoverageData(basename=str(folder / "coverage"))
    data.read()
    by_line = {
        file: {
            line: frozenset(context.partition("|")[0] for context in contexts)
            for line, contexts in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    return CoverageMap(by_line, json.loads(report.read_text(encoding="utf-8")))


# ------------------------------------------------------- a pytest plugin: this module, in the measuring process

# Not HOLDFAST_...: conftest.py forgets the variables of Holdfast.
_REPORT = "MUTATION_DURATIONS_FILE"
_seconds: dict[str, float] = {}


def pytest_runtest_logreport(report: Any) -> None:
    """Add up what a test took."""
    if report.outcome == "skipped":
        _seconds.pop(report.nodeid, None)
    else:
        _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish() -> None:
    """Hand the durations to the process that asked."""
    if _REPORT in os.environ:
        Path(os.environ[_REPORT]).write_text(json.dumps(_seconds), encoding="utf-8")

# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of each mutant in a fork of this process that imports the changed module instead of the file.

Nothing is copied and no file is touched. This process has imported what all tests need (pytest, tuf, cryptography,
Hypothesis) and nothing of Holdfast, so that a fork is ready in milliseconds.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from tests.mutation.coverage_map import CoverageMap
from tests.mutation.mutants import Mutant

__all__ = ["Verdict", "check_the_runner", "run_mutants"]

#: How much longer than on the unchanged sources the tests of a mutant may take, and at least how many seconds.
PATIENCE = 5.0
MIN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: ``killed``, ``timeout`` (killed too: it hangs), ``survived``, ``unreached``.

    ``broken`` means that pytest itself did not run: the runner is at fault, and nothing is known.
    """

    mutant: Mutant
    outcome: str
    seconds: float


def check_the_runner(mutant: Mutant, tests: CoverageMap, *, root: Path) -> None:
    """Run all tests on an unchanged module as if it were a mutant: it must survive.

    Raises:
        RuntimeError: It does not, so that "killed" would mean nothing.
    """
    unchanged = replace(mutant, kind="nothing", source=mutant.path.read_text(encoding="utf-8"), line=0, end_line=0)
    everything = CoverageMap({str(mutant.path): {0: frozenset({""})}}, tests.seconds)
    (verdict,) = run_mutants([unchanged], everything, root=root, jobs=1, on_verdict=lambda _: None)
    if verdict.outcome != "survived":
        raise RuntimeError(f"the unchanged {mutant.module} does not pass in a fork: {verdict.outcome}")


def run_mutants(
    mutants: Sequence[Mutant], tests: CoverageMap, *, root: Path, jobs: int, on_verdict: Callable[[Verdict], None]
) -> list[Verdict]:
    """Run every mutant, ``jobs`` at a time; the verdicts are in the order of the mutants."""
    _import_what_all_tests_need()
    verdicts: dict[str, Verdict] = {}
    running: dict[int, tuple[Mutant, float, float]] = {}  # pid -> mutant, start, deadline
    waiting = iter(mutants)

    def settle(mutant: Mutant, outcome: str, seconds: float) -> None:
        verdict = Verdict(mutant, outcome, seconds)
        verdicts[mutant.identity] = verdict
        on_verdict(verdict)

    try:
        while True:
            while len(running) < jobs and (mutant := next(waiting, None)) is not None:
                chosen = tests.find_tests(mutant.path, mutant.line, mutant.end_line)
                if not chosen:
                    settle(mutant, "unreached", 0.0)
                    continue
                allowed = max(MIN_SECONDS, PATIENCE * sum(tests.seconds[test] for test in chosen))
                now = time.monotonic()
                running[_fork(mutant, chosen, root)] = (mutant, now, now + allowed)
            if not running:
                return [verdicts[mutant.identity] for mutant in mutants]
            for pid, outcome in _wait(running):
                mutant, start, _ = running.pop(pid)
                settle(mutant, outcome, time.monotonic() - start)
    finally:
        for pid in running:
            _end(pid)


# pytest's exit codes. Anything but a failed test or a failed collection says nothing about the mutant.
_OUTCOMES = {0: "survived", 1: "killed", 2: "killed"}


def _wait(running: dict[int, tuple[Mutant, float, float]]) -> Iterator[tuple[int, str]]:
    time.sleep(0.005)
    for pid, (_, _, deadline) in list(running.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            yield pid, _OUTCOMES.get(os.waitstatus_to_exitcode(status), "broken")
        elif time.monotonic() > deadline:
            _end(pid)
            yield pid, "timeout"


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


# What would cost time, or change the order, or complain that this process has imported Hypothesis already.
_WITHOUT = [word for plugin in ("randomly", "cacheprovider", "cov", "xdist") for word in ("-p", f"no:{plugin}")]


def _fork(mutant: Mutant, chosen: Sequence[str], root: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setpgid(0, 0)
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(silence, descriptor)
        os.chdir(root)
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(root / "src"))  # this tree's, whatever is installed
        sys.meta_path.insert(0, _Changed(mutant))
        files = sorted({test.partition("::")[0] for test in chosen})
        arguments = ["-x", "-q", *_WITHOUT, "-W", "ignore::pytest.PytestAssertRewriteWarning", *files]
        code = int(pytest.main(arguments, plugins=[_Chosen(chosen), _Profile()]))
    except BaseException:  # whatever it is, this process must not go on as its parent
        code = 70
    finally:
        os._exit(code)  # no exit handlers: they are the parent's


def _import_what_all_tests_need() -> None:
    # Heavy imports, for the forks: none of them imports Holdfast.
    import cryptography.x509
    import hypothesis
    import securesystemslib.signer
    import tuf.api.metadata

    del cryptography, hypothesis, securesystemslib, tuf
    if any(name == "holdfast" or name.startswith("holdfast.") for name in sys.modules):
        raise RuntimeError("Holdfast is imported already: a fork would not see the change")


class _Changed(importlib.abc.MetaPathFinder):
    """Finds one module, changed; leaves the others to the finders that follow."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != self._mutant.module:
            return None
        loader = _ChangedLoader(fullname, str(self._mutant.path), self._mutant.source)
        return importlib.machinery.ModuleSpec(fullname, loader, origin=str(self._mutant.path))


class _ChangedLoader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType | None:
        del fullname
        return compile(self._source, self.path, "exec", dont_inherit=True)


class _Chosen:
    """A pytest plugin: only the tests that reach the change, the fastest first."""

    def __init__(self, chosen: Sequence[str]) -> None:
        self._rank = {test: rank for rank, test in enumerate(chosen)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        kept = [item for item in items if item.nodeid in self._rank]
        # No test left means that the change broke the collection: let pytest say so by running everything.
        items[:] = sorted(kept, key=lambda item: self._rank[item.nodeid]) or items


class _Profile:
    """A pytest plugin: Hypothesis repeats itself, so that a verdict does."""

    def pytest_configure(self) -> None:
        import hypothesis  # here, so that the plugin order is pytest's

        hypothesis.settings.register_profile("mutation", derandomize=True, database=None, deadline=None)
        hypothesis.settings.load_profile("mutation")

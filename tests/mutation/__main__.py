# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.mutation``: the table of mutants and survivors.

Exit codes: 0 every survivor is explained, 1 some are not (or an explanation explains nothing any more), 2 nothing was
chosen, 3 the tests fail on the unchanged sources, so that nothing can be said.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from pathlib import Path

from tests.mutation.coverage_map import measure
from tests.mutation.mutants import Mutant, find_mutants
from tests.mutation.runner import Verdict, check_the_runner, run_mutants

ROOT = Path(__file__).resolve().parent.parent.parent
SURVIVORS = Path(__file__).with_name("survivors.toml")
SUITES = ("tests/unit/core", "tests/unit/trust", "tests/property", "tests/vectors")
ROOMS = ("core", "trust")


def main() -> int:
    """Run the mutants that were asked for."""
    options = parse_arguments()
    start = time.monotonic()
    mutants = choose(options)
    if not mutants:
        print("error: no such mutant", file=sys.stderr)
        return 2
    explained = load_explanations()
    print(f"{len(mutants)} mutants of {', '.join(sorted({mutant.module for mutant in mutants}))}", flush=True)
    print("measuring which tests reach which line ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="holdfast-mutation-") as folder:
        try:
            tests = measure(ROOT, [suite for suite in SUITES if (ROOT / suite).is_dir()], Path(folder))
            check_the_runner(mutants[0], tests, root=ROOT)
        except RuntimeError as error:
            print(f"error: {error}", file=sys.stderr)
            return 3
    print(
        f"{len(tests.seconds)} tests, {sum(tests.seconds.values()):.0f} s; {options.jobs} mutants at a time", flush=True
    )

    count = 0

    def progress(verdict: Verdict) -> None:
        nonlocal count
        count += 1
        if verdict.outcome in {"survived", "unreached"} and verdict.mutant.identity not in explained:
            print_survivor(verdict)
        if count % 50 == 0:
            print(f"  {count} of {len(mutants)}, {time.monotonic() - start:.0f} s", flush=True)

    verdicts = run_mutants(mutants, tests, root=ROOT, jobs=options.jobs, on_verdict=progress)
    if broken := [verdict.mutant.identity for verdict in verdicts if verdict.outcome == "broken"]:
        print(f"error: pytest did not run for {', '.join(broken)}", file=sys.stderr)
        return 3
    if options.json:
        write_json(Path(options.json), verdicts, explained)
    return summarise(
        verdicts, explained, complete=not (options.sample or options.only), seconds=time.monotonic() - start
    )


def parse_arguments() -> argparse.Namespace:
    """The words after ``python -m tests.mutation``."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("only", nargs="*", help="modules, such as core/pin or trust (default: core and trust)")
    parser.add_argument("--sample", type=int, metavar="N", help="run N mutants drawn by chance")
    parser.add_argument("--seed", type=int, default=1, help="of --sample (default: 1)")
    parser.add_argument("--id", action="append", default=[], metavar="ID", help="run this mutant only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2, help="forks at a time (default: the cores)")
    parser.add_argument("--json", metavar="FILE", help="write all verdicts there")
    return parser.parse_args()


def choose(options: argparse.Namespace) -> list[Mutant]:
    """The mutants that were asked for."""
    mutants: list[Mutant] = []
    for room in ROOMS:
        for path in sorted((ROOT / "src" / "holdfast" / room).rglob("*.py")):
            name = path.relative_to(ROOT / "src" / "holdfast").with_suffix("").as_posix()
            if not options.only or any(name == wanted or name.startswith(f"{wanted}/") for wanted in options.only):
                mutants += find_mutants(path, f"holdfast.{name.replace('/', '.')}")
    if options.id:
        options.only = options.only or ["--id"]
        mutants = [mutant for mutant in mutants if mutant.identity in options.id]
    if options.sample:
        mutants = random.Random(options.seed).sample(mutants, min(options.sample, len(mutants)))
    return mutants


def load_explanations() -> dict[str, str]:
    """Identity -> reason, from ``survivors.toml``."""
    if not SURVIVORS.exists():
        return {}
    entries = tomllib.loads(SURVIVORS.read_text(encoding="utf-8")).get("survivor", [])
    return {entry["id"]: entry["reason"] for entry in entries}


def print_survivor(verdict: Verdict) -> None:
    """Where it is, what was changed, and that nobody noticed."""
    mutant = verdict.mutant
    place = f"{mutant.path.relative_to(ROOT)}:{mutant.line}"
    print(
        f"{verdict.outcome:9} {mutant.identity} {place} {mutant.function} [{mutant.kind}]\n          {mutant.change}",
        flush=True,
    )


def summarise(verdicts: list[Verdict], explained: dict[str, str], *, complete: bool, seconds: float) -> int:
    """Print the table; the exit code."""
    by_module: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_module[verdict.mutant.module.removeprefix("holdfast.")].append(verdict)
    print(f"\n{'module':28} {'mutants':>8} {'killed':>8} {'explained':>10} {'unexplained':>12} {'CPU s':>7}")
    rows = [*sorted(by_module.items()), ("all", verdicts)]
    for module, some in rows:
        alive = [v for v in some if v.outcome in {"survived", "unreached"}]
        known = sum(v.mutant.identity in explained for v in alive)
        cpu = sum(v.seconds for v in some)
        print(f"{module:28} {len(some):8} {len(some) - len(alive):8} {known:10} {len(alive) - known:12} {cpu:7.0f}")
    alive = [v for v in verdicts if v.outcome in {"survived", "unreached"}]
    unexplained = [v for v in alive if v.mutant.identity not in explained]
    stale = sorted(set(explained) - {v.mutant.identity for v in alive}) if complete else []
    for identity in stale:
        print(f"survivors.toml explains {identity}, and there is no such survivor: remove it")
    share = 100 * (1 - len(alive) / len(verdicts)) if verdicts else 100.0
    print(
        f"\n{len(verdicts)} mutants, {len(verdicts) - len(alive)} killed ({share:.1f} %), "
        f"{len(alive) - len(unexplained)} survivors explained, {len(unexplained)} not; {seconds:.0f} s"
    )
    return 1 if unexplained or stale else 0


def write_json(path: Path, verdicts: list[Verdict], explained: dict[str, str]) -> None:
    """All verdicts, for further work."""
    rows = [
        {
            "id": v.mutant.identity, "module": v.mutant.module, "function": v.mutant.function, "line": v.mutant.line,
            "kind": v.mutant.kind, "change": v.mutant.change, "outcome": v.outcome, "seconds": round(v.seconds, 3),
            "reason": explained.get(v.mutant.identity),
        }
        for v in verdicts
    ]  # fmt: skip
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Measure everything, and write bench/out/summary.json and the tables of docs/performance.md.

With subjects as arguments, or with --quick, the figures are printed instead: what is written is of one whole run.

EXIT CODES: 0 measured (missed targets are named), 2 usage, 3 a subject could not be measured.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import time
from dataclasses import asdict

from bench.harness import Figure, talk
from bench.report import PAGE, ROOT, SUBJECTS, SUMMARY, render_tables, write_page, write_summary


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"only these: {', '.join(SUBJECTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller sizes: to see that all of it runs")
    parser.add_argument("--raw", action="store_true", help=argparse.SUPPRESS)  # one subject, in its own process
    options = parser.parse_args()
    unknown = set(options.subjects) - set(SUBJECTS)
    if unknown:
        parser.error(f"no such subject: {', '.join(sorted(unknown))}")
    if options.raw:
        (subject,) = options.subjects
        measured = importlib.import_module(f"bench.{subject}").measure(quick=options.quick)
        print(json.dumps([asdict(figure) for figure in measured]))
        return 0
    try:
        figures = [f for subject in options.subjects or SUBJECTS for f in _measure(subject, quick=options.quick)]
    except subprocess.CalledProcessError as error:
        talk(f"error: {error.cmd[-1 - options.quick]} could not be measured\nhint: its own words stand above")
        return 3
    _conclude(figures, whole=not (options.subjects or options.quick))
    return 0


def _measure(subject: str, *, quick: bool) -> list[Figure]:
    """Measure a subject in a process of its own, so that none leaves its heap and its imports to the next."""
    talk(f"==> {subject}")
    start = time.monotonic()
    command = [sys.executable, "-m", "bench", "--raw", subject, *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
    talk(f"    {time.monotonic() - start:.0f} s")
    return [Figure(**fields) for fields in json.loads(done.stdout)]


def _conclude(figures: list[Figure], *, whole: bool) -> None:
    if whole:
        write_summary(figures)
        write_page(figures)
        talk(f"{len(figures)} figures: {SUMMARY.relative_to(ROOT)}, {PAGE.relative_to(ROOT)}")
    else:
        print(render_tables(figures), end="")
    for figure in figures:
        if figure.is_met is False:
            talk(f"missed: {figure.what}: {figure.value:.3f} {figure.unit}, target <= {figure.at_most:g}")


if __name__ == "__main__":
    sys.exit(main())

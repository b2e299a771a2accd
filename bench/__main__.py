# SPDX-License-Identifier: Apache-2.0
"""``python -m bench``: measure everything, write ``bench/out/summary.json`` and the table of ``docs/performance.md``.

With subjects as arguments, or with ``--quick``, the figures are only printed: a table is of one whole run.
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
from bench.report import PAGE, SUMMARY, render_table, write_page, write_summary

SUBJECTS = {
    "handshake": "client CPU of a handshake, beside a plain context and other ways of pinning",
    "throughput": "bulk data over a pinned connection, beside a plain one",
    "lookup": "finding the pins of a host, by the number of hosts",
    "verification": "verifying a bundle, beside bare tuf.api.metadata",
    "roundtrips": "requests and round trips of a refresh, beside tuf.ngclient",
    "imports": "import holdfast, beside import ssl",
    "mismatch": "refresh on mismatch: one fetch for many threads",
}


def main() -> int:
    """Run the program; 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
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
    figures = [figure for subject in options.subjects or SUBJECTS for figure in _measure(subject, quick=options.quick)]
    if options.subjects or options.quick:
        print(render_table(figures), end="")
    else:
        write_summary(figures)
        write_page(figures)
        talk(f"{len(figures)} figures: {SUMMARY}, {PAGE}")
    missed = [figure for figure in figures if figure.is_met is False]
    for figure in missed:
        talk(f"missed: {figure.what}: {figure.value:.3f} {figure.unit}, target <= {figure.at_most:g}")
    return 1 if missed else 0


def _measure(subject: str, *, quick: bool) -> list[Figure]:
    """Measure a subject in a process of its own, so that none leaves its heap and its imports to the next."""
    talk(f"==> {subject}: {SUBJECTS[subject]}")
    start = time.monotonic()
    command = [sys.executable, "-m", "bench", "--raw", subject, *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
    talk(f"    {time.monotonic() - start:.0f} s")
    return [Figure(**fields) for fields in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.exit(main())

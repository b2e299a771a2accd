# SPDX-License-Identifier: Apache-2.0
"""What becomes of figures: ``bench/out/summary.json``, and the tables of ``docs/performance.md``."""

from __future__ import annotations

import json
import os
import platform
import ssl
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.harness import Figure

__all__ = ["BEGIN", "END", "PAGE", "ROOT", "SUBJECTS", "SUMMARY", "render_tables", "write_page", "write_summary"]

ROOT = Path(__file__).resolve().parent.parent
SUMMARY = ROOT / "bench" / "out" / "summary.json"
PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- bench: begin (written by `make bench`, do not edit) -->"
END = "<!-- bench: end -->"

SUBJECTS = {
    "handshake": "Handshake: client CPU beside a plain context",
    "throughput": "Throughput of a connection that stands",
    "lookup": "Looking up the pins of a host",
    "verification": "Verifying a bundle",
    "roundtrips": "Requests and round trips of a refresh, on a link of 80 ms",
    "mismatch": "Refresh on mismatch",
    "imports": "Import",
}
"""The modules that measure, in the order of the page, each with its title."""


def command_of(figure: Figure) -> str:
    """What to type to measure a figure again."""
    return f"make bench ARGS={figure.subject}"


def write_summary(figures: Iterable[Figure], path: Path = SUMMARY) -> None:
    """Write one flat object: name -> value, unit, target, command; and whether the target is met, and the quartiles."""
    summary = {
        figure.name: {
            "value": round(figure.value, 6),
            "unit": figure.unit,
            "target": None if figure.at_most is None else f"<= {figure.at_most:g}",
            "command": command_of(figure),
            "met": figure.is_met,
            "quartiles": None if figure.quartiles is None else [round(value, 6) for value in figure.quartiles],
        }
        for figure in figures
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, json.dumps(summary, indent=2) + "\n")


def write_page(figures: Sequence[Figure], path: Path = PAGE) -> None:
    """Put the tables between their two markers; the rest of the page is written by people."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"error: {path.name} has lost the markers of its tables")
    _replace(path, f"{before}{BEGIN}\n\n{render_tables(figures)}\n{END}{after}")


def _replace(path: Path, text: str) -> None:
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def render_tables(figures: Sequence[Figure]) -> str:
    """Render figures as Markdown: where they were measured, a table a subject, what was tried about missed targets."""
    lines = [f"Measured on {describe_machine()}.", ""]
    for subject, title in SUBJECTS.items():
        own = [figure for figure in figures if figure.subject == subject]
        if own:
            lines += [f"### {title}", "", "| | median | unit | quartiles | target | again |", "|--|--:|--|--|--|--|"]
            lines += [*map(_render_row, own), ""]
    missed = [figure for figure in figures if figure.is_met is False]
    if missed:
        lines += ["### Missed, and what was tried", ""]
        for tried in dict.fromkeys(figure.tried for figure in missed):
            named = [f"**{figure.what}**, {figure.unit}" for figure in missed if figure.tried == tried]
            lines.append(f"* {'; '.join(named)}: {tried}")
    else:
        lines.append("Every target is met.")
    return "\n".join(lines) + "\n"


def _render_row(figure: Figure) -> str:
    quartiles = "" if figure.quartiles is None else " to ".join(_format(value) for value in figure.quartiles)
    verdict = "" if figure.is_met is None else f"≤ {figure.at_most:g}: {'met' if figure.is_met else '**missed**'}"
    cells = (figure.what, _format(figure.value), figure.unit, quartiles, verdict, f"`{command_of(figure)}`")
    return f"| {' | '.join(cells)} |"


def _format(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 0.1 else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def describe_machine() -> str:
    """Say what a reader must know about the machine, and nothing that identifies it."""
    cores = os.cpu_count() or 1
    openssl = " ".join(ssl.OPENSSL_VERSION.split()[:2])
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cores} cores ({platform.machine()}), {platform.system()}, {python}, {openssl}"

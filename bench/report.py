# SPDX-License-Identifier: Apache-2.0
"""What becomes of figures: ``bench/out/summary.json``, and the table of ``docs/performance.md``."""

from __future__ import annotations

import json
import os
import platform
import ssl
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.harness import Figure

__all__ = ["BEGIN", "END", "PAGE", "SUMMARY", "describe_machine", "render_table", "write_page", "write_summary"]

_ROOT = Path(__file__).resolve().parent.parent
SUMMARY = _ROOT / "bench" / "out" / "summary.json"
PAGE = _ROOT / "docs" / "performance.md"
BEGIN = "<!-- bench: begin (written by `make bench`, do not edit) -->"
END = "<!-- bench: end -->"


def command_of(figure: Figure) -> str:
    """What to type to measure a figure again."""
    return f"make bench ARGS={figure.name.partition('.')[0]}"


def write_summary(figures: Iterable[Figure], path: Path = SUMMARY) -> None:
    """Write one flat object: name -> value, unit, target, command, and how it came out."""
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
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def write_page(figures: Sequence[Figure], path: Path = PAGE) -> None:
    """Put the table between its two markers; the rest of the page is written by people."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path.name} has lost the markers of its table")
    text = f"{before}{BEGIN}\n{render_table(figures)}{END}{after}"
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def render_table(figures: Sequence[Figure]) -> str:
    """Render figures as Markdown: where they were measured, the table, and what was tried about each missed target."""
    lines = [f"Measured on {describe_machine()}.", "", "| what | measured | quartiles | target | again |"]
    lines.append("|--|--:|--:|--|--|")
    lines += [_render_row(figure) for figure in figures]
    missed = [figure for figure in figures if figure.is_met is False]
    lines.append("")
    if missed:
        lines += ["Missed, and what was tried:", ""]
        lines += [f"* **{figure.what}**: {figure.tried or 'nothing yet.'}" for figure in missed]
    else:
        lines.append("Every target is met.")
    return "\n".join(lines) + "\n"


def _render_row(figure: Figure) -> str:
    quartiles = "" if figure.quartiles is None else " to ".join(_format(value) for value in figure.quartiles)
    verdict = "" if figure.is_met is None else f"≤ {figure.at_most:g}: {'met' if figure.is_met else '**missed**'}"
    cells = (figure.what, f"{_format(figure.value)} {figure.unit}", quartiles, verdict, f"`{command_of(figure)}`")
    return f"| {' | '.join(cells)} |"


def _format(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 10 or abs(value) < 0.1 else f"{value:.3f}"


def describe_machine() -> str:
    """Say what a reader must know about the machine, and nothing that identifies it."""
    cores = os.cpu_count() or 1
    openssl = " ".join(ssl.OPENSSL_VERSION.split()[:2])
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cores} shared virtual cores ({platform.machine()}), {platform.system()}, {python}, {openssl}"

# SPDX-License-Identifier: Apache-2.0
"""What ``make bench`` writes: one flat object, and tables that say what was missed; and the page that they stand in."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.harness import Figure, Spread, compare, interleave, ratios, spread_of
from bench.report import BEGIN, END, PAGE, SUBJECTS, render_tables, write_page, write_summary
from tests.tools import ROOT, clean_environment

MET = Figure(name="imports.ratio", what="import", value=2.0, unit="x ssl", quartiles=(1.9, 2.2), at_most=2.5)
MISSED = Figure(name="handshake.p256", what="shake", value=1.2, unit="x plain", at_most=1.03, tried="all of it.")
PLAIN = Figure(name="lookup.bytes", what="memory", value=147, unit="bytes")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip


def test_the_summary_is_one_flat_object(tmp_path: Path) -> None:
    path = tmp_path / "out" / "summary.json"
    write_summary([MET, MISSED, PLAIN], path)
    summary = json.loads(path.read_text(encoding="utf-8"))
    assert list(summary) == ["imports.ratio", "handshake.p256", "lookup.bytes"]
    for entry in summary.values():
        assert {"value", "unit", "target", "command"} <= set(entry)
        assert not any(isinstance(value, dict) for value in entry.values())
    assert summary["imports.ratio"]["target"] == "<= 2.5"
    assert summary["lookup.bytes"] == {
        "value": 147, "unit": "bytes", "target": None, "command": "make bench ARGS=lookup", "met": None,
        "quartiles": None,
    }  # fmt: skip


def test_a_missed_target_is_shown_with_what_was_tried() -> None:
    text = render_tables([MET, MISSED])
    assert "≤ 1.03: **missed**" in text
    assert "* **shake**, x plain: all of it." in text
    assert "≤ 2.5: met" in text
    assert "Every target is met" not in text


def test_all_met_is_said_and_every_row_says_how_to_repeat_it() -> None:
    text = render_tables([MET, PLAIN])
    assert "Every target is met." in text
    assert "missed" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "median" not in line]
    assert len(rows) == 2
    assert all(re.search(r"`make bench ARGS=[a-z]+` \|$", row) for row in rows)


def test_the_table_replaces_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"# Above\n\n{BEGIN}\nold\n{END}\n\nBelow\n", encoding="utf-8")
    write_page([MET], page)
    write_page([MISSED], page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# Above\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nBelow\n")
    assert "old" not in text
    assert "import" not in text
    assert "shake" in text


def test_a_page_without_its_markers_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("# Above\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"performance\.md has lost the markers"):
        write_page([MET], page)
    assert page.read_text(encoding="utf-8") == "# Above\n"


def test_our_page_has_its_markers_and_figures_of_every_subject() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition(BEGIN)[2].partition(END)[0]
    assert set(re.findall(r"`make bench ARGS=([a-z]+)` \|", table)) == set(SUBJECTS)
    for title in SUBJECTS.values():
        assert f"### {title}\n" in table


def test_ratios_are_of_the_same_round() -> None:
    costs = {"fast": iter([1.0, 10.0, 2.0]), "slow": iter([2.0, 20.0, 4.0])}
    ways = {name: lambda cost=cost: next(cost) for name, cost in costs.items()}
    taken = interleave(ways, rounds=3, warm_up=0)
    assert taken == {"fast": [1.0, 10.0, 2.0], "slow": [2.0, 20.0, 4.0]}
    assert ratios(taken["slow"], taken["fast"]) == Spread(2.0, 2.0, 2.0)
    assert spread_of([3.0]) == Spread(3.0, 3.0, 3.0)
    assert spread_of([1.0, 2.0, 3.0, 4.0, 5.0]) == Spread(3.0, 2.0, 4.0)


def test_warming_up_does_not_count() -> None:
    costs = iter([9.0, 1.0, 1.0])
    assert compare({"only": lambda: next(costs)}, "only", rounds=2, warm_up=1)["only"] == Spread(1.0, 1.0, 1.0)


@pytest.mark.slow
def test_one_subject_is_measured_and_printed() -> None:
    done = run("--quick", "imports")
    assert done.returncode == 0, done.stderr
    assert f"### {SUBJECTS['imports']}" in done.stdout
    assert "`make bench ARGS=imports`" in done.stdout


def test_an_unknown_subject_is_a_usage_error() -> None:
    done = run("no-such-subject")
    assert done.returncode == 2
    assert "no such subject: no-such-subject" in done.stderr
    assert "Traceback" not in done.stderr

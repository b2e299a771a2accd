# SPDX-License-Identifier: Apache-2.0
"""``holdfast demo`` keeps its promises: what it shows, how long it takes, what it needs, what it leaves behind.

And it can fail: with enforcement switched off, it says so and exits 1.
"""

from __future__ import annotations

import io
import json
import re
import ssl
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from holdfast.cli import demo as demo_command
from holdfast.cli.main import run
from holdfast.errors import OperationError
from holdfast.sim import app as app_module
from holdfast.sim.demo import SCRIPT, Scene, run_demo
from holdfast.sim.narration import Narrator
from holdfast.sim.report import Report, Step
from holdfast.sim.stage import Stage
from tests.tools import ROOT, clean_environment

pytestmark = pytest.mark.slow

TIME_LIMIT_SECONDS = 30.0

# Runs the command with the packages of the demo's lock alone, whatever else this environment holds.
_WITHOUT = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
from holdfast.cli.main import main
sys.argv = ["holdfast", "demo", "--json"]
main()
"""


def locked(name: str) -> set[str]:
    lock = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return {match[1].lower() for match in re.finditer(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)}


def modules_beyond_the_demo() -> list[str]:
    """Top-level modules of distributions that only the tests install."""
    extra = locked("dev.txt") - locked("demo.txt")
    return sorted(
        module
        for module, names in packages_distributions().items()
        if {re.sub(r"[-_.]+", "-", name).lower() for name in names} <= extra
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("left-behind")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _WITHOUT.format(blocked=modules_beyond_the_demo())],
        capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL, check=False,
        cwd=folder, env=clean_environment(TMPDIR=str(folder)),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done, json.loads(done.stdout), folder


@pytest.mark.serial
class TestTheDemo:
    """One run, looked at from all sides."""

    def test_every_step_and_every_check_came_out_as_expected(self, demo: Any) -> None:
        _, report, _ = demo
        assert report["ok"] is True
        assert [step["title"] for step in report["steps"]] == [scene.title for scene in SCRIPT]
        assert len(SCRIPT) == 9
        for step in report["steps"]:
            assert step["ok"] is True, step
            assert len(step["checks"]) >= 2, "a step shows something"
            assert step["headline"], "and says in the summary what it measured"

    def test_no_request_failed(self, demo: Any) -> None:
        _, report, _ = demo
        loads = [step["figures"] for step in report["steps"] if "failed_requests" in step["figures"]]
        assert len(loads) == 4
        assert sum(each["failed_requests"] for each in loads) == 0
        assert sum(each["requests"] for each in loads) > 500
        crowd = report["steps"][3]["figures"]
        assert (crowd["connections"], crowd["failed"], crowd["fetches"]) == (16, 0, 1)

    def test_the_proxy_decrypted_nothing_and_the_control_leaked(self, demo: Any) -> None:
        _, report, _ = demo
        figures = report["steps"][4]["figures"]
        assert figures["intercepted"] == 4
        assert figures["decrypted_bytes"] == 0
        assert figures["leaked_bytes_without_pins"] > 0

    def test_attacks_are_refused_by_name(self, demo: Any) -> None:
        _, report, _ = demo
        told = " ".join(check["measured"] for step in report["steps"] for check in step["checks"])
        for name in (
            "no-match", "refresh.failed", "refresh.older-copy-seen", "channel-mismatch",
            "threshold-unreachable", "host-without-pin", "signature-threshold",
        ):  # fmt: skip
            assert name in told

    def test_it_takes_less_than_thirty_seconds(self, demo: Any) -> None:
        _, report, _ = demo
        assert report["seconds"] < TIME_LIMIT_SECONDS

    def test_it_tells_on_stderr_what_it_answers_on_stdout(self, demo: Any) -> None:
        done, report, _ = demo
        for step in report["steps"]:
            assert step["title"] in done.stderr
        assert "All 9 steps" in done.stderr
        assert "Traceback" not in done.stderr
        assert not [line for line in done.stderr.splitlines() if line != line.rstrip()]

    def test_it_leaves_nothing_behind(self, demo: Any) -> None:
        _, _, folder = demo
        assert list(folder.iterdir()) == []


def narrate() -> tuple[Narrator, io.StringIO]:
    text = io.StringIO()
    return Narrator(Console(file=text, width=100)), text


@pytest.mark.serial
def test_without_enforcement_it_deviates(monkeypatch: pytest.MonkeyPatch) -> None:
    def unpinned(_store: object, *, cadata: str) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=cadata)

    monkeypatch.setattr(app_module, "create_default_context", unpinned)
    narrator, text = narrate()
    report = run_demo(narrator, [SCRIPT[0], SCRIPT[1], SCRIPT[4]])
    narrator.end(report)
    first, second, intercepted = report.steps
    assert first.is_as_expected
    assert second.is_as_expected
    assert not intercepted.is_as_expected
    assert intercepted.figures["decrypted_bytes"] > 0
    assert not report.is_as_expected
    assert "step 3 deviated" in text.getvalue()


def test_an_error_ends_it_and_the_rest_is_said_to_be_missing() -> None:
    def play(stage: Stage, step: Step) -> None:
        del stage
        step.check("this holds", "1", met=True)
        raise OperationError("planted")

    narrator, text = narrate()
    report = run_demo(narrator, [Scene("Planted", "It breaks.", play), SCRIPT[0]])
    narrator.end(report)
    assert not report.is_as_expected
    assert [step.error for step in report.steps] == ["OperationError: planted"]
    assert "1 of 2 steps did not run" in text.getvalue()


@pytest.mark.parametrize(("met", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_says_whether_all_was_as_expected(
    met: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fake(narrator: Narrator) -> Report:
        step = Step(1, "Planted", "Nothing much.", narrator)
        step.check("one thing", "seen", met=met)
        step.end()
        return Report([step], 1, 0.1)

    monkeypatch.setattr(demo_command, "run_demo", fake)
    assert run(["demo", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["ok"] is met

# SPDX-License-Identifier: Apache-2.0
"""The second checker agrees with the vectors, shares no code with what it checks, and can disagree."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.vectors import second_checker
from tests.vectors.material import FOLDER
from tests.vectors.second_checker import Findings, Signatures

if TYPE_CHECKING:
    from collections.abc import Callable


def test_it_knows_the_standard_library_alone() -> None:
    tree = ast.parse(Path(second_checker.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


@pytest.mark.slow
def test_it_confirms_everything() -> None:
    findings = second_checker.check_all()
    assert findings.problems == []
    assert set(findings.unchecked) <= {"threshold with ML-DSA"}
    least = {"SPKI digest": 10, "canonical form": 10, "signature": 500, "threshold": 100, "validated path": 15}
    assert {what: findings.confirmed[what] >= count for what, count in least.items()} == dict.fromkeys(least, True)


@pytest.mark.parametrize(
    ("name", "before", "after", "run"),
    [
        ("forms.json", '"unix_seconds": 951782400', '"unix_seconds": 951782401', second_checker.check_forms),
        ("forms.json", '"hex": "ff', '"hex": "fe', second_checker.check_forms),
        ("roles.json", '"octets": {"text": "[0,0,', '"octets": {"text": "[0,-0,', second_checker.check_canonical),
        ("certificates.json", '"spki_sha256": "', '"spki_sha256": "A', second_checker.check_certificates),
        ("verdicts.json", '"accept": {"reason": "backup"', '"accept": {"reason": "pin"', second_checker.check_verdicts),
    ],
)
def test_it_can_disagree(
    name: str,
    before: str,
    after: str,
    run: Callable[[Findings], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path in FOLDER.glob("*.json"):
        shutil.copy(path, tmp_path)
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert before in text
    (tmp_path / name).write_text(text.replace(before, after, 1), encoding="utf-8")
    monkeypatch.setattr(second_checker, "FOLDER", tmp_path)
    findings = Findings()
    run(findings)
    assert findings.problems


@pytest.mark.parametrize("fault", ["none", "name", "payload", "signature"])
def test_it_can_disagree_with_a_signature(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = json.loads((FOLDER / "workflows.json").read_text(encoding="utf-8"))["texts"]
    label = next(label for label in texts if label.startswith("root.json#"))
    text = texts[label]
    if fault == "payload":
        text = text.replace('"version":', '"version":9', 1)
    elif fault == "signature":
        text = text.replace('"sig":"30', '"sig":"31', 1)
    name = label if fault == "name" else f"root.json#{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    text += " " if fault == "name" else ""
    (tmp_path / "workflows.json").write_text(json.dumps({"texts": {name: text}, "vectors": []}), encoding="utf-8")
    monkeypatch.setattr(second_checker, "FOLDER", tmp_path)
    findings = Findings()
    second_checker.check_texts(findings, Signatures(tmp_path))
    assert findings.confirmed["signature"] + len(findings.problems) >= 1
    assert bool(findings.problems) == (fault != "none")

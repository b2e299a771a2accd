# SPDX-License-Identifier: Apache-2.0
"""What the documents name as a proof is there: every test file, every vector."""

from __future__ import annotations

import json
import re

from tests.tools import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_test_that_a_page_names_exists() -> None:
    missing = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in re.findall(r"`((?:tests|scripts|src)/[\w/.-]+)`", page.read_text(encoding="utf-8"))
        if not (ROOT / name).exists()
    ]
    assert not missing


def test_every_attack_test_stands_in_the_threat_model() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    unnamed = [path.name for path in sorted((ROOT / "tests" / "attack").glob("test_*.py")) if path.name not in text]
    assert not unnamed


def test_every_vector_that_a_page_names_exists() -> None:
    known = {vector["id"] for vector in json.loads((ROOT / "vectors" / "workflows.json").read_bytes())["vectors"]}
    named = {name for page in PAGES for name in re.findall(r"`(workflow/[\w-]+)`", page.read_text(encoding="utf-8"))}
    assert named <= known

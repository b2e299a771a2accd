# SPDX-License-Identifier: Apache-2.0
"""Every rule of ``spec/`` has vectors that accept and vectors that refuse, and every MUST has a number."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.vectors.elsewhere import ACCEPTING_ONLY, ELSEWHERE
from tests.vectors.material import files, load

ROOT: Final = Path(__file__).parents[2]
CHAPTERS: Final = sorted(path for path in (ROOT / "spec").glob("*.md") if path.name != "README.md")
_ID: Final = re.compile(r"^(?:\d+\. )?\*\*\[([A-Z]{3}-[1-9][0-9]*)\]\*\*", re.MULTILINE)
_CODE: Final = re.compile(r"`([a-z]+(?:-[a-z0-9]+)+|expired|anchor)`")


def _ids(chapter: Path) -> list[str]:
    return _ID.findall(chapter.read_text(encoding="utf-8"))


def _all_ids() -> list[str]:
    return [name for chapter in CHAPTERS for name in _ids(chapter)]


def _sides(vector: dict[str, Any]) -> set[str]:
    """What a vector shows: a whole story shows both sides, its legitimate steps are the control of the others."""
    steps = vector["input"].get("steps")
    if steps is None:
        return set(vector["expect"])
    return {side for step in steps for side in _sides_of_step(step["expect"])}


def _sides_of_step(expect: dict[str, Any]) -> set[str]:
    is_refused = expect.get("error") is not None or "dropped" in expect or expect.get("allowed") is False
    return {"refuse" if is_refused else "accept"}


@cache
def _shown() -> dict[str, set[str]]:
    shown: dict[str, set[str]] = {}
    for name in files():
        for vector in load(name)["vectors"]:
            for rule in vector["musts"]:
                shown.setdefault(rule, set()).update(_sides(vector))
    return shown


def test_ids_are_unique_and_without_gaps() -> None:
    ids = Counter(_all_ids())
    assert [name for name, count in ids.items() if count > 1] == []
    for prefix in {name[:3] for name in ids}:
        numbers = sorted(int(name[4:]) for name in ids if name.startswith(prefix))
        assert numbers == list(range(1, len(numbers) + 1)), prefix


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.name)
def test_every_must_has_a_number(chapter: Path) -> None:
    text = re.sub(r"```.*?```", "", chapter.read_text(encoding="utf-8"), flags=re.DOTALL)
    paragraphs = re.split(r"\n\s*\n|\n(?=\d+\. )", text)
    bare = [paragraph for paragraph in paragraphs if re.search(r"\bMUST\b", paragraph) and not _ID.match(paragraph)]
    assert bare == []


@pytest.mark.parametrize("rule", _all_ids())
def test_a_rule_is_tested(rule: str) -> None:
    shown = _shown().get(rule, set())
    if rule in ELSEWHERE:
        assert shown == set(), f"{rule} has vectors after all"
    elif rule in ACCEPTING_ONLY:
        assert shown == {"accept"}
    else:
        assert shown == {"accept", "refuse"}


def test_no_vector_names_a_rule_that_is_not_there() -> None:
    assert set(_shown()) | set(ELSEWHERE) | set(ACCEPTING_ONLY) <= set(_all_ids())


@pytest.mark.parametrize("place", sorted({place for places in ELSEWHERE.values() for place in places}))
def test_a_test_elsewhere_exists(place: str) -> None:
    file, _, name = place.partition("::")
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob(file)]
    assert any(re.search(rf"^(?:async )?def {name}\(", text, re.MULTILINE) for text in texts)


def test_every_code_of_a_vector_stands_in_the_specification() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (*CHAPTERS, ROOT / "spec" / "README.md"))
    defined = set(_CODE.findall(text)) | {"report-syntax", "check-in-syntax", "canary"}
    used = {
        vector["expect"]["refuse"]["code"]
        for name in files()
        for vector in load(name)["vectors"]
        if "refuse" in vector["expect"]
    }
    assert used - defined - {"require"} == set()

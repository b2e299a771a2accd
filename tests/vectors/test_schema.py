# SPDX-License-Identifier: Apache-2.0
"""The files have the form that ``vectors/schema.json`` describes, and the generator writes exactly them."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from jsonschema import Draft202012Validator

from tests.vectors.material import FOLDER, files, load
from vectors.generate import FILES, build


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(load("schema.json"))


@pytest.mark.parametrize("name", files())
def test_a_file_has_the_form_of_the_schema(name: str) -> None:
    found = next(iter(Draft202012Validator(load("schema.json")).iter_errors(load(name))), None)
    assert found is None, f"{found.json_path}: {found.message[:300]}" if found else ""


def test_ids_are_unique() -> None:
    ids = Counter(vector["id"] for name in files() for vector in load(name)["vectors"])
    assert [name for name, count in ids.items() if count > 1] == []


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_generator_writes_what_is_committed(name: str) -> None:
    assert build(name) == (FOLDER / name).read_text(encoding="utf-8"), "run python -m vectors.generate"


def test_every_file_has_a_generator() -> None:
    assert set(files()) == set(FILES)


def test_texts_are_named_after_their_digest_and_all_are_served() -> None:
    content = load("workflows.json")
    for label, text in content["texts"].items():
        assert hashlib.sha256(text.encode()).hexdigest().startswith(label.partition("#")[2])
    whole = str(content["vectors"])
    assert [label for label in content["texts"] if label not in whole] == []


def test_the_files_stay_small() -> None:
    assert sum((FOLDER / name).stat().st_size for name in files()) < 4_000_000

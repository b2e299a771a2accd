# SPDX-License-Identifier: Apache-2.0
"""``spec/report.md``: the two forms, what our own client writes in them, and the blurred days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from holdfast.client.telling.outbox import bucket_days
from holdfast.core.instant import parse_instant
from tests.vectors.material import load, parameters

if TYPE_CHECKING:
    from tests.vectors.material import Vector


def _validator(name: str) -> Draft202012Validator:
    schema: dict[str, Any] = load("schema.json")
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})


@pytest.mark.parametrize("vector", parameters("reports.json", "reports", "check-in"))
def test_document(vector: Vector) -> None:
    is_valid = _validator(vector["kind"]).is_valid(vector["input"]["document"])
    assert is_valid == ("accept" in vector["expect"])


@pytest.mark.parametrize("vector", parameters("reports.json", "days-since-last"))
def test_days(vector: Vector) -> None:
    given = vector["input"]
    assert bucket_days(given["last"], parse_instant(given["now"])) == vector["expect"]["accept"]["bucket"]

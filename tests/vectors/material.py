# SPDX-License-Identifier: Apache-2.0
"""Reading vectors: the files, octets in their four notations, and how an expectation is compared."""

from __future__ import annotations

import json
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER: Final = Path(__file__).parents[2] / "vectors"
Vector = dict[str, Any]
Run = "Callable[[Vector], dict[str, Any]]"


@cache
def load(name: str) -> dict[str, Any]:
    """Return one vector file."""
    content: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return content


def files() -> list[str]:
    """Return the names of all vector files."""
    return sorted(path.name for path in FOLDER.glob("*.json") if path.name != "schema.json")


def parameters(name: str, *kinds: str) -> list[Any]:
    """Return the vectors of one file, or some kinds of them, for ``pytest.mark.parametrize``."""
    vectors = [vector for vector in load(name)["vectors"] if not kinds or vector["kind"] in kinds]
    assert vectors
    return [pytest.param(vector, id=vector["id"]) for vector in vectors]


def octets(source: dict[str, Any]) -> bytes:
    """Return octets written as ``text``, ``base64``, ``json`` or ``recipe``."""
    if "text" in source:
        return str(source["text"]).encode("utf-8")
    if "base64" in source:
        return b64decode(source["base64"], validate=True)
    if "json" in source:
        return json.dumps(source["json"]).encode("utf-8")
    return b"".join(_part(part) for part in source["recipe"])


def _part(part: dict[str, Any]) -> bytes:
    body = str(part["repeat"]).encode("utf-8") if "repeat" in part else b64decode(part["base64"], validate=True)
    return body * int(part["times"])


def check(vector: Vector, run: Callable[[Any], dict[str, Any]]) -> None:
    """Run one vector and compare: every value that it names, or the class and the code of the refusal."""
    expect = vector["expect"]
    if "refuse" in expect:
        with pytest.raises(HoldfastError) as caught:
            run(vector["input"])
        assert (type(caught.value).__name__, caught.value.code) == (expect["refuse"]["error"], expect["refuse"]["code"])
    else:
        result = run(vector["input"])
        assert {name: result[name] for name in expect["accept"]} == expect["accept"]

# SPDX-License-Identifier: Apache-2.0
"""``spec/forms.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holdfast.core.document import parse_channel
from holdfast.core.instant import format_instant, parse_instant
from holdfast.core.pin import format_digest, parse_digest
from holdfast.core.strict_json import parse_json
from tests.vectors.material import check, octets, parameters

if TYPE_CHECKING:
    from tests.vectors.material import Vector

DEFAULT_MAX_BYTES = 1024 * 1024


def _json(given: dict[str, Any]) -> dict[str, Any]:
    value = parse_json(
        octets(given), max_bytes=given.get("max_bytes", DEFAULT_MAX_BYTES), floats=given.get("fractions", False)
    )
    return {"value": value, "length": len(value) if isinstance(value, list) else None}


def _instant(given: dict[str, Any]) -> dict[str, Any]:
    instant = parse_instant(given["text"])
    assert format_instant(instant) == given["text"]
    return {"unix_seconds": int(instant.timestamp())}


def _digest(given: dict[str, Any]) -> dict[str, Any]:
    digest = parse_digest(given["text"])
    assert format_digest(digest) == given["text"]
    return {"hex": digest.hex()}


def _channel(given: dict[str, Any]) -> dict[str, Any]:
    return {"channel": parse_channel(given["text"])}


@pytest.mark.parametrize("vector", parameters("forms.json"))
def test_form(vector: Vector) -> None:
    check(vector, {"json": _json, "instant": _instant, "digest": _digest, "channel": _channel}[vector["kind"]])

# SPDX-License-Identifier: Apache-2.0
"""``spec/bundle.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holdfast.trust.bundle import parse_bundle
from tests.vectors.material import check, octets, parameters

if TYPE_CHECKING:
    from tests.vectors.material import Vector


def _bundle(given: dict[str, Any]) -> dict[str, Any]:
    files = parse_bundle(octets(given))
    sizes = {name: len(data) for name, data in files.items()}
    return {"files": {name: data.decode("utf-8") for name, data in files.items()}, "sizes": sizes}


@pytest.mark.parametrize("vector", parameters("bundles.json"))
def test_bundle(vector: Vector) -> None:
    check(vector, _bundle)

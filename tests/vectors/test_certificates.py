# SPDX-License-Identifier: Apache-2.0
"""``spec/validation.md``: SPKI digests, and what is no certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holdfast.core.certificate import parse_certificate
from holdfast.core.pin import format_digest
from tests.vectors.material import check, octets, parameters

if TYPE_CHECKING:
    from tests.vectors.material import Vector


def _certificate(given: dict[str, Any]) -> dict[str, Any]:
    certificate = parse_certificate(octets(given))
    return {
        "spki_sha256": format_digest(certificate.spki_sha256),
        "certificate_sha256": format_digest(certificate.certificate_sha256),
    }


@pytest.mark.parametrize("vector", parameters("certificates.json"))
def test_certificate(vector: Vector) -> None:
    check(vector, _certificate)

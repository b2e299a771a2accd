# SPDX-License-Identifier: Apache-2.0
"""To be filled."""

from __future__ import annotations

from vectors.making.case import Case


def cases() -> list[Case]:
    return []


def texts() -> dict[str, str]:
    return {}

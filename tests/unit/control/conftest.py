# SPDX-License-Identifier: Apache-2.0
"""Cheap keys for every test of the control plane."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.publisher_world import FAST_KEYS, World


@pytest.fixture(autouse=True)
def fast_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys whose passphrase costs nothing to guess."""
    for name, value in FAST_KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A channel with one host, published once."""
    return World.found(tmp_path / "channel")

# SPDX-License-Identifier: Apache-2.0
"""The examples in the docstrings of ``core`` and ``trust`` are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import holdfast.core
import holdfast.trust

MODULES = [
    name
    for room in (holdfast.core, holdfast.trust)
    for _, name, _ in pkgutil.iter_modules(room.__path__, f"{room.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_there_are_examples() -> None:
    assert sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES) >= 5

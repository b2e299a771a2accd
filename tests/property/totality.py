# SPDX-License-Identifier: Apache-2.0
"""What a total function owes (a value, or one of the errors that it names), and how often it is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import settings

from holdfast.errors import HoldfastError

__all__ = ["attempt", "examples"]


def attempt(call: Callable[..., Any], *arguments: Any, raises: type[HoldfastError]) -> tuple[Any, HoldfastError | None]:
    """Call a function; return its value, or exactly the error that it may raise. Any other exception is a bug."""
    try:
        return call(*arguments), None
    except raises as error:
        if not error.code or len(error.message) > 1000:
            message = f"an error without a code, or one that quotes its input: {error.message[:200]!r}"
            raise AssertionError(message) from error
        return None, error


def examples(number: int) -> Callable[[Any], Any]:
    """Ask a slow function this often, and as often as everything else when the profile asks for more than usual."""
    usual = settings.get_profile("repeatable").max_examples
    wanted = settings().max_examples
    return settings(max_examples=number if wanted == usual else wanted)

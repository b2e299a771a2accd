# SPDX-License-Identifier: Apache-2.0
"""What a refresh led to, as a value for whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.core.freshness import State
    from holdfast.errors import HoldfastError

__all__ = ["RefreshResult"]


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """What a refresh led to.

    Attributes:
        changed: Whether any input of a verdict changed.
        manifest_version: Of the enforced manifest; ``None`` in state EMPTY.
        state: The client's state afterwards.
        error: Why it failed; ``None`` if it did not. What was enforced stays enforced in any case.
        is_older_copy: Whether no mirror had anything as new as what is held, and none failed.
    """

    changed: bool
    manifest_version: int | None
    state: State
    error: HoldfastError | None = None
    is_older_copy: bool = False

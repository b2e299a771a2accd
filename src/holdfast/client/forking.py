# SPDX-License-Identifier: Apache-2.0
"""What a fork leaves behind: no thread comes along into the child, and any lock may be held by one that did not."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["Resettable", "reset_in_children"]


class Resettable(Protocol):
    """Something with threads or locks."""

    def reset_after_fork(self) -> None:
        """Start anew in a child process."""


def reset_in_children(owner: Resettable) -> None:
    """Have something start anew in every child process, for as long as it lives; it is held weakly."""
    if not hasattr(os, "register_at_fork"):  # Windows does not fork
        return
    reference = weakref.ref(owner)

    def reset() -> None:
        alive = reference()
        if alive is not None:
            alive.reset_after_fork()

    os.register_at_fork(after_in_child=reset)

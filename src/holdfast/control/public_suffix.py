# SPDX-License-Identifier: Apache-2.0
"""The public-suffix guard: nobody protects all of ``co.uk`` by a slip of the hand. The list ships with its library."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from holdfast.core.hostname import is_ip
from holdfast.errors import PolicyRefused

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

__all__ = ["is_public_suffix", "refuse_public_suffix"]


def is_public_suffix(name: str) -> bool:
    """Tell whether a normalised host name is a public suffix; a name that no rule mentions (``internal``) is not."""
    return not is_ip(name) and _load_list().is_public(name)


def refuse_public_suffix(pattern: str, *, include_subdomains: bool) -> None:
    """Refuse a pattern that would cover what other people registered.

    Raises:
        PolicyRefused: The pattern with its subdomains is a public suffix (``public-suffix``).
    """
    if include_subdomains and is_public_suffix(pattern):
        raise PolicyRefused(
            f"{pattern} is a public suffix: its subdomains belong to others",
            code="public-suffix",
            findings=[f"public-suffix: {pattern}"],
            hint="protect the registered domain, or (if the suffix is yours) add --unsafe-public-suffix",
        )


@cache
def _load_list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # heavy: 60 ms to parse, needed by `host add` alone

    return PublicSuffixList(accept_unknown=False)

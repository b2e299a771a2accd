# SPDX-License-Identifier: Apache-2.0
"""``find`` against a naive model: of all patterns that match, the one with the most labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.manifest import parse_manifest
from holdfast.core.pin_set import build_pin_table
from holdfast.core.scope import parse_scope
from tests.pin_documents import manifest, manifest_host, octets, scope, scope_host
from tests.property.strategies import HOSTS, hosts


def matches(pattern: str, below: bool, host: str) -> bool:
    return host == pattern or (below and host.endswith(f".{pattern}"))


@given(st.dictionaries(hosts, st.booleans(), max_size=8), st.lists(hosts, min_size=1, max_size=8))
def test_the_most_specific_pattern_governs(patterns: dict[str, bool], asked: list[str]) -> None:
    patterns = {pattern: below and pattern not in HOSTS for pattern, below in patterns.items()}
    table = build_pin_table(
        parse_scope(octets(scope(*[scope_host(name, include_subdomains=below) for name, below in patterns.items()]))),
        parse_manifest(
            octets(manifest(*[manifest_host(name, include_subdomains=below) for name, below in patterns.items()]))
        ),
    )
    for host in [*asked, *patterns, *(f"x.{pattern}" for pattern in patterns)]:
        matching = [pattern for pattern, below in patterns.items() if matches(pattern, below, host)]
        expected = max(matching, key=lambda pattern: pattern.count("."), default=None)
        found = table.find(host)
        assert (None if found is None else found.pattern) == expected


@pytest.mark.parametrize("host", ["x.192.0.2.1", "x.::1"])
def test_nothing_lies_below_an_address(host: str) -> None:
    assert not matches("192.0.2.1", below=False, host=host)

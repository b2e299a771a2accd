# SPDX-License-Identifier: Apache-2.0
"""Attack: a rogue sub-CA *under the real root* issues a certificate for the protected host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tls_attack import assert_attack_fails, open_app
from tests.tls_world import HOST, get_world


@pytest.mark.parametrize("pinned", ["leaf", "intermediate"])
def test_it_is_refused(tmp_path: Path, pinned: str) -> None:
    world = get_world()
    rogue = world.root.intermediate("Rogue Issuing CA").leaf(HOST)
    leaf_pins, ca_pins = ([], [world.issuing.pin]) if pinned == "intermediate" else ([world.genuine.pin], [])
    with open_app(tmp_path, leaf_pins=leaf_pins, ca_pins=ca_pins) as app:
        assert_attack_fails(app, rogue, control=world.plain_context())


def test_a_deeper_one_below_the_pinned_intermediate_needs_that_intermediates_key(tmp_path: Path) -> None:
    """A certificate that *names* the pinned intermediate as its issuer, signed by somebody else's key."""
    world = get_world()
    namesake = world.root.intermediate("Genuine Issuing CA")  # the same name, another key
    with open_app(tmp_path, leaf_pins=[], ca_pins=[world.issuing.pin]) as app:
        assert_attack_fails(app, namesake.leaf(HOST), control=world.plain_context())

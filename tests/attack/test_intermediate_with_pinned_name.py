# SPDX-License-Identifier: Apache-2.0
"""Attack: a trusted CA certifies an intermediate with the *name* of the pinned one, and another key."""

from __future__ import annotations

from pathlib import Path

from tests.tls_attack import assert_attack_fails, open_app
from tests.tls_world import HOST, get_world


def test_a_name_is_no_pin(tmp_path: Path) -> None:
    world = get_world()
    namesake = world.other_root.intermediate("Genuine Issuing CA")
    assert namesake.certificate.subject == world.issuing.certificate.subject
    with open_app(tmp_path, leaf_pins=[], ca_pins=[world.issuing.pin]) as app:
        assert_attack_fails(app, namesake.leaf(HOST), control=world.plain_context())


def test_nor_with_the_pinned_one_presented_beside_it(tmp_path: Path) -> None:
    world = get_world()
    namesake = world.other_root.intermediate("Genuine Issuing CA")
    forged = namesake.leaf(HOST).with_chain(world.issuing.certificate, namesake.certificate)
    with open_app(tmp_path, leaf_pins=[], ca_pins=[world.issuing.pin]) as app:
        assert_attack_fails(app, forged, control=world.plain_context())

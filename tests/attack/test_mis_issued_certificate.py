# SPDX-License-Identifier: Apache-2.0
"""Attack: another CA that the client trusts issues a certificate for the protected host, by mistake or by order."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.tls_attack import assert_attack_fails, open_app
from tests.tls_world import HOST, VERSIONS, get_world


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_the_leaf_is_refused(tmp_path: Path, version: ssl.TLSVersion) -> None:
    world = get_world()
    with open_app(tmp_path) as app:
        assert_attack_fails(app, world.mis_issued, control=world.plain_context(), version=version)


def test_it_is_refused_where_an_intermediate_is_pinned(tmp_path: Path) -> None:
    world = get_world()
    with open_app(tmp_path, leaf_pins=[], ca_pins=[world.issuing.pin]) as app:
        assert_attack_fails(app, world.mis_issued, control=world.plain_context())


def test_it_is_refused_where_a_root_is_pinned(tmp_path: Path) -> None:
    world = get_world()
    with open_app(tmp_path, leaf_pins=[], ca_pins=[world.root.pin]) as app:
        assert_attack_fails(app, world.mis_issued, control=world.plain_context())


def test_with_the_stolen_key_it_is_refused_by_what_the_security_team_requires(tmp_path: Path) -> None:
    """The pinned key itself, in a certificate of another CA: the leaf pin matches, ``require`` does not."""
    world = get_world()
    stolen = world.other_issuing.leaf(HOST, key=world.genuine.key)
    with open_app(tmp_path, require=[world.issuing.pin]) as app:
        assert_attack_fails(app, stolen, control=world.plain_context(), reason="require")

# SPDX-License-Identifier: Apache-2.0
"""No attack: what an honest operator does must connect, or pins would be switched off within a week."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.tls_attack import assert_attack_fails, assert_reached, open_app
from tests.tls_world import HOST, TLS12, TLS13, get_world


def test_a_renewal_with_the_same_key(tmp_path: Path) -> None:
    world = get_world()
    renewed = world.issuing.leaf(HOST, key=world.genuine.key)
    with open_app(tmp_path) as app:
        assert_reached(app, renewed)
        assert_attack_fails(app, world.mis_issued, control=world.plain_context(), genuine=renewed)


def test_a_renewal_with_the_same_key_by_another_ca(tmp_path: Path) -> None:
    world = get_world()
    with open_app(tmp_path) as app:
        assert_reached(app, world.other_issuing.leaf(HOST, key=world.genuine.key))


def test_a_new_key_under_a_pinned_intermediate(tmp_path: Path) -> None:
    world = get_world()
    with open_app(tmp_path, leaf_pins=[], ca_pins=[world.issuing.pin]) as app:
        assert_reached(app, world.issuing.leaf(HOST))
        assert_reached(app, world.issuing.leaf(HOST, kind="rsa2048"), version=TLS12)


def test_a_new_intermediate_under_a_pinned_root(tmp_path: Path) -> None:
    world = get_world()
    with open_app(tmp_path, leaf_pins=[], ca_pins=[world.root.pin]) as app:
        assert_reached(app, world.root.intermediate("Next Issuing CA").leaf(HOST))


def test_the_next_key_that_was_published_before_it_was_deployed(tmp_path: Path) -> None:
    world = get_world()
    renewed = world.issuing.leaf(HOST)
    with open_app(tmp_path) as app:
        app.publish(world.genuine.pin, renewed.pin)
        assert app.store.refresh().error is None
        assert_reached(app, world.genuine)
        assert_reached(app, renewed)


@pytest.mark.parametrize("version", [TLS12, TLS13], ids=lambda version: version.name)
def test_an_unplanned_rotation_is_healed_by_refresh_on_mismatch(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """The pin was published a moment ago and the app has not fetched it: a blocking socket does, in the handshake."""
    world = get_world()
    renewed = world.issuing.leaf(HOST)
    with open_app(tmp_path) as app:
        assert_reached(app, world.genuine)
        app.publish(renewed.pin)
        assert_reached(app, renewed, version=version)
        assert app.store.manifest_version == 3


def test_a_root_pin_holds_where_the_store_has_the_intermediate_too(tmp_path: Path) -> None:
    """With VERIFY_X509_PARTIAL_CHAIN (a default since Python 3.13) the path would end at the intermediate."""
    world = get_world()
    trusted = world.trusted + world.issuing.pem
    with open_app(tmp_path, leaf_pins=[], ca_pins=[world.root.pin], trusted=trusted) as app:
        assert_reached(app, world.genuine)
        app.context.verify_flags |= 0x80000  # VERIFY_X509_PARTIAL_CHAIN, as a library might set it
        assert_reached(app, world.genuine)


def test_cross_signed_paths_are_judged_by_the_one_that_was_validated(tmp_path: Path) -> None:
    """An intermediate with two parents: the path depends on what the client trusts, and each pin on its own path."""
    world = get_world()
    crossed = world.other_root.cross_sign(world.issuing)
    leaf = world.genuine.with_chain(crossed.certificate)
    with open_app(tmp_path / "a", leaf_pins=[], ca_pins=[world.issuing.pin]) as app:
        assert_reached(app, leaf)  # the key of the intermediate is on either path
    with open_app(tmp_path / "b", leaf_pins=[], ca_pins=[world.other_root.pin], trusted=world.other_root.pem) as app:
        assert_reached(app, leaf)
    with open_app(tmp_path / "c", leaf_pins=[], ca_pins=[world.other_root.pin]) as app:
        assert_attack_fails(app, world.genuine, control=world.plain_context(), genuine=leaf)

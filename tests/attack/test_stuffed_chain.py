# SPDX-License-Identifier: Apache-2.0
"""Attack: the server stuffs the pinned certificates into the chain that it presents (CVE-2016-2402).

A check of the *presented* chain finds the pin and is satisfied. What is judged is the validated path, on which these
certificates do not lie.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509

from tests.pki import spki_pin
from tests.tls_attack import assert_attack_fails, open_app
from tests.tls_servers import TLSServer
from tests.tls_world import HOST, VERSIONS, get_world


def stuffings() -> dict[str, Sequence[x509.Certificate]]:
    """What the attacker presents after his own leaf: his real chain, and the genuine certificates, in every order."""
    world = get_world()
    own = list(world.mis_issued.chain)
    pinned = [world.genuine.certificate, world.issuing.certificate, world.root.certificate]
    return {
        "own-first": [*own, *pinned],
        "pinned-first": [*pinned, *own],
        "pinned-reversed": [*reversed(pinned), *own],
        "leaf-only-first": [world.genuine.certificate, *own],
        "leaf-only-last": [*own, world.genuine.certificate],
    }


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize("order", stuffings())
def test_no_order_helps(tmp_path: Path, order: str, version: ssl.TLSVersion) -> None:
    world = get_world()
    stuffed = world.mis_issued.with_chain(*stuffings()[order])
    with open_app(tmp_path, ca_pins=[world.issuing.pin, world.root.pin]) as app:
        assert_attack_fails(app, stuffed, control=world.plain_context(), version=version)


@pytest.mark.parametrize("order", stuffings())
def test_a_control_a_check_of_the_presented_chain_is_satisfied(order: str) -> None:
    world = get_world()
    stuffed = world.mis_issued.with_chain(*stuffings()[order])
    with TLSServer(stuffed) as attacker:
        plain = socket.create_connection(("127.0.0.1", attacker.port), timeout=5)
        with world.plain_context().wrap_socket(plain, server_hostname=HOST) as tls:
            presented = tls._sslobj.get_unverified_chain()  # type: ignore[attr-defined]
            keys = {spki_pin(x509.load_der_x509_certificate(one.public_bytes(2))) for one in presented}
    assert world.genuine.pin in keys


def test_a_genuine_server_that_stuffs_its_chain_is_reached_all_the_same(tmp_path: Path) -> None:
    """Servers do present odd chains; what is validated counts."""
    world = get_world()
    odd = world.genuine.with_chain(world.other_issuing.certificate, world.issuing.certificate)
    with open_app(tmp_path, leaf_pins=[], ca_pins=[world.issuing.pin]) as app:
        assert_attack_fails(app, world.mis_issued, control=world.plain_context(), genuine=odd)

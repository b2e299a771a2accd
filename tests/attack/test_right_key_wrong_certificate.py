# SPDX-License-Identifier: Apache-2.0
"""Attack: the *pinned key* in a certificate that OpenSSL must refuse: pins come on top of CA validation, never instead.

The control is a client that pins the key and believes any certificate: it talks to all of these.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.pki import CLIENT_AUTH, Authority, Identity
from tests.tls_attack import assert_attack_fails, open_app, unverified_context
from tests.tls_world import HOST, VERSIONS, get_world


def make_certificate(fault: str) -> Identity:
    """A certificate over the genuine key with one fault."""
    world = get_world()
    key, issuing = world.genuine.key, world.issuing
    match fault:
        case "expired":
            return issuing.leaf(HOST, key=key, days=(-30, -1))
        case "not-yet-valid":
            return issuing.leaf(HOST, key=key, days=(1, 30))
        case "wrong-host":
            return issuing.leaf("other.example.com", key=key)
        case "no-name":
            return issuing.leaf(key=key, common_name="Example")
        case "self-signed":
            return Authority.self_signed(HOST, key=key)
        case "wrong-usage":
            return issuing.leaf(HOST, key=key, usage=[CLIENT_AUTH])
        case "untrusted-ca":
            return world.stranger.leaf(HOST, key=key)
        case "missing-intermediate":
            return issuing.leaf(HOST, key=key).with_chain()
        case "expired-intermediate":
            return world.root.intermediate("Genuine Issuing CA", key=issuing.key, days=(-30, -1)).leaf(HOST, key=key)
        case "leaf-as-ca":  # the genuine leaf's key signs a certificate for itself
            return Authority(world.genuine.certificate, key, world.genuine.chain, is_root=False).leaf(HOST, key=key)
        case "outside-name-constraints":
            constrained = world.root.intermediate("Constrained CA", permitted=["example.com"])
            return constrained.leaf(HOST, key=key)
        case _:
            raise AssertionError(fault)


FAULTS = (
    *("expired", "not-yet-valid", "wrong-host", "no-name", "self-signed", "wrong-usage", "untrusted-ca"),
    *("missing-intermediate", "expired-intermediate", "leaf-as-ca", "outside-name-constraints"),
)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_right_key_does_not_make_up_for_it(tmp_path: Path, fault: str) -> None:
    forged = make_certificate(fault)
    assert forged.pin == get_world().genuine.pin
    with open_app(tmp_path) as app:
        assert_attack_fails(app, forged, control=unverified_context(), reason=None)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_nor_in_report_only_mode(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Report-only relaxes pins; CA validation stays on."""
    with open_app(tmp_path, mode="report-only", until="2026-12-20T00:00:00Z") as app:
        assert_attack_fails(
            app, make_certificate("untrusted-ca"), control=unverified_context(), reason=None, version=version
        )

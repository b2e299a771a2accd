# SPDX-License-Identifier: Apache-2.0
"""``spec/scope.md``, ``spec/manifest.md``, and single pins of ``spec/validation.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holdfast.core.freshness import clamp_refresh_seconds
from holdfast.core.instant import format_instant
from holdfast.core.manifest import parse_manifest
from holdfast.core.pin import format_digest, parse_pin
from holdfast.core.scope import ScopeHost, parse_scope
from tests.vectors.material import check, octets, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.vectors.material import Vector


def _pin(given: dict[str, Any]) -> dict[str, Any]:
    pin = parse_pin(given["pin"])
    if pin is None:
        return {"pin": None}
    return {"pin": {"type": pin.type.value, "at": pin.at.value, "hex": pin.digest.hex()}}


def _digests(digests: Iterable[bytes]) -> list[str]:
    return sorted(map(format_digest, digests))


def _scope_host(host: ScopeHost) -> dict[str, Any]:
    return {
        "pattern": host.pattern,
        "include_subdomains": host.include_subdomains,
        "mode": host.mode.value,
        "until": None if host.until is None else format_instant(host.until),
        "allow_leaf": host.allow_leaf,
        "allow_ca": _digests(host.allow_ca),
        "require": None if host.require is None else _digests(host.require),
        "backup": len(host.backup),
        "reject": len(host.reject),
    }


def _scope(given: dict[str, Any]) -> dict[str, Any]:
    scope = parse_scope(octets(given))
    reporting = scope.reporting
    hosts = [_scope_host(host) for host in scope.hosts]
    return {
        "channel": scope.channel,
        "version": scope.version,
        "issued": format_instant(scope.issued),
        "unpinned": scope.unpinned.value,
        "max_age_seconds": scope.max_age_seconds,
        "fresh_seconds": scope.fresh_seconds,
        "report": None if reporting is None else {"urls": list(reporting.urls), "sample": reporting.sample},
        "canary": scope.canary_host,
        "hosts": hosts,
    }


def _manifest(given: dict[str, Any]) -> dict[str, Any]:
    manifest = parse_manifest(octets(given))
    return {
        "channel": manifest.channel,
        "version": manifest.version,
        "issued": format_instant(manifest.issued),
        "refresh_seconds": manifest.refresh_seconds,
        "refresh_seconds_used": clamp_refresh_seconds(manifest.refresh_seconds),
        "hosts": [
            {
                "pattern": host.pattern,
                "include_subdomains": host.include_subdomains,
                "accept": len(host.accept),
                "reject": len(host.reject),
            }
            for host in manifest.hosts
        ],
    }


def _only_named(result: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """A vector may name some members of a host only."""
    named = expected.get("hosts", [])
    if len(named) != len(result.get("hosts", [])):
        return result
    hosts = [{key: host[key] for key in wanted} for host, wanted in zip(result.get("hosts", []), named, strict=True)]
    return result | {"hosts": hosts}


@pytest.mark.parametrize("vector", parameters("documents.json"))
def test_document(vector: Vector) -> None:
    run = {"pin": _pin, "scope": _scope, "manifest": _manifest}[vector["kind"]]
    check(vector, lambda given: _only_named(run(given), vector["expect"].get("accept", {})))

# SPDX-License-Identifier: Apache-2.0
"""The manifest: *which* keys each host may show. Signed by automation, by people, or by the security team itself.

This module reads its text. What of it counts is decided together with the scope in :mod:`holdfast.core.pin_set`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from holdfast.core.document import (
    JsonObject,
    parse_document,
    read_hosts,
    read_instant,
    read_integer,
    read_pattern,
    read_pins,
)
from holdfast.core.limits import MAX_INTEGER, MAX_MANIFEST_BYTES
from holdfast.errors import ManifestSyntaxError

if TYPE_CHECKING:
    from datetime import datetime

    from holdfast.core.pin import PinSet

__all__ = ["MANIFEST_FORMAT", "Manifest", "ManifestHost", "parse_manifest"]

MANIFEST_FORMAT: Final = "holdfast-manifest/1"
_DEFAULT_REFRESH_SECONDS: Final = 900
_new: Final = tuple.__new__  # what a named tuple's constructor comes down to, at half the cost


class ManifestHost(NamedTuple):
    """The pins of one pattern.

    Attributes:
        pattern: Normalised host name or IP address.
        include_subdomains: Must repeat the scope's, or the entry is not the scope's host.
        accept: Pins of known kind; any one suffices.
        reject: Pins of known kind that are refused.
        unknown: How many accept pins are of unknown kind; they never match.
    """

    pattern: str
    include_subdomains: bool
    accept: PinSet
    reject: PinSet
    unknown: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that is well formed; who signed it is not known here.

    Attributes:
        channel: ``<app>/<environment>``.
        version: What people and coverage speak of; rollback protection is TUF's.
        issued: When it was made.
        refresh_seconds: How often clients should ask; clients clamp it.
        hosts: No two have the same pattern and include_subdomains.
    """

    channel: str
    version: int
    issued: datetime
    refresh_seconds: int
    hosts: tuple[ManifestHost, ...]


def parse_manifest(data: bytes) -> Manifest:
    """Parse the text of a manifest.

    Args:
        data: JSON, at most 8 MiB.

    Raises:
        ManifestSyntaxError: With the ``code`` of what was wrong. Nothing else is raised.
    """
    document = parse_document(data, form=MANIFEST_FORMAT, max_bytes=MAX_MANIFEST_BYTES)
    hosts = tuple(_parse_host(host) for host in read_hosts(document))
    if len({(host.pattern, host.include_subdomains) for host in hosts}) != len(hosts):
        raise ManifestSyntaxError("a pattern stands twice in the manifest", code="duplicate-host")
    return Manifest(
        channel=document["channel"],
        version=document["version"],
        issued=read_instant(document, "issued"),
        refresh_seconds=read_integer(document, "refresh_seconds", 1, MAX_INTEGER, _DEFAULT_REFRESH_SECONDS),
        hosts=hosts,
    )


def _parse_host(host: JsonObject) -> ManifestHost:
    pattern, include_subdomains = read_pattern(host)
    accept, unknown = read_pins(host, "accept")
    reject, _ = read_pins(host, "reject")
    return _new(ManifestHost, (pattern, include_subdomains, accept, reject, unknown))

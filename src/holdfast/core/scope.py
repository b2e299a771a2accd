# SPDX-License-Identifier: Apache-2.0
"""The scope: *whether* a host is protected, how strictly, and within which bounds others may choose its pins.

Signed by the security team's threshold. This module reads its text; what it means together with a manifest is in
:mod:`holdfast.core.pin_set`, and who signed it is the business of :mod:`holdfast.trust`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from typing import TYPE_CHECKING, Final, NamedTuple

from holdfast.core.document import (
    JsonObject,
    parse_document,
    read_boolean,
    read_digests,
    read_hosts,
    read_instant,
    read_integer,
    read_list,
    read_object,
    read_pattern,
    read_pins,
)
from holdfast.core.hostname import parse_pattern
from holdfast.core.limits import (
    DEFAULT_FRESH_SECONDS,
    MAX_FRESH_SECONDS,
    MAX_MAX_AGE_SECONDS,
    MAX_REPORT_ONLY_SECONDS,
    MAX_REPORT_URLS,
    MAX_SCOPE_BYTES,
    MAX_URL_LENGTH,
    MIN_FRESH_SECONDS,
    MIN_MAX_AGE_SECONDS,
)
from holdfast.errors import HostnameSyntaxError, ManifestSyntaxError

if TYPE_CHECKING:
    from datetime import datetime

    from holdfast.core.pin import PinSet

__all__ = ["SCOPE_FORMAT", "Mode", "Reporting", "Scope", "ScopeHost", "Unpinned", "parse_scope"]

SCOPE_FORMAT: Final = "holdfast-scope/1"
_new: Final = tuple.__new__  # what a named tuple's constructor comes down to, at half the cost


@unique
class Mode(Enum):
    """What a refusal does. An unknown mode reads as ``ENFORCE``."""

    ENFORCE = "enforce"
    REPORT_ONLY = "report-only"


@unique
class Unpinned(Enum):
    """What happens to a host that no pattern covers. An unknown word reads as ``DENY``."""

    ALLOW = "allow"
    DENY = "deny"


_ENFORCE: Final = (Mode.ENFORCE, None)


class ScopeHost(NamedTuple):
    """One protected pattern.

    Attributes:
        pattern: Normalised host name or IP address.
        include_subdomains: Whether it covers all depths below it as well.
        mode: Enforce, or report only.
        until: When report-only ends; ``None`` when enforcing.
        allow_leaf: Whether the manifest may pin leaf keys.
        allow_ca: SPKI digests of the CAs that the manifest may pin.
        require: SPKI digests of which one must be a CA of the path; ``None`` if nothing is required.
        backup: Pins that are accepted whatever the manifest says.
        reject: Pins that are refused whatever else says.
    """

    pattern: str
    include_subdomains: bool
    mode: Mode
    until: datetime | None
    allow_leaf: bool
    allow_ca: frozenset[bytes]
    require: frozenset[bytes] | None
    backup: PinSet
    reject: PinSet


@dataclass(frozen=True, slots=True)
class Reporting:
    """Where reports and check-ins go, and which share of the clients sends them (0 to 1)."""

    urls: tuple[str, ...]
    sample: float


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope that is well formed; who signed it is not known here.

    Attributes:
        channel: ``<app>/<environment>``.
        version: What people speak of; rollback protection is TUF's.
        issued: When it was made.
        hosts: The protected patterns; no two are equal.
        unpinned: What happens to all other hosts.
        max_age_seconds: Age past which the set refuses; ``None``: never.
        fresh_seconds: Age up to which the set counts as fresh.
        reporting: Where to report; ``None``: nowhere.
        canary_host: Host that must always be refused; ``None``: there is none.
    """

    channel: str
    version: int
    issued: datetime
    hosts: tuple[ScopeHost, ...]
    unpinned: Unpinned
    max_age_seconds: int | None
    fresh_seconds: int
    reporting: Reporting | None
    canary_host: str | None


def parse_scope(data: bytes) -> Scope:
    """Parse the text of a scope.

    Args:
        data: JSON, at most 8 MiB.

    Raises:
        ManifestSyntaxError: With the ``code`` of what was wrong. Nothing else is raised.
    """
    document = parse_document(data, form=SCOPE_FORMAT, max_bytes=MAX_SCOPE_BYTES)
    issued = read_instant(document, "issued")
    hosts = tuple(_parse_host(host, issued) for host in read_hosts(document))
    if len({host.pattern for host in hosts}) != len(hosts):
        raise ManifestSyntaxError("a pattern stands twice in the scope", code="duplicate-host")
    return Scope(
        channel=document["channel"],
        version=document["version"],
        issued=issued,
        hosts=hosts,
        unpinned=_parse_unpinned(document),
        max_age_seconds=_parse_max_age(document),
        fresh_seconds=read_integer(
            document, "fresh_seconds", MIN_FRESH_SECONDS, MAX_FRESH_SECONDS, DEFAULT_FRESH_SECONDS
        ),
        reporting=_parse_reporting(document),
        canary_host=_parse_canary(document),
    )


def _parse_host(host: JsonObject, issued: datetime) -> ScopeHost:
    pattern, include_subdomains = read_pattern(host)
    mode, until = _parse_mode(host, issued)
    allow = read_object(host, "allow")
    allow_leaf, allow_ca = read_boolean(allow, "leaf"), read_digests(allow, "ca")
    require = read_digests(host, "require") if "require" in host else None
    if require is not None and not require:
        # One of none can never be met: this would refuse the host for good, which nobody writes on purpose.
        raise ManifestSyntaxError(f"{pattern}: `require` is empty", code="require-empty")
    backup, _ = read_pins(host, "backup")
    reject, _ = read_pins(host, "reject")
    values = (pattern, include_subdomains, mode, until, allow_leaf, allow_ca, require, backup, reject)
    return _new(ScopeHost, values)


def _parse_mode(host: JsonObject, issued: datetime) -> tuple[Mode, datetime | None]:
    word = host.get("mode", "enforce")
    if not isinstance(word, str):
        raise ManifestSyntaxError("`mode` must be a text")
    if word != "report-only":
        return _ENFORCE
    until = read_instant(host, "until")
    if (until - issued).total_seconds() > MAX_REPORT_ONLY_SECONDS:
        raise ManifestSyntaxError("report-only for more than 90 days after `issued`", code="report-only-too-long")
    return Mode.REPORT_ONLY, until


def _parse_unpinned(document: JsonObject) -> Unpinned:
    word = document.get("unpinned")
    if not isinstance(word, str):
        raise ManifestSyntaxError("`unpinned` must be a text")
    return Unpinned.ALLOW if word == Unpinned.ALLOW.value else Unpinned.DENY


def _parse_max_age(document: JsonObject) -> int | None:
    if "max_age_seconds" not in document:
        return None
    return read_integer(document, "max_age_seconds", MIN_MAX_AGE_SECONDS, MAX_MAX_AGE_SECONDS)


def _parse_reporting(document: JsonObject) -> Reporting | None:
    if "report" not in document:
        return None
    fields = read_object(document, "report")
    urls = read_list(fields.get("urls"), "urls", MAX_REPORT_URLS)
    if not all(map(_is_http_url, urls)):
        raise ManifestSyntaxError("`urls` must be a list of http(s) URLs")
    sample = fields.get("sample", 1.0)
    if type(sample) not in (int, float) or not 0 <= sample <= 1:
        raise ManifestSyntaxError("`sample` must be a number from 0 to 1")
    return Reporting(tuple(urls), float(sample))


def _is_http_url(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= MAX_URL_LENGTH
        and value.startswith(("https://", "http://"))
        and all("!" <= character <= "~" for character in value)
    )


def _parse_canary(document: JsonObject) -> str | None:
    if "canary" not in document:
        return None
    try:
        return parse_pattern(read_object(document, "canary").get("host"))
    except HostnameSyntaxError as error:
        raise ManifestSyntaxError(f"`canary`: {error.message}", code=error.code) from error

# SPDX-License-Identifier: Apache-2.0
"""Scope and manifest together: the known pins of every host, and how a host finds them.

The scope decides *whether* and *within what*; the manifest may only choose within it. A manifest that leaves one host
of the scope without a usable pin of its own is refused whole; what it says beyond the scope is ignored and told.

*Usable*: of known kind, permitted by the host's ``allow``, in no reject list. It may repeat a backup.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from holdfast.core.hostname import parent_domains
from holdfast.core.pin import Pin, PinType, Position, format_digest
from holdfast.errors import ScopeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from holdfast.core.certificate import Certificate
    from holdfast.core.manifest import Manifest, ManifestHost
    from holdfast.core.scope import Mode, Scope, ScopeHost, Unpinned

__all__ = ["HostPins", "Ignored", "PinSet", "PinTable", "build_pin_table"]


@dataclass(frozen=True, slots=True)
class PinSet:
    """Pins arranged for the look-up: one set a kind and position.

    Attributes:
        leaf_spki: SPKI digests that match the leaf.
        ca_spki: SPKI digests that match a CA of the path.
        leaf_certificate: Certificate digests that match the leaf.
    """

    leaf_spki: frozenset[bytes]
    ca_spki: frozenset[bytes]
    leaf_certificate: frozenset[bytes]

    @classmethod
    def of(cls, pins: Iterable[Pin]) -> PinSet:
        """Arrange pins; an ``any`` pin stands in two sets."""
        leaf_spki, ca_spki, leaf_certificate = set(), set(), set()
        for pin in pins:
            if pin.type is PinType.CERTIFICATE_SHA256:
                leaf_certificate.add(pin.digest)
                continue
            if pin.at is not Position.CA:
                leaf_spki.add(pin.digest)
            if pin.at is not Position.LEAF:
                ca_spki.add(pin.digest)
        if not (leaf_spki or ca_spki or leaf_certificate):
            return EMPTY_PIN_SET
        return cls(frozenset(leaf_spki), frozenset(ca_spki), frozenset(leaf_certificate))

    def matches(self, path: Sequence[Certificate]) -> bool:
        """Tell whether a pin matches a non-empty validated path, leaf first."""
        leaf = path[0]
        return (
            leaf.spki_sha256 in self.leaf_spki
            or leaf.certificate_sha256 in self.leaf_certificate
            or (bool(self.ca_spki) and any(ca.spki_sha256 in self.ca_spki for ca in path[1:]))
        )


EMPTY_PIN_SET = PinSet(frozenset(), frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class HostPins:
    """Everything that a verdict on one pattern needs.

    Attributes:
        pattern, include_subdomains, mode, until: As in the scope.
        scope_reject: The security team's rejections: first.
        require: SPKI digests of which one must be a CA of the path; ``None`` if nothing is required.
        backup: The security team's backup pins.
        reject: The manifest's rejections.
        accept: The manifest's usable pins; never empty.
    """

    pattern: str
    include_subdomains: bool
    mode: Mode
    until: datetime | None
    scope_reject: PinSet
    require: frozenset[bytes] | None
    backup: PinSet
    reject: PinSet
    accept: PinSet


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something of a manifest that does not count.

    Attributes:
        pattern: The host entry.
        why: ``not-in-scope`` (the whole entry), ``not-allowed``, ``rejected`` or ``unknown-kind``.
        digest: Base64 of the pin; empty for a whole entry and for unknown kinds.
    """

    pattern: str
    why: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class PinTable:
    """The known pins of all hosts of a channel.

    Attributes:
        hosts: By pattern.
        unpinned: What happens to a host that no pattern covers.
        canary_host: The host that is always refused.
        ignored: What of the manifest did not count.
    """

    hosts: Mapping[str, HostPins]
    unpinned: Unpinned
    canary_host: str | None
    ignored: tuple[Ignored, ...] = field(default=(), compare=False)

    def find(self, host: str) -> HostPins | None:
        """Find the pattern that governs a *normalised* host: the most specific one, alone.

        A pattern governs its own name; with ``include_subdomains`` all names below it, where no longer one does.
        """
        exact = self.hosts.get(host)
        if exact is not None:
            return exact
        for parent in parent_domains(host):
            covering = self.hosts.get(parent)
            if covering is not None and covering.include_subdomains:
                return covering
        return None


def build_pin_table(scope: Scope, manifest: Manifest) -> PinTable:
    """Combine a scope and a manifest of one channel.

    Both must have been verified by the caller, their channels compared.

    Raises:
        ScopeError: A host of the scope has no usable pin of its own (``host-without-pin``), or the canary lies under
            a pattern (``canary-in-scope``).
    """
    listed = {(host.pattern, host.include_subdomains): host for host in manifest.hosts}
    ignored: list[Ignored] = []
    hosts = {}
    for protected in scope.hosts:
        entry = listed.pop((protected.pattern, protected.include_subdomains), None)
        hosts[protected.pattern] = _combine(protected, entry, ignored)
    ignored.extend(Ignored(pattern, "not-in-scope") for pattern, _ in listed)
    table = PinTable(hosts, scope.unpinned, scope.canary_host, tuple(ignored))
    if scope.canary_host is not None and table.find(scope.canary_host) is not None:
        raise ScopeError("the canary lies under a pattern of the scope", code="canary-in-scope", role="scope.json")
    return table


def _combine(protected: ScopeHost, entry: ManifestHost | None, ignored: list[Ignored]) -> HostPins:
    rejected: tuple[Pin, ...] = () if entry is None else entry.reject
    usable = []
    for pin in () if entry is None else entry.accept:
        why = _why_unusable(pin, protected, rejected)
        if why is None:
            usable.append(pin)
        else:
            ignored.append(Ignored(protected.pattern, why, format_digest(pin.digest)))
    if entry is not None and entry.unknown:
        ignored.append(Ignored(protected.pattern, "unknown-kind"))
    if not usable:
        raise ScopeError(
            f"the manifest leaves {protected.pattern} without a usable pin",
            code="host-without-pin",
            role="manifest.json",
        )
    return HostPins(
        pattern=protected.pattern,
        include_subdomains=protected.include_subdomains,
        mode=protected.mode,
        until=protected.until,
        scope_reject=PinSet.of(protected.reject),
        require=protected.require,
        backup=PinSet.of(protected.backup),
        reject=PinSet.of(rejected),
        accept=PinSet.of(usable),
    )


def _why_unusable(pin: Pin, protected: ScopeHost, rejected: Sequence[Pin]) -> str | None:
    if not _is_allowed(pin, protected):
        return "not-allowed"
    left = set(pin.positions)
    for other in (*protected.reject, *rejected):
        if other.type is pin.type and other.digest == pin.digest:
            left -= other.positions
    return None if left else "rejected"


def _is_allowed(pin: Pin, protected: ScopeHost) -> bool:
    """An ``any`` pin needs both permissions."""
    if Position.LEAF in pin.positions and not protected.allow_leaf:
        return False
    return Position.CA not in pin.positions or pin.digest in protected.allow_ca

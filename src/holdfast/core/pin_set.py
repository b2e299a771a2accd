# SPDX-License-Identifier: Apache-2.0
"""Scope and manifest together: the known pins of every host, and how a host finds them.

The scope decides *whether* and *within what*; the manifest may only choose within it. A manifest that leaves one host
of the scope without a usable pin of its own is refused whole; what it says beyond the scope is ignored and told.

*Usable*: of known kind, permitted by the host's ``allow``, in no reject list. It may repeat a backup.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from holdfast.core.hostname import parent_domains
from holdfast.core.pin import PinType, Position, format_digest
from holdfast.errors import ScopeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from holdfast.core.certificate import Certificate
    from holdfast.core.manifest import Manifest, ManifestHost
    from holdfast.core.pin import Pin
    from holdfast.core.scope import Mode, Scope, ScopeHost, Unpinned

__all__ = ["HostPins", "Ignored", "PinSet", "PinTable", "build_pin_table"]

# Looking a member up in its class costs more than what is done with it.
_CERTIFICATE_SHA256: Final = PinType.CERTIFICATE_SHA256
_LEAF: Final = Position.LEAF
_CA: Final = Position.CA
_ANY: Final = Position.ANY


class PinSet(NamedTuple):
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
    def of(cls, pins: Sequence[Pin]) -> PinSet:
        """Arrange pins; an ``any`` pin stands in two sets."""
        if not pins:
            return EMPTY_PIN_SET
        leaf_spki, ca_spki, leaf_certificate = [], [], []
        for kind, at, digest in pins:
            if kind is _CERTIFICATE_SHA256:
                leaf_certificate.append(digest)
            elif at is _LEAF:
                leaf_spki.append(digest)
            else:
                ca_spki.append(digest)
                if at is _ANY:
                    leaf_spki.append(digest)
        return cls(frozenset(leaf_spki), frozenset(ca_spki), frozenset(leaf_certificate))

    def matches(self, path: Sequence[Certificate]) -> bool:
        """Tell whether a pin matches a non-empty validated path, leaf first."""
        leaf = path[0]
        return (
            leaf.spki_sha256 in self.leaf_spki
            or leaf.certificate_sha256 in self.leaf_certificate
            or (bool(self.ca_spki) and any(ca.spki_sha256 in self.ca_spki for ca in path[1:]))
        )


EMPTY_PIN_SET: Final = PinSet(frozenset(), frozenset(), frozenset())


class HostPins(NamedTuple):
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


class Ignored(NamedTuple):
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
        if entry is None:
            raise _without_pin(protected)
        hosts[protected.pattern] = _combine(protected, entry, ignored)
    ignored.extend(Ignored(pattern, "not-in-scope") for pattern, _ in listed)
    table = PinTable(hosts, scope.unpinned, scope.canary_host, tuple(ignored))
    if scope.canary_host is not None and table.find(scope.canary_host) is not None:
        raise ScopeError("the canary lies under a pattern of the scope", code="canary-in-scope", role="scope.json")
    return table


def _combine(protected: ScopeHost, entry: ManifestHost, ignored: list[Ignored]) -> HostPins:
    scope_reject, reject = PinSet.of(protected.reject), PinSet.of(entry.reject)
    usable = []
    for pin in entry.accept:
        why = _why_unusable(pin, protected, scope_reject, reject)
        if why is None:
            usable.append(pin)
        else:
            ignored.append(Ignored(protected.pattern, why, format_digest(pin.digest)))
    if entry.unknown:
        ignored.append(Ignored(protected.pattern, "unknown-kind"))
    if not usable:
        raise _without_pin(protected)
    return HostPins(
        pattern=protected.pattern,
        include_subdomains=protected.include_subdomains,
        mode=protected.mode,
        until=protected.until,
        scope_reject=scope_reject,
        require=protected.require,
        backup=PinSet.of(protected.backup),
        reject=reject,
        accept=PinSet.of(usable),
    )


def _why_unusable(pin: Pin, protected: ScopeHost, scope_reject: PinSet, reject: PinSet) -> str | None:
    """Say why a pin does not count: it is not allowed, or rejected wherever it may stand."""
    kind, at, digest = pin
    if kind is _CERTIFICATE_SHA256:
        allowed = protected.allow_leaf
        rejected = digest in scope_reject.leaf_certificate or digest in reject.leaf_certificate
    else:
        # An `any` pin needs both permissions, and is rejected when both of its places are.
        at_leaf, at_ca = at is not _CA, at is not _LEAF
        allowed = (protected.allow_leaf or not at_leaf) and (not at_ca or digest in protected.allow_ca)
        rejected = (not at_leaf or digest in scope_reject.leaf_spki or digest in reject.leaf_spki) and (
            not at_ca or digest in scope_reject.ca_spki or digest in reject.ca_spki
        )
    if not allowed:
        return "not-allowed"
    return "rejected" if rejected else None


def _without_pin(protected: ScopeHost) -> ScopeError:
    return ScopeError(
        f"the manifest leaves {protected.pattern} without a usable pin", code="host-without-pin", role="manifest.json"
    )

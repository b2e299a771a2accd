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
from holdfast.core.pin import Pin, PinSet, Position, format_digest
from holdfast.errors import ScopeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from holdfast.core.manifest import Manifest, ManifestHost
    from holdfast.core.scope import Mode, Scope, ScopeHost, Unpinned

__all__ = ["HostPins", "Ignored", "PinTable", "build_pin_table"]

# Looking a member up in its class costs more than what is done with it.
_LEAF: Final = Position.LEAF
_CA: Final = Position.CA
_ANY: Final = Position.ANY
_new: Final = tuple.__new__  # what a named tuple's constructor comes down to, at half the cost


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
    usable = entry.accept
    # Nearly every host pins leaf keys and rejects nothing: then all of them are usable.
    if entry.reject or protected.reject or not protected.allow_leaf or not usable.stand_at_leaf:
        usable = _choose_usable(protected, entry, ignored)
    if entry.unknown:
        ignored.append(Ignored(protected.pattern, "unknown-kind"))
    if not usable:
        raise _without_pin(protected)
    pattern, include_subdomains, mode, until, _, _, require, backup, reject = protected
    return _new(HostPins, (pattern, include_subdomains, mode, until, reject, require, backup, entry.reject, usable))


def _choose_usable(protected: ScopeHost, entry: ManifestHost, ignored: list[Ignored]) -> PinSet:
    rejected = frozenset((*protected.reject, *entry.reject))
    usable = []
    for pin in entry.accept:
        if not _is_allowed(pin, protected):
            ignored.append(Ignored(protected.pattern, "not-allowed", format_digest(pin.digest)))
        elif _is_rejected(pin, rejected):
            ignored.append(Ignored(protected.pattern, "rejected", format_digest(pin.digest)))
        else:
            usable.append(pin)
    return PinSet(usable)


def _is_allowed(pin: Pin, protected: ScopeHost) -> bool:
    """An ``any`` pin needs both permissions."""
    if pin.at is _LEAF:
        return protected.allow_leaf
    return pin.digest in protected.allow_ca and (pin.at is _CA or protected.allow_leaf)


def _is_rejected(pin: Pin, rejected: frozenset[Pin]) -> bool:
    """Tell whether a pin is rejected wherever it may stand; an ``any`` pin may stand in two places."""
    if pin in rejected or pin._replace(at=_ANY) in rejected:
        return True
    return pin.at is _ANY and pin._replace(at=_LEAF) in rejected and pin._replace(at=_CA) in rejected


def _without_pin(protected: ScopeHost) -> ScopeError:
    return ScopeError(
        f"the manifest leaves {protected.pattern} without a usable pin", code="host-without-pin", role="manifest.json"
    )

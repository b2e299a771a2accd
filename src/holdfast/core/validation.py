# SPDX-License-Identifier: Apache-2.0
"""Pin Validation (RFC 7469, 2.6): the verdict on one validated certification path.

The caller supplies the path that the TLS stack *validated* (never the one that the server presented), leaf first, and
has already seen CA validation and the host name check succeed: this is on top of them, never instead of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from typing import TYPE_CHECKING, Final

from holdfast.core.hostname import normalise_hostname
from holdfast.core.limits import MAX_PATH_LENGTH
from holdfast.core.pin import format_digest
from holdfast.core.scope import Mode, Unpinned
from holdfast.errors import HostnameSyntaxError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from holdfast.core.certificate import Certificate
    from holdfast.core.pin_set import HostPins, PinTable

__all__ = ["ACCEPTING", "Enforcement", "Reason", "Verdict", "judge", "refuse", "validate_path"]


@unique
class Reason(Enum):
    """Why a path was accepted or refused; the values are the same in every SDK."""

    # accepted
    PIN = "pin"
    BACKUP = "backup"
    UNPINNED = "unpinned"
    # refused by the pins of the host
    SCOPE_REJECT = "scope-reject"
    REQUIRE = "require"
    MANIFEST_REJECT = "manifest-reject"
    NO_MATCH = "no-match"
    # refused whatever the pins say
    NO_PINS = "no-pins"
    MAX_AGE = "max-age"
    UNPINNED_DENIED = "unpinned-denied"
    REQUIRED_HOST_DROPPED = "required-host-dropped"
    CANARY = "canary"
    EMPTY_PATH = "empty-path"
    PATH_TOO_LONG = "path-too-long"
    HOSTNAME_SYNTAX = "hostname-syntax"
    CERTIFICATE_SYNTAX = "certificate-syntax"
    NOT_VALIDATED = "not-validated"  # the TLS stack was told not to check the chain or the name
    SESSION_RESUMED = "session-resumed"  # a resumed session shows no path


ACCEPTING: Final = frozenset({Reason.PIN, Reason.BACKUP, Reason.UNPINNED})
# What report-only lets pass: the pins' own refusals but for the security team's rejection. The rest is refused always.
_REPORTABLE: Final = frozenset({Reason.REQUIRE, Reason.MANIFEST_REJECT, Reason.NO_MATCH})


@dataclass(frozen=True, slots=True)
class Enforcement:
    """What is enforced at one moment: everything but the host, its path and the time.

    Attributes:
        table: The known pins; ``None`` in state EMPTY.
        manifest_version: Of the enforced manifest; ``None`` in state EMPTY.
        unpinned: The app's own word on hosts that no pattern covers, or the scope's; the stricter of both counts.
        required_hosts: Normalised hosts that the app protects whatever the scope says.
        ended: Patterns whose report-only period was once seen to have passed.
        past_max_age: Whether the set is older than the scope allows.
    """

    table: PinTable | None
    manifest_version: int | None
    unpinned: Unpinned
    required_hosts: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    past_max_age: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided on one path, and why.

    Attributes:
        allowed: Whether the connection may carry application data.
        reason: Why. When report-only let a path pass, the reason for which it would have been refused.
        host: Normalised host name, or the raw text where it has no normal form.
        pattern: The pattern that governs the host; ``None`` if none does.
        manifest_version: Of the enforced manifest.
        enforced: False if and only if report-only turned a refusal into a report.
        until: End of the report-only period that was honoured.
        path: The path that was judged, leaf first.
    """

    allowed: bool
    reason: Reason
    host: str
    pattern: str | None = None
    manifest_version: int | None = None
    enforced: bool = True
    until: datetime | None = None
    path: tuple[Certificate, ...] = ()

    @property
    def observed(self) -> tuple[str, ...]:
        """SPKI SHA-256 digests of the path in base64, leaf first."""
        return tuple(format_digest(certificate.spki_sha256) for certificate in self.path)


def validate_path(pins: HostPins, path: Sequence[Certificate]) -> Reason:
    """Judge a validated path by the pins of its host.

    The order is the rule: the security team's rejection, its requirement, its backups; then the manifest's rejection
    and its pins. So automation can neither remove nor reject a backup.

    Args:
        pins: The pins of the pattern that governs the host.
        path: The validated path, leaf first, at least one certificate.
    """
    if pins.scope_reject.matches(path):
        return Reason.SCOPE_REJECT
    if pins.require is not None and not any(ca.spki_sha256 in pins.require for ca in path[1:]):
        return Reason.REQUIRE
    if pins.backup.matches(path):
        return Reason.BACKUP
    if pins.reject.matches(path):
        return Reason.MANIFEST_REJECT
    if pins.accept.matches(path):
        return Reason.PIN
    return Reason.NO_MATCH


def judge(enforcement: Enforcement, host: str, path: Sequence[Certificate], *, now: datetime) -> Verdict:
    """Decide on a connection.

    Args:
        enforcement: What is enforced.
        host: The name that the TLS stack verified, in any spelling.
        path: The validated path, leaf first; empty is a refusal wherever pins are asked.
        now: Effective now, aware UTC; decides only whether a report-only period is still open.

    Returns:
        The verdict; this function raises nothing.
    """
    try:
        name = normalise_hostname(host)
    except HostnameSyntaxError:
        return refuse(enforcement, host, Reason.HOSTNAME_SYNTAX, path=path)
    table = enforcement.table
    if table is None:
        return refuse(enforcement, name, Reason.NO_PINS, path=path)
    if name == table.canary_host:
        return refuse(enforcement, name, Reason.CANARY, path=path)
    pins = table.find(name)
    if pins is None:
        return _judge_unpinned(enforcement, table, name, path)
    if enforcement.past_max_age:
        return refuse(enforcement, name, Reason.MAX_AGE, pins.pattern, path)
    if not path:
        return refuse(enforcement, name, Reason.EMPTY_PATH, pins.pattern)
    if len(path) > MAX_PATH_LENGTH:
        return refuse(enforcement, name, Reason.PATH_TOO_LONG, pins.pattern)
    reason = validate_path(pins, path)
    lenient = reason in _REPORTABLE and _is_report_only(enforcement, pins, name, now)
    return Verdict(
        allowed=lenient or reason in ACCEPTING,
        reason=reason,
        host=name,
        pattern=pins.pattern,
        manifest_version=enforcement.manifest_version,
        enforced=not lenient,
        until=pins.until if lenient else None,
        path=tuple(path),
    )


def refuse(
    enforcement: Enforcement, host: str, reason: Reason, pattern: str | None = None, path: Sequence[Certificate] = ()
) -> Verdict:
    """Make a refusal that does not depend on the host's pins."""
    return Verdict(
        allowed=False,
        reason=reason,
        host=host,
        pattern=pattern,
        manifest_version=enforcement.manifest_version,
        path=tuple(path[:MAX_PATH_LENGTH]),
    )


def _judge_unpinned(enforcement: Enforcement, table: PinTable, name: str, path: Sequence[Certificate]) -> Verdict:
    if name in enforcement.required_hosts:
        return refuse(enforcement, name, Reason.REQUIRED_HOST_DROPPED, path=path)
    if Unpinned.DENY in (enforcement.unpinned, table.unpinned):
        return refuse(enforcement, name, Reason.UNPINNED_DENIED, path=path)
    return Verdict(True, Reason.UNPINNED, name, None, enforcement.manifest_version, path=tuple(path[:MAX_PATH_LENGTH]))


def _is_report_only(enforcement: Enforcement, pins: HostPins, name: str, now: datetime) -> bool:
    return (
        pins.mode is Mode.REPORT_ONLY
        and pins.until is not None
        and now < pins.until
        and pins.pattern not in enforcement.ended
        and name not in enforcement.required_hosts
    )

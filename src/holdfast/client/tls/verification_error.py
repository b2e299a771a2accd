# SPDX-License-Identifier: Apache-2.0
"""The error that a TLS client meets when pins refuse a connection, and the way back to it from a client's own error.

It is a :class:`~holdfast.errors.PinMismatchError` for those who know Holdfast, and an
:class:`ssl.SSLCertVerificationError` for those who do not: asyncio closes a transport in good order only for
``ssl.SSLError``, and every HTTP client maps this class to its own certificate error.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final

from holdfast.core.validation import Reason
from holdfast.errors import PinMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from holdfast.core.validation import Verdict

__all__ = ["PinVerificationError", "pin_error"]

_X509_V_ERR_APPLICATION_VERIFICATION: Final = 50

_HINTS: Final = {
    Reason.NO_MATCH: "either the host's key was changed before its pin was published, or somebody intercepts",
    Reason.NO_PINS: "no verified set is there: open the store with a seed",
    Reason.MAX_AGE: "the set is older than its scope allows: reach a mirror and refresh",
    Reason.SESSION_RESUMED: "connect without session=",
    Reason.NOT_VALIDATED: "leave verify_mode=CERT_REQUIRED and check_hostname=True",
}

# Where clients hide the error that they wrap: urllib and urllib3 in `reason`, aiohttp in `certificate_error`.
_WRAPPED_IN: Final = ("__cause__", "__context__", "reason", "certificate_error", "os_error", "exceptions", "args")


class PinVerificationError(PinMismatchError, ssl.SSLCertVerificationError):
    """Pins refused a TLS connection; it is closed for good and carried no application data past the refusal.

    Args:
        message: One line for people.
        host: Normalised host name, or the raw one where it could not be normalised.
        reason: A value of :class:`holdfast.core.validation.Reason`.
        observed: SPKI SHA-256 digests of the validated path in base64, leaf first; empty if there was no path.
        manifest_version: Version of the enforced manifest, ``None`` if none is enforced.
        live: True if the connection had been admitted once and a change of policy ended it; what was sent before
            that had been sent to an admitted peer.
        refreshed: True if a refresh was tried before this was raised, so that another one helps nobody.
        hint: What the reader may do next; may be empty.
    """

    def __init__(
        self,
        message: str,
        *,
        host: str,
        reason: str,
        observed: Sequence[str] = (),
        manifest_version: int | None = None,
        live: bool = False,
        refreshed: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(
            message, host=host, reason=reason, observed=observed, manifest_version=manifest_version, hint=hint
        )
        # What OpenSSL's own certificate errors carry, for clients that look.
        self.errno = ssl.SSL_ERROR_SSL
        self.strerror = message
        self.library = "HOLDFAST"
        self.verify_code = _X509_V_ERR_APPLICATION_VERIFICATION
        self.verify_message = message
        self.live = live
        self.refreshed = refreshed

    @classmethod
    def from_verdict(
        cls, verdict: Verdict, *, reason: Reason | None = None, live: bool = False, refreshed: bool = False
    ) -> PinVerificationError:
        """Make the error of a refusal.

        Args:
            verdict: The verdict on the connection.
            reason: A more exact reason than the verdict's, which knows the path alone.
            live: See the class.
            refreshed: See the class.
        """
        reason = reason or verdict.reason
        which = "no manifest" if verdict.manifest_version is None else f"manifest {verdict.manifest_version}"
        return cls(
            f"{verdict.host or 'a nameless host'} is refused by {which}: {reason.value}",
            host=verdict.host,
            reason=reason.value,
            observed=verdict.observed,
            manifest_version=verdict.manifest_version,
            live=live,
            refreshed=refreshed,
            hint=_HINTS.get(reason, ""),
        )

    def again(self) -> PinVerificationError:
        """Make a fresh error of the same facts, for each further use of a connection that stays refused."""
        return _rebuild(self._facts())

    def _facts(self) -> dict[str, Any]:
        names = ("message", "host", "reason", "observed", "manifest_version", "live", "refreshed", "hint")
        return {name: getattr(self, name) for name in names}

    def __reduce__(self) -> tuple[Any, ...]:
        # OSError's own form would call the class with ``args`` alone.
        return _rebuild, (self._facts(),)


def _rebuild(facts: dict[str, Any]) -> PinVerificationError:
    return PinVerificationError(facts.pop("message"), **facts)


def pin_error(error: BaseException | None) -> PinMismatchError | None:
    """Find the pin refusal inside whatever a client raised.

    It looks through ``__cause__`` and ``__context__``, exception groups, and the attributes in which urllib, urllib3,
    requests and aiohttp keep what they wrap.

    Args:
        error: Any exception, or ``None``.

    Returns:
        The refusal that lies nearest, or ``None`` if the error has nothing to do with pins. Never raises.
    """
    seen: set[int] = set()
    waiting: list[object] = [error]
    for candidate in waiting:
        if not isinstance(candidate, BaseException) or id(candidate) in seen:
            continue
        if isinstance(candidate, PinMismatchError):
            return candidate
        seen.add(id(candidate))
        waiting.extend(_wrapped(candidate))
    return None


def _wrapped(error: BaseException) -> Iterator[object]:
    for name in _WRAPPED_IN:
        try:
            inner = getattr(error, name, None)
        except Exception:  # noqa: BLE001, S112 - a property of somebody else's exception; this function never raises
            continue
        if isinstance(inner, (list, tuple)):
            yield from inner
        else:
            yield inner

# SPDX-License-Identifier: Apache-2.0
"""The admission of one TLS connection: asked once after the handshake, asked again whenever the policy moved.

The rules that every kind of socket here shares:

* **The validated path** is judged, never the chain that the peer presented: of three chains stuffed with the pinned
  certificate, three pass a check of the presented chain (CVE-2016-2402).
* **No validated path is an empty path**, and that is a refusal for every protected host: a resumed session, a
  pre-shared key, a context that was told not to validate.
* **The judge's generation is read before it judges**, so that a change in between is seen by the next read or write.
* **Only this module makes a** :class:`Guard` **that admits.**

What is NOT checked here: certificate validity and the host name. OpenSSL did that, and its context must be one that
cannot be told otherwise (:class:`holdfast.client.ssl_context.PinnedSSLContext`).
"""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING, Final

from holdfast.client.verification_error import PinVerificationError
from holdfast.core.hostname import normalise_hostname
from holdfast.core.validation import Reason
from holdfast.errors import HostnameSyntaxError

if TYPE_CHECKING:
    from holdfast.client.judge import PinJudge

__all__ = [
    "RELEASED",
    "UNJUDGED",
    "Guard",
    "get_refresh_budget",
    "read_validated_path",
    "validates",
]

_MAX_REFRESH_SECONDS: Final = 10.0
# A refresh inside the handshake must leave the caller time to hear of its failure before its own time-out strikes.
_SHARE_OF_TIMEOUT: Final = 0.8


class _Constant:
    """A judge that never changes its mind; it stands in guards that have none."""

    generation = 0


class Guard:
    """What one connection knows about its own admission.

    A guarded operation may go ahead while ``judged_at == judge.generation``; anything else is the slow path.

    Attributes:
        judge: Who judges.
        judged_at: Generation of the verdict that admitted the connection; -1 while there is none.
        host: The normalised name that the TLS stack verified.
        path: The validated path, DER, leaf first.
        refusal: Why the connection is refused for good; ``None`` while it is not.
    """

    __slots__ = ("host", "judge", "judged_at", "path", "refusal")

    def __init__(self, judge: PinJudge, host: str = "", path: tuple[bytes, ...] = ()) -> None:
        self.judge = judge
        self.judged_at = -1
        self.host = host
        self.path = path
        self.refusal: PinVerificationError | None = None

    @classmethod
    def refused(cls, error: PinVerificationError) -> Guard:
        """Make the guard of a connection that is refused for good."""
        guard = cls(UNJUDGED.judge)
        guard.refusal = error.again()  # without the traceback, which would keep the whole call alive
        return guard

    @classmethod
    def examine(
        cls,
        tls: ssl.SSLSocket | ssl.SSLObject,
        judge: PinJudge,
        *,
        validated: bool,
        refresh_seconds: float | None,
        earlier: Guard | None = None,
    ) -> Guard:
        """Judge a connection whose handshake has shown its validated path.

        Args:
            tls: The connection.
            judge: Who judges.
            validated: Whether OpenSSL was told to validate the chain and the name.
            refresh_seconds: How long a refresh on mismatch may block; ``None`` where nothing may block.
            earlier: A guard of the same connection that was made earlier in the same handshake; its verdict stands
                if nothing has moved since.

        Returns:
            A guard that admits.

        Raises:
            PinVerificationError: The connection is refused.
        """
        connection = tls._sslobj  # type: ignore[union-attr]  # noqa: SLF001 - SSLSocket.server_hostname can be assigned to; this is the verified name
        host = connection.server_hostname or ""
        exact: Reason | None = None
        path: tuple[bytes, ...] = ()
        if not validated:
            exact = Reason.NOT_VALIDATED
        elif connection.session_reused:
            exact = Reason.SESSION_RESUMED
        else:
            path = read_validated_path(tls)
        try:
            host = normalise_hostname(host)
        except HostnameSyntaxError:
            exact = Reason.HOSTNAME_SYNTAX
        if earlier is not None and earlier.path == path and earlier.judged_at == judge.generation:
            return earlier
        guard = cls(judge, host, path)
        guard._admit(exact, refresh_seconds)
        return guard

    def _admit(self, exact: Reason | None, refresh_seconds: float | None) -> None:
        judge, host, path = self.judge, self.host, self.path
        generation = judge.generation
        verdict = judge.judge(host, path)
        refreshed = False
        if not verdict.allowed and path and refresh_seconds is not None:
            refreshed = True
            if judge.refresh_on_mismatch(host, timeout_seconds=refresh_seconds) or judge.generation != generation:
                generation = judge.generation
                verdict = judge.judge(host, path)
        if not verdict.allowed:
            raise PinVerificationError.from_verdict(verdict, reason=exact, refreshed=refreshed)
        if exact is Reason.HOSTNAME_SYNTAX or (not path and judge.protects(host)):
            # The judge has the last word on paths; that there must be one, and a name, is not left to it.
            raise PinVerificationError.from_verdict(verdict, reason=exact or Reason.EMPTY_PATH)
        self.judged_at = generation

    def reconsider(self) -> None:
        """Judge the same path again after the policy has moved.

        Raises:
            PinVerificationError: The connection is refused from now on (``live``).
        """
        generation = self.judge.generation
        verdict = self.judge.judge(self.host, self.path)
        if not verdict.allowed or (not self.path and self.judge.protects(self.host)):
            raise PinVerificationError.from_verdict(verdict, live=True)
        self.judged_at = generation


#: The guard of a connection before its handshake: nothing may pass.
UNJUDGED: Final = Guard(_Constant())  # type: ignore[arg-type]  # it is never asked to judge
#: The guard of a socket that its owner has explicitly turned back into a plain one: it guards nothing.
RELEASED: Final = Guard(_Constant())  # type: ignore[arg-type]  # it is never asked to judge
RELEASED.judged_at = _Constant.generation


if sys.version_info >= (3, 13):

    def read_validated_path(tls: ssl.SSLSocket | ssl.SSLObject) -> tuple[bytes, ...]:
        """Read the path that OpenSSL validated, DER, leaf first; empty if there is none."""
        return tuple(tls.get_verified_chain())

else:
    from _ssl import ENCODING_DER  # type: ignore[import-not-found,unused-ignore]

    def read_validated_path(tls: ssl.SSLSocket | ssl.SSLObject) -> tuple[bytes, ...]:
        """Read the path that OpenSSL validated, DER, leaf first; empty if there is none."""
        chain = tls._sslobj.get_verified_chain()  # type: ignore[union-attr]  # noqa: SLF001 - public from 3.13 on
        return tuple([certificate.public_bytes(ENCODING_DER) for certificate in chain]) if chain else ()


def validates(context: ssl.SSLContext) -> bool:
    """Tell whether connections of a context have their chain and their host name validated by OpenSSL."""
    return context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname


def get_refresh_budget(timeout_seconds: float | None) -> float | None:
    """Work out how long a refresh inside a handshake may block.

    Args:
        timeout_seconds: Time-out of the socket; ``None`` for none, 0 for a socket that must never block.

    Returns:
        Seconds, below the socket's own time-out; ``None`` if nothing may block.
    """
    if timeout_seconds is None:
        return _MAX_REFRESH_SECONDS
    if timeout_seconds == 0:
        return None
    return min(_MAX_REFRESH_SECONDS, timeout_seconds * _SHARE_OF_TIMEOUT)

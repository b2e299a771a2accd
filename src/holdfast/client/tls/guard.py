# SPDX-License-Identifier: Apache-2.0
"""The admission of one TLS connection: asked once after the handshake, asked again whenever the policy moved.

The rules that every kind of socket here shares:

* **The validated path** is judged, never the chain that the peer presented: of three chains stuffed with the pinned
  certificate, three pass a check of the presented chain (CVE-2016-2402).
* **No validated path is an empty path**, and that is a refusal for every protected host: a resumed session, a
  pre-shared key, a context that was told not to validate.
* **The judge's generation is read before it judges**, so that a change in between is seen by the next read or write.
* **Only this module makes a** :class:`Guard` **that admits.**

The fast path is one function without a call that it can spare: a handshake leaves the processor's caches full of
arithmetic, and every Python function that is entered after it costs several times what it costs in a loop. For the
same reason a path is read once: certificates that OpenSSL finds equal to those that a host showed last are not encoded
again.

What is NOT checked here: certificate validity and the host name. OpenSSL did that, and its context must be one that
cannot be told otherwise (:class:`holdfast.client.tls.ssl_context.PinnedSSLContext`).
"""

from __future__ import annotations

import ssl
import sys
from operator import methodcaller
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from holdfast.client.tls.standard_context import get_check_hostname, get_verify_mode
from holdfast.client.tls.verification_error import PinVerificationError
from holdfast.core.hostname import normalise_hostname
from holdfast.core.validation import Reason
from holdfast.errors import HostnameSyntaxError

if TYPE_CHECKING:
    from holdfast.client.tls.judge import PinJudge
    from holdfast.core.validation import Verdict

__all__ = ["RELEASED", "UNJUDGED", "Guard", "Shown", "admit", "get_refresh_budget", "read_validated_path"]

_MAX_REFRESH_SECONDS: Final = 10.0
# A refresh inside the handshake must leave the caller time to hear of its failure before its own time-out strikes.
_SHARE_OF_TIMEOUT: Final = 0.8
_MAX_SHOWN: Final = 1024

_CERT_REQUIRED: Final = int(ssl.CERT_REQUIRED)


class _Constant:
    """A judge that never changes its mind; it stands in guards that have none."""

    generation = 0


class Shown(NamedTuple):
    """What a host showed last.

    OpenSSL compares two certificates by a digest of the whole and by every byte that the issuer signed (``X509_cmp``).
    So where the chains are equal, ``path`` is what reading this one would give.

    Attributes:
        host: The normalised name.
        chain: The validated path as OpenSSL holds it; ``None`` if there was none.
        path: The same as it is judged: DER, leaf first.
    """

    host: str
    chain: list[Any] | None
    path: tuple[bytes, ...]


class Guard:
    """What one connection knows about its own admission; made by :func:`admit`.

    A guarded operation may go ahead while ``judged_at == judge.generation``; anything else is the slow path.

    Args:
        judge: Who judges.
        host: The normalised name that the TLS stack verified.
        path: The validated path, DER, leaf first.
        judged_at: Generation of the verdict that admitted the connection; -1 if there is none.

    Attributes:
        refusal: Why the connection is refused for good; ``None`` while it is not.
    """

    __slots__ = ("host", "judge", "judged_at", "path", "refusal")

    def __init__(self, judge: PinJudge, host: str, path: tuple[bytes, ...], judged_at: int) -> None:
        self.judge = judge
        self.host = host
        self.path = path
        self.judged_at = judged_at
        self.refusal: PinVerificationError | None = None

    @classmethod
    def refused(cls, error: PinVerificationError) -> Guard:
        """Make the guard of a connection that is refused for good."""
        guard = cls(UNJUDGED.judge, "", (), -1)
        guard.refusal = error.again()  # without the traceback, which would keep the whole call alive
        return guard

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
UNJUDGED: Final = Guard(_Constant(), "", (), -1)  # type: ignore[arg-type]  # it is never asked to judge
#: The guard of a socket that its owner has explicitly turned back into a plain one: it guards nothing.
RELEASED: Final = Guard(_Constant(), "", (), _Constant.generation)  # type: ignore[arg-type]  # as above


_to_der: Final = methodcaller("public_bytes", 2)  # _ssl.ENCODING_DER

if sys.version_info >= (3, 13):

    def read_validated_path(tls: ssl.SSLSocket | ssl.SSLObject) -> tuple[bytes, ...]:
        """Read the path that OpenSSL validated, DER, leaf first; empty if there is none."""
        return tuple(tls.get_verified_chain())

else:

    def read_validated_path(tls: ssl.SSLSocket | ssl.SSLObject) -> tuple[bytes, ...]:
        """Read the path that OpenSSL validated, DER, leaf first; empty if there is none."""
        # Public from 3.13 on.
        return tuple(map(_to_der, tls._sslobj.get_verified_chain() or ()))  # type: ignore[union-attr]  # noqa: SLF001


def admit(
    tls: ssl.SSLSocket | ssl.SSLObject,
    context: ssl.SSLContext,
    judge: PinJudge,
    shown: dict[str, Shown],
    *,
    block: bool = False,
    earlier: Guard | None = None,
    validated: bool = True,
) -> Guard:
    """Judge a connection whose handshake has shown its validated path.

    A blocking socket gets one refresh on mismatch and one more look at the same path.

    Args:
        tls: The connection.
        context: Its context.
        judge: Who judges.
        shown: What each host showed last, by the name that OpenSSL verified; kept by the caller, filled here.
        block: Whether a socket with time-out 0 was told to block for its handshake.
        earlier: A guard of the same connection that was made earlier in the same handshake; its verdict stands if
            nothing has moved since.
        validated: Whether the context was seen to validate when the connection was made.

    Returns:
        A guard that admits.

    Raises:
        PinVerificationError: The connection is refused.
    """
    # SSLSocket.server_hostname can be assigned to; this is the name that was verified.
    connection: Any = tls._sslobj  # type: ignore[union-attr]  # noqa: SLF001
    name = connection.server_hostname
    last = shown.get(name)
    validated = validated and get_verify_mode(context) == _CERT_REQUIRED and get_check_hostname(context)
    if last is not None and validated and not connection.session_reused:
        chain = connection.get_verified_chain()
        if chain != last.chain:
            last = shown[name] = Shown(last.host, chain, read_validated_path(tls))
        host, _, path = last
        generation = judge.generation
        if earlier is not None and earlier.path == path and earlier.judged_at == generation:
            return earlier
        if path:
            verdict = judge.judge(host, path)
            if verdict.allowed:
                return Guard(judge, host, path, generation)
            return _look_again(tls, judge, path, generation, verdict, block=block)
    return _admit_slowly(tls, judge, shown, validated=validated, block=block)


def _admit_slowly(
    tls: ssl.SSLSocket | ssl.SSLObject, judge: PinJudge, shown: dict[str, Shown], *, validated: bool, block: bool
) -> Guard:
    connection: Any = tls._sslobj  # type: ignore[union-attr]  # noqa: SLF001 - as above
    host = name = connection.server_hostname or ""
    exact: Reason | None = None
    path: tuple[bytes, ...] = ()
    if not validated:
        exact = Reason.NOT_VALIDATED
    elif connection.session_reused:
        exact = Reason.SESSION_RESUMED
    else:
        path = read_validated_path(tls)
    try:
        host = normalise_hostname(name)
    except HostnameSyntaxError:
        exact = Reason.HOSTNAME_SYNTAX
    else:
        if path:
            if len(shown) >= _MAX_SHOWN:
                shown.clear()
            shown[name] = Shown(host, connection.get_verified_chain(), path)
    generation = judge.generation
    verdict = judge.judge(host, path)
    if exact is None and path and not verdict.allowed:
        return _look_again(tls, judge, path, generation, verdict, block=block)
    if not verdict.allowed:
        raise PinVerificationError.from_verdict(verdict, reason=exact)
    if exact is Reason.HOSTNAME_SYNTAX or (not path and judge.protects(host)):
        # The judge has the last word on paths; that there must be one, and a name, is not left to it.
        raise PinVerificationError.from_verdict(verdict, reason=exact or Reason.EMPTY_PATH)
    return Guard(judge, host, path, generation)


def _look_again(
    tls: ssl.SSLSocket | ssl.SSLObject,
    judge: PinJudge,
    path: tuple[bytes, ...],
    generation: int,
    verdict: Verdict,
    *,
    block: bool,
) -> Guard:
    """Refresh if this connection may block, and look once more at the same path; or raise."""
    seconds = None
    if isinstance(tls, ssl.SSLSocket):
        seconds = get_refresh_budget(None if block else tls.gettimeout())
    if seconds is not None and (
        judge.refresh_on_mismatch(verdict.host, timeout_seconds=seconds) or judge.generation != generation
    ):
        generation = judge.generation
        verdict = judge.judge(verdict.host, path)
    if not verdict.allowed:
        raise PinVerificationError.from_verdict(verdict, refreshed=seconds is not None)
    return Guard(judge, verdict.host, path, generation)


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

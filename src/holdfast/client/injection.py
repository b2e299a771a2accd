# SPDX-License-Identifier: Apache-2.0
"""Process-wide pinning, for apps that cannot hand a context to whatever connects.

The methods of :class:`ssl.SSLSocket` and :class:`ssl.SSLObject` themselves are replaced, so it does not matter who made
the context, or of which class: truststore's, a client's own, one that was made before. (Replacing the attributes
``sslsocket_class`` of a context class misses truststore, which sets its own.)

**What no mode covers**: whatever does not go through these classes. pyOpenSSL, pycurl, grpc and QUIC bring a TLS of
their own; gevent and eventlet replace the classes; the private ``_sslobj.write`` is beneath them. A client certificate
is shown before a blocking socket's peer is judged: only a
:class:`~holdfast.client.ssl_context.PinnedSSLContext` waits with it.

**What is different from a pinned context**: the app's contexts are its own, so they may have been weakened. A protected
host is refused on any connection whose chain or name OpenSSL did not validate. Where truststore asks the operating
system instead of OpenSSL (macOS, Windows), that is every connection to a protected host.

This module is the one place that changes something global; :func:`extract_from_ssl` puts everything back.
"""

from __future__ import annotations

import functools
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from holdfast.client.exempt_context import is_exempt
from holdfast.client.guard import RELEASED, Guard, Shown, admit
from holdfast.client.pinned_socket import OBJECT_METHODS, SOCKET_METHODS, PinnedSSLObject, PinnedSSLSocket
from holdfast.client.standard_context import set_options
from holdfast.client.verification_error import PinVerificationError
from holdfast.core.validation import Reason
from holdfast.errors import ConfigError

if TYPE_CHECKING:
    from holdfast.client.judge import PinJudge

__all__ = ["extract_from_ssl", "inject_into_ssl"]

_ABSENT: Final = object()


@dataclass
class _Injection:
    """What is injected, and what stood there before.

    Attributes:
        judge: Who judges every connection of the process.
        allow_nameless: Whether connections to nobody in particular pass.
        shown: What each host showed last.
        replaced: Class, attribute, its former value, ours.
    """

    judge: PinJudge
    allow_nameless: bool
    shown: dict[str, Shown] = field(default_factory=dict)
    replaced: list[tuple[type, str, object, object]] = field(default_factory=list)


_lock = threading.Lock()
_current: list[_Injection] = []  # none or one


def inject_into_ssl(store: PinJudge, *, allow_nameless: bool = False) -> None:
    """Let the pins of a store decide on every TLS client connection of this process that goes through :mod:`ssl`.

    Connections that exist already are judged at their next read or write. A second call with the same store changes
    nothing.

    Args:
        store: The pin store.
        allow_nameless: Let connections pass that never say to which host they are (``server_hostname=None``, which
            needs a context without ``check_hostname``). Nobody can tell whether their host is protected, so they are
            refused unless this is true.

    Raises:
        ConfigError: Another store is injected, or this one with other settings.
    """
    with _lock:
        if _current:
            if _current[0].judge is not store or _current[0].allow_nameless != allow_nameless:
                raise ConfigError("another store is injected into ssl", hint="call extract_from_ssl() first")
            return
        injection = _Injection(store, allow_nameless)
        for owner, attributes in _build_attributes(injection).items():
            for name, ours in attributes.items():
                injection.replaced.append((owner, name, vars(owner).get(name, _ABSENT), ours))
                setattr(owner, name, ours)
        _current.append(injection)


def extract_from_ssl() -> None:
    """Put everything back as it was before :func:`inject_into_ssl`; without an injection, do nothing.

    Raises:
        ConfigError: Somebody else has replaced the same methods since; nothing was changed.
    """
    with _lock:
        if not _current:
            return
        for owner, name, _, ours in _current[0].replaced:
            if vars(owner).get(name) is not ours:
                raise ConfigError(
                    f"{owner.__name__}.{name} was replaced by somebody else after the injection",
                    hint="undo in the opposite order",
                )
        for owner, name, before, _ in _current[0].replaced:
            if before is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, before)
        _current.clear()


def _build_attributes(injection: _Injection) -> dict[type, dict[str, object]]:
    """Make what the two classes get: the methods of our own sockets, but for where judge and context come from."""

    class InjectedSocket(PinnedSSLSocket):
        def _examine(self, *, block: bool, earlier: Guard | None = None) -> Guard:
            try:
                return _admit_injected(injection, self, block=block, earlier=earlier)
            except PinVerificationError as error:
                self._refuse(error)

        def _pass_without_tls(self, guard: Guard) -> None:
            """Leave sockets without TLS to their owners: here they may be anybody's."""

    class InjectedObject(PinnedSSLObject):
        def _examine(self) -> Guard:
            try:
                return _admit_injected(injection, self, block=False, earlier=self._pin_early)
            except PinVerificationError as error:
                self._refuse(error)

    sockets: dict[str, object] = {name: getattr(InjectedSocket, name) for name in SOCKET_METHODS}
    objects: dict[str, object] = {name: getattr(InjectedObject, name) for name in OBJECT_METHODS}
    sockets["_create"] = _replace_create(injection, ssl.SSLSocket)
    objects["_create"] = _replace_create(injection, ssl.SSLObject)
    return {ssl.SSLSocket: sockets, ssl.SSLObject: objects}


def _replace_create(injection: _Injection, owner: type) -> classmethod[Any, Any, Any]:
    standard = vars(owner)["_create"].__func__

    @functools.wraps(standard)
    def create(cls: type, *arguments: Any, **named: Any) -> Any:
        context = named.get("context")
        if not named.get("server_side") and context is not None and not is_exempt(context):
            if named.get("session") is not None and injection.judge.protects(named.get("server_hostname") or ""):
                named["session"] = None  # a resumed session shows no path
            if not context.options & ssl.Options.OP_NO_RENEGOTIATION:
                # A renegotiation could show another certificate after the one that was judged.
                set_options(context, context.options | ssl.Options.OP_NO_RENEGOTIATION)
        made = standard(cls, *arguments, **named)
        if len(arguments) == 2:  # incoming, outgoing
            made._pin_outgoing = arguments[1]  # noqa: SLF001 - lent by PinnedSSLObject
        return made

    return classmethod(create)


def _admit_injected(injection: _Injection, tls: Any, *, block: bool, earlier: Guard | None) -> Guard:
    context = tls.context
    connection = tls._sslobj  # noqa: SLF001 - as in the guard
    nameless = injection.allow_nameless and connection.server_hostname is None
    if tls.server_side or is_exempt(context) or nameless:
        return RELEASED
    judge = injection.judge
    guard = admit(tls, context, judge, injection.shown, block=block, earlier=earlier)
    if guard.path and judge.protects(guard.host) and _is_unvalidated(connection):
        # The context says *now* that it validates. It was changed between the making of this connection and this
        # line, which is what happens to a context that threads share.
        raise PinVerificationError.from_verdict(judge.judge(guard.host, ()), reason=Reason.NOT_VALIDATED)
    return guard


def _is_unvalidated(connection: Any) -> bool:
    """Ask OpenSSL itself, for which a certificate that was not validated reads as ``{}``."""
    try:
        return bool(connection.getpeercert() == {})
    except ValueError:  # the handshake has not ended; the same question is asked again when it has
        return False

# SPDX-License-Identifier: Apache-2.0
"""Process-wide pinning, for apps that cannot hand a context to whatever connects.

The methods of :class:`ssl.SSLSocket` and :class:`ssl.SSLObject` themselves are replaced, so it does not matter who made
the context, or of which class: truststore's, a client's own, one that was made before. (Replacing the attributes
``sslsocket_class`` of a context class misses truststore, which sets its own.)

**What no mode covers**: whatever does not go through these classes. pyOpenSSL, pycurl, grpc and QUIC bring a TLS of
their own; gevent and eventlet replace the classes; the private ``_sslobj.write`` is beneath them. A client certificate
is shown before a blocking socket's peer is judged: only a
:class:`~holdfast.client.tls.ssl_context.PinnedSSLContext` waits with it.

**What is different from a pinned context**: the app's contexts are its own, so they may have been weakened. A protected
host is refused on any connection whose chain or name OpenSSL did not validate. Where truststore asks the operating
system instead of OpenSSL (macOS, Windows), that is every connection to a protected host.

This module is the one place that changes something global; :func:`extract_from_ssl` puts everything back.
"""

from __future__ import annotations

import functools
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

from holdfast.client.tls.exempt_context import is_exempt
from holdfast.client.tls.guard import RELEASED, UNJUDGED, Guard, Shown, admit, read_validated_path
from holdfast.client.tls.standard_context import get_check_hostname, get_verify_mode, set_options
from holdfast.client.tls.verification_error import PinVerificationError
from holdfast.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.client.tls.judge import PinJudge

__all__ = ["extract_from_ssl", "inject_into_ssl"]

_ABSENT: Final = object()

# What is kept in a connection's own dictionary. The classes get methods only: an operation that is under way while the
# injection is undone must find what it needs.
_GUARD: Final = "_holdfast_guard"
_EARLY: Final = "_holdfast_early"
_OUTGOING: Final = "_holdfast_outgoing"
_UNVALIDATED: Final = "_holdfast_unvalidated"


@dataclass
class _Injection:
    """What is injected, and what stood there before.

    Attributes:
        judge: Who judges every connection of the process.
        allow_nameless: Whether connections to nobody in particular pass.
        replaced: Class, attribute, its former value, ours.
    """

    judge: PinJudge
    allow_nameless: bool
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
        keeper = _Gatekeeper(store, allow_nameless=allow_nameless)
        for owner, names in {
            ssl.SSLSocket: ("do_handshake", "read", "write", "send", "unwrap", "fileno", "_create"),
            ssl.SSLObject: ("do_handshake", "read", "write", "unwrap", "_create"),
        }.items():
            for name in names:
                ours = _replace(keeper, owner, name)
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


class _Gatekeeper:
    """The verdicts on connections that are not of our classes; all state lies in the connections."""

    def __init__(self, judge: PinJudge, *, allow_nameless: bool) -> None:
        self._judge = judge
        self._allow_nameless = allow_nameless
        self._shown: dict[str, Shown] = {}

    def pass_gate(self, tls: Any) -> None:
        """Let an operation pass, after the handshake or another look at the path if need be, or raise."""
        guard = _get_guard(tls)
        if guard.refusal is not None:
            raise guard.refusal.again()
        if tls._sslobj is None:  # noqa: SLF001 - no TLS: the standard library's business
            return
        if guard is UNJUDGED:
            tls.do_handshake()
            return
        try:
            guard.reconsider()
        except PinVerificationError as error:
            self.refuse(tls, error)

    def examine(self, tls: Any, *, block: bool = False) -> Guard:
        """Judge a connection whose handshake has shown its path; on refusal close it and raise."""
        context, kept = tls.context, vars(tls)
        nameless = self._allow_nameless and tls._sslobj.server_hostname is None  # noqa: SLF001 - the verified name
        if tls.server_side or is_exempt(context) or nameless:
            return RELEASED
        try:
            return admit(
                tls,
                context,
                self._judge,
                self._shown,
                block=block,
                earlier=kept.get(_EARLY),
                validated=_UNVALIDATED not in kept,
            )
        except PinVerificationError as error:
            self.refuse(tls, error)

    def prepare(self, context: ssl.SSLContext, named: dict[str, Any]) -> bool:
        """Prepare what a connection is made from.

        Returns:
            Whether the context validates at this moment. OpenSSL copies that into the connection and does not tell it
            again, and a context that threads share may be changed before the verdict.
        """
        if named.get("session") is not None and self._judge.protects(named.get("server_hostname") or ""):
            named["session"] = None  # a resumed session shows no path
        if not context.options & ssl.Options.OP_NO_RENEGOTIATION:
            # A renegotiation could show another certificate after the one that was judged.
            set_options(context, context.options | ssl.Options.OP_NO_RENEGOTIATION)
        return get_verify_mode(context) == ssl.CERT_REQUIRED and get_check_hostname(context)

    def refuse(self, tls: Any, error: PinVerificationError) -> NoReturn:
        """Refuse a connection for good."""
        vars(tls)[_GUARD] = Guard.refused(error)
        if isinstance(tls, ssl.SSLSocket):
            _shut_down(tls)
            tls.close()
        elif _OUTGOING in vars(tls):
            vars(tls)[_OUTGOING].read()  # the last flight
        raise error


def _replace(keeper: _Gatekeeper, owner: type, name: str) -> object:
    """Make what stands in place of an attribute of the standard library."""
    if name == "_create":
        return classmethod(_replace_create(keeper, vars(owner)["_create"].__func__))
    standard = getattr(owner, name)
    if name == "do_handshake":
        return _replace_handshake(keeper, standard)
    if name == "fileno":
        return _replace_fileno(standard)

    @functools.wraps(standard)
    def gated(self: Any, *arguments: Any, **named: Any) -> Any:
        guard = _get_guard(self)
        if guard.judged_at != guard.judge.generation:
            keeper.pass_gate(self)
        return standard(self, *arguments, **named)

    return gated


def _replace_create(keeper: _Gatekeeper, standard: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(standard)
    def create(cls: type, *arguments: Any, **named: Any) -> Any:
        context = named.get("context")
        if named.get("server_side") or context is None or is_exempt(context):
            return standard(cls, *arguments, **named)
        validates = keeper.prepare(context, named)
        made = standard(cls, *arguments, **named)
        if len(arguments) == 2:  # incoming, outgoing
            vars(made)[_OUTGOING] = arguments[1]
        if not validates:
            vars(made)[_UNVALIDATED] = True
            if vars(made).pop(_GUARD, None) is not None:  # judged already, as if it had been
                keeper.pass_gate(made)
        return made

    return create


def _replace_handshake(keeper: _Gatekeeper, standard: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(standard)
    def do_handshake(self: Any, block: bool = False) -> None:
        guard = _get_guard(self)
        if guard.refusal is not None:
            raise guard.refusal.again()
        is_socket = isinstance(self, ssl.SSLSocket)
        try:
            standard(self, block) if is_socket else standard(self)
        except ssl.SSLWantReadError:
            if not is_socket and _EARLY not in vars(self) and read_validated_path(self):
                vars(self)[_EARLY] = keeper.examine(self)
            raise
        if guard is UNJUDGED:
            vars(self)[_GUARD] = keeper.examine(self, block=block)

    return do_handshake


def _replace_fileno(standard: Callable[[Any], int]) -> Callable[[Any], int]:
    @functools.wraps(standard)
    def fileno(self: Any) -> int:
        guard = _get_guard(self)
        if guard.judged_at != guard.judge.generation and guard.path and guard.refusal is None:
            try:
                guard.reconsider()
            except PinVerificationError as error:  # see PinnedSSLSocket.fileno
                vars(self)[_GUARD] = Guard.refused(error)
                _shut_down(self)
        return standard(self)

    return fileno


def _get_guard(tls: Any) -> Guard:
    guard: Guard = tls.__dict__.get(_GUARD, UNJUDGED)
    return guard


def _shut_down(tls: ssl.SSLSocket) -> None:
    try:
        tls.shutdown(socket.SHUT_RDWR)
    except OSError:
        tls._sslobj = None  # type: ignore[attr-defined]  # noqa: SLF001 - the peer was faster

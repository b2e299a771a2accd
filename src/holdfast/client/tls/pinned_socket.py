# SPDX-License-Identifier: Apache-2.0
"""The sockets of a pinned context: no application byte passes before the pins have admitted the peer.

**All I/O is gated, not only the handshake.** OpenSSL handshakes by itself on the first read or write, so a socket
wrapped with ``do_handshake_on_connect=False``, or a raw ``wrap_bio`` object, would hand its first message to an
unpinned peer. ``recv``, ``recv_into``, ``makefile`` end in ``read``; ``sendall``, ``sendfile`` end in ``send``; these
and ``write``, ``unwrap`` are the gates. A gate that is open costs one comparison of two integers.

**A refusal is for good**: a socket is shut down and closed, an object stays poisoned, and each further use raises the
refusal again.

The check stands after the handshake and before application data: the peer has seen an ordinary handshake, no more.
A client certificate must not be part of that, see :mod:`holdfast.client.tls.bio_socket`.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final, NoReturn

from holdfast.client.tls.guard import RELEASED, UNJUDGED, Guard, admit, read_validated_path
from holdfast.client.tls.verification_error import PinVerificationError
from holdfast.errors import ConfigError

if TYPE_CHECKING:
    from holdfast.client.tls.judge import PinJudge

__all__ = ["PinnedSSLObject", "PinnedSSLSocket"]


def _split(owner: type, name: str) -> tuple[Any, Any]:
    inherited: property = vars(owner)[name]
    return inherited.fget, inherited.fset


# The standard library's own methods, taken here once: process-wide injection replaces them on the base classes, and a
# connection that is guarded already must not be guarded twice.
_socket_do_handshake: Final = ssl.SSLSocket.do_handshake
_socket_read: Final = ssl.SSLSocket.read
_socket_write: Final = ssl.SSLSocket.write
_socket_send: Final = ssl.SSLSocket.send
_socket_unwrap: Final = ssl.SSLSocket.unwrap
_socket_shutdown: Final = ssl.SSLSocket.shutdown
_object_do_handshake: Final = ssl.SSLObject.do_handshake
_object_read: Final = ssl.SSLObject.read
_object_write: Final = ssl.SSLObject.write
_object_unwrap: Final = ssl.SSLObject.unwrap
# The halves of inherited properties.
_get_socket_session, _set_socket_session = _split(ssl.SSLSocket, "session")
_get_socket_context, _set_socket_context = _split(ssl.SSLSocket, "context")
_get_object_session, _set_object_session = _split(ssl.SSLObject, "session")
_get_object_context, _set_object_context = _split(ssl.SSLObject, "context")


class PinnedSSLSocket(ssl.SSLSocket):
    """A TLS socket that lets nothing through before its peer's path was judged, nor after it was refused.

    Made by :meth:`PinnedSSLContext.wrap_socket <holdfast.client.tls.ssl_context.PinnedSSLContext.wrap_socket>` only.
    """

    _sslobj: Any  # None without a TLS connection
    _context: ssl.SSLContext
    suppress_ragged_eofs: bool
    _pin_guard: Guard = UNJUDGED

    def do_handshake(self, block: bool = False) -> None:
        """Do the TLS handshake, then judge the peer.

        Raises:
            PinVerificationError: The pins refuse the peer; the socket is closed.
            ssl.SSLError: As in the standard library.
        """
        guard = self._pin_guard
        if guard.refusal is not None:
            raise guard.refusal.again()
        _socket_do_handshake(self, block)
        if guard is UNJUDGED:
            self._pin_guard = self._examine(block=block)

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002 - the standard library's name
        """Read as :meth:`ssl.SSLSocket.read`, from an admitted peer only."""
        guard = self._pin_guard
        if guard.judged_at != guard.judge.generation:
            self._pass_gate()
        connection = self._sslobj
        if connection is None:
            return _socket_read(self, len, buffer)  # which says what is wrong
        # What the standard library does from here on, in this frame: a gate must not cost throughput.
        try:
            return connection.read(len) if buffer is None else connection.read(len, buffer)
        except ssl.SSLError as error:
            if error.args[0] == ssl.SSL_ERROR_EOF and self.suppress_ragged_eofs:
                return b"" if buffer is None else 0
            raise

    def write(self, data: Any) -> int:
        """Write as :meth:`ssl.SSLSocket.write`, to an admitted peer only."""
        guard = self._pin_guard
        if guard.judged_at != guard.judge.generation:
            self._pass_gate()
        return _socket_write(self, data)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send as :meth:`ssl.SSLSocket.send`, to an admitted peer only, and never in the clear."""
        guard = self._pin_guard
        if guard.judged_at != guard.judge.generation:
            self._pass_gate()
        connection = self._sslobj
        if connection is None or flags:
            return _socket_send(self, data, flags)  # which says what is wrong
        sent: int = connection.write(data)
        return sent

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send everything, to an admitted peer only, and never in the clear."""
        if self._sslobj is None:
            self._pass_gate()
        if self._sslobj is None or flags:
            return super().sendall(data, flags)
        with memoryview(data) as view, view.cast("B") as octets:
            size, count = len(octets), 0
            while count < size:
                count += self.send(octets[count:] if count else octets)
        return None

    def sendto(self, *args: Any) -> Any:
        """Refuse as :meth:`ssl.SSLSocket.sendto`, connected or not (TCP Fast Open would send in the clear)."""
        if self._sslobj is None:
            self._pass_gate()
        return super().sendto(*args)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a file, to an admitted peer only, and never in the clear."""
        if self._sslobj is None:
            self._pass_gate()
        return super().sendfile(file, offset, count)

    def unwrap(self) -> socket.socket:
        """End TLS as :meth:`ssl.SSLSocket.unwrap`; the socket is a plain one from then on, by its owner's word."""
        guard = self._pin_guard
        if guard.judged_at != guard.judge.generation:
            self._pass_gate()
        plain = _socket_unwrap(self)
        self._pin_guard = RELEASED
        return plain

    def shutdown(self, how: int) -> None:
        """Shut down as :meth:`ssl.SSLSocket.shutdown`; the standard library would send in the clear after it."""
        super().shutdown(how)
        if self._pin_guard.refusal is None:
            self._pin_guard = UNJUDGED

    def fileno(self) -> int:
        """Return the file descriptor.

        Connection pools ask for it to see whether an idle connection was dropped by the peer. If the policy has moved
        and refuses this peer now, it is shut down here, so that the pool finds it dropped and opens another one
        instead of failing a request on it.
        """
        guard = self._pin_guard
        if guard.judged_at != guard.judge.generation and guard.path and guard.refusal is None:
            try:
                guard.reconsider()
            except PinVerificationError as error:
                self._pin_guard = Guard.refused(error)
                self._shut_down()
        return super().fileno()

    def _pass_gate(self) -> None:
        """Let an operation pass, after the handshake or another look at the path if need be, or raise."""
        guard = self._pin_guard
        if guard.refusal is not None:
            raise guard.refusal.again()
        if self._sslobj is None:
            self._pass_without_tls(guard)
        elif guard is UNJUDGED:
            self.do_handshake()
        else:
            try:
                guard.reconsider()
            except PinVerificationError as error:
                self._refuse(error)

    def _pass_without_tls(self, guard: Guard) -> None:
        # Before connect, after shutdown: the standard library would speak plain TCP here. After unwrap that was asked
        # for; after close the descriptor is gone, and the standard library says so.
        if guard is not RELEASED and self.fileno() >= 0:
            raise OSError(errno.ENOTCONN, "there is no TLS connection, and nothing is sent in the clear")

    def _examine(self, *, block: bool, earlier: Guard | None = None) -> Guard:
        """Judge the peer; on refusal close the socket and raise."""
        context: Any = self._context  # a PinnedSSLContext, whose module imports this one
        try:
            return admit(self, context, context.judge, context.shown, block=block, earlier=earlier)
        except PinVerificationError as error:
            self._refuse(error)

    def _refuse(self, error: PinVerificationError) -> NoReturn:
        self._pin_guard = Guard.refused(error)
        self._shut_down()
        self.close()
        raise error

    def _shut_down(self) -> None:
        try:
            _socket_shutdown(self, socket.SHUT_RDWR)
        except OSError:
            self._sslobj = None  # the peer was faster; the session is of no use to anybody

    # ------------------------------------------------------------------ what would weaken the connection

    def _set_session(self, session: ssl.SSLSession | None) -> None:
        # A resumed session shows no path: for a protected host the session is dropped and a full handshake done.
        judge: PinJudge = self.context.judge
        if not judge.protects(self.server_hostname or ""):
            _set_socket_session(self, session)

    def _set_context(self, context: ssl.SSLContext) -> None:
        if not hasattr(context, "judge"):
            raise ConfigError("a pinned connection cannot be given an unpinned context")
        _set_socket_context(self, context)

    session = property(_get_socket_session, _set_session, doc="The TLS session.")
    context = property(_get_socket_context, _set_context, doc="The context.")


class PinnedSSLObject(ssl.SSLObject):
    """The same for event loops and TLS in TLS: a TLS object over memory, made by ``wrap_bio``.

    It never blocks, so it never refreshes: it raises, and who drives it may refresh and connect again. The peer is
    judged *before the caller can flush the last flight*: what lies in the outgoing buffer is thrown away on refusal,
    the client certificate with it.
    """

    _pin_guard: Guard = UNJUDGED
    _pin_early: Guard | None = None
    _pin_outgoing: ssl.MemoryBIO | None = None

    def keep_outgoing(self, outgoing: ssl.MemoryBIO) -> None:
        """Remember where this object writes records, so that a refusal can throw them away."""
        self._pin_outgoing = outgoing

    def do_handshake(self) -> None:
        """Take one step of the handshake; judge the peer as soon as its path has been validated.

        Raises:
            PinVerificationError: The pins refuse the peer.
            ssl.SSLWantReadError: As in the standard library.
        """
        guard = self._pin_guard
        if guard.refusal is not None:
            raise guard.refusal.again()
        try:
            _object_do_handshake(self)
        except ssl.SSLWantReadError:
            # TLS 1.2: our last flight waits in the buffer, and the path is known already.
            if self._pin_early is None and read_validated_path(self):
                self._pin_early = self._examine()
            raise
        if guard is UNJUDGED:
            self._pin_guard = self._examine()

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002 - the standard library's name
        """Read as :meth:`ssl.SSLObject.read`, from an admitted peer only."""
        guard = self._pin_guard
        if guard.judged_at != guard.judge.generation:
            self._pass_gate()
        return _object_read(self, len, buffer)

    def write(self, data: Any) -> int:
        """Write as :meth:`ssl.SSLObject.write`, to an admitted peer only."""
        guard = self._pin_guard
        if guard.judged_at != guard.judge.generation:
            self._pass_gate()
        return _object_write(self, data)

    def unwrap(self) -> Any:
        """End TLS as :meth:`ssl.SSLObject.unwrap`; a refused object stays refused."""
        if self._pin_guard.refusal is not None:
            raise self._pin_guard.refusal.again()
        return _object_unwrap(self)

    def _pass_gate(self) -> None:
        guard = self._pin_guard
        if guard.refusal is not None:
            raise guard.refusal.again()
        if guard is UNJUDGED:
            self.do_handshake()
            return
        try:
            guard.reconsider()
        except PinVerificationError as error:
            self._refuse(error)

    def _examine(self) -> Guard:
        context: Any = self.context
        try:
            return admit(self, context, context.judge, context.shown, earlier=self._pin_early)
        except PinVerificationError as error:
            self._refuse(error)

    def _refuse(self, error: PinVerificationError) -> NoReturn:
        self._pin_guard = Guard.refused(error)
        if self._pin_outgoing is not None:
            self._pin_outgoing.read()
        raise error

    def _set_session(self, session: ssl.SSLSession | None) -> None:
        # A resumed session shows no path: for a protected host the session is dropped and a full handshake done.
        judge: PinJudge = self.context.judge
        if not judge.protects(self.server_hostname or ""):
            _set_object_session(self, session)

    def _set_context(self, context: ssl.SSLContext) -> None:
        if not hasattr(context, "judge"):
            raise ConfigError("a pinned connection cannot be given an unpinned context")
        _set_object_context(self, context)

    session = property(_get_object_session, _set_session, doc="The TLS session.")
    context = property(_get_object_context, _set_context, doc="The context.")

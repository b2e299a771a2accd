# SPDX-License-Identifier: Apache-2.0
"""The blocking socket for contexts that hold a client certificate: the peer is judged before it sees that certificate.

``SSLSocket`` lets OpenSSL write to the network by itself, so by the time its handshake returns, the client certificate
has been sent, to whoever asked. Here OpenSSL works on memory, and this module carries the records between that memory
and the network: the flight with the certificate is flushed only after the peer was admitted.

Records are read one by one, as OpenSSL reads them from a socket. So no message is read ahead, and ``select`` tells the
same as for any other TLS socket. The price is Python between OpenSSL and the network, which is
why the context chooses this class only when :meth:`~ssl.SSLContext.load_cert_chain` was called.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

from holdfast.client.tls.guard import Guard, admit, read_validated_path
from holdfast.client.tls.pinned_socket import PinnedSSLSocket
from holdfast.client.tls.verification_error import PinVerificationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BioPinnedSSLSocket", "MemoryConnection"]

_HEADER_BYTES: Final = 5
_RECORD_TYPES: Final = range(20, 25)  # change_cipher_spec, alert, handshake, application_data, heartbeat
_MAJOR_VERSION: Final = 3
# RFC 5246, 6.2.3: 2^14 + 2048; RFC 8446, 5.2 allows less. OpenSSL refuses a longer record when it sees the header.
_MAX_RECORD_BYTES: Final = 16384 + 2048
# With a record of at least this size, the header of the next one is read in the same call: the rest of that one is
# still to come, so `select` goes on telling the truth. After smaller ones, such as a farewell, plain text may follow.
_BULK_BYTES: Final = 2048
_WRITE_BYTES: Final = 256 * 1024  # at most this much ciphertext lies in memory


class BioPinnedSSLSocket(PinnedSSLSocket):
    """A pinned socket whose records pass through memory, so that the last flight waits for the verdict."""

    _pin_early: Guard | None = None

    def do_handshake(self, block: bool = False) -> None:
        """Do the TLS handshake, and judge the peer before the last flight leaves; see the base class."""
        try:
            super().do_handshake(block)
        except PinVerificationError as error:
            if self._pin_guard.refusal is None:
                self._refuse(error)
            raise

    def examine_early(self) -> None:
        """Judge the peer if its path has been validated; called before each flush of the handshake."""
        if self._pin_early is None and read_validated_path(self):
            context: Any = self._context
            self._pin_early = admit(self, context, context.judge, context.shown)

    def _examine(self, *, block: bool, earlier: Guard | None = None) -> Guard:
        return super()._examine(block=block, earlier=earlier or self._pin_early)


class MemoryConnection:
    """What :class:`ssl.SSLSocket` keeps in ``_sslobj``, over two memory buffers and a socket.

    Safe for one reading and one writing thread, like the object that it stands for. Whatever does no I/O is answered
    by the OpenSSL object itself.

    Args:
        owner: The socket that carries the records.
        context: The context to connect with.
        server_hostname: A-label or IP address to verify.
        session: A session to resume.
    """

    def __init__(
        self,
        owner: BioPinnedSSLSocket,
        context: ssl.SSLContext,
        server_hostname: str | None,
        session: ssl.SSLSession | None,
    ) -> None:
        self._owner = _refer_to(owner)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: Any = context._wrap_bio(  # type: ignore[attr-defined]  # noqa: SLF001 - beneath wrap_bio, which would guard once more
            self._incoming, self._outgoing, False, server_hostname, owner=owner, session=session
        )
        self._unsent = memoryview(b"")
        self._promised = 0  # bytes that the caller will write again, though their records are made already
        self._buffer = memoryview(bytearray(_HEADER_BYTES + _MAX_RECORD_BYTES + _HEADER_BYTES))
        self._ended = False
        self._received = 0  # bytes in the buffer: a record that has not come whole
        self._tls_lock = threading.Lock()  # never held across the network
        self._send_lock = threading.Lock()  # keeps records in the order in which they were made
        self._receive_lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        """Answer what does no I/O from the OpenSSL object."""
        return getattr(self._tls, name)

    @property
    def session(self) -> ssl.SSLSession | None:
        """The TLS session."""
        session: ssl.SSLSession | None = self._tls.session
        return session

    @session.setter
    def session(self, session: ssl.SSLSession | None) -> None:
        self._tls.session = session

    @property
    def context(self) -> ssl.SSLContext:
        """The context."""
        context: ssl.SSLContext = self._tls.context
        return context

    @context.setter
    def context(self, context: ssl.SSLContext) -> None:
        self._tls.context = context

    # --------------------------------------------------------------------------------------------- the four that do I/O

    def do_handshake(self) -> None:
        """Do the handshake; the owner judges the peer before each flush."""
        deadline = _Deadline(self._owner())
        while True:
            try:
                with self._tls_lock:
                    self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                deadline.owner.examine_early()
                self._flush(deadline)
                self._receive_record(deadline)
        deadline.owner.examine_early()
        self._flush(deadline)

    def read(self, *arguments: Any) -> Any:
        """Read decrypted bytes: ``read(len)`` or ``read(len, buffer)``."""
        if arguments == (0,):
            return b""
        if not (self._ended or self._tls.pending() or self._incoming.pending):
            # OpenSSL would only say that it wants a record, by an exception that costs as much as the record.
            self._receive_record(_Deadline(self._owner()))
        result = self._pump(self._tls.read, *arguments)
        if not result:
            self._ended = True  # the peer has said goodbye, and no record need follow
        return result

    def shutdown(self) -> socket.socket:
        """Exchange ``close_notify``; return the socket, which is a plain one from then on."""
        self._pump(self._tls.shutdown)
        return self._owner()

    def write(self, data: Any) -> int:
        """Encrypt and send.

        On a socket that does not block, records that the network did not take are kept, and the caller is told to
        write the same data again, as OpenSSL does.
        """
        deadline = _Deadline(self._owner())
        self._flush(deadline)
        if self._promised:
            promised, self._promised = self._promised, 0
            return promised
        count: int = 0
        with memoryview(data) as view, view.cast("B") as octets:
            while True:
                with self._tls_lock:
                    count += self._tls.write(octets[count : count + _WRITE_BYTES])
                try:
                    self._flush(deadline)
                except ssl.SSLWantWriteError:
                    self._promised = count
                    raise
                if count == len(octets) or not deadline.may_block:
                    return count

    # -------------------------------------------------------------------------------------------------------- beneath

    def _pump(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Do one step of OpenSSL, feeding it records until it is content."""
        deadline = None
        while True:
            wanting = False
            result = None
            with self._tls_lock:
                try:
                    result = step(*arguments)
                except ssl.SSLWantReadError:
                    wanting = True
            if self._outgoing.pending:
                self._flush_unless_busy()
            if not wanting:
                return result
            deadline = deadline or _Deadline(self._owner())
            self._receive_record(deadline)

    def _flush_unless_busy(self) -> None:
        # What a reader has to send (an answer to a key update, an alert) is in no hurry, and must neither wait behind
        # a writer whose peer does not read, nor cost the reader what it has read.
        if self._send_lock.acquire(blocking=False):
            try:
                with contextlib.suppress(ssl.SSLWantWriteError):
                    self._send_records(_Deadline(self._owner()))
            finally:
                self._send_lock.release()

    def _flush(self, deadline: _Deadline) -> None:
        with self._send_lock:
            self._send_records(deadline)

    def _send_records(self, deadline: _Deadline) -> None:
        while True:
            if not self._unsent:
                with self._tls_lock:
                    self._unsent = memoryview(self._outgoing.read())
                if not self._unsent:
                    return
            deadline.check()
            try:
                sent = socket.socket.send(deadline.owner, self._unsent)
            except BlockingIOError as error:
                raise ssl.SSLWantWriteError(ssl.SSL_ERROR_WANT_WRITE, "the operation did not complete") from error
            self._unsent = self._unsent[sent:]

    def _receive_record(self, deadline: _Deadline) -> None:
        with self._receive_lock:
            if self._incoming.pending:
                return  # another thread has received the record that this one waited for
            whole = self._received >= _HEADER_BYTES or self._receive_to(_HEADER_BYTES, _HEADER_BYTES, deadline)
            size = self._get_record_bytes()
            if whole and size > _HEADER_BYTES:
                ahead = _HEADER_BYTES if size >= _BULK_BYTES else 0
                whole = self._receive_to(size, size + ahead, deadline)
            taken = min(size, self._received)
            if taken:
                self._incoming.write(self._buffer[:taken])
                # What is left is at most the header of the next record.
                self._buffer[: self._received - taken] = self._buffer[taken : self._received]
                self._received -= taken
            if not whole:
                self._incoming.write_eof()

    def _get_record_bytes(self) -> int:
        """Tell how long the record is whose header has come; what is no TLS record is OpenSSL's to refuse, at once."""
        kind, major, length = self._buffer[0], self._buffer[1], int.from_bytes(self._buffer[3:5], "big")
        is_record = kind in _RECORD_TYPES and major == _MAJOR_VERSION and length <= _MAX_RECORD_BYTES
        return _HEADER_BYTES + (length if is_record else 0)

    def _receive_to(self, least: int, most: int, deadline: _Deadline) -> bool:
        """Fill the buffer up to ``least`` bytes, ``most`` if they are there; False at the end of the stream."""
        while self._received < least:
            deadline.check()
            try:
                count = socket.socket.recv_into(deadline.owner, self._buffer[self._received : most])
            except BlockingIOError as error:
                raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the operation did not complete") from error
            if not count:
                return False
            self._received += count
        return True


def _refer_to(owner: BioPinnedSSLSocket) -> Callable[[], BioPinnedSSLSocket]:
    """Refer to the socket without keeping it alive: it holds this connection, and a forgotten socket must be freed."""
    reference = weakref.ref(owner)

    def get_owner() -> BioPinnedSSLSocket:
        alive = reference()
        assert alive is not None, "its own method is running"
        return alive

    return get_owner


class _Deadline:
    """The socket's time-out, over a whole operation instead of each piece of it, as in the standard library."""

    __slots__ = ("_ends", "may_block", "owner")

    def __init__(self, owner: BioPinnedSSLSocket) -> None:
        self.owner = owner
        timeout = owner.gettimeout()
        self.may_block = timeout != 0
        self._ends = time.monotonic() + timeout if timeout else None

    def check(self) -> None:
        """Raise :class:`TimeoutError` if the time has passed; the socket's own time-out bounds each call."""
        if self._ends is not None and time.monotonic() > self._ends:
            raise TimeoutError("the TLS operation timed out")

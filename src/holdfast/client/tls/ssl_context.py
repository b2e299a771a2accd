# SPDX-License-Identifier: Apache-2.0
"""The TLS context that enforces pins, for every client that takes an :class:`ssl.SSLContext`.

CA validation and pins, both, always: a context of this class cannot be told otherwise. Clients do try: urllib3 sets
``verify_mode`` and ``check_hostname`` on a shared context at each connection, which would strip validation for
everybody who shares it. So the setters refuse what weakens, and let pass what does not.
"""

from __future__ import annotations

import socket
import ssl
import sys
from typing import TYPE_CHECKING, Any, Final, Self

from holdfast.client.tls.bio_socket import BioPinnedSSLSocket, MemoryConnection
from holdfast.client.tls.pinned_socket import PinnedSSLObject, PinnedSSLSocket
from holdfast.client.tls.standard_context import StandardSSLContext, set_options, set_verify_flags
from holdfast.client.tls.verification_error import PinVerificationError, pin_error
from holdfast.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.client.tls.guard import Shown
    from holdfast.client.tls.judge import PinJudge

__all__ = ["PinVerificationError", "PinnedSSLContext", "create_default_context", "pin_error"]


class PinnedSSLContext(StandardSSLContext):
    """A client context whose connections are admitted by pins, on top of CA validation.

    It starts without any CA: load some, or use :func:`create_default_context`.

    Args:
        judge: The pin store that admits connections.
    """

    sslsocket_class = PinnedSSLSocket
    sslobject_class = PinnedSSLObject

    def __new__(cls, judge: PinJudge) -> Self:
        """Make the underlying OpenSSL context; TLS client, at least TLS 1.2."""
        del judge
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, judge: PinJudge) -> None:
        self.judge: Final = judge
        self.shown: Final[dict[str, Shown]] = {}  # what each host showed last, for the sockets
        self._sockets: type[PinnedSSLSocket] = self.sslsocket_class
        self.minimum_version = ssl.TLSVersion.TLSv1_2
        self.options = self.options
        # Python 3.13 trusts a partial chain by default: a pinned root would not be found where the store holds the
        # intermediate as well. Its stricter reading of certificates is kept.
        self.verify_flags = self.verify_flags
        if sys.version_info >= (3, 13):
            self.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT

    # ------------------------------------------------------------------------------------------------- connections

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> PinnedSSLSocket:
        """Wrap a socket as :meth:`ssl.SSLContext.wrap_socket`.

        Where a client certificate is loaded, the socket judges its peer before that certificate is sent.

        Raises:
            ConfigError: ``server_side`` was asked for.
            PinVerificationError: The pins refuse the peer.
            ssl.SSLError: As in the standard library.
        """
        if server_side:
            self._refuse_server_side()
        if session is not None:
            session = self._drop_session(session, server_hostname)
        made: PinnedSSLSocket = self._sockets._create(  # type: ignore[attr-defined]  # noqa: SLF001 - what the base method does
            sock=sock,
            do_handshake_on_connect=do_handshake_on_connect,
            suppress_ragged_eofs=suppress_ragged_eofs,
            server_hostname=server_hostname,
            context=self,
            session=session,
        )
        return made

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> PinnedSSLObject:
        """Wrap two memory buffers as :meth:`ssl.SSLContext.wrap_bio`.

        Raises:
            ConfigError: ``server_side`` was asked for.
        """
        if server_side:
            self._refuse_server_side()
        if session is not None:
            session = self._drop_session(session, server_hostname)
        made = super().wrap_bio(incoming, outgoing, server_hostname=server_hostname, session=session)
        assert isinstance(made, PinnedSSLObject)
        made.keep_outgoing(outgoing)
        return made

    def load_cert_chain(self, *arguments: Any, **named: Any) -> None:
        """Load a client certificate as :meth:`ssl.SSLContext.load_cert_chain`."""
        super().load_cert_chain(*arguments, **named)
        if self._sockets is BioPinnedSSLSocket:
            return
        self._sockets = BioPinnedSSLSocket
        wrap_directly: Callable[..., Any] = super()._wrap_socket  # type: ignore[misc]  # not in typeshed

        def wrap(sock: Any, server_side: bool, server_hostname: str | None = None, *, owner: Any, session: Any) -> Any:
            # Sockets ask their context for the OpenSSL object here, when they are wrapped or when they connect.
            if isinstance(sock, BioPinnedSSLSocket):
                return MemoryConnection(sock, self, server_hostname, session)
            return wrap_directly(sock, server_side, server_hostname, owner=owner, session=session)

        self._wrap_socket = wrap

    def _drop_session(self, session: ssl.SSLSession, server_hostname: str | bytes | None) -> ssl.SSLSession | None:
        # A resumed session shows no path to judge: a protected host gets a full handshake instead.
        name = server_hostname.decode("ascii", "replace") if isinstance(server_hostname, bytes) else server_hostname
        return None if self.judge.protects(name or "") else session

    @staticmethod
    def _refuse_server_side() -> None:
        raise ConfigError("a pinned context is for clients", hint="give the server a context of its own")

    # ------------------------------------------------------------------------------------ what may not be weakened

    @property  # type: ignore[override]  # typeshed has an attribute of type int
    def verify_mode(self) -> ssl.VerifyMode:
        """Always ``CERT_REQUIRED``; anything else is refused with :class:`~holdfast.errors.ConfigError`."""
        return super().verify_mode

    @verify_mode.setter
    def verify_mode(self, value: ssl.VerifyMode) -> None:
        if value != ssl.CERT_REQUIRED:
            raise ConfigError(
                "a pinned context always validates certificates: verify_mode stays CERT_REQUIRED",
                hint="verify=False and cert_reqs='CERT_NONE' want a context of their own",
            )

    @property
    def check_hostname(self) -> bool:
        """Always true; anything else is refused with :class:`~holdfast.errors.ConfigError`."""
        return super().check_hostname

    @check_hostname.setter
    def check_hostname(self, value: bool) -> None:
        if not value:
            raise ConfigError(
                "a pinned context always checks the host name: check_hostname stays True",
                hint="assert_hostname and assert_fingerprint want a context of their own",
            )

    @property  # type: ignore[override]  # typeshed has an attribute of type int
    def verify_flags(self) -> ssl.VerifyFlags:
        """As :attr:`ssl.SSLContext.verify_flags`, never with ``VERIFY_X509_PARTIAL_CHAIN``."""
        return super().verify_flags

    @verify_flags.setter
    def verify_flags(self, value: ssl.VerifyFlags) -> None:
        value = ssl.VerifyFlags(value) & ~ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        set_verify_flags(self, value)

    @property  # type: ignore[override]  # typeshed has an attribute of type int
    def options(self) -> ssl.Options:
        """As :attr:`ssl.SSLContext.options`, always with ``OP_NO_RENEGOTIATION``."""
        return super().options

    @options.setter
    def options(self, value: ssl.Options) -> None:
        # A renegotiation could show another certificate after the one that was judged.
        value = ssl.Options(value) | ssl.Options.OP_NO_RENEGOTIATION
        set_options(self, value)

    def set_psk_client_callback(self, callback: Any) -> None:
        """Refuse pre-shared keys: such a peer shows no certificate, so there is nothing to validate or to pin."""
        if callback is not None:
            raise ConfigError("a pinned context takes no pre-shared keys: they show no certificate")


def create_default_context(
    store: PinJudge,
    *,
    cafile: str | None = None,
    capath: str | None = None,
    cadata: str | bytes | None = None,
) -> PinnedSSLContext:
    """Create a pinned context with default settings, as :func:`ssl.create_default_context` does.

    The environment's ``SSLKEYLOGFILE`` is not honoured; set ``keylog_filename`` on the context to debug.

    Args:
        store: The pin store that admits connections.
        cafile: PEM file of CA certificates to trust.
        capath: Directory of CA certificates, in OpenSSL's form.
        cadata: PEM text, or DER bytes. If all three are ``None``, the platform's CA certificates are trusted.

    Raises:
        ConfigError: A CA file, directory or text cannot be read, or holds no certificate.
    """
    context = PinnedSSLContext(store)
    try:
        if cafile or capath or cadata:
            context.load_verify_locations(cafile, capath, cadata)
        else:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"cannot load CA certificates: {error}", hint="give PEM files, or PEM text") from error
    return context

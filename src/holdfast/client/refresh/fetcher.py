# SPDX-License-Identifier: Apache-2.0
"""Fetch a signed file, within bounds: one deadline for everything, so many bytes on the wire, so many unpacked.

The peer is untrusted by design: whatever arrives is verified afterwards, so ``http://`` is allowed (it costs privacy,
not safety) and ``https://`` adds ordinary CA validation over a context that pins never touch
(:mod:`holdfast.client.tls.exempt_context`). What a hostile peer could still do is waste time or memory, and that is
bounded here:

* the *total* deadline covers connecting, the handshake, each header line and each byte of the body (slow retrieval);
* the bytes read from the socket and the bytes after decompression are counted separately (endless data, gzip bomb);
* redirects are refused: a mirror is an address, and a captive portal is not (put the final address into ``mirrors``).

A 304 counts only for an ETag that was sent. Everything else that goes wrong is a :class:`TransportError`.
"""

from __future__ import annotations

import io
import socket
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from holdfast.client.tls.exempt_context import ExemptSSLContext, create_exempt_context
from holdfast.errors import TransportError

if TYPE_CHECKING:
    import http.client
    from urllib.parse import SplitResult

__all__ = ["Fetcher", "HttpFetcher", "Response", "check_url"]

_USER_AGENT = "holdfast-python"  # no version and no device: what is fetched must not tell clients apart
_HEADER_ALLOWANCE_BYTES = 256 * 1024  # status line, headers, chunk framing
_MAX_ETAG_LENGTH = 256  # it is kept on disk and sent back
_CHUNK_BYTES = 64 * 1024
_GZIP_WINDOW = 31  # zlib: 15 bits of window, + 16 for a gzip header


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that may be used.

    Attributes:
        status: 200, 304 (only if an ETag was sent) or 404 (also for a 410).
        body: The decompressed body of a 200, ``b""`` otherwise.
        etag: The entity tag of a 200 as it came, quotes included; ``None`` if there was none.
    """

    status: int
    body: bytes = b""
    etag: str | None = None


class Fetcher(Protocol):
    """How a client asks for files and hands in reports; an app may bring its own."""

    def get(self, url: str, *, max_bytes: int, timeout_seconds: float, etag: str | None = None) -> Response:
        """Fetch one file.

        Args:
            url: ``https://`` or ``http://``.
            max_bytes: Upper bound of the body, after decompression and on the wire.
            timeout_seconds: For everything together.
            etag: Entity tag of a copy that the caller holds.

        Raises:
            TransportError: No usable answer within the bounds.
        """

    def post(self, url: str, body: bytes, *, timeout_seconds: float) -> None:
        """Hand in a JSON document; a 2xx answer is success, its body is not read.

        Raises:
            TransportError: It was not accepted.
        """


class HttpFetcher:
    """Fetches over HTTP/1.1 with the standard library; one connection a request.

    Args:
        cafile: PEM file of CA certificates for ``https://``; ``None`` takes the platform's.
        use_environment_proxy: Honour ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` (on some platforms the system's
            settings). A proxy sees which mirror is asked; it cannot change what is accepted.
    """

    def __init__(self, *, cafile: str | None = None, use_environment_proxy: bool = True) -> None:
        self._cafile = cafile
        self._use_environment_proxy = use_environment_proxy
        self._context: ExemptSSLContext | None = None

    def get(self, url: str, *, max_bytes: int, timeout_seconds: float, etag: str | None = None) -> Response:
        """Fetch one file; see :meth:`Fetcher.get`."""
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "Cache-Control": "max-age=0"}
        if etag is not None:
            headers["If-None-Match"] = etag
        limit = max_bytes + _HEADER_ALLOWANCE_BYTES
        try:
            with _Exchange(self, url, timeout_seconds=timeout_seconds, max_bytes=limit) as exchange:
                return _read(exchange.send("GET", headers), url, max_bytes=max_bytes, conditional=etag is not None)
        except _failures() as error:
            raise _transport_error(url, error) from error

    def post(self, url: str, body: bytes, *, timeout_seconds: float) -> None:
        """Hand in a JSON document; see :meth:`Fetcher.post`."""
        headers = {"Content-Type": "application/json"}
        try:
            with _Exchange(self, url, timeout_seconds=timeout_seconds, max_bytes=_HEADER_ALLOWANCE_BYTES) as exchange:
                status = exchange.send("POST", headers, body).status
        except _failures() as error:
            raise _transport_error(url, error) from error
        if not 200 <= status < 300:
            raise TransportError(f"{url} answered {status}", code="http-status")

    def proxy_for(self, parts: SplitResult) -> str | None:
        """Find the proxy that the environment names for an address."""
        if not self._use_environment_proxy:
            return None
        import urllib.request  # a heavy import, at the first refresh only

        host = parts.hostname or ""
        if urllib.request.proxy_bypass(host):
            return None
        return urllib.request.getproxies().get(parts.scheme)

    def tls_context(self) -> ExemptSSLContext:
        """Return the context of this fetcher; made once, because loading the platform's CAs takes milliseconds."""
        if self._context is None:
            self._context = create_exempt_context(cafile=self._cafile)
        return self._context


def check_url(url: str) -> SplitResult:
    """Split an address of a mirror or of a collector.

    Args:
        url: ``http://`` or ``https://`` with a host; no user name, no fragment.

    Raises:
        TransportError: The address cannot be used (``url``).
    """
    from urllib.parse import urlsplit  # kept out of `import holdfast`

    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
        _ = parts.port  # raises ValueError beyond 65535
    except ValueError as error:
        raise TransportError(f"not an address: {url!r}", code="url") from error
    if not usable or parts.fragment or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise TransportError(
            f"not an address: {url!r}", code="url", hint="use https://host/path/ without user name and fragment"
        )
    return parts


def _read(answer: http.client.HTTPResponse, url: str, *, max_bytes: int, conditional: bool) -> Response:
    """Turn an HTTP answer into a value, or refuse it."""
    if answer.status == 304 and conditional:
        return Response(304)
    if answer.status in {404, 410}:
        return Response(404)
    if 300 <= answer.status < 400 and answer.status != 304:
        raise TransportError(
            f"{url} redirects to {answer.headers.get('Location', 'nowhere')!r}",
            code="redirect-refused",
            hint="put the final address into `mirrors`; on a public Wi-Fi this is its log-in page",
        )
    if answer.status != 200:
        raise TransportError(f"{url} answered {answer.status}", code="http-status")
    body = _unpack(answer, _read_body(answer, max_bytes), max_bytes)
    etag = answer.headers.get("ETag")
    return Response(200, body, etag if etag and len(etag) <= _MAX_ETAG_LENGTH else None)


def _read_body(answer: http.client.HTTPResponse, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    while chunk := answer.read(_CHUNK_BYTES):
        total += len(chunk)
        if total > max_bytes:
            raise TransportError(f"more than {max_bytes} bytes", code="too-large")
        parts.append(chunk)
    if answer.length:  # a sized read does not complain about a body that ends early
        raise TransportError(f"the body ended {answer.length} bytes early", code="truncated")
    return b"".join(parts)


def _unpack(answer: http.client.HTTPResponse, body: bytes, max_bytes: int) -> bytes:
    coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in {"identity", ""}:
        return body
    if coding != "gzip":
        raise TransportError(f"content coding {coding!r} was not asked for", code="content-coding")
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    unpacked = unpacker.decompress(body, max_bytes + 1)
    if len(unpacked) > max_bytes:
        raise TransportError(f"more than {max_bytes} bytes after decompression", code="too-large")
    if not unpacker.eof or unpacker.unused_data:
        raise TransportError("not exactly one gzip member", code="content-coding")
    return unpacked


def _failures() -> tuple[type[Exception], ...]:
    """Name what the standard library raises here; ``InvalidURL`` and IDNA errors are ``ValueError``."""
    import http.client  # a heavy import, at the first refresh only

    return (OSError, http.client.HTTPException, ValueError, zlib.error)


def _transport_error(url: str, error: Exception) -> TransportError:
    import ssl  # the platform's; already there when TLS was tried

    if isinstance(error, TimeoutError):
        return TransportError(f"{url} took too long", code="timeout")
    if isinstance(error, ssl.SSLError):
        return TransportError(f"TLS with {url} failed: {error}", code="tls")
    return TransportError(f"{url} could not be fetched: {str(error) or type(error).__name__}")


class _Exchange:
    """One connection for one request, under one deadline."""

    def __init__(self, fetcher: HttpFetcher, url: str, *, timeout_seconds: float, max_bytes: int) -> None:
        self._fetcher = fetcher
        self._parts = check_url(url)
        self._line = _Line(time.monotonic() + timeout_seconds, max_bytes)
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
        self._line.hang_up()

    def send(self, method: str, headers: dict[str, str], body: bytes | None = None) -> http.client.HTTPResponse:
        """Send the request; return the answer with its headers read."""
        import http.client  # a heavy import, at the first refresh only

        parts = self._parts
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        proxy = self._fetcher.proxy_for(parts)
        if proxy is None:
            self._line.open(host, port)
        else:
            via = check_url(proxy if "://" in proxy else f"http://{proxy}")
            if via.scheme != "http":
                raise TransportError(f"the proxy {proxy} is not spoken to in plain HTTP", code="proxy")
            self._line.open(str(via.hostname), via.port or 80)
        if parts.scheme == "https":
            if proxy is not None:
                self._line.tunnel(host, port)
            self._line.start_tls(self._fetcher.tls_context(), host)
        elif proxy is not None:
            target = f"http://{parts.netloc}{target}"
        self._connection = http.client.HTTPConnection(host, port)
        self._connection.sock = self._line
        headers = headers | {"Host": parts.netloc, "User-Agent": _USER_AGENT, "Connection": "close"}
        self._connection.request(method, target, body, headers)
        return self._connection.getresponse()


class _Line:
    """What :mod:`http.client` needs of a socket, with a deadline and a byte count over everything that is read."""

    def __init__(self, deadline: float, max_bytes: int) -> None:
        self._deadline = deadline
        self._left_bytes = max_bytes
        self._socket: socket.socket | None = None

    def open(self, host: str, port: int) -> None:
        """Connect to the first address that answers."""
        failure: OSError = OSError(f"no address for {host}")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            self._socket = socket.socket(family, kind, protocol)
            try:
                self._timed().connect(address)
                return
            except OSError as error:
                failure = error
                self.hang_up()
        raise failure

    def tunnel(self, host: str, port: int) -> None:
        """Ask the proxy at the other end for a tunnel (RFC 9110, 9.3.6)."""
        import http.client  # a heavy import, at the first refresh only

        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode("ascii"))
        answer = http.client.HTTPResponse(self, method="CONNECT")  # type: ignore[arg-type]  # it only calls makefile
        answer.begin()
        if answer.status != 200:
            raise TransportError(f"the proxy answered {answer.status}", code="proxy")

    def start_tls(self, context: ExemptSSLContext, host: str) -> None:
        """Do the handshake; the socket's timeout bounds it as a whole."""
        self._socket = context.wrap_socket(self._timed(), server_hostname=host)

    def sendall(self, data: Any) -> None:
        """Send everything before the deadline."""
        self._timed().sendall(data)

    def makefile(self, mode: str = "rb", *_: object) -> io.BufferedReader:
        """Open the reading side; :mod:`http.client` reads all its lines and bodies through it."""
        assert mode == "rb"
        return io.BufferedReader(_Reader(self))

    def receive_into(self, buffer: memoryview) -> int:
        """Read some bytes before the deadline and within the count."""
        count = self._timed().recv_into(buffer)
        self._left_bytes -= count
        if self._left_bytes < 0:
            raise TransportError("more bytes than allowed", code="too-large")
        return count

    def close(self) -> None:
        """Do nothing: :mod:`http.client` closes its socket as soon as the headers are read, and the body is to come."""

    def hang_up(self) -> None:
        """Close the socket, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _timed(self) -> socket.socket:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        assert self._socket is not None
        self._socket.settimeout(left)
        return self._socket


class _Reader(io.RawIOBase):
    """The reading side of a :class:`_Line`; closing it does not close the socket."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._line.receive_into(memoryview(buffer))

# SPDX-License-Identifier: Apache-2.0
"""How a client reaches a host in the small world: a name, an address that may be somebody else's, a request.

The names are those of a real deployment (``api.example.com``); no name server is asked for them. Whoever stands on the
path decides where a connection leads, which is what TLS is for.
"""

from __future__ import annotations

import asyncio
import http.client
import socket
from typing import TYPE_CHECKING, Final

from holdfast.sim.listener import IO_TIMEOUT_SECONDS

if TYPE_CHECKING:
    import ssl

    from holdfast.sim.listener import Address

__all__ = ["BEARER", "fetch", "fetch_async", "fetch_through_proxy", "send_before_handshake"]

BEARER: Final = "Authorization: Bearer 7f3a91"
"""What a thief would want: sent with every request."""

_HTTPS_PORT: Final = 443
_NAME, _, _VALUE = BEARER.partition(": ")


class _RoutedConnection(http.client.HTTPSConnection):
    """An HTTPS connection whose name was resolved by whoever stands on the path."""

    def __init__(self, host: str, address: Address, context: ssl.SSLContext) -> None:
        super().__init__(host, _HTTPS_PORT, timeout=IO_TIMEOUT_SECONDS, context=context)
        self._route = address
        self._tls = context

    def connect(self) -> None:
        """Connect to the address; the handshake is for the name."""
        plain = socket.create_connection(self._route, IO_TIMEOUT_SECONDS)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def fetch(host: str, address: Address, context: ssl.SSLContext) -> bytes:
    """Fetch a page over a new connection with ``http.client``.

    Args:
        host: Name that the certificate must be for.
        address: Where the connection leads.
        context: Pinned or not.

    Raises:
        OSError: No connection, or TLS refused it (``ssl.SSLError`` is one).
        http.client.HTTPException: The answer is no good answer.
    """
    return _converse(_RoutedConnection(host, address, context))


def fetch_through_proxy(host: str, proxy: Address, context: ssl.SSLContext) -> bytes:
    """Fetch a page through an HTTP proxy (``CONNECT``); otherwise as :func:`fetch`."""
    connection = http.client.HTTPSConnection(*proxy, timeout=IO_TIMEOUT_SECONDS, context=context)
    connection.set_tunnel(host, _HTTPS_PORT)
    return _converse(connection)


def _converse(connection: http.client.HTTPSConnection) -> bytes:
    try:
        connection.request("GET", "/balance", headers={_NAME: _VALUE})
        response = connection.getresponse()
        body = response.read()
        if response.status != http.client.OK:
            raise http.client.HTTPException(f"status {response.status}")
        return body
    finally:
        connection.close()


def fetch_async(host: str, address: Address, context: ssl.SSLContext) -> bytes:
    """Fetch a page with ``asyncio`` streams; otherwise as :func:`fetch`."""
    return asyncio.run(_fetch_async(host, address, context))


async def _fetch_async(host: str, address: Address, context: ssl.SSLContext) -> bytes:
    async with asyncio.timeout(IO_TIMEOUT_SECONDS):
        reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=host)
        writer.write(_render(host))
        answer = await reader.read()
        writer.close()
        return answer


def send_before_handshake(host: str, address: Address, context: ssl.SSLContext) -> bytes:
    """Send the request on a socket whose handshake nobody asked for: OpenSSL then makes it inside the first write."""
    with (
        socket.create_connection(address, IO_TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False) as tls,
    ):
        tls.sendall(_render(host))
        return tls.recv(65536)


def _render(host: str) -> bytes:
    return f"GET /balance HTTP/1.1\r\nHost: {host}\r\n{BEARER}\r\nConnection: close\r\n\r\n".encode("ascii")

# SPDX-License-Identifier: Apache-2.0
"""Every client that takes an :class:`ssl.SSLContext`, each with one request that carries a secret.

A client is a function ``(context, port, via) -> text``: it connects to ``localhost``, where ``via`` names the proxy's
port if there is one, sends :data:`SECRET`, and returns something of the answer. Whatever it raises is its own business.
"""

from __future__ import annotations

import asyncio
import contextlib
import ftplib
import http.client
import smtplib
import socket
import ssl
import urllib.request
import warnings
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import requests
import requests.adapters
import trio
import urllib3
import uvloop
import websockets.asyncio.client
import websockets.sync.client

from tests.tls_servers import Greeting, greet_ftp, greet_smtp

__all__ = ["CLIENTS", "HOST", "PROXY_CLIENTS", "SECRET", "TLS_IN_TLS_CLIENTS", "Client", "write_through_memory"]

HOST = "localhost"
SECRET = "Bearer 8a1f-open-sesame"
HEADERS = {"Authorization": SECRET}
TIMEOUT = 5.0

Call = Callable[[ssl.SSLContext, int], str]
ProxiedCall = Callable[[ssl.SSLContext, int, str], str]


@dataclass(frozen=True)
class Client:
    """One way to use a context.

    Attributes:
        name: For test ids.
        call: ``(context, port) -> text``.
        greeting: What the server speaks before TLS.
        lines: True for the line protocols behind that greeting.
        echo: True if the server must send back what it gets.
        blocks: True if the client drives a blocking ``SSLSocket``, which can refresh inside the handshake.
    """

    name: str
    call: Call
    greeting: Greeting | None = None
    lines: bool = False
    echo: bool = False
    blocks: bool = False

    def __str__(self) -> str:
        return self.name


# ------------------------------------------------------------------------------------------------ the standard library


def by_http_client(context: ssl.SSLContext, port: int) -> str:
    connection = http.client.HTTPSConnection(HOST, port, context=context, timeout=TIMEOUT)
    with contextlib.closing(connection):
        connection.request("GET", "/http-client", headers=HEADERS)
        return connection.getresponse().read().decode()


def by_urllib(context: ssl.SSLContext, port: int) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(f"https://{HOST}:{port}/urllib", headers=HEADERS)
    with opener.open(request, timeout=TIMEOUT) as answer:
        return str(answer.read().decode())


def by_smtplib(context: ssl.SSLContext, port: int) -> str:
    with contextlib.closing(smtplib.SMTP(HOST, port, timeout=TIMEOUT, local_hostname="client")) as session:
        session.starttls(context=context)
        code, text = session.docmd("AUTH PLAIN", SECRET)
        return f"{code} {text.decode()}"


def by_ftplib(context: ssl.SSLContext, port: int) -> str:
    with contextlib.closing(ftplib.FTP_TLS(context=context, timeout=TIMEOUT)) as session:
        session.connect(HOST, port)
        session.login("user", SECRET)
        return session.pwd()


@contextlib.contextmanager
def _wrap(context: ssl.SSLContext, port: int, **named: Any) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection((HOST, port), timeout=TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=HOST, **named) as tls,
    ):
        yield tls


def by_ssl_socket(context: ssl.SSLContext, port: int) -> str:
    with _wrap(context, port) as tls:
        tls.sendall(SECRET.encode())
        return tls.recv(1024).decode()


def by_implicit_handshake(context: ssl.SSLContext, port: int) -> str:
    """The first write starts the handshake."""
    with _wrap(context, port, do_handshake_on_connect=False) as tls:
        tls.send(SECRET.encode())
        return tls.recv(1024).decode()


def by_wrap_before_connect(context: ssl.SSLContext, port: int) -> str:
    with context.wrap_socket(socket.socket(), server_hostname=HOST) as tls:
        tls.settimeout(TIMEOUT)
        tls.connect(("127.0.0.1", port))
        tls.write(SECRET.encode())
        return str(tls.read(1024).decode())


def write_through_memory(
    tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, plain: socket.socket, data: bytes
) -> None:
    """Shake hands and write, as the owner of a TLS object over memory does."""
    while True:
        try:
            tls.write(data)
        except ssl.SSLWantReadError:
            plain.sendall(outgoing.read())
            incoming.write(plain.recv(65536))
        else:
            return plain.sendall(outgoing.read())


def by_wrap_bio(context: ssl.SSLContext, port: int) -> str:
    """A raw ``wrap_bio``; the first write starts the handshake, and whatever is in the buffer is flushed."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    with socket.create_connection((HOST, port), timeout=TIMEOUT) as plain:

        def pump(step: Callable[..., Any], *arguments: Any) -> Any:
            while True:
                try:
                    return step(*arguments)
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    piece = plain.recv(65536)
                    incoming.write(piece) if piece else incoming.write_eof()
                finally:
                    plain.sendall(outgoing.read())  # a careless client flushes on errors too

        pump(tls.write, SECRET.encode())
        return str(pump(tls.read, 1024).decode())


def by_makefile(context: ssl.SSLContext, port: int) -> str:
    with _wrap(context, port, do_handshake_on_connect=False) as tls, tls.makefile("rwb", buffering=0) as stream:
        stream.write(SECRET.encode())
        return str((stream.read(1024) or b"").decode())


# ---------------------------------------------------------------------------------------------------- blocking clients


def by_urllib3(context: ssl.SSLContext, port: int) -> str:
    with urllib3.PoolManager(ssl_context=context, retries=False, timeout=TIMEOUT) as pool:
        return pool.request("GET", f"https://{HOST}:{port}/urllib3", headers=HEADERS).data.decode()


class ContextAdapter(requests.adapters.HTTPAdapter):
    """What people write to give requests a context (our own adapter is tested apart)."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **named)


def by_requests(context: ssl.SSLContext, port: int) -> str:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", ContextAdapter(context))
        return session.get(f"https://{HOST}:{port}/requests", headers=HEADERS, timeout=TIMEOUT).text


def by_httpx(context: ssl.SSLContext, port: int) -> str:
    with httpx.Client(verify=context, trust_env=False, timeout=TIMEOUT) as client:
        return client.get(f"https://{HOST}:{port}/httpx", headers=HEADERS).text


def by_websockets(context: ssl.SSLContext, port: int) -> str:
    with websockets.sync.client.connect(
        f"wss://{HOST}:{port}/ws", ssl=context, additional_headers=HEADERS, proxy=None, open_timeout=TIMEOUT
    ) as link:
        link.send("hi")
        return str(link.recv())


# --------------------------------------------------------------------------------------------------------- event loops


def by_httpx_async(context: ssl.SSLContext, port: int) -> str:
    return asyncio.run(_httpx_async(context, port))


def by_httpx_trio(context: ssl.SSLContext, port: int) -> str:
    return str(trio.run(_httpx_async, context, port))


async def _httpx_async(context: ssl.SSLContext, port: int) -> str:
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=TIMEOUT) as client:
        return (await client.get(f"https://{HOST}:{port}/httpx-async", headers=HEADERS)).text


def by_aiohttp(context: ssl.SSLContext, port: int) -> str:
    async def run() -> str:
        timeout = aiohttp.ClientTimeout(TIMEOUT)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"https://{HOST}:{port}/aiohttp", headers=HEADERS, ssl=context) as answer,
        ):
            return await answer.text()

    return asyncio.run(run())


def by_websockets_async(context: ssl.SSLContext, port: int) -> str:
    async def run() -> str:
        async with websockets.asyncio.client.connect(
            f"wss://{HOST}:{port}/ws", ssl=context, additional_headers=HEADERS, proxy=None, open_timeout=TIMEOUT
        ) as link:
            await link.send("hi")
            return str(await link.recv())

    return asyncio.run(run())


async def _streams(context: ssl.SSLContext, port: int) -> str:
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=HOST), TIMEOUT
    )
    try:
        writer.write(SECRET.encode())
        await writer.drain()
        return (await asyncio.wait_for(reader.read(1024), TIMEOUT)).decode()
    finally:
        writer.close()
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), TIMEOUT)


def by_asyncio(context: ssl.SSLContext, port: int) -> str:
    return asyncio.run(_streams(context, port))


def by_uvloop(context: ssl.SSLContext, port: int) -> str:
    work: Coroutine[Any, Any, str] = _streams(context, port)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # uvloop and asyncio's policies
        return uvloop.run(work)


def by_asyncio_start_tls(context: ssl.SSLContext, port: int) -> str:
    """SMTP by hand: a plain connection that is upgraded."""

    async def run() -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for line in (b"EHLO client\r\n", b"STARTTLS\r\n"):
                writer.write(line)
            while await reader.readline() != b"220 go\r\n":
                pass
            await writer.start_tls(context, server_hostname=HOST)
            writer.write(f"AUTH PLAIN {SECRET}\r\n".encode())
            return (await asyncio.wait_for(reader.readline(), TIMEOUT)).decode()
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), TIMEOUT)

    return asyncio.run(run())


CLIENTS = (
    Client("http.client", by_http_client, blocks=True),
    Client("urllib", by_urllib, blocks=True),
    Client("urllib3", by_urllib3, blocks=True),
    Client("requests", by_requests, blocks=True),
    Client("httpx", by_httpx, blocks=True),
    Client("httpx-asyncio", by_httpx_async),
    Client("httpx-trio", by_httpx_trio),
    Client("aiohttp", by_aiohttp),
    Client("websockets", by_websockets, blocks=True),
    Client("websockets-asyncio", by_websockets_async),
    Client("asyncio", by_asyncio, echo=True),
    Client("uvloop", by_uvloop, echo=True),
    Client("smtplib", by_smtplib, greeting=greet_smtp, lines=True, blocks=True),
    Client("ftplib", by_ftplib, greeting=greet_ftp, lines=True, blocks=True),
    Client("asyncio-starttls", by_asyncio_start_tls, greeting=greet_smtp, lines=True),
    Client("ssl-socket", by_ssl_socket, echo=True, blocks=True),
    Client("implicit-handshake", by_implicit_handshake, echo=True, blocks=True),
    Client("wrap-before-connect", by_wrap_before_connect, echo=True, blocks=True),
    Client("makefile", by_makefile, echo=True, blocks=True),
    Client("wrap-bio", by_wrap_bio, echo=True),
)

# ------------------------------------------------------------------------------------------------------------- proxies


def through_urllib3(context: ssl.SSLContext, port: int, proxy: str) -> str:
    with urllib3.ProxyManager(
        proxy, ssl_context=context, proxy_ssl_context=context, retries=False, timeout=TIMEOUT
    ) as pool:
        return pool.request("GET", f"https://{HOST}:{port}/urllib3", headers=HEADERS).data.decode()


def through_http_client(context: ssl.SSLContext, port: int, proxy: str) -> str:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", int(proxy.rpartition(":")[2]), context=context, timeout=TIMEOUT
    )
    connection.set_tunnel(HOST, port)
    with contextlib.closing(connection):
        connection.request("GET", "/http-client", headers=HEADERS)
        return connection.getresponse().read().decode()


def through_httpx(context: ssl.SSLContext, port: int, proxy: str) -> str:
    with httpx.Client(
        verify=context,
        trust_env=False,
        timeout=TIMEOUT,
        proxy=_httpx_proxy(context, proxy),
    ) as client:
        return client.get(f"https://{HOST}:{port}/httpx", headers=HEADERS).text


def through_httpx_async(context: ssl.SSLContext, port: int, proxy: str) -> str:
    async def run() -> str:
        async with httpx.AsyncClient(
            verify=context,
            trust_env=False,
            timeout=TIMEOUT,
            proxy=_httpx_proxy(context, proxy),
        ) as client:
            return (await client.get(f"https://{HOST}:{port}/httpx", headers=HEADERS)).text

    return asyncio.run(run())


def through_aiohttp(context: ssl.SSLContext, port: int, proxy: str) -> str:
    async def run() -> str:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(TIMEOUT)) as session,
            session.get(f"https://{HOST}:{port}/aiohttp", headers=HEADERS, ssl=context, proxy=proxy) as answer,
        ):
            return await answer.text()

    return asyncio.run(run())


def through_websockets(context: ssl.SSLContext, port: int, proxy: str) -> str:
    more: dict[str, Any] = {"proxy_ssl": context} if proxy.startswith("https:") else {}
    with websockets.sync.client.connect(
        f"wss://{HOST}:{port}/ws",
        ssl=context,
        additional_headers=HEADERS,
        proxy=proxy,
        open_timeout=TIMEOUT,
        **more,
    ) as link:
        link.send("hi")
        return str(link.recv())


def through_asyncio(context: ssl.SSLContext, port: int, proxy: str) -> str:
    """CONNECT by hand, over TLS if the proxy speaks it, then TLS inside."""

    async def run() -> str:
        outer = context if proxy.startswith("https:") else None
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(proxy.rpartition(":")[2]), ssl=outer, server_hostname=HOST if outer else None
        )
        try:
            writer.write(f"CONNECT {HOST}:{port} HTTP/1.1\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            await writer.start_tls(context, server_hostname=HOST)
            writer.write(f"GET /asyncio HTTP/1.1\r\nAuthorization: {SECRET}\r\n\r\n".encode())
            return (await asyncio.wait_for(reader.read(1024), TIMEOUT)).decode()
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), TIMEOUT)

    return asyncio.run(run())


def _httpx_proxy(context: ssl.SSLContext, proxy: str) -> httpx.Proxy:
    return httpx.Proxy(proxy, ssl_context=context if proxy.startswith("https:") else None)


@dataclass(frozen=True)
class ProxyClient:
    """One client behind a proxy: ``call`` takes the context, the port and the proxy's URL."""

    name: str
    call: ProxiedCall

    def __str__(self) -> str:
        return self.name


#: Clients behind an HTTP proxy, by CONNECT.
PROXY_CLIENTS = (
    ProxyClient("http.client", through_http_client),
    ProxyClient("urllib3", through_urllib3),
    ProxyClient("httpx", through_httpx),
    ProxyClient("httpx-asyncio", through_httpx_async),
    ProxyClient("aiohttp", through_aiohttp),
    ProxyClient("websockets", through_websockets),
    ProxyClient("asyncio", through_asyncio),
)

#: Clients behind an HTTPS proxy: TLS in TLS.
TLS_IN_TLS_CLIENTS = tuple(client for client in PROXY_CLIENTS if client.name != "http.client")

# SPDX-License-Identifier: Apache-2.0
"""Attack: a link spells the protected host another way (``https://API.example.com.``), and the pins are not found.

TLS compares host names without regard to case, so the certificate is valid for every spelling. A look-up that does not
normalise finds no pins, and the attacker gets the request.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3

from holdfast.client.tls.ssl_context import create_default_context
from holdfast.client.tls.verification_error import PinVerificationError, pin_error
from tests.pki import Authority
from tests.static_judge import StaticJudge
from tests.tls_attack import open_app
from tests.tls_clients import HEADERS, ContextAdapter, by_http_client
from tests.tls_servers import TLSServer, serve_echo
from tests.tls_world import HOST, get_world

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _every_name_is_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **named: resolve("127.0.0.1", *rest, **named))


def by_stdlib(context: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.tls_clients.HOST", url.split("/")[2].rpartition(":")[0])
    by_http_client(context, int(url.split(":")[2].split("/", maxsplit=1)[0]))


def by_urllib3(context: Any, url: str, _: pytest.MonkeyPatch) -> None:
    with urllib3.PoolManager(ssl_context=context, retries=False) as pool:
        pool.request("GET", url, headers=HEADERS)


def by_requests(context: Any, url: str, _: pytest.MonkeyPatch) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", ContextAdapter(context))
        session.get(url, headers=HEADERS)


def by_httpx(context: Any, url: str, _: pytest.MonkeyPatch) -> None:
    with httpx.Client(verify=context, trust_env=False) as client:
        client.get(url, headers=HEADERS)


def by_aiohttp(context: Any, url: str, _: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession() as session, session.get(url, headers=HEADERS, ssl=context):
            pass

    asyncio.run(run())


CLIENTS = {
    "http.client": by_stdlib,
    "urllib3": by_urllib3,
    "requests": by_requests,
    "httpx": by_httpx,
    "aiohttp": by_aiohttp,
}


@pytest.mark.parametrize("real_store", [False, True], ids=["exact-look-up", "pin-store"])
@pytest.mark.parametrize("spelling", ["LOCALHOST", "LocalHost", "localhost.", "LOCALHOST."])
@pytest.mark.parametrize("client", CLIENTS)
def test_no_spelling_gets_past_the_pins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str, spelling: str, real_store: bool
) -> None:
    world = get_world()
    with open_app(tmp_path) as app, TLSServer(world.mis_issued) as attacker:
        context = app.context if real_store else world.pinned_context()
        with pytest.raises(Exception) as caught:  # each client has its own; with the dot, some fail to validate
            CLIENTS[client](context, f"https://{spelling}:{attacker.port}/", monkeypatch)
        assert attacker.application_bytes == 0
        if not spelling.endswith("."):
            refusal = pin_error(caught.value)
            assert refusal is not None
            assert refusal.host == HOST


@pytest.mark.parametrize("client", CLIENTS)
def test_control_the_certificate_is_valid_for_the_other_spelling(monkeypatch: pytest.MonkeyPatch, client: str) -> None:
    world = get_world()
    with TLSServer(world.mis_issued) as attacker:
        CLIENTS[client](world.plain_context(), f"https://LOCALHOST:{attacker.port}/", monkeypatch)
        assert attacker.application_bytes > 0


@contextlib.contextmanager
def refused(
    judge: StaticJudge, authority: Authority, issued_for: str, asked_for: str
) -> Iterator[PinVerificationError]:
    """Connect under one name to a server whose certificate, of another key than the pinned, is valid for it."""
    context = create_default_context(judge, cadata=authority.pem)
    with TLSServer(authority.leaf(issued_for), handler=serve_echo) as attacker:
        plain = socket.create_connection(("127.0.0.1", attacker.port), timeout=5)
        with pytest.raises(PinVerificationError) as caught:
            context.wrap_socket(plain, server_hostname=asked_for)
        assert attacker.application_bytes == 0
        yield caught.value


@pytest.mark.parametrize(
    ("pinned", "issued_for", "asked_for"),
    [
        ("xn--bcher-kva.example", "xn--bcher-kva.example", "b\u00fccher.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", "XN--BCHER-KVA.example"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("2001:db8::1", "2001:db8::1", "2001:DB8:0:0::1"),
    ],
    ids=["u-label", "upper-a-label", "ipv4", "ipv6"],
)
def test_names_and_addresses_in_other_forms(pinned: str, issued_for: str, asked_for: str) -> None:
    world = get_world()
    with refused(StaticJudge({pinned: [world.genuine.pin]}), world.other_root, issued_for, asked_for) as error:
        assert error.host == pinned


@pytest.mark.parametrize("name", ["exa!mple.com", "-.example.com", "exam ple.com"])
def test_what_is_no_host_name_is_refused_though_its_certificate_is_valid(name: str) -> None:
    """OpenSSL compares any text with any text; a judge that would let every unknown host pass is not asked."""
    world = get_world()
    with refused(StaticJudge({}), world.other_root, name, name) as error:
        assert error.reason == "hostname-syntax"


@pytest.mark.parametrize("asked_for", ["-bad-.example.com", "exa mple.com", "127.1"])
def test_what_is_no_host_name_is_refused(asked_for: str) -> None:
    """Even by a judge that would let every unknown host pass."""
    world = get_world()
    pinned = world.pinned_context(StaticJudge({}))
    with TLSServer(world.mis_issued, handler=serve_echo) as server:
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        with pytest.raises(Exception):  # noqa: B017 - OpenSSL, the codec for IDNA, or the pins
            pinned.wrap_socket(plain, server_hostname=asked_for).sendall(b"secret")
        plain.close()
        assert server.application_bytes == 0

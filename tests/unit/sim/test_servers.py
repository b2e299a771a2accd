# SPDX-License-Identifier: Apache-2.0
"""The servers of the small world count rightly, so that what the demonstration says of them is true."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import pytest

from holdfast.sim.backend import Backend
from holdfast.sim.listener import Address
from holdfast.sim.network import BEARER, fetch, fetch_async, fetch_through_proxy, send_before_handshake
from holdfast.sim.pki import CertificateAuthority
from holdfast.sim.proxy import InterceptingProxy

HOST = "api.example.com"
Way = Callable[[str, Address, ssl.SSLContext], bytes]


@pytest.fixture(scope="module")
def public() -> CertificateAuthority:
    return CertificateAuthority("Example Public CA")


@pytest.fixture(scope="module")
def rogue() -> CertificateAuthority:
    return CertificateAuthority("Example Interception CA")


@pytest.fixture(scope="module")
def context(public: CertificateAuthority, rogue: CertificateAuthority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=public.pem + rogue.pem)


@pytest.mark.parametrize("way", [fetch, fetch_async, send_before_handshake])
def test_a_back_end_counts_what_it_decrypted(way: Way, public: CertificateAuthority, context: ssl.SSLContext) -> None:
    identity = public.issue(HOST)
    with Backend(identity) as backend:
        assert way(HOST, backend.address, context)
        assert backend.settle()
        assert backend.handshakes == backend.count_requests(identity) == 1
        assert backend.decrypted_bytes > len(BEARER)


def test_a_swap_counts_from_the_next_connection(public: CertificateAuthority, context: ssl.SSLContext) -> None:
    old, new = public.issue(HOST), public.issue(HOST)
    with Backend(old) as backend:
        fetch(HOST, backend.address, context)
        backend.swap(new)
        fetch(HOST, backend.address, context)
        fetch(HOST, backend.address, context)
        assert backend.settle()
        assert (backend.count_requests(old), backend.count_requests(new)) == (1, 2)
        assert backend.identity is new


def test_a_handshake_without_a_request_counts_no_request(public: CertificateAuthority, context: ssl.SSLContext) -> None:
    identity = public.issue(HOST)
    with Backend(identity) as backend:
        with socket.create_connection(backend.address) as plain, context.wrap_socket(plain, server_hostname=HOST):
            pass
        assert backend.settle()
        assert (backend.handshakes, backend.count_requests(identity), backend.decrypted_bytes) == (1, 0, 0)


@pytest.mark.parametrize("way", [fetch, fetch_through_proxy, fetch_async, send_before_handshake])
def test_the_proxy_reads_whoever_believes_it(
    way: Way, public: CertificateAuthority, rogue: CertificateAuthority, context: ssl.SSLContext
) -> None:
    with (
        Backend(public.issue(HOST)) as backend,
        InterceptingProxy(rogue, HOST, lambda _host: backend.address) as proxy,
    ):
        assert b"balance" in way(HOST, proxy.address, context) or way is send_before_handshake
        assert BEARER.encode() in proxy.loot
        assert proxy.attempts == 1


def test_the_proxy_reads_nobody_who_does_not(public: CertificateAuthority, rogue: CertificateAuthority) -> None:
    careful = ssl.create_default_context(cadata=public.pem)
    with (
        Backend(public.issue(HOST)) as backend,
        InterceptingProxy(rogue, HOST, lambda _host: backend.address) as proxy,
    ):
        with pytest.raises(ssl.SSLCertVerificationError):
            fetch(HOST, proxy.address, careful)
        assert proxy.loot == b""
        assert proxy.attempts == 1

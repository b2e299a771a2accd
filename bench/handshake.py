# SPDX-License-Identifier: Apache-2.0
"""What a pinned handshake costs its client, beside a plain one and beside other ways of pinning in Python.

One TLS 1.3 handshake over a loopback connection that stands already: CPU seconds of the client's thread from
``wrap_socket`` until it returns. In its turn every way shakes hands four times; the first one does not count, because
an app uses one way and finds the processor's caches as that way left them, and the fastest of the others does.

The machine's CA store is a single CA, for all of them: truststore reads it again for each handshake, which with the 140
CAs of an ordinary machine costs more than 30 plain handshakes. It gets a new context each time, because there the cost
grows with the number of handshakes on one context.

What the others check: *urllib3* and *aiohttp* the whole leaf certificate, so any renewal breaks them, and aiohttp
validates no CA with it; *truststore* no pin at all: it is here because it is the other context that hooks every
handshake; the *pyOpenSSL callback* the leaf's key, and no host name.
"""

from __future__ import annotations

import os
import ssl
from base64 import b64decode
from collections.abc import Callable, Collection
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from unittest import mock

import aiohttp
import truststore
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import SSL
from urllib3.util.ssl_ import assert_fingerprint

import holdfast
from bench.backends import HOST, KINDS, Backend, connect, open_store, run_backends
from bench.harness import Figure, Spread, Way, compare, cpu_clock, fastest, talk

if TYPE_CHECKING:
    import socket

    from holdfast.client.tls.judge import PinJudge

__all__ = ["WAYS", "compare_handshakes", "measure"]

AT_MOST = {"p256": 1.03, "rsa2048": 1.045}
ROUNDS = 601
TRIES = 3

TRIED = (
    "one lean function instead of five, no enumeration members, the path of a host read once, no look at the time-out "
    "before a refusal; what is left is a dozen Python functions after arithmetic that has emptied the caches."
)

Wrap = Callable[["socket.socket"], Any]
Prepare = Callable[[], Wrap]  # what is not measured

WAYS = {
    "pinned": "`PinnedSSLContext`",
    "floor": "floor: a subclass of `SSLContext` that only calls its base",
    "urllib3": "urllib3 `assert_fingerprint`",
    "aiohttp": "aiohttp `Fingerprint`, which validates no CA",
    "truststore": "truststore, which pins nothing",
    "pyopenssl": "pyOpenSSL verify callback, on an OpenSSL of its own",
    "pyopenssl_plain": "pyOpenSSL without a callback: what the line above is to be compared with",
}


class _FloorSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)


class _FloorContext(ssl.SSLContext):
    sslsocket_class = _FloorSocket


class _Transport:
    """What aiohttp's check asks of an asyncio transport."""

    def __init__(self, tls: ssl.SSLSocket) -> None:
        self._extra = {"sslcontext": tls.context, "ssl_object": tls}

    def get_extra_info(self, name: str) -> object:
        return self._extra[name]


def wrap_plain(context: ssl.SSLContext) -> Wrap:
    """Do what the standard library does, with whatever context."""
    wrap_socket = context.wrap_socket
    return lambda connection: wrap_socket(connection, server_hostname=HOST)


def _wrap_urllib3(backend: Backend) -> Wrap:
    context = backend.plain_context()
    context.check_hostname = False  # urllib3 does so where a fingerprint is given
    fingerprint = sha256(backend.identity.der).hexdigest()

    def wrap(connection: socket.socket) -> ssl.SSLSocket:
        tls = context.wrap_socket(connection, server_hostname=HOST)
        assert_fingerprint(tls.getpeercert(binary_form=True), fingerprint)
        return tls

    return wrap


def _wrap_aiohttp(backend: Backend) -> Wrap:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # as aiohttp does with a fingerprint, all three
    context.verify_mode = ssl.CERT_NONE
    context.set_default_verify_paths()
    fingerprint = aiohttp.Fingerprint(sha256(backend.identity.der).digest())

    def wrap(connection: socket.socket) -> ssl.SSLSocket:
        tls = context.wrap_socket(connection, server_hostname=HOST)
        fingerprint.check(_Transport(tls))  # type: ignore[arg-type]  # all that it asks for
        return tls

    return wrap


def _wrap_truststore() -> Wrap:
    return wrap_plain(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def _wrap_pyopenssl(backend: Backend, *, pinned: bool) -> Wrap:
    digest = b64decode(backend.identity.pin)

    def check(_: SSL.Connection, certificate: Any, error: int, depth: int, ok: int) -> bool:
        if depth or not ok or error:
            return bool(ok)
        spki = certificate.to_cryptography().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return sha256(spki).digest() == digest

    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.load_verify_locations(str(backend.cafile))
    context.set_verify(SSL.VERIFY_PEER, check if pinned else None)

    def wrap(connection: socket.socket) -> SSL.Connection:
        connection.settimeout(None)  # a time-out would make it a socket that does not block
        tls = SSL.Connection(context, connection)
        tls.set_tlsext_host_name(HOST.encode())
        tls.set_connect_state()
        tls.do_handshake()
        return tls

    return wrap


def _build_ways(backend: Backend, store: PinJudge) -> dict[str, Prepare]:
    floor = _FloorContext(ssl.PROTOCOL_TLS_CLIENT)
    floor.load_verify_locations(str(backend.cafile))
    lasting = {
        "plain": wrap_plain(backend.plain_context()),
        "pinned": wrap_plain(holdfast.create_default_context(store, cafile=str(backend.cafile))),
        "floor": wrap_plain(floor),
        "urllib3": _wrap_urllib3(backend),
        "aiohttp": _wrap_aiohttp(backend),
        "pyopenssl": _wrap_pyopenssl(backend, pinned=True),
        "pyopenssl_plain": _wrap_pyopenssl(backend, pinned=False),
    }
    ways: dict[str, Prepare] = {name: lambda wrap=wrap: wrap for name, wrap in lasting.items()}  # type: ignore[misc]
    return ways | {"truststore": _wrap_truststore}


def _shake(backend: Backend, prepare: Prepare) -> Way:
    def shake() -> float:
        wrap = prepare()
        connection = connect(backend)
        start = cpu_clock()
        tls = wrap(connection)
        cost = cpu_clock() - start
        tls.close()
        return cost

    counted = fastest(shake, tries=TRIES)

    def way() -> float:
        shake()
        return counted()

    return way


def compare_handshakes(
    backend: Backend, store: PinJudge, *, rounds: int, only: Collection[str] = WAYS
) -> dict[str, Spread]:
    """Let all ways shake hands by turns; each in terms of the plain context."""
    machine = {"SSL_CERT_FILE": str(backend.cafile), "SSL_CERT_DIR": str(backend.cafile.parent)}
    with mock.patch.dict(os.environ, machine):
        ways = {name: prepare for name, prepare in _build_ways(backend, store).items() if name in {"plain", *only}}
        for name, prepare in ways.items():
            _check_version(backend, name, prepare)
        return compare({name: _shake(backend, way) for name, way in ways.items()}, "plain", rounds=rounds, warm_up=20)


def _check_version(backend: Backend, name: str, prepare: Prepare) -> None:
    with connect(backend) as connection:
        tls = prepare()(connection)
        version = tls.version() if isinstance(tls, ssl.SSLSocket) else tls.get_protocol_version_name()
        tls.close()
    if version != "TLSv1.3":
        raise SystemExit(f"error: {name} spoke {version}")


def measure(*, quick: bool) -> list[Figure]:
    """Measure this subject."""
    figures = []
    with run_backends() as backends:
        store = open_store(*(backend.identity for backend in backends.values()))
        for kind, backend in backends.items():
            talk(f"handshake: {KINDS[kind]}")
            taken = compare_handshakes(backend, store, rounds=201 if quick else ROUNDS)
            figures += [
                Figure.of(
                    taken[way], name=f"handshake.{kind}_{way}", what=f"handshake, {KINDS[kind]}: {what}",
                    unit="x plain context", at_most=AT_MOST[kind] if way == "pinned" else None, tried=TRIED,
                )
                for way, what in WAYS.items()
            ]  # fmt: skip
    return figures

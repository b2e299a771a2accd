# SPDX-License-Identifier: Apache-2.0
"""An app with a real pin store behind its TLS context, and what every TLS attack on it must come to.

Legitimate state first (the genuine server is reached), then the attack through each way to drive a connection, with the
exact error; what is still enforced, and what lies on disk; the genuine server is reached again; and a control: the same
attacker against a client that lacks what is tested, which tells it everything.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from holdfast.client.cache.store import name_cache_file
from holdfast.client.config import ClientConfig
from holdfast.client.pin_store import PinStore
from holdfast.client.tls.ssl_context import PinnedSSLContext, create_default_context
from holdfast.client.tls.verification_error import PinVerificationError
from holdfast.telemetry.events import PinMismatched
from tests.client_world import BASE, FakeClock, Heard, Mirror
from tests.pki import Identity
from tests.repository import CHANNEL, Repository, pin
from tests.tls_clients import CLIENTS, SECRET
from tests.tls_servers import TLSServer, serve_echo
from tests.tls_world import HOST, TLS13, get_world

__all__ = ["WAYS", "App", "assert_attack_fails", "assert_reached", "open_app", "unverified_context"]

#: One client for each way to drive a connection: a blocking socket with and without an explicit handshake, memory
#: buffers with a careless owner, an event loop.
WAYS = tuple(
    next(client for client in CLIENTS if client.name == name)
    for name in ("ssl-socket", "implicit-handshake", "wrap-bio", "asyncio")
)


@dataclass
class App:
    """An app: its store, its TLS context, what it heard, and what its publisher can do."""

    store: PinStore
    context: PinnedSSLContext
    heard: Heard
    repository: Repository
    clock: FakeClock
    cache_file: Path

    def enforced(self) -> tuple[object, ...]:
        """What is enforced in memory, and what would be enforced after a restart."""
        document: dict[str, Any] = json.loads(self.cache_file.read_bytes())
        on_disk = sorted(document["set"]["files"].items())
        return self.store.state, self.store.manifest_version, self.store.hosts, on_disk

    def publish(self, *leaf_pins: str) -> None:
        """Publish other leaf keys for the host; the app has not fetched them yet."""
        self.repository.set_pins(HOST, list(leaf_pins))
        self.repository.publish()


@contextmanager
def open_app(
    folder: Path,
    *,
    leaf_pins: Sequence[str] | None = None,
    ca_pins: Sequence[str] = (),
    trusted: str | None = None,
    **scope_fields: Any,
) -> Iterator[App]:
    """Open an app that protects :data:`HOST` and has a set on disk.

    Args:
        folder: For its cache.
        leaf_pins: SPKI digests of leaves; by default the genuine leaf's.
        ca_pins: SPKI digests of CAs.
        trusted: PEM of the CAs that the client trusts; by default both roots of the world.
        scope_fields: Other fields of the host's scope entry.
    """
    world = get_world()
    repository = Repository()
    repository.add_host(
        HOST,
        [world.genuine.pin] if leaf_pins is None else list(leaf_pins),
        allow={"leaf": True, "ca": list(ca_pins)},
        **scope_fields,
    )
    repository.entry(HOST)["accept"] += [pin(digest, at="ca") for digest in ca_pins]
    repository.publish()
    clock, heard = FakeClock(), Heard()
    config = ClientConfig(
        root=repository.anchor,
        seed=repository.bundle(),
        mirrors=(BASE,),
        cache_dir=folder / "cache",
        fetcher=Mirror(repository),
        clock=clock,
    )
    clock.wait(hours=1)
    repository.now = clock.device
    repository.publish()
    store = PinStore(config, listener=heard)
    try:
        assert store.refresh().error is None
        context = create_default_context(store, cadata=trusted or world.trusted)
        yield App(store, context, heard, repository, clock, folder / "cache" / name_cache_file(CHANNEL))
    finally:
        store.close()


def unverified_context() -> ssl.SSLContext:
    """The context of a client that believes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def assert_reached(app: App, identity: Identity, *, version: ssl.TLSVersion = TLS13) -> None:
    """The app reaches a server that shows this identity, and talks to it."""
    with TLSServer(identity, handler=serve_echo, version=version) as server:
        for way in WAYS:
            assert way.call(app.context, server.port) == SECRET
        assert server.application_bytes == len(WAYS) * len(SECRET)


def assert_attack_fails(
    app: App,
    attacker: Identity,
    *,
    control: ssl.SSLContext,
    genuine: Identity | None = None,
    reason: str | None = "no-match",
    version: ssl.TLSVersion = TLS13,
) -> None:
    """All that the module's docstring promises.

    Args:
        app: The app.
        attacker: What the attacker's server shows.
        control: The context of a client that falls for it.
        genuine: What the real server shows.
        reason: Why pins refuse; ``None`` where OpenSSL refuses, before pins are asked.
        version: TLS version of the attacker's server.
    """
    genuine = genuine or get_world().genuine
    assert_reached(app, genuine, version=version)
    before, mismatches = app.enforced(), app.heard.count(PinMismatched)
    with TLSServer(attacker, handler=serve_echo, version=version) as server:
        for way in WAYS:
            with pytest.raises(ssl.SSLCertVerificationError) as caught:
                way.call(app.context, server.port)
            if reason is None:
                assert type(caught.value) is ssl.SSLCertVerificationError
            else:
                assert type(caught.value) is PinVerificationError
                assert (caught.value.host, caught.value.reason) == (HOST, reason)
        assert server.application_bytes == 0
        assert len(server.connections) == len(WAYS), "each way has met the attacker"
        for way in WAYS:
            way.call(control, server.port)
        assert server.data == SECRET.encode() * len(WAYS), "control: the same attacker, without what is tested"
    heard = app.heard.of(PinMismatched)[mismatches:]
    # Never silent: each refusal is told, and the second look after a refresh is a verdict of its own.
    assert len(heard) >= len(WAYS) if reason is not None else heard == []
    assert all(event.enforced and event.host == HOST for event in heard)
    assert app.enforced() == before
    assert_reached(app, genuine, version=version)

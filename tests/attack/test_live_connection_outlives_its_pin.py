# SPDX-License-Identifier: Apache-2.0
"""Attack: a connection to a key that has been revoked since goes on, for as long as both sides keep it open.

A WebSocket or a pooled connection lives for hours. When the policy moves, each guarded read and write looks at the
stored path again; the connection ends, and nothing more is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.client.tls.verification_error import PinVerificationError, pin_error
from tests.repository import pin
from tests.tls_attack import App, assert_reached, open_app
from tests.tls_servers import TLSServer, serve_echo
from tests.tls_world import HOST, VERSIONS, get_world


def revoke_by_rejection(app: App) -> None:
    """The manifest rejects the key."""
    stolen = get_world().genuine.pin
    app.repository.entry(HOST)["accept"] = [pin(get_world().stranger.pin)]
    app.repository.entry(HOST)["reject"] = [pin(stolen, at="any")]
    app.repository.publish()


def revoke_by_omission(app: App) -> None:
    """The manifest no longer lists it."""
    app.publish(get_world().stranger.pin)


def revoke_by_scope(app: App) -> None:
    """The security team rejects it."""
    app.repository.scope_entry(HOST)["reject"] = [pin(get_world().genuine.pin, at="any")]
    app.repository.scope["version"] += 1
    app.publish(get_world().stranger.pin)


REVOCATIONS: dict[str, tuple[Callable[[App], None], str]] = {
    "manifest-reject": (revoke_by_rejection, "manifest-reject"),
    "omission": (revoke_by_omission, "no-match"),
    "scope-reject": (revoke_by_scope, "scope-reject"),
}


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize("way", REVOCATIONS)
def test_a_blocking_connection_ends_at_its_next_message(tmp_path: Path, way: str, version: ssl.TLSVersion) -> None:
    world = get_world()
    revoke, reason = REVOCATIONS[way]
    with open_app(tmp_path) as app, TLSServer(world.genuine, handler=serve_echo, version=version) as server:
        assert_reached(app, world.genuine)
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        with app.context.wrap_socket(plain, server_hostname=HOST) as tls:
            tls.sendall(b"before")
            assert tls.recv(10) == b"before"
            revoke(app)
            assert app.store.refresh().error is None
            with pytest.raises(PinVerificationError) as caught:
                tls.sendall(b"after")
            assert (caught.value.reason, caught.value.live) == (reason, True)
        assert server.data == b"before"
        with pytest.raises(PinVerificationError):  # and a new one is refused as well
            app.context.wrap_socket(
                socket.create_connection(("127.0.0.1", server.port), timeout=5), server_hostname=HOST
            )
        assert server.data == b"before"


def test_an_event_loops_connection_ends_at_its_next_message(tmp_path: Path) -> None:
    world = get_world()
    with open_app(tmp_path) as app, TLSServer(world.genuine, handler=serve_echo) as server:

        async def run() -> BaseException | None:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", server.port, ssl=app.context, server_hostname=HOST
            )
            writer.write(b"before")
            assert await reader.readexactly(6) == b"before"
            revoke_by_omission(app)
            assert (await app.store.refresh_async()).error is None
            writer.write(b"after")
            writer.write(b"and more")
            try:
                await asyncio.wait_for(reader.read(10), 5)
            except OSError as error:
                return error
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            return None

        error = asyncio.run(run())
        refusal = pin_error(error)
        assert isinstance(refusal, PinVerificationError)
        assert refusal.live
        assert server.data == b"before"


def test_control_a_connection_without_pins_goes_on() -> None:
    world = get_world()
    with TLSServer(world.genuine, handler=serve_echo) as server:
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        with world.plain_context().wrap_socket(plain, server_hostname=HOST) as tls:
            tls.sendall(b"before")
            tls.recv(10)
            tls.sendall(b"after")
        assert server.data == b"beforeafter"


def test_a_connection_survives_a_rotation_that_keeps_its_key(tmp_path: Path) -> None:
    world = get_world()
    with open_app(tmp_path) as app, TLSServer(world.genuine, handler=serve_echo) as server:
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        with app.context.wrap_socket(plain, server_hostname=HOST) as tls:
            tls.sendall(b"before")
            tls.recv(10)
            app.publish(world.genuine.pin, world.stranger.pin)
            assert app.store.refresh().error is None
            tls.sendall(b"after")
        assert server.data == b"beforeafter"

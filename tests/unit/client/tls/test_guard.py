# SPDX-License-Identifier: Apache-2.0
"""What a host showed last is not encoded again, and what it shows now is what is judged."""

from __future__ import annotations

import socket
import ssl

import pytest

from holdfast.client.tls import guard
from holdfast.client.tls.ssl_context import PinnedSSLContext
from holdfast.client.tls.verification_error import PinVerificationError
from tests.pki import Identity
from tests.static_judge import StaticJudge
from tests.tls_servers import TLSServer
from tests.tls_world import HOST, VERSIONS, get_world


def path_of(identity: Identity) -> tuple[bytes, ...]:
    """The path that OpenSSL finds: leaf, intermediate, root."""
    world = get_world()
    return (identity.der, world.issuing.der, world.root.der)


def shake(context: PinnedSSLContext, server: TLSServer, host: str = HOST) -> None:
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    with context.wrap_socket(plain, server_hostname=host):
        pass


def shake_in_memory(context: PinnedSSLContext, server: TLSServer) -> None:
    """The same through an ``SSLObject``, as event loops do."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
            else:
                plain.sendall(outgoing.read())
                return


@pytest.fixture
def judge() -> StaticJudge:
    return get_world().judge()


@pytest.fixture
def context(judge: StaticJudge) -> PinnedSSLContext:
    return get_world().pinned_context(judge)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize("connect", [shake, shake_in_memory])
def test_the_same_path_is_read_once(
    connect: type, version: ssl.TLSVersion, context: PinnedSSLContext, judge: StaticJudge
) -> None:
    genuine = get_world().genuine
    with TLSServer(genuine, version=version) as server:
        for _ in range(3):
            connect(context, server)
    first, *others = [asked.path for asked in judge.asked]
    assert first == path_of(genuine)
    assert others
    assert all(path is first for path in others), "equal certificates were encoded again"


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_a_renewed_certificate_is_another_path(
    version: ssl.TLSVersion, context: PinnedSSLContext, judge: StaticJudge
) -> None:
    world = get_world()
    renewed = world.issuing.leaf(HOST, key=world.genuine.key)
    with TLSServer(world.genuine, version=version) as server:
        shown = [world.genuine, renewed, renewed, world.genuine]
        for identity in shown:
            server.show(identity)
            shake(context, server)
    assert [asked.path for asked in judge.asked] == [path_of(identity) for identity in shown]
    assert renewed.der != world.genuine.der


def test_another_key_after_the_genuine_one_is_refused(context: PinnedSSLContext) -> None:
    world = get_world()
    with TLSServer(world.genuine) as server:
        shake(context, server)
        for wrong in (world.mis_issued, world.issuing.leaf(HOST)):
            server.show(wrong)
            with pytest.raises(PinVerificationError) as refused:
                shake(context, server)
            assert refused.value.observed[0] == wrong.pin
            server.show(world.genuine)
            shake(context, server)


def test_another_path_to_the_same_leaf_is_another_path() -> None:
    """A cross-sign changes what OpenSSL validates, though the server shows the same leaf."""
    world = get_world()
    cross = world.other_root.cross_sign(world.issuing)
    judge = world.judge(world.root.pin)
    context = world.pinned_context(judge)
    with TLSServer(world.genuine) as server:
        shake(context, server)
    with TLSServer(world.genuine.with_chain(cross.certificate)) as server:
        stranger = PinnedSSLContext(judge)
        stranger.load_verify_locations(cadata=world.other_root.pem)
        stranger.shown.update(context.shown)  # as if it had seen the other path itself
        with pytest.raises(PinVerificationError):
            shake(stranger, server)
    assert judge.asked[-1].path == (world.genuine.der, cross.der, world.other_root.der)


def test_names_do_not_share_what_they_showed() -> None:
    world = get_world()
    judge = StaticJudge({HOST: [world.genuine.pin], "127.0.0.1": ["another"]})
    context = world.pinned_context(judge)
    with TLSServer(world.genuine) as server:
        shake(context, server)
        with pytest.raises(PinVerificationError):
            shake(context, server, "127.0.0.1")
        shake(context, server)
        with pytest.raises(PinVerificationError):
            shake(context, server, "127.0.0.1")


def test_what_is_kept_is_bounded(context: PinnedSSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_MAX_SHOWN", 2)
    with TLSServer(get_world().genuine) as server:
        for host in (HOST, "127.0.0.1", "LOCALHOST", "Localhost"):
            shake(context, server, host)
            assert len(context.shown) <= 2

# SPDX-License-Identifier: Apache-2.0
"""The sockets: every way to read or write is a gate, before the handshake, after a refusal, after the policy moved."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.client.tls.guard import get_refresh_budget
from holdfast.client.tls.pinned_socket import PinnedSSLObject, PinnedSSLSocket
from holdfast.client.tls.ssl_context import PinnedSSLContext
from holdfast.client.tls.verification_error import PinVerificationError
from holdfast.errors import ConfigError
from tests.pki import CLIENT_AUTH
from tests.static_judge import StaticJudge
from tests.tls_servers import TLSServer, serve_echo
from tests.tls_world import HOST, TLS12, TLS13, VERSIONS, get_world

SECRET = b"open sesame"


def recv_into(tls: Any) -> int:
    return int(tls.recv_into(bytearray(64)))


def sendfile(tls: Any) -> int:
    return int(tls.sendfile(io.BytesIO(SECRET)))


def send_real_file(tls: Any, path: Path) -> int:
    """By ``os.sendfile``, beneath ``send``, where the standard library sees no TLS."""
    with path.open("rb") as file:
        return int(tls.sendfile(file))


def makefile_read(tls: Any) -> bytes:
    with tls.makefile("rb", buffering=0) as stream:
        return bytes(stream.read(64) or b"")


def makefile_write(tls: Any) -> None:
    with tls.makefile("wb", buffering=0) as stream:
        stream.write(SECRET)


READS: dict[str, Callable[[Any], Any]] = {
    "read": lambda tls: tls.read(64),
    "read-buffer": lambda tls: tls.read(64, bytearray(64)),
    "recv": lambda tls: tls.recv(64),
    "recv_into": recv_into,
    "makefile-read": makefile_read,
}
WRITES: dict[str, Callable[[Any], Any]] = {
    "write": lambda tls: tls.write(SECRET),
    "send": lambda tls: tls.send(SECRET),
    "sendall": lambda tls: tls.sendall(SECRET),
    "sendfile": sendfile,
    "makefile-write": makefile_write,
}
OPERATIONS: dict[str, Callable[[Any], Any]] = {**READS, **WRITES, "unwrap": lambda tls: tls.unwrap()}

every_operation = pytest.mark.parametrize("operation", OPERATIONS)
every_write = pytest.mark.parametrize("operation", WRITES)


@pytest.fixture(params=["direct", "through-memory"])
def with_certificate(request: pytest.FixtureRequest) -> bool:
    """Whether a client certificate is loaded, which chooses the other class of sockets."""
    return bool(request.param == "through-memory")


def shake_hands(tls: Any) -> None:
    tls.do_handshake()


def make_context(judge: StaticJudge, *, with_certificate: bool = False) -> PinnedSSLContext:
    world = get_world()
    context = world.pinned_context(judge)
    if with_certificate:
        world.issuing.leaf("client", usage=[CLIENT_AUTH]).load_into(context)
    return context


@contextlib.contextmanager
def wrap(context: ssl.SSLContext, server: TLSServer, **named: Any) -> Iterator[Any]:
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    with plain, context.wrap_socket(plain, server_hostname=HOST, **named) as tls:
        yield tls


# -------------------------------------------------------------------------------- before the handshake


@every_operation
def test_no_operation_passes_before_the_peer_was_judged(operation: str, with_certificate: bool) -> None:
    world = get_world()
    context = make_context(world.judge(), with_certificate=with_certificate)
    with TLSServer(world.mis_issued, handler=serve_echo) as attacker:
        with wrap(context, attacker, do_handshake_on_connect=False) as tls:
            with pytest.raises(PinVerificationError) as caught:
                OPERATIONS[operation](tls)
            assert not caught.value.live
            assert tls.fileno() == -1, "closed for good"
        assert attacker.application_bytes == 0


@every_write
def test_control_a_plain_socket_hands_the_first_message_over(operation: str) -> None:
    world = get_world()
    with TLSServer(world.mis_issued, handler=serve_echo) as attacker:
        with wrap(world.plain_context(), attacker, do_handshake_on_connect=False) as tls:
            OPERATIONS[operation](tls)
        assert attacker.data == SECRET


@every_operation
def test_every_operation_works_with_the_genuine_peer(operation: str, with_certificate: bool) -> None:
    world = get_world()
    context = make_context(world.judge(), with_certificate=with_certificate)
    with TLSServer(world.genuine, handler=serve_echo) as server:
        with wrap(context, server, do_handshake_on_connect=False) as tls:
            if operation in READS:
                tls.sendall(SECRET)
                assert OPERATIONS[operation](tls) in {SECRET, len(SECRET)}
            else:
                OPERATIONS[operation](tls)
        assert server.application_bytes == (0 if operation == "unwrap" else len(SECRET))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refused_socket_stays_refused(version: ssl.TLSVersion, with_certificate: bool) -> None:
    world = get_world()
    judge = world.judge()
    context = make_context(judge, with_certificate=with_certificate)
    with TLSServer(world.mis_issued, handler=serve_echo, version=version) as attacker:
        with wrap(context, attacker, do_handshake_on_connect=False) as tls:
            raised = []
            for operation in [*OPERATIONS.values(), shake_hands]:
                with pytest.raises(OSError, match=r"refused|Bad file descriptor") as caught:
                    operation(tls)
                raised.append(caught.value)
            assert len({id(error) for error in raised}) == len(raised), "each is an error of its own"
            assert sum(isinstance(error, PinVerificationError) for error in raised) >= len(WRITES) + 3
            judge.set_pins({HOST: [world.mis_issued.pin]})  # even if the pins were to admit it now
            with pytest.raises(PinVerificationError):
                tls.sendall(SECRET)
        assert attacker.application_bytes == 0
    assert len(judge.asked) == 1


def test_wrapping_raises_and_leaves_nothing_open(with_certificate: bool) -> None:
    world = get_world()
    context = make_context(world.judge(), with_certificate=with_certificate)
    with TLSServer(world.mis_issued) as attacker:
        plain = socket.create_connection(("127.0.0.1", attacker.port), timeout=5)
        with pytest.raises(PinVerificationError):
            context.wrap_socket(plain, server_hostname=HOST)
        assert plain.fileno() == -1
        assert attacker.application_bytes == 0


def test_a_judge_that_fails_lets_nothing_pass(with_certificate: bool) -> None:
    class Broken(StaticJudge):
        def judge(self, host: str, path: Any) -> Any:
            raise ZeroDivisionError

    world = get_world()
    context = make_context(Broken({HOST: ["x"]}), with_certificate=with_certificate)
    with TLSServer(world.genuine, handler=serve_echo) as server:
        with wrap(context, server, do_handshake_on_connect=False) as tls:
            for operation in OPERATIONS.values():
                with pytest.raises(ZeroDivisionError):
                    operation(tls)
        assert server.application_bytes == 0


# ------------------------------------------------------------------------------ after the policy moved


@every_operation
@pytest.mark.parametrize("version", VERSIONS)
def test_a_live_connection_ends_when_its_pin_is_withdrawn(operation: str, version: ssl.TLSVersion) -> None:
    world = get_world()
    judge = world.judge()
    with TLSServer(world.genuine, handler=serve_echo, version=version) as server:
        with wrap(make_context(judge), server) as tls:
            tls.sendall(b"before")
            assert tls.recv(64) == b"before"
            tls.sendall(b"echo")
            judge.set_pins({HOST: [world.stranger.pin]})
            with pytest.raises(PinVerificationError) as caught:
                OPERATIONS[operation](tls)
            assert caught.value.live
            assert tls.fileno() == -1
        assert server.data == b"beforeecho"


@every_operation
def test_a_live_connection_goes_on_when_the_new_policy_admits_it(operation: str, with_certificate: bool) -> None:
    world = get_world()
    judge = world.judge()
    with TLSServer(world.genuine, handler=serve_echo) as server:
        with wrap(make_context(judge, with_certificate=with_certificate), server) as tls:
            if operation in READS:
                tls.sendall(SECRET)
            judge.set_pins({HOST: [world.genuine.pin, world.stranger.pin]})
            OPERATIONS[operation](tls)
        server.settle()
    assert len(judge.asked) == 2, "judged again, once"


class Moving(StaticJudge):
    """Its policy moves while it is judging: the verdict that it returns is out of date already."""

    moves = False

    def judge(self, host: str, path: Any) -> Any:
        verdict = super().judge(host, path)
        if self.moves:
            self.moves = False
            self.set_pins({HOST: [get_world().stranger.pin]})
        return verdict


@pytest.mark.parametrize("when", ["handshake", "second-handshake", "later"])
def test_a_policy_that_moves_during_the_verdict_is_seen_at_the_next_message(when: str) -> None:
    world = get_world()
    judge = Moving({HOST: [world.genuine.pin]})
    context = make_context(judge)
    with TLSServer(world.genuine, handler=serve_echo) as server:
        if when == "second-handshake":  # which takes the fast path
            with wrap(context, server):
                pass
        judge.moves = when != "later"
        with wrap(context, server) as tls:
            if when == "later":
                judge.moves = True
                judge.set_pins({HOST: [world.genuine.pin]})
                tls.sendall(b"judged anew")
            with pytest.raises(PinVerificationError):
                tls.sendall(SECRET)
        assert SECRET not in server.data


def test_an_unprotected_host_that_becomes_protected_is_judged_on_its_stored_path() -> None:
    world = get_world()
    judge = StaticJudge({})
    with TLSServer(world.mis_issued, handler=serve_echo) as server, wrap(make_context(judge), server) as tls:
        tls.sendall(b"unprotected")
        judge.set_pins({HOST: [world.genuine.pin]})
        with pytest.raises(PinVerificationError):
            tls.sendall(SECRET)
        assert server.data == b"unprotected"


def test_an_idle_connection_reads_as_dropped_when_the_policy_ends_it() -> None:
    world = get_world()
    judge = world.judge()
    with TLSServer(world.genuine, handler=serve_echo) as server, wrap(make_context(judge), server) as tls:
        judge.set_pins({HOST: [world.stranger.pin]})
        assert tls.fileno() >= 0, "a pool would trip over a closed one"
        assert tls.fileno() >= 0
        server.settle()  # the server has seen the end
        with pytest.raises(PinVerificationError):
            tls.sendall(SECRET)


# ---------------------------------------------------------------------------------- never in the clear


def test_nothing_is_sent_in_the_clear_before_connect(tmp_path: Path) -> None:
    context = make_context(get_world().judge())
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with context.wrap_socket(socket.socket(), server_hostname=HOST) as tls:
            fast_open = getattr(socket, "MSG_FASTOPEN", 0x20000000)
            for operation in (
                lambda: tls.sendto(SECRET, fast_open, listener.getsockname()),
                lambda: tls.send(SECRET),
                lambda: tls.sendall(SECRET),
                lambda: tls.sendfile(io.BytesIO(SECRET)),
                lambda: send_real_file(tls, secret),
            ):
                with pytest.raises(OSError, match="in the clear"):
                    operation()
        listener.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listener.accept()


class WireTap:
    """A genuine server over a socket pair; ``clear`` is what came over the wire after the TLS handshake."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._near, self._far = socket.socketpair()
        self._server = threading.Thread(target=self._serve)
        self._server.start()
        self.tls: Any = context.wrap_socket(self._near, server_hostname=HOST)
        self._server.join(5)

    def _serve(self) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = get_world().genuine.server_context(version=TLS12).wrap_bio(incoming, outgoing, server_side=True)
        with contextlib.suppress(ssl.SSLError):
            while True:
                try:
                    server.do_handshake()
                except ssl.SSLWantReadError:
                    self._far.sendall(outgoing.read())
                    incoming.write(self._far.recv(65536))
                else:
                    return self._far.sendall(outgoing.read())

    def finish(self) -> bytes:
        """Close both ends, and tell what was on the wire."""
        self.tls.close()
        clear = b""
        while piece := self._far.recv(65536):
            clear += piece
        self._far.close()
        return clear


def test_nothing_is_sent_in_the_clear_after_shutdown(tmp_path: Path) -> None:
    """The standard library forgets TLS at any shutdown, also at that of the other direction."""
    world = get_world()
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    pinned = WireTap(make_context(world.judge()))
    pinned.tls.shutdown(socket.SHUT_RD)
    for operation in WRITES.values():
        with pytest.raises((OSError, ValueError)):
            operation(pinned.tls)
    with pytest.raises(OSError, match="in the clear"):
        send_real_file(pinned.tls, secret)
    with pytest.raises(OSError, match="in the clear"):
        pinned.tls.sendto(SECRET, ("::", 1))
    assert pinned.finish() == b""
    control = WireTap(world.plain_context())
    control.tls.shutdown(socket.SHUT_RD)
    control.tls.sendall(SECRET)
    assert control.finish() == SECRET


def test_after_unwrap_the_socket_is_plain_as_asked_for() -> None:
    world = get_world()
    left, right = socket.socketpair()
    heard = []

    def serve() -> None:
        with right:
            tls = world.genuine.server_context().wrap_socket(right, server_side=True)
            heard.append(tls.recv(64))
            plain = tls.unwrap()
            heard.append(plain.recv(64))
            plain.close()

    thread = threading.Thread(target=serve)
    thread.start()
    with make_context(world.judge()).wrap_socket(left, server_hostname=HOST) as tls:
        tls.sendall(b"secret")
        plain = tls.unwrap()
        assert plain is tls
        plain.sendall(b"clear")
        thread.join(5)
    assert heard == [b"secret", b"clear"]


# ------------------------------------------------------------------------------ which name, which path


def test_the_name_that_was_verified_is_looked_up_not_one_that_was_assigned() -> None:
    world = get_world()
    judge = world.judge()
    with TLSServer(world.mis_issued, handler=serve_echo) as attacker:
        with wrap(make_context(judge), attacker, do_handshake_on_connect=False) as tls:
            tls.server_hostname = "unprotected.example.com"
            with pytest.raises(PinVerificationError):
                tls.sendall(SECRET)
        assert attacker.application_bytes == 0
    assert judge.asked[0].host == HOST


def test_nor_one_that_was_connected_to_before() -> None:
    """The fast path knows names that it has met; the assigned one is not to be found there either."""
    world = get_world()
    judge = world.judge()  # 127.0.0.1 is unprotected
    context = make_context(judge)
    with TLSServer(world.mis_issued, handler=serve_echo) as attacker:
        plain = socket.create_connection(("127.0.0.1", attacker.port), timeout=5)
        context.wrap_socket(plain, server_hostname="127.0.0.1").close()
        with wrap(context, attacker, do_handshake_on_connect=False) as tls:
            tls.server_hostname = "127.0.0.1"
            with pytest.raises(PinVerificationError):
                tls.sendall(SECRET)
        assert attacker.application_bytes == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_the_path_is_the_validated_one_leaf_first(version: ssl.TLSVersion, with_certificate: bool) -> None:
    world = get_world()
    judge = world.judge()
    with TLSServer(world.genuine, handler=serve_echo, version=version) as server:
        with wrap(make_context(judge, with_certificate=with_certificate), server):
            pass
        server.settle()
    assert [question.path for question in judge.asked] == [(world.genuine.der, world.issuing.der, world.root.der)]


def test_a_socket_cannot_be_given_an_unpinned_context() -> None:
    world = get_world()
    context = make_context(world.judge())
    tls_object = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST)
    with TLSServer(world.genuine, handler=serve_echo) as server, wrap(context, server) as tls:
        for target in (tls, tls_object):
            with pytest.raises(ConfigError):
                target.context = world.plain_context()
            target.context = context
            assert target.context is context


# --------------------------------------------------------------------------------- refresh on mismatch


@pytest.mark.parametrize(
    ("timeout", "budget"), [(None, 10.0), (0, None), (0.0, None), (1.0, 0.8), (5, 4.0), (12.5, 10.0), (100, 10.0)]
)
def test_the_refresh_stays_below_the_timeout(timeout: float | None, budget: float | None) -> None:
    assert get_refresh_budget(timeout) == budget


@pytest.mark.parametrize("version", VERSIONS)
def test_a_blocking_socket_refreshes_and_looks_once_more(version: ssl.TLSVersion, with_certificate: bool) -> None:
    world = get_world()
    judge = StaticJudge({HOST: [world.stranger.pin]}, refreshed={HOST: [world.genuine.pin]})
    with TLSServer(world.genuine, handler=serve_echo, version=version) as server:
        with wrap(make_context(judge, with_certificate=with_certificate), server) as tls:
            tls.sendall(SECRET)
            assert tls.recv(64) == SECRET
        assert len(server.connections) == 1
    assert judge.refreshes == [4.0]
    first, second = judge.asked
    assert first.path == second.path
    assert (first.verdict.allowed, second.verdict.allowed) == (False, True)


def test_a_refresh_by_somebody_else_counts_too() -> None:
    """Ours is told that nothing changed, because another thread's had been quicker."""
    world = get_world()
    judge = StaticJudge({HOST: [world.stranger.pin]})
    judge.on_refresh = lambda: judge.set_pins({HOST: [world.genuine.pin]})
    with TLSServer(world.genuine, handler=serve_echo) as server, wrap(make_context(judge), server) as tls:
        tls.sendall(SECRET)


def test_a_refresh_that_brings_nothing_ends_in_the_refusal() -> None:
    world = get_world()
    judge = world.judge()
    with TLSServer(world.mis_issued) as attacker:
        with pytest.raises(PinVerificationError) as caught, wrap(make_context(judge), attacker):
            pass
        assert attacker.application_bytes == 0
    assert caught.value.refreshed
    assert len(judge.asked) == 1
    assert judge.refreshes == [4.0]


def handshake_without_blocking(tls: Any) -> None:
    for _ in range(1000):
        try:
            tls.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            threading.Event().wait(0.005)
        else:
            return
    raise TimeoutError


def test_a_socket_that_must_not_block_never_refreshes(with_certificate: bool) -> None:
    world = get_world()
    judge = StaticJudge({HOST: [world.stranger.pin]}, refreshed={HOST: [world.genuine.pin]})
    with TLSServer(world.genuine, handler=serve_echo) as server:
        context = make_context(judge, with_certificate=with_certificate)
        with wrap(context, server, do_handshake_on_connect=False) as tls:
            tls.setblocking(False)
            with pytest.raises(PinVerificationError) as caught:
                handshake_without_blocking(tls)
        assert server.application_bytes == 0
    assert judge.refreshes == []
    assert not caught.value.refreshed


def test_do_handshake_that_is_told_to_block_may_refresh() -> None:
    world = get_world()
    judge = StaticJudge({HOST: [world.stranger.pin]}, refreshed={HOST: [world.genuine.pin]})
    with (
        TLSServer(world.genuine, handler=serve_echo) as server,
        wrap(make_context(judge), server, do_handshake_on_connect=False) as tls,
    ):
        tls.setblocking(False)
        tls.do_handshake(block=True)
        assert tls.gettimeout() == 0
    assert judge.refreshes == [10.0]


# ------------------------------------------------------------------------------------------- SSLObject


class Link:
    """A TLS object, and the server's end of it, over memory."""

    def __init__(self, context: ssl.SSLContext, server_context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self.incoming, self.outgoing, server_hostname=HOST)
        self._server_in, self._server_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = server_context.wrap_bio(self._server_in, self._server_out, server_side=True)
        self.learned = b""

    def carry(self) -> None:
        """Let everything that was sent arrive, and the server read it."""
        self._server_in.write(self.outgoing.read())
        with contextlib.suppress(ssl.SSLWantReadError):
            self.server.do_handshake()
            while True:
                self.learned += self.server.read(1024)
        self.incoming.write(self._server_out.read())

    def try_hard(self, operation: Callable[[], Any]) -> Any:
        for _ in range(10):
            try:
                return operation()
            except ssl.SSLWantReadError:
                self.carry()
        raise TimeoutError


OBJECT_OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "write": lambda tls: tls.write(SECRET),
    "read": lambda tls: tls.read(64),
    "read-buffer": lambda tls: tls.read(64, bytearray(64)),
    "do_handshake": lambda tls: tls.do_handshake(),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("operation", OBJECT_OPERATIONS)
def test_an_object_passes_nothing_to_an_unjudged_peer(operation: str, version: ssl.TLSVersion) -> None:
    world = get_world()
    judge = StaticJudge({HOST: [world.genuine.pin]}, refreshed={HOST: [world.mis_issued.pin]})
    link = Link(make_context(judge), world.mis_issued.server_context(version=version))
    assert isinstance(link.client, PinnedSSLObject)
    with pytest.raises(PinVerificationError):
        link.try_hard(lambda: OBJECT_OPERATIONS[operation](link.client))
    assert link.outgoing.pending == 0, "the last flight was thrown away"
    link.carry()
    assert link.learned == b""
    for again in (*OBJECT_OPERATIONS.values(), OPERATIONS["unwrap"]):
        with pytest.raises(PinVerificationError):
            again(link.client)
    assert link.outgoing.pending == 0
    assert judge.refreshes == [], "an event loop must never block"
    with pytest.raises((ssl.SSLError, ValueError)):
        link.server.getpeercert()  # the handshake never ended at the server


@pytest.mark.parametrize("version", VERSIONS)
def test_control_a_plain_object_tells_everything(version: ssl.TLSVersion) -> None:
    world = get_world()
    link = Link(world.plain_context(), world.mis_issued.server_context(version=version))
    link.try_hard(lambda: link.client.write(SECRET))
    link.carry()
    assert link.learned == SECRET


@pytest.mark.parametrize("version", VERSIONS)
def test_an_object_talks_to_the_genuine_peer_and_ends_with_the_policy(version: ssl.TLSVersion) -> None:
    world = get_world()
    judge = world.judge()
    link = Link(make_context(judge), world.genuine.server_context(version=version))
    link.try_hard(lambda: link.client.write(SECRET))
    link.carry()
    assert link.learned == SECRET
    assert len(judge.asked) == 1, "TLS 1.2 is judged before its last flight, and that verdict stands"
    judge.set_pins({HOST: [world.genuine.pin]})
    link.client.write(b"more")
    link.carry()
    assert link.learned == SECRET + b"more"
    assert len(judge.asked) == 2
    judge.set_pins({HOST: [world.stranger.pin]})
    for operation in ("write", "read", "read-buffer"):
        with pytest.raises(PinVerificationError) as caught:
            OBJECT_OPERATIONS[operation](link.client)
        assert caught.value.live
    link.carry()
    assert link.learned == SECRET + b"more"


def test_an_object_that_was_judged_early_is_judged_again_if_the_policy_moved_meanwhile() -> None:
    world = get_world()
    judge = world.judge()
    link = Link(make_context(judge), world.genuine.server_context(version=TLS12))
    with pytest.raises(ssl.SSLWantReadError):
        link.client.do_handshake()
    link.carry()
    with pytest.raises(ssl.SSLWantReadError):
        link.client.do_handshake()
    assert len(judge.asked) == 1
    judge.set_pins({HOST: [world.stranger.pin]})
    link.carry()
    with pytest.raises(PinVerificationError):
        link.client.do_handshake()


def test_an_object_without_a_name_is_refused() -> None:
    """The standard library checks no name then, whatever ``check_hostname`` says."""
    world = get_world()
    judge = world.judge()
    context = make_context(judge)
    link = Link(context, world.genuine.server_context(version=TLS13))
    nameless = context.wrap_bio(link.incoming, link.outgoing)
    with pytest.raises((PinVerificationError, ssl.SSLError, ValueError)):
        link.try_hard(lambda: nameless.write(SECRET))
    link.carry()
    assert link.learned == b""


def test_the_classes_are_made_by_the_context_only() -> None:
    with pytest.raises(TypeError):
        PinnedSSLSocket()
    with pytest.raises(TypeError):
        PinnedSSLObject()

# SPDX-License-Identifier: Apache-2.0
"""The pin store with everything real: TLS servers, HTTP mirrors, the background thread, forks, another clock."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import holdfast
from holdfast.client.self_test.canary import SelfTestOutcome
from holdfast.telemetry.events import (
    ManifestAccepted,
    PinMismatched,
    SelfTestFailed,
    SelfTestInconclusive,
    SelfTestPassed,
)
from tests.client_world import Heard, http_mirror
from tests.pki import Identity
from tests.repository import Repository
from tests.scripted_server import ScriptedServer
from tests.tls_servers import TLSServer
from tests.tls_world import HOST, get_world
from tests.tools import ROOT, clean_environment, requires, wait_until

CANARY = "canary.example.com"


class Deployment:
    """A channel that protects ``localhost``, served over HTTP, and what an app would ship."""

    def __init__(self, folder: Path, server: ScriptedServer, repository: Repository) -> None:
        self.folder = folder
        self.server = server
        self.repository = repository
        self.heard = Heard()

    def publish(self, *pins: str) -> None:
        self.repository.now = datetime.now(UTC)
        self.repository.set_pins(HOST, list(pins))
        self.repository.publish()

    def export(self) -> Path:
        """Write what ``holdfast anchors export`` writes."""
        folder = self.folder / "anchors"
        folder.mkdir(exist_ok=True)
        (folder / "root.json").write_bytes(self.repository.anchor)
        (folder / "seed.json").write_bytes(self.repository.bundle())
        document = {
            "format": "holdfast-anchors/1",
            "channel": self.repository.channel,
            "mirrors": [self.server.url("/v1/")],
            "required_hosts": [HOST],
        }
        (folder / "holdfast.json").write_text(json.dumps(document))
        return folder

    def open(self, **settings: Any) -> holdfast.PinStore:
        settings = {"cache_dir": self.folder / "cache", "refresh_floor_seconds": 0.1, **settings}
        return holdfast.PinStore.open(self.folder / "anchors", listener=self.heard, **settings)

    @property
    def requests(self) -> int:
        return self.server.connections


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    world = get_world()
    repository = Repository(now=datetime.now(UTC))
    repository.add_host(HOST, [world.genuine.pin])
    repository.scope["canary"] = {"host": CANARY}
    repository.manifest["refresh_seconds"] = 1
    repository.publish()
    with http_mirror(repository) as server:
        deployment = Deployment(tmp_path, server, repository)
        deployment.export()
        yield deployment


def context_of(store: holdfast.PinStore) -> holdfast.PinnedSSLContext:
    return holdfast.create_default_context(store, cadata=get_world().trusted)


@contextmanager
def connected(context: ssl.SSLContext, server: TLSServer) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as tls,
    ):
        yield tls


def say(context: ssl.SSLContext, server: TLSServer) -> None:
    with connected(context, server) as tls:
        tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert tls.recv(65536)


def renewed() -> Identity:
    return get_world().issuing.leaf(HOST, "127.0.0.1")


def test_the_seed_is_enforced_before_any_request(deployment: Deployment) -> None:
    world = get_world()
    store = deployment.open()
    with TLSServer(world.genuine) as genuine, TLSServer(world.mis_issued) as evil:
        say(context_of(store), genuine)
        with (
            pytest.raises(holdfast.PinMismatchError),
            connected(context_of(deployment.open(refresh_on_mismatch=False)), evil),
        ):
            pass
        evil.settle()
        assert evil.application_bytes == 0
        say(world.plain_context(), evil)  # control: without pins, the interceptor gets the request
        evil.settle()
        assert evil.application_bytes > 0
    assert deployment.requests == 0
    store.close()


def test_an_unplanned_rotation_heals_in_the_handshake(deployment: Deployment) -> None:
    store = deployment.open()
    new = renewed()
    context = context_of(store)
    with TLSServer(new) as server:
        deployment.publish(new.pin)
        say(context, server)
        assert deployment.requests == 1
        assert store.manifest_version == 2
        say(context, server)
        assert deployment.requests == 1
    store.close()


def test_sixteen_threads_at_a_rotated_server_make_one_request(deployment: Deployment) -> None:
    store = deployment.open()
    new = renewed()
    failures: list[BaseException] = []
    with TLSServer(new) as server:
        deployment.publish(new.pin)

        def client() -> None:
            try:
                say(context_of(store), server)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert not failures
    assert deployment.requests == 1
    store.close()


def test_the_background_thread_keeps_the_pins_current(deployment: Deployment) -> None:
    new = renewed()
    with deployment.open(refresh_on_mismatch=False) as store, TLSServer(new) as server:
        wait_until(lambda: store.state.value == "fresh", what="the first refresh")
        with pytest.raises(holdfast.PinMismatchError):
            say(context_of(store), server)
        deployment.publish(get_world().genuine.pin, new.pin)
        wait_until(lambda: store.manifest_version == 2, what="the second manifest")
        say(context_of(store), server)
    sources = [event.source for event in deployment.heard.of(ManifestAccepted)]
    assert sources[0] == "seed"
    assert sources[-1] == "network"
    asked = deployment.requests
    time.sleep(0.4)
    assert deployment.requests == asked, "a closed store asks for nothing"


def test_a_live_connection_is_judged_again_when_its_key_is_revoked(deployment: Deployment) -> None:
    world = get_world()
    store = deployment.open()
    with TLSServer(world.genuine) as server, connected(context_of(store), server) as tls:
        tls.sendall(b"x")
        deployment.publish(renewed().pin)
        assert store.refresh().changed
        with pytest.raises(holdfast.PinMismatchError):
            tls.sendall(b"secret")
        server.settle()
        assert b"secret" not in server.data
    store.close()


async def test_the_async_form_shares_everything(deployment: Deployment) -> None:
    async with deployment.open() as store:
        result = await store.refresh_async(timeout_seconds=10)
        assert result.error is None
        deployment.publish(renewed().pin)
        results = await asyncio.gather(*(store.refresh_async(timeout_seconds=10) for _ in range(5)))
        assert {one.manifest_version for one in results} == {2}


def test_the_self_test_passes_and_a_patched_store_fails_it(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = deployment.open()
    result = store.self_test()
    assert (result.outcome, result.kind) == (SelfTestOutcome.PASSED, "offline")
    assert deployment.heard.count(SelfTestPassed) == 1
    assert deployment.heard.count(PinMismatched) == 0
    assert deployment.requests == 0
    # the attack: somebody in this process has every path accepted
    real = store.judge
    monkeypatch.setattr(store, "judge", lambda host, path: real("elsewhere.example", path))
    assert store.self_test().outcome is SelfTestOutcome.FAILED
    assert CANARY in deployment.heard.last(SelfTestFailed).detail
    store.close()


def test_a_canary_that_fails_for_another_reason_proves_nothing(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = deployment.open()
    real = store.judge
    monkeypatch.setattr(store, "judge", lambda host, path: real(HOST, path))
    result = store.self_test()
    assert (result.outcome, result.passed) == (SelfTestOutcome.INCONCLUSIVE, False)
    assert "no-match" in result.detail
    assert "no-match" in deployment.heard.last(SelfTestInconclusive).detail
    store.close()


def test_the_self_test_without_a_canary_is_no_pass(deployment: Deployment) -> None:
    del deployment.repository.scope["canary"]
    deployment.publish(get_world().genuine.pin)
    store = deployment.open()
    store.refresh()
    assert store.self_test().outcome is SelfTestOutcome.INCONCLUSIVE
    assert not store.self_test(online=True).passed
    store.close()


def test_the_online_self_test_wants_a_control(deployment: Deployment, tmp_path: Path) -> None:
    world = get_world()
    deployment.repository.scope["canary"] = {"host": "127.0.0.1"}
    deployment.publish(world.genuine.pin)
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(world.trusted)
    store = deployment.open()
    store.refresh()
    with TLSServer(world.genuine) as server:
        arguments: dict[str, Any] = {"online": True, "port": server.port, "timeout_seconds": 5}
        assert store.self_test(cafile=str(ca_file), **arguments).outcome is SelfTestOutcome.PASSED
        # nobody answers, or nobody who is trusted: that is no pass
        assert store.self_test(**arguments).outcome is SelfTestOutcome.INCONCLUSIVE
    assert store.self_test(cafile=str(ca_file), **arguments).outcome is SelfTestOutcome.INCONCLUSIVE
    store.close()


def test_check_serves_other_tls_stacks(deployment: Deployment) -> None:
    world = get_world()
    store = deployment.open()
    genuine = [world.genuine.der, world.issuing.der, world.root.der]
    assert store.check(HOST, genuine).allowed
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        store.check(HOST, [world.mis_issued.der, world.other_issuing.der, world.other_root.der])
    error = holdfast.pin_error(caught.value)
    assert error is not None
    assert (error.host, error.reason, error.observed[0]) == (HOST, "no-match", world.mis_issued.pin)
    with pytest.raises(holdfast.PinMismatchError):
        store.check(HOST, [])
    store.close()


FORKED = """
import json, os, sys, time
import holdfast

store = holdfast.PinStore.open(sys.argv[1], cache_dir=sys.argv[2], refresh_floor_seconds=0.1)
with store:
    while store.state is not holdfast.State.FRESH:
        time.sleep(0.01)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # the child's own thread brings the next manifest, and its locks are its own
        deadline = time.monotonic() + 20
        print("forked", flush=True)
        while store.manifest_version < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.write(writing, str(store.manifest_version).encode())
        assert store.refresh(timeout_seconds=20).error is None
        os.write(writing, b"!")
        os._exit(0)
    os.close(writing)
    answer = b""
    while chunk := os.read(reading, 100):
        answer += chunk
    assert os.waitpid(child, 0)[1] == 0
    print(answer.decode(), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_forked_child_refreshes_by_itself(deployment: Deployment) -> None:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        FORKED,
        str(deployment.folder / "anchors"),
        str(deployment.folder / "cache"),
    ]
    child = subprocess.Popen(
        command, env=clean_environment(PYTHONPATH=f"{ROOT / 'src'}"), stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "forked\n"
    deployment.publish(renewed().pin)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert out == "2!\n"


DATED = """
import sys
import holdfast

store = holdfast.PinStore.open(sys.argv[1], cache_dir=sys.argv[2])
result = store.refresh()
code = None if result.error is None else result.error.code
print(store.state.value, store.manifest_version, code, int(store.age_seconds) // 86400)
store.close()
"""


@requires("faketime")
@pytest.mark.parametrize(
    ("shift", "answer"),
    [("+0d", "fresh 2 None 0"), ("-7300d", "fresh 2 None 0"), ("+730d", "seed 1 expired 7")],
    ids=["right", "20-years-back", "2-years-ahead"],
)
def test_the_clock_of_a_real_machine(deployment: Deployment, shift: str, answer: str) -> None:
    deployment.publish(renewed().pin)
    done = subprocess.run(
        ["faketime", "-f", shift, sys.executable, "-c", DATED,
         str(deployment.folder / "anchors"), str(deployment.folder / "cache")],
        env=clean_environment(PYTHONPATH=str(ROOT / "src"), FAKETIME_DONT_FAKE_MONOTONIC="1"),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(answer)


def test_what_the_readme_shows(deployment: Deployment) -> None:
    store = holdfast.PinStore.open(deployment.folder / "anchors", cache_dir=deployment.folder / "cache")
    text = store.describe()
    assert "com.example.bank/production: seed, manifest 1" in text
    assert "localhost: enforced" in text
    assert store.hosts == (HOST,)
    assert store.canary_host == CANARY
    assert store.effective_now - datetime.now(UTC) < timedelta(minutes=1)
    store.close()

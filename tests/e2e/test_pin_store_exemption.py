# SPDX-License-Identifier: Apache-2.0
"""The fetcher stays plain: under a scope that covers the manifest host, with pins injected into the whole process."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import holdfast
from holdfast.client.config import ClientConfig
from tests.pki import spki_pin
from tests.repository import Repository
from tests.scripted_server import Call, ScriptedServer, answer, serve
from tests.tls_world import HOST, get_world
from tests.tools import ROOT, clean_environment


@pytest.fixture
def repository() -> Repository:
    """A channel that protects its own manifest host, with a key that this host has lost."""
    repository = Repository(now=datetime.now(UTC))
    repository.add_host(HOST, [spki_pin(get_world().stranger.key)])
    repository.publish()
    return repository


@pytest.fixture
def mirror(repository: Repository) -> Iterator[ScriptedServer]:
    def script(call: Call) -> None:
        call.send(answer(200, repository.bundle()))

    with serve(script, tls=get_world().genuine.server_context()) as server:
        yield server


@pytest.fixture
def config(repository: Repository, mirror: ScriptedServer, tmp_path: Path) -> ClientConfig:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(get_world().trusted)
    return ClientConfig(
        root=repository.anchor, seed=repository.bundle(), mirrors=(mirror.url("/", HOST),), cafile=str(ca_file)
    )


def test_pins_that_have_all_gone_wrong_can_still_be_healed(
    config: ClientConfig, repository: Repository, mirror: ScriptedServer
) -> None:
    store = holdfast.PinStore(config)
    holdfast.inject_into_ssl(store)
    try:
        with pytest.raises(OSError) as caught:  # control: everybody else in this process is pinned
            urllib.request.urlopen(mirror.url("/", HOST), context=get_world().plain_context(), timeout=10)
        assert holdfast.pin_error(caught.value) is not None
        repository.set_pins(HOST, [get_world().genuine.pin])
        repository.publish()
        result = store.refresh(timeout_seconds=20)
        assert (result.error, result.manifest_version) == (None, 2)
        with urllib.request.urlopen(mirror.url("/", HOST), context=get_world().plain_context(), timeout=10) as response:
            assert response.status == 200
    finally:
        holdfast.extract_from_ssl()
        store.close()


TRUSTSTORE = """
import sys
import truststore
truststore.inject_into_ssl()
from holdfast.client.refresh.fetcher import HttpFetcher
from holdfast.client.tls.exempt_context import is_exempt

fetcher = HttpFetcher(cafile=sys.argv[1])
assert is_exempt(fetcher.tls_context())
print(fetcher.get(sys.argv[2], max_bytes=1 << 20, timeout_seconds=10).status)
"""


def test_truststore_that_was_injected_before_does_no_harm(config: ClientConfig, mirror: ScriptedServer) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRUSTSTORE, str(config.cafile), mirror.url("/", HOST)],
        env=clean_environment(PYTHONPATH=str(ROOT / "src")), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "200\n"), done.stderr

# SPDX-License-Identifier: Apache-2.0
"""The context of fetcher and reporter: validates, and is exempt by what it is, never by whom it talks to."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

import pytest

from holdfast.client.refresh.fetcher import HttpFetcher
from holdfast.client.tls.exempt_context import ExemptSSLContext, create_exempt_context, is_exempt
from holdfast.errors import TransportError
from tests.pki import Authority
from tests.scripted_server import Call, answer, serve
from tests.tls_servers import ConnectProxy
from tests.tls_world import get_world


def test_it_validates_chain_and_name() -> None:
    context = create_exempt_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert is_exempt(context)


def test_no_other_context_is_exempt() -> None:
    assert not is_exempt(ssl.create_default_context())
    assert not is_exempt(None)
    assert not is_exempt(ExemptSSLContext)


def hello(call: Call) -> None:
    call.send(answer(200, b"hello"))


def test_the_fetcher_uses_it_and_trusts_only_the_given_ca(tmp_path: Path) -> None:
    world = get_world()
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(world.root.pem)
    fetcher = HttpFetcher(cafile=str(ca_file))
    assert is_exempt(fetcher.tls_context())
    assert fetcher.tls_context() is fetcher.tls_context()
    with serve(hello, tls=world.genuine.server_context()) as server:
        response = fetcher.get(server.url(host="localhost"), max_bytes=100, timeout_seconds=5)
        assert response.body == b"hello"
    for stranger in (world.mis_issued, Authority.root("Nobody").leaf("localhost")):
        with serve(hello, tls=stranger.server_context()) as server, pytest.raises(TransportError) as caught:
            fetcher.get(server.url(host="localhost"), max_bytes=100, timeout_seconds=5)
        assert caught.value.code == "tls"
        assert server.calls == []
    other_name = world.issuing.leaf("elsewhere.example").server_context()
    with serve(hello, tls=other_name) as server, pytest.raises(TransportError, match=r"(?i)hostname|mismatch"):
        fetcher.get(server.url(host="localhost"), max_bytes=100, timeout_seconds=5)


def test_a_silent_tls_server_is_given_up_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://localhost:{listener.getsockname()[1]}/"
        started = time.monotonic()
        with pytest.raises(TransportError) as caught:
            HttpFetcher().get(url, max_bytes=100, timeout_seconds=0.3)
        assert caught.value.code == "timeout"
        assert time.monotonic() - started < 2


def test_through_a_proxy_the_name_of_the_mirror_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = get_world()
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(world.root.pem)
    with serve(hello, tls=world.genuine.server_context()) as server, ConnectProxy(server.port) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        response = HttpFetcher(cafile=str(ca_file)).get(server.url(host="localhost"), max_bytes=100, timeout_seconds=5)
    assert response.body == b"hello"

# SPDX-License-Identifier: Apache-2.0
"""The fetcher: what a good mirror gets to deliver, and how little a hostile one can cost."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc

import pytest

from holdfast.client.refresh.fetcher import HttpFetcher, check_url
from holdfast.errors import TransportError
from tests.scripted_server import Call, answer, serve

MAX = 10_000


def get(url: str, *, etag: str | None = None, timeout_seconds: float = 5, max_bytes: int = MAX) -> tuple[int, bytes]:
    fetcher = HttpFetcher(use_environment_proxy=False)
    response = fetcher.get(url, max_bytes=max_bytes, timeout_seconds=timeout_seconds, etag=etag)
    return response.status, response.body


def refused(url: str, **arguments: float) -> TransportError:
    with pytest.raises(TransportError) as caught:
        get(url, **arguments)  # type: ignore[arg-type]
    return caught.value


def test_a_body_and_its_etag_arrive_as_they_were_sent() -> None:
    with serve(lambda call: call.send(answer(200, b'{"a": 1}', {"ETag": '"v1"'}))) as server:
        response = HttpFetcher().get(server.url("/x/bundle.json?y=1"), max_bytes=MAX, timeout_seconds=5)
    assert (response.status, response.body, response.etag) == (200, b'{"a": 1}', '"v1"')
    call = server.calls[0]
    assert call.line == "GET /x/bundle.json?y=1 HTTP/1.1"
    assert "if-none-match" not in call.headers
    assert call.headers["user-agent"] == "holdfast-python"
    assert call.headers["host"] == f"127.0.0.1:{server.port}"


def test_an_etag_is_sent_and_a_304_comes_back() -> None:
    with serve(lambda call: call.send(answer(304))) as server:
        assert get(server.url(), etag='"v1"') == (304, b"")
    assert server.calls[0].headers["if-none-match"] == '"v1"'


def test_a_304_that_nobody_asked_for_is_refused() -> None:
    with serve(lambda call: call.send(answer(304))) as server:
        assert refused(server.url()).code == "http-status"


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_file_is_an_answer(status: int) -> None:
    with serve(lambda call: call.send(answer(status, b"no such thing"))) as server:
        assert get(server.url()) == (404, b"")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_refused_and_not_followed(status: int) -> None:
    with serve(lambda call: call.send(answer(status, b"", {"Location": "https://portal.example/login"}))) as server:
        error = refused(server.url())
    assert error.code == "redirect-refused"
    assert "portal.example" in error.message
    assert server.connections == 1


@pytest.mark.parametrize("status", [204, 206, 400, 403, 500, 503])
def test_other_answers_are_refused(status: int) -> None:
    with serve(lambda call: call.send(answer(status))) as server:
        assert refused(server.url()).code == "http-status"


def test_gzip_is_unpacked() -> None:
    packed = gzip.compress(b"x" * 5000)
    with serve(lambda call: call.send(answer(200, packed, {"Content-Encoding": "gzip"}))) as server:
        assert get(server.url()) == (200, b"x" * 5000)
    assert server.calls[0].headers["accept-encoding"] == "gzip"


def test_chunks_are_joined() -> None:
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with serve(lambda call: call.send(body)) as server:
        assert get(server.url()) == (200, b"abcde")


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("br", b"whatever"),
        ("gzip", b"this is no gzip"),
        ("gzip", gzip.compress(b"x" * 5000)[:-4]),
        ("gzip", gzip.compress(b"x") + b"trailing"),
    ],
    ids=["not-asked-for", "no-gzip", "cut", "trailing"],
)
def test_what_does_not_unpack_is_refused(coding: str, body: bytes) -> None:
    with serve(lambda call: call.send(answer(200, body, {"Content-Encoding": coding}))) as server:
        refused(server.url())


def test_a_gzip_bomb_is_cut_off() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 60_000
    with serve(lambda call: call.send(answer(200, bomb, {"Content-Encoding": "gzip"}))) as server:
        tracemalloc.start()
        assert refused(server.url(), max_bytes=60_000).code == "too-large"
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 5_000_000


def test_exactly_the_largest_body_is_taken_and_one_byte_more_is_not() -> None:
    with serve(lambda call: call.send(answer(200, b"x" * MAX))) as server:
        assert get(server.url())[1] == b"x" * MAX
    with serve(lambda call: call.send(answer(200, b"x" * (MAX + 1)))) as server:
        assert refused(server.url()).code == "too-large"


def endless(call: Call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while not call.stopping.is_set():
        call.send(b"x" * 65536)


def endless_headers(call: Call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\n")
    while not call.stopping.is_set():
        call.send(b"X-Padding: " + b"x" * 60_000 + b"\r\n")


@pytest.mark.parametrize("script", [endless, endless_headers])
def test_endless_data_is_cut_off(script: object) -> None:
    with serve(script) as server:  # type: ignore[arg-type]
        started = time.monotonic()
        assert refused(server.url()).code == "too-large"
    assert time.monotonic() - started < 3


def slow_headers(call: Call) -> None:
    call.drip([b"H", b"T", *([b"X"] * 1000)], 0.05)


def slow_body(call: Call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    call.drip([b"x"] * 1000, 0.05)


def endless_interim_answers(call: Call) -> None:
    call.drip([b"HTTP/1.1 100 Continue\r\n\r\n"] * 1000, 0.02)


def silent(call: Call) -> None:
    call.stopping.wait(10)


@pytest.mark.parametrize("script", [slow_headers, slow_body, endless_interim_answers, silent])
def test_one_deadline_covers_everything(script: object) -> None:
    with serve(script) as server:  # type: ignore[arg-type]
        started = time.monotonic()
        assert refused(server.url(), timeout_seconds=0.4).code == "timeout"
        assert time.monotonic() - started < 2


def test_a_body_that_ends_early_is_refused() -> None:
    with serve(lambda call: call.send(answer(200, b"half", length=8))) as server:
        assert refused(server.url()).code == "truncated"


def test_garbage_is_refused() -> None:
    with serve(lambda call: call.send(b"SSH-2.0-OpenSSH\r\n\r\n")) as server:
        assert refused(server.url()).code == "transport"


def test_a_closed_port_is_a_transport_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert refused(f"http://127.0.0.1:{port}/").code == "transport"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bundle.json",
        "ftp://example.com/",
        "file:///etc/hostname",
        "https://",
        "https://user@example.com/",
        "https://example.com:99999/",
        "https://example.com/#x",
        "https://example.com/ x",
        "https://example.com/\r\nX: y",
        "https://[::1/",
        "https://ex\u00e4mple.com/",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(TransportError) as caught:
        check_url(url)
    assert caught.value.code == "url"
    assert refused(url).code == "url"


def test_an_address_is_split() -> None:
    assert check_url("https://pins.example.com:8443/v1/?a=b").port == 8443


def test_post_takes_any_2xx_and_nothing_else() -> None:
    with serve(lambda call: call.send(answer(202))) as server:
        HttpFetcher().post(server.url("/r"), b'{"a":1}', timeout_seconds=5)
    assert server.calls[0].body == b'{"a":1}'
    assert server.calls[0].headers["content-type"] == "application/json"
    for status in (302, 404, 500):
        with serve(lambda call: call.send(answer(status))) as server, pytest.raises(TransportError):  # noqa: B023
            HttpFetcher().post(server.url(), b"{}", timeout_seconds=5)
    with pytest.raises(TransportError):
        HttpFetcher().post(server.url(), b"{}", timeout_seconds=1)


def test_the_environment_names_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(lambda call: call.send(answer(200, b"via proxy"))) as proxy:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "direct.example")
        response = HttpFetcher().get("http://mirror.example/bundle.json", max_bytes=MAX, timeout_seconds=5)
    assert response.body == b"via proxy"
    assert proxy.calls[0].line == "GET http://mirror.example/bundle.json HTTP/1.1"
    assert proxy.calls[0].headers["host"] == "mirror.example"


def test_a_proxy_that_refuses_the_tunnel_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(lambda call: call.send(b"HTTP/1.1 403 No\r\n\r\n")) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(TransportError) as caught:
            HttpFetcher().get("https://mirror.example/bundle.json", max_bytes=MAX, timeout_seconds=5)
    assert caught.value.code == "proxy"
    assert proxy.calls[0].line == "CONNECT mirror.example:443 HTTP/1.1"


def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "https://127.0.0.1:1")
    with pytest.raises(TransportError) as caught:
        HttpFetcher().get("http://mirror.example/", max_bytes=MAX, timeout_seconds=5)
    assert caught.value.code == "proxy"


def test_the_environment_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serve(lambda call: call.send(answer(200, b"direct"))) as server:
        assert get(server.url()) == (200, b"direct")

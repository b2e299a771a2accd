# SPDX-License-Identifier: Apache-2.0
"""The distribution route, asked as a client, a cache and an attacker would; over ASGI, without a socket."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.errors import ConfigError, StoreError
from holdfast.server.app import bind, create_app
from holdfast.server.distribution import Distribution
from holdfast.server.tree import CachePolicy, load_tree

BASE = "/v1/c/com.example.bank/production/"
BUNDLE = b'{"format":"holdfast-bundle/1","files":{}}' + b" " * 1000
SCOPE = "targets/" + "a" * 64 + ".scope.json"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(app: Distribution, path: str, method: str = "GET", **headers: str) -> Answer:
    """Send one request; header names with underscores."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    raw = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(app({"type": "http", "method": method, "path": path, "headers": raw}, receive, send))
    start, body = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, body["body"])


@pytest.fixture
def public(tmp_path: Path) -> Path:
    folder = tmp_path / BASE.strip("/")
    (folder / "targets").mkdir(parents=True)
    (folder / "bundle.json").write_bytes(BUNDLE)
    (folder / "timestamp.json").write_bytes(b'{"small":1}')
    (folder / "1.root.json").write_bytes(b'{"root":1}' + b" " * 500)
    (folder / SCOPE).write_bytes(b"{}")
    return tmp_path


@pytest.fixture
def app(public: Path) -> Distribution:
    made = Distribution(public, CachePolicy(max_age_seconds=30, stale_while_revalidate_seconds=60))
    made.reload()
    return made


# ----------------------------------------------------------------------------------------------------- answers


def test_a_bundle_is_served_with_what_a_cache_needs(app: Distribution) -> None:
    answer = ask(app, BASE + "bundle.json")
    assert (answer.status, answer.body) == (200, BUNDLE)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(BUNDLE))
    assert answer.headers["cache-control"] == "public, max-age=30, stale-while-revalidate=60"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["etag"].startswith('"'), "strong"
    assert "content-encoding" not in answer.headers


def test_each_encoding_has_its_own_strong_etag(app: Distribution) -> None:
    plain, packed = ask(app, BASE + "bundle.json"), ask(app, BASE + "bundle.json", accept_encoding="gzip, br")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == BUNDLE
    assert len(packed.body) < len(BUNDLE)
    assert plain.headers["etag"] != packed.headers["etag"]
    assert packed.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("header", "is_gzip"),
    [
        ("", False),
        ("identity", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=nonsense", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("br;q=1.0, *;q=0.1", True),
    ],
)
def test_gzip_is_sent_to_whom_it_is_welcome(app: Distribution, header: str, is_gzip: bool) -> None:
    answer = ask(app, BASE + "bundle.json", accept_encoding=header)
    assert ("content-encoding" in answer.headers) is is_gzip


def test_what_does_not_shrink_is_sent_as_it_is(app: Distribution) -> None:
    assert "content-encoding" not in ask(app, BASE + "timestamp.json", accept_encoding="gzip").headers


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_an_unchanged_file_costs_no_body(app: Distribution, encoding: str) -> None:
    etag = ask(app, BASE + "bundle.json", accept_encoding=encoding).headers["etag"]
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = ask(app, BASE + "bundle.json", accept_encoding=encoding, if_none_match=condition)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["etag"] == etag
        assert "cache-control" in answer.headers
        assert "content-length" not in answer.headers


def test_the_etag_of_one_encoding_is_not_the_other_s(app: Distribution) -> None:
    etag = ask(app, BASE + "bundle.json").headers["etag"]
    answer = ask(app, BASE + "bundle.json", accept_encoding="gzip", if_none_match=etag)
    assert answer.status == 200
    assert gzip.decompress(answer.body) == BUNDLE


@pytest.mark.parametrize("condition", ['"other"', "", "garbage", '"' * 50])
def test_another_etag_gets_the_body(app: Distribution, condition: str) -> None:
    assert ask(app, BASE + "bundle.json", if_none_match=condition).status == 200


def test_versioned_files_are_immutable(app: Distribution) -> None:
    for name in ("1.root.json", SCOPE):
        assert ask(app, BASE + name).headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_root_that_is_not_there_yet_is_not_remembered_as_missing(app: Distribution) -> None:
    answer = ask(app, BASE + "2.root.json")
    assert answer.status == 404
    assert answer.headers["cache-control"] == "public, max-age=5"


@pytest.mark.parametrize("name", ["bundle.json", "missing.json"])
def test_head_is_get_without_the_body(app: Distribution, name: str) -> None:
    head, get = ask(app, BASE + name, "HEAD"), ask(app, BASE + name)
    assert head.body == b""
    assert (head.status, head.headers) == (get.status, get.headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get"])
def test_only_get_and_head(app: Distribution, method: str) -> None:
    answer = ask(app, BASE + "bundle.json", method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


# ------------------------------------------------------------------------------------------------------- hostile


def test_nothing_but_the_public_tree_is_there(public: Path) -> None:
    folder = public / BASE.strip("/")
    (public / "holdfast.toml").write_text("secret")
    for name in (
        ".holdfast-tmp1",
        "notes.txt",
        "bundle.json.bak",
        "targets/short.scope.json",
        "0.root.json",
        "index.html",
    ):
        (folder / name).write_text("secret")
    (folder / "7.root.json").symlink_to(public / "holdfast.toml")
    (folder / "8.root.json").mkdir()
    app = Distribution(public, CachePolicy())
    app.reload()
    assert sorted(app.tree) == sorted(
        BASE.strip("/") + "/" + name for name in ("bundle.json", "timestamp.json", "1.root.json", SCOPE)
    )


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        BASE,
        BASE + "../production/bundle.json",
        BASE + "./bundle.json",
        "/" + BASE + "bundle.json",
        BASE + "bundle.json/",
        BASE + "BUNDLE.JSON",
        BASE + "bundle.json\x00",
        "/v1/c/com.example.bank/../../../holdfast.toml",
        "/etc/passwd",
        "//etc/passwd",
        "é",
    ],
)
def test_no_path_leads_out(app: Distribution, path: str) -> None:
    assert ask(app, path).status == 404


@given(
    path=st.text(max_size=60),
    method=st.sampled_from(["GET", "HEAD"]),
    etags=st.text(st.characters(codec="latin-1"), max_size=40),
    encodings=st.text(st.characters(codec="latin-1"), max_size=40),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_any_request_gets_an_answer(app: Distribution, path: str, method: str, etags: str, encodings: str) -> None:
    for where in (path, BASE + "bundle.json"):
        answer = ask(app, where, method, if_none_match=etags, accept_encoding=encodings)
        assert answer.status in {200, 304, 404}


# -------------------------------------------------------------------------------------------------------- reload


def test_a_change_on_disk_is_served_and_the_rest_is_shared(app: Distribution, public: Path) -> None:
    before = app.tree
    old = ask(app, BASE + "bundle.json").headers["etag"]
    assert app.reload() is False
    fresh = public / (BASE.strip("/") + "/.new")
    fresh.write_bytes(BUNDLE + b"\n")
    fresh.replace(public / (BASE.strip("/") + "/bundle.json"))
    assert app.reload() is True
    answer = ask(app, BASE + "bundle.json", if_none_match=old)
    assert (answer.status, answer.body) == (200, BUNDLE + b"\n")
    root = BASE.strip("/") + "/1.root.json"
    assert app.tree[root] is before[root]


def test_a_directory_that_vanishes_is_an_empty_tree_and_comes_back(app: Distribution, public: Path) -> None:
    (public / "v1").rename(public / "away")
    app.reload()
    assert ask(app, BASE + "bundle.json").status == 404
    (public / "away").rename(public / "v1")
    app.reload()
    assert ask(app, BASE + "bundle.json").status == 200


def test_a_file_beyond_any_client_is_not_taken_into_memory(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.server.tree.MAX_BUNDLE_BYTES", 100)
    tree = load_tree(public, CachePolicy())
    assert BASE.strip("/") + "/bundle.json" not in tree
    assert BASE.strip("/") + "/timestamp.json" in tree


def test_the_server_s_life_loads_and_watches(public: Path) -> None:
    app = Distribution(public, CachePolicy(), poll_seconds=0.01)

    async def live() -> None:
        to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        async def send(message: Any) -> None:
            await from_app.put(dict(message))

        task = asyncio.create_task(app({"type": "lifespan"}, to_app.get, send))
        await to_app.put({"type": "lifespan.startup"})
        assert (await from_app.get())["type"] == "lifespan.startup.complete"
        assert len(app.tree) == 4
        (public / BASE.strip("/") / "2.root.json").write_bytes(b"{}")
        async with asyncio.timeout(10):
            while len(app.tree) == 4:  # noqa: ASYNC110  # the watcher tells nobody, by design
                await asyncio.sleep(0.01)
        await to_app.put({"type": "lifespan.shutdown"})
        assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
        await task

    asyncio.run(live())


def test_a_websocket_is_sent_away(app: Distribution) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {}

    asyncio.run(app({"type": "websocket", "path": "/", "headers": []}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1000}]


# ----------------------------------------------------------------------------------------------------------- app


def test_there_must_be_something_to_serve(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        create_app(tmp_path, CachePolicy())
    assert "publish" in raised.value.hint


def test_a_taken_port_is_one_clear_error() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert port
        with pytest.raises(ConfigError) as raised:
            bind("127.0.0.1", port)
        assert raised.value.code == "bind"

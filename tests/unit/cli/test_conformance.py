# SPDX-License-Identifier: Apache-2.0
"""``holdfast-conformance``: the command line that the TUF conformance suite drives, on repositories of our own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pytest
from tuf.api.metadata import Targets

from holdfast.cli.conformance import main
from tests.repository import Repository
from tests.tools import ROOT, clean_environment, free_port

TARGETS = {"file.txt": b"content", "folder/deep file.txt": b"deep"}


class Site:
    """A repository over HTTP: metadata under ``/metadata/``, targets under ``/targets/``."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository(channel=None, now=datetime.now(UTC).replace(microsecond=0))
        self.files: dict[str, bytes] = self.repository.files
        self.targets: dict[str, bytes] = {}
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.folder = folder
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(self.path)
                if path in site.answers:
                    site.answers[path](self)
                    return
                kind, _, name = path.removeprefix("/").partition("/")
                data = (site.files if kind == "metadata" else site.targets).get(name)
                self.send_response(404 if data is None else 200)
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingTCPServer(("127.0.0.1", 0), Handler)  # an HTTPServer would look its own name up
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.publish(TARGETS)

    def publish(self, targets: dict[str, bytes]) -> None:
        repository = self.repository
        signed = Targets(version=repository._next("targets"), expires=repository._expires("targets"))
        for name, data in targets.items():
            digest = sha256(data).hexdigest()
            signed.targets[name] = repository._add_target(name, {})
            signed.targets[name].length, signed.targets[name].hashes = len(data), {"sha256": digest}
            parent, slash, last = name.rpartition("/")
            self.targets[f"{parent}{slash}{digest}.{last}"] = data
        repository._put("targets", signed)
        repository.publish_snapshot()
        repository.publish_timestamp()

    def run(self, *words: str) -> int:
        return main(
            ["--metadata-dir", str(self.folder / "metadata"), "--metadata-url", f"{self.url}/metadata/", *words]
        )

    def init(self) -> None:
        root = self.folder / "trusted.json"
        root.write_bytes(self.repository.anchor)
        assert main(["--metadata-dir", str(self.folder / "metadata"), "init", str(root)]) == 0

    def download(self, *names: str) -> int:
        words = [word for name in names for word in ("--target-name", name)]
        base = ["--target-base-url", f"{self.url}/targets", "--target-dir", str(self.folder / "targets")]
        return self.run(*words, *base, "download")

    def kept(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "metadata").iterdir()}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    served = Site(tmp_path)
    yield served
    served.server.shutdown()
    served.server.server_close()
    served.thread.join()


def test_refresh_keeps_the_exact_octets_under_unversioned_names(site: Site) -> None:
    site.init()
    assert site.kept() == {"root.json": site.repository.anchor}
    site.repository.rotate_root()
    assert site.run("refresh") == 0
    assert site.kept() == {
        "root.json": site.files["2.root.json"],
        "timestamp.json": site.files["timestamp.json"],
        "snapshot.json": site.files["1.snapshot.json"],
        "targets.json": site.files["1.targets.json"],
    }


def test_the_next_run_starts_from_what_was_kept(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.init()
    old = site.files["timestamp.json"]
    site.repository.publish_timestamp()
    assert site.run("refresh") == 0
    site.files["timestamp.json"] = old
    before = site.kept()
    assert site.run("refresh") == 1
    assert capsys.readouterr().err == "error: timestamp 1 was served after 2\n"
    assert site.kept() == before


def test_what_was_verified_before_a_failure_is_kept(site: Site) -> None:
    site.init()
    assert site.run("refresh") == 0
    site.repository.rotate_root()
    site.files["timestamp.json"] = b"{}"
    assert site.run("refresh") == 1
    assert site.kept()["root.json"] == site.files["2.root.json"]
    assert json.loads(site.kept()["timestamp.json"])["signed"]["version"] == 1


def test_targets_at_hand_are_not_fetched_again(site: Site) -> None:
    site.init()
    assert site.run("refresh") == 0
    del site.files["1.targets.json"]
    site.repository.publish_timestamp()
    assert site.run("refresh") == 0
    (site.folder / "metadata" / "targets.json").write_bytes(b"spoiled")
    assert site.run("refresh") == 1


def test_targets_are_downloaded_under_quoted_names(site: Site) -> None:
    site.init()
    assert site.download(*TARGETS) == 0
    kept = {path.name: path.read_bytes() for path in (site.folder / "targets").iterdir()}
    assert kept == {"file.txt": b"content", "folder%2Fdeep%20file.txt": b"deep"}


def test_a_target_that_is_there_is_not_fetched_again(site: Site) -> None:
    site.init()
    assert site.download("file.txt") == 0
    site.targets.clear()
    assert site.download("file.txt") == 0
    (site.folder / "targets" / "file.txt").write_bytes(b"changed")
    assert site.download("file.txt") == 1


def test_without_consistent_snapshots_nothing_has_a_prefix(site: Site) -> None:
    site.repository.resign("1.root.json", "root", consistent_snapshot=False)
    site.init()
    for name in ("snapshot", "targets"):
        site.files[f"{name}.json"] = site.files[f"1.{name}.json"]
        del site.files[f"1.{name}.json"]
    site.targets = dict(TARGETS)
    assert site.download("folder/deep file.txt") == 0


@pytest.mark.parametrize(
    ("target", "answer", "says"),
    [
        ("other.txt", None, "no role lists the target other.txt"),
        ("file.txt", b"other content", "more than 7 bytes"),
        ("file.txt", b"CONTENT", "not the file that was listed"),
        ("file.txt", None, "missing, or not the file"),
    ],
)
def test_a_target_that_is_not_what_was_listed(
    site: Site, target: str, answer: bytes | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.init()
    for name in list(site.targets):
        if answer is None:
            del site.targets[name]
        else:
            site.targets[name] = answer
    assert site.download(target) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert says in said
    assert not (site.folder / "targets").exists()


def status(code: int) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.end_headers()

    return answer


def nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"220 this is not HTTP\r\n\r\n")


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"x" * 16_385)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (status(403), "there is no timestamp.json"),
        (status(404), "there is no timestamp.json"),
        (status(500), "HTTP 500"),
        (nonsense, "timestamp.json: "),
        (endless, "more than 16384 bytes"),
    ],
)
def test_a_server_that_does_not_serve(
    site: Site, answer: Callable[[BaseHTTPRequestHandler], None], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.init()
    site.answers["/metadata/timestamp.json"] = answer
    assert site.run("refresh") == 1
    assert says in capsys.readouterr().err
    assert "timestamp.json" not in site.kept()


def test_nobody_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "root.json"
    root.write_bytes(Repository(channel=None).anchor)
    base = ["--metadata-dir", str(tmp_path / "m")]
    assert main([*base, "init", str(root)]) == 0
    for url in (f"http://127.0.0.1:{free_port()}", "nonsense", "http://127.0.0.1:port/"):
        assert main([*base, "--metadata-url", url, "refresh"]) == 1
        assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("data", [b"", b"{}", None])
def test_a_root_that_is_none(tmp_path: Path, data: bytes | None, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "root.json"
    if data is not None:
        root.write_bytes(data)
    assert main(["--metadata-dir", str(tmp_path / "m"), "init", str(root)]) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "m").exists()


def test_a_refresh_before_init(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.run("refresh") == 1
    assert "root.json" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.init()

    def replace(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", replace)
    assert site.run("refresh") == 1
    assert site.kept() == {"root.json": site.repository.anchor}, "nothing half written, nothing left over"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["refresh"],
        ["--metadata-dir", "m"],
        ["--metadata-dir", "m", "init"],
        ["--metadata-dir", "m", "refresh"],
        ["--metadata-dir", "m", "--metadata-url", "u", "download"],
        ["--metadata-dir", "m", "--metadata-url", "u", "--target-name", "n", "--target-base-url", "b", "download"],
        ["--metadata-dir", "m", "--metadata-url", "u", "explode"],
    ],
)
def test_what_is_not_understood(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: holdfast-conformance" in capsys.readouterr().err


def test_it_is_a_program(site: Site) -> None:
    site.init()
    words = ["--metadata-dir", str(site.folder / "metadata"), "--metadata-url", f"{site.url}/metadata", "refresh"]
    done = subprocess.run(
        [sys.executable, "-m", "holdfast.cli.conformance", *words],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_expired_metadata(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.init()
    site.repository.now -= timedelta(days=8)
    site.repository.publish_timestamp()
    assert site.run("refresh") == 1
    assert "timestamp version 2 expired" in capsys.readouterr().err

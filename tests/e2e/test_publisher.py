# SPDX-License-Identifier: Apache-2.0
"""The publisher as people run it: processes, signals, a real HTTP server; and the quickstart, typed from the README."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from holdfast.control.checks import verify_as_new_client, verify_bundle
from holdfast.trust.state import VerifiedManifest
from tests.architecture.documents import find_blocks
from tests.pki import Authority
from tests.publisher_world import CHANNEL, FAST_KEYS, PASSPHRASE
from tests.tools import ROOT, clean_environment, free_port, wait_until

HOLDFAST = [sys.executable, "-m", "holdfast.cli.main"]
PUBLIC = Path(".holdfast/public/v1/c") / CHANNEL
BASE = f"/v1/c/{CHANNEL}/"


@dataclass
class Shop:
    """A directory in which somebody types ``holdfast``."""

    directory: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Type a command."""
        return subprocess.run(
            [*HOLDFAST, *arguments],
            cwd=self.directory,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def must(self, *arguments: str) -> str:
        """Type a command that succeeds; returns its answer."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [*HOLDFAST, *arguments],
            cwd=self.directory,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def public(self) -> Path:
        """The channel's public directory."""
        return self.directory / PUBLIC

    def read(self, name: str) -> bytes | None:
        """Read a public file."""
        path = self.public / name
        return path.read_bytes() if path.is_file() else None

    def look(self) -> tuple[VerifiedManifest, VerifiedManifest]:
        """What a new client makes of the bundle, and of the files."""
        root, bundle = self.read("1.root.json"), self.read("bundle.json")
        assert root is not None
        assert bundle is not None
        now = datetime.now(UTC)
        return verify_bundle(root, bundle, now=now, beside=self.read), verify_as_new_client(root, self.read, now=now)


def make_shop(directory: Path, **environment: str) -> Shop:
    directory.mkdir()
    passphrase = directory.parent / "passphrase"
    passphrase.write_bytes(PASSPHRASE)
    passphrase.chmod(0o600)
    (directory / "api.pem").write_text(Authority.root("Example Root").leaf("api.example.com").pem)
    everything = clean_environment(HOLDFAST_KEY_PASSPHRASE_FILE=str(passphrase), PYTHONUNBUFFERED="1", **environment)
    return Shop(directory, everything)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A published channel with one host, and keys that cost nothing; to be copied."""
    made = make_shop(tmp_path_factory.mktemp("published") / "shop", **FAST_KEYS)
    made.must("init", CHANNEL, "--mirror", "https://pins.example.com")
    made.must("host", "add", "api.example.com", "--accept", "api.pem", "--new-backup-key", "backup.pem")
    made.must("publish")
    return made


@pytest.fixture
def shop(published: Shop, tmp_path: Path) -> Shop:
    """Such a channel, for one test."""
    shutil.copytree(published.directory, tmp_path / "shop")
    return Shop(tmp_path / "shop", published.environment)


@contextmanager
def serving(shop: Shop, *options: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """``holdfast serve`` on a free port, ended by SIGTERM."""
    process = shop.start("serve", "--port", "0", "--json", *options)
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1].rstrip() != "}":
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            lines.append(line)
        port = int(json.loads("".join(lines))["url"].split(":")[2].split("/")[0])
        wait_until(lambda: _answers(port), what="the server")
        yield port, process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=15)


def _answers(port: int) -> bool:
    try:
        return ask(port, "bundle.json")[0] in {200, 404}
    except OSError:
        return False


def ask(port: int, name: str, method: str = "GET", **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    """Send one request; header names with underscores."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        sent = {header.replace("_", "-"): value for header, value in headers.items()}
        connection.request(method, BASE + name, headers=sent)
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


# -------------------------------------------------------------------------------------------------- quickstart


def find_quickstart() -> list[str]:
    for block in find_blocks(ROOT / "README.md"):
        if block.language == "console" and "holdfast init" in block.text:
            return [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
    raise AssertionError("README.md has no quickstart")


@pytest.mark.slow
def test_from_an_empty_folder_to_a_protected_host_in_five_commands_and_sixty_seconds(tmp_path: Path) -> None:
    commands = find_quickstart()
    assert len(commands) <= 5
    shop, port = make_shop(tmp_path / "empty"), free_port()
    began = time.monotonic()
    for typed in commands[:-1]:
        program, *arguments = shlex.split(typed)
        assert program == "holdfast"
        shop.must(*arguments)
    served = re.sub(r"8440", str(port), commands[-1]).removesuffix("&")
    server = shop.start(*shlex.split(served)[1:])
    try:
        wait_until(lambda: _answers(port), timeout_seconds=20, what="the server")
        shop.must("verify", f"http://127.0.0.1:{port}{BASE}bundle.json", "--anchor", "anchors/root.json")
        took = time.monotonic() - began
    finally:
        server.terminate()
        server.communicate(timeout=15)
    assert took < 60
    from holdfast.client.pin_store import PinStore  # heavy, and the one look at the other side

    with PinStore.open(shop.directory / "anchors", cache_dir=shop.directory / "cache") as store:
        assert store.manifest_version == 1
        assert store.protects("api.example.com")


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from holdfast.cli.main import run; assert run(['--help']) == 0;"
        "heavy = {'cryptography', 'tuf', 'uvicorn', 'msgspec', 'sqlite3', 'ssl', 'rich', 'publicsuffixlist'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_has_help_with_exit_codes_and_examples(tmp_path: Path) -> None:
    code = """
import click, sys
from holdfast.cli.tree import root, COMMANDS
def walk(command, context):
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), click.Context(command, info_name=name, parent=context))
    else:
        yield context.command_path, command
for path, command in walk(root, click.Context(root, info_name='holdfast')):
    text = command.get_help(click.Context(command))
    assert 'EXIT CODES' in text and 'EXAMPLES' in text and '--json' in text, (path, command.name)
    print(command.name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) >= 25


# ------------------------------------------------------------------------------------------------------ crashes


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_kill_9_at_random_moments_never_leaves_a_client_without_a_whole_set(shop: Shop) -> None:
    began = time.monotonic()
    shop.must("publish")
    usual, chance = time.monotonic() - began, random.Random()
    written: dict[str, bytes] = {}
    newest, killed = 0, 0
    for number in range(10):
        digest = f"{number:064x}"
        shop.must("host", "set", "api.example.com", "--accept-next", digest)
        process = shop.start("publish")
        time.sleep(usual * chance.uniform(0.3, 1.05))
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        by_bundle, by_files = shop.look()
        for verified in (by_bundle, by_files):
            assert verified.timestamp.version >= newest, "a version was lowered"
        newest = min(by_bundle.timestamp.version, by_files.timestamp.version)
        for path in shop.public.rglob("*.json"):
            if path.name not in {"bundle.json", "timestamp.json"}:
                name = path.relative_to(shop.public).as_posix()
                assert written.setdefault(name, path.read_bytes()) == path.read_bytes(), f"{name} has two contents"
    assert killed > 3, "the kills came too late to test anything"
    shop.must("publish")
    by_bundle, by_files = shop.look()
    assert by_bundle.timestamp.data == by_files.timestamp.data
    pins = by_bundle.table.find("api.example.com")
    assert pins is not None
    assert {bytes.fromhex(f"{number:064x}") for number in range(10)} <= pins.accept.leaf_spki
    assert not list(shop.public.rglob(".holdfast-*"))
    shop.must("audit")


@pytest.mark.slow
def test_two_publishers_at_once_take_turns(shop: Shop) -> None:
    for number in range(3):
        shop.must("host", "set", "api.example.com", "--accept-next", f"{number + 1:064x}")
        processes = [shop.start("publish", "--json") for _ in range(3)]
        results = [(process.communicate(timeout=90), process.returncode) for process in processes]
        assert [code for _, code in results] == [0, 0, 0], results
        versions = [json.loads(out)["versions"]["timestamp"] for (out, _), _ in results]
        assert len(set(versions)) == 3, "no version was used twice"
        by_bundle, by_files = shop.look()
        assert by_bundle.timestamp.version == by_files.timestamp.version == max(versions)


@pytest.mark.slow
@pytest.mark.parametrize("kibibytes", [1, 4, 24, 40])
def test_a_disk_that_fills_up_leaves_a_whole_set_and_the_next_publication_continues(shop: Shop, kibibytes: int) -> None:
    before = shop.look()[0].manifest.version
    shop.must("host", "set", "api.example.com", "--accept-next", "ab" * 32)
    # A bound on the size of files: every write beyond it fails, in the database as in the public directory.
    full = f"trap '' XFSZ; ulimit -f {kibibytes}; exec {shlex.join(HOLDFAST)} publish"
    done = subprocess.run(
        ["/bin/bash", "-c", full], cwd=shop.directory, env=dict(shop.environment), capture_output=True, text=True
    )
    assert done.returncode == 3, done
    assert done.stderr.startswith("error: cannot ")
    assert "Traceback" not in done.stderr
    for verified in shop.look():
        assert verified.manifest.version in {before, before + 1}
    shop.must("publish")
    assert {verified.manifest.version for verified in shop.look()} == {before + 1}


def test_an_interrupt_is_one_line(shop: Shop) -> None:
    process = shop.start("serve", "--port", "0")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Serving http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=15)
    assert "Traceback" not in err


def test_a_public_directory_that_nobody_can_write_into_is_one_clear_error(shop: Shop) -> None:
    # Root ignores permissions, so the directory leads to a place where not even root can make a file.
    for path in sorted(shop.public.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    shop.public.rmdir()
    shop.public.symlink_to("/proc/self")
    done = shop.run("publish")
    assert done.returncode == 3
    assert done.stderr.startswith("error: cannot ")
    assert "Traceback" not in done.stderr
    shop.public.unlink()
    shop.must("publish")
    assert shop.look()[0].timestamp.version >= 2


# -------------------------------------------------------------------------------------------------------- serve


def test_serve_speaks_http_as_caches_expect(shop: Shop) -> None:
    with serving(shop) as (port, process):
        status, headers, body = ask(port, "bundle.json")
        assert (status, body) == (200, shop.read("bundle.json"))
        assert headers["cache-control"] == "public, max-age=30, stale-while-revalidate=60"
        assert "server" not in headers
        status, packed, body = ask(port, "bundle.json", Accept_Encoding="gzip")
        assert gzip.decompress(body) == shop.read("bundle.json")
        assert packed["etag"] != headers["etag"]
        assert ask(port, "bundle.json", If_None_Match=headers["etag"])[0] == 304
        status, head, body = ask(port, "bundle.json", "HEAD")
        assert (status, body, head["content-length"]) == (200, b"", headers["content-length"])
        assert ask(port, "bundle.json", "POST")[0] == 405
        assert ask(port, "2.root.json")[0] == 404
        assert ask(port, "../../../../../../holdfast.toml")[0] == 404
        shop.must("publish")
        wait_until(lambda: ask(port, "bundle.json", If_None_Match=headers["etag"])[0] == 200, what="the new bundle")
        assert ask(port, "bundle.json")[2] == shop.read("bundle.json")
        process.terminate()
        _, err = process.communicate(timeout=15)
        assert process.returncode in {0, -signal.SIGTERM}
        assert "Traceback" not in err


def test_serve_signs_the_timestamp_again(shop: Shop) -> None:
    with serving(shop, "--sign", "--sign-every", "1") as (port, _):

        def version() -> int:
            document: dict[str, Any] = json.loads(ask(port, "timestamp.json")[2])
            return int(document["signed"]["version"])

        first = version()
        assert first >= 2, "it signs at once"
        wait_until(lambda: version() > first, timeout_seconds=20, what="the next timestamp")
    assert shop.look()[0].timestamp.version == shop.look()[1].timestamp.version


def test_serve_without_the_keys_serves_and_does_not_promise_to_sign(shop: Shop) -> None:
    (shop.directory / ".holdfast/keys").rename(shop.directory / "away")
    with serving(shop) as (port, _):
        assert ask(port, "bundle.json")[0] == 200
    done = shop.run("serve", "--port", "0", "--sign")
    assert (done.returncode, "timestamp needs 1 of its 1 keys" in done.stderr) == (3, True)


def test_a_taken_port_is_one_clear_error(shop: Shop) -> None:
    with serving(shop) as (port, _):
        done = shop.run("serve", "--port", str(port))
    assert (done.returncode, "cannot listen on 127.0.0.1" in done.stderr) == (2, True)


def test_verify_what_the_world_sees(shop: Shop) -> None:
    shop.must("root", "rotate", "--yes", "--replace", "root", "--replace", "timestamp")
    with serving(shop) as (port, _):
        base = f"http://127.0.0.1:{port}{BASE}"
        facts = json.loads(shop.must("verify", base + "bundle.json", "--json"))
        assert facts["roles"][0]["version"] == 2
        assert json.loads(shop.must("verify", base, "--json"))["roles"] == facts["roles"]
        assert shop.run("verify", base + "missing.json").returncode == 3

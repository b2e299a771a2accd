# SPDX-License-Identifier: Apache-2.0
"""Bad input: one ``error:``, a ``hint:`` where one helps, the right exit code, no traceback, and nothing changed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.publisher_world import CHANNEL
from tests.tools import free_port
from tests.unit.cli.conftest import Holdfast

PUBLIC = Path(".holdfast/public/v1/c") / CHANNEL


def tree() -> dict[str, bytes]:
    """Everything in the workspace but the database's own side files."""
    return {
        str(path): path.read_bytes()
        for path in Path().rglob("*")
        if path.is_file() and not path.name.startswith(("state.db-", "publisher.lock"))
    }


# ------------------------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nonsense"], 2),
        (["host"], 2),
        (["host", "nonsense"], 2),
        (["--nonsense"], 2),
        (["init"], 2),
        (["init", "no-slash"], 2),
        (["init", "a/../b"], 2),
        (["init", "a/b", "--mirror", "gopher://x"], 2),
        (["init", "a/b", "--mirror", "https://u:p@x.example"], 2),
        (["init", "a/b", "--max-age-days", "6"], 2),
        (["publish", "--override", "two-keys", "--reason", "x"], 2),
        (["publish", "--override", "nonsense"], 2),
        (["pin", "from-cert", "missing.pem"], 2),
        (["pin", "from-cert", "."], 2),
        (["verify", "missing.json"], 2),
        (["verify", "ftp://x.example/bundle.json", "--anchor", "in/ca.pem"], 2),
        (["verify", "in/api.pem", "--anchor", "in/ca.pem"], 1),
        (["connect", "http://x.example/"], 2),
        (["connect", "https://x y/"], 2),
        (["root", "rotate", "--keep-keys", "--threshold", "2", "--yes"], 2),
        (["serve", "--port", "70000"], 2),
    ],
)
def test_a_bad_argument(holdfast: Holdfast, files: dict[str, str], arguments: list[str], code: int) -> None:
    before = tree()
    said = holdfast(*arguments)
    assert said.code == code, said
    assert said.err.strip()
    assert tree() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["host", "list"],
        ["host", "add", "a.example"],
        ["publish"],
        ["anchors", "export", "--out", "x"],
        ["serve"],
        ["root", "show"],
        ["audit"],
        ["connect", "https://localhost/"],
        ["manifest", "take-over", "--reason", "x", "--yes"],
    ],
)
def test_where_there_is_no_channel(holdfast: Holdfast, arguments: list[str]) -> None:
    said = holdfast(*arguments)
    assert said.code == 1
    assert said.err.startswith("error: there is no holdfast.toml in ")
    assert "hint: " in said.err
    assert tree() == {}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["host", "add", "api.example.com"], 1, "protected already"),
        (["host", "add", "bücher.example"], 2, "ASCII"),
        (["host", "add", "*.example.com"], 2, "is not a host name"),
        (["host", "add", "https://api.example.com/"], 2, "not"),
        (["host", "add", "co.uk", "--include-subdomains"], 1, "public suffix"),
        (["host", "add", "192.0.2.1", "--include-subdomains"], 2, "no subdomains"),
        (["host", "add", "b.example", "--mode", "report-only"], 2, "within 90 days"),
        (["host", "add", "b.example", "--mode", "report-only", "--until", "tomorrow"], 2, "YYYY-MM-DD"),
        (["host", "add", "b.example", "--mode", "report-only", "--until", "2020-01-01"], 2, "within 90 days"),
        (["host", "add", "b.example", "--accept", "A" * 44], 2, "neither a digest nor a file"),
        (["host", "add", "b.example", "--accept", "A" * 42 + "B="], 2, "canonical"),
        (["host", "add", "b.example", "--accept", "in"], 2, "Is a directory"),
        (["host", "add", "b.example", "--new-backup-key", "in/api.pem"], 1, "exists"),
        (["host", "add", "b.example", "--new-backup-key", "holdfast.toml/x.pem"], 3, "cannot write"),
        (["host", "show", "b.example"], 1, "not a protected host"),
        (["host", "retire", "b.example", "--yes"], 1, "not a protected host"),
        (["pin", "from-csr", "in/api.pem", "--host", "api.example.com"], 2, "no certificate signing request"),
        (["pin", "from-cert", "in/api.key"], 2, "no certificate"),
        (["pin", "from-cert", "in/api.pem", "--host", "api.example.com"], 1, "has this pin already"),
        (["pin", "from-cert", "in/api.pem", "--host", "b.example"], 1, "not a protected host"),
        (["pin", "from-key", "in/api.key", "--host", "api.example.com", "--list", "require", "--at", "any"], 2, "CA"),
        (["pin", "remove", "api.example.com", "00" * 32, "--yes"], 1, "has no pin"),
        (["pin", "remove", "api.example.com", "zz", "--yes"], 2, "neither a digest nor a file"),
        (["pin", "reject", "api.example.com", "00" * 32, "--yes"], 2, "--reason"),
        (["pin", "reject", "api.example.com", "00" * 32, "--reason", "a\nb", "--yes"], 2, "one line"),
        (["pin", "from-host", "localhost:1", "--compared-with", "zz"], 2, "no SHA-256 digest"),
        (["pin", "from-host", "localhost:1", "--compared-with", "00" * 32], 1, "not a protected host"),
        (["publish", "--override", "half-changed"], 1, "needs a reason"),
        (["anchors", "export", "--out", "holdfast.toml"], 3, "cannot write"),
        (["manifest", "hand-back", "--reason", "x", "--yes"], 1, "automation already"),
        (["root", "rotate", "--threshold", "5", "--key-count", "3", "--yes"], 2, "no threshold"),
        (["init", CHANNEL], 1, "exists"),
        (["verify", "in/api.pem"], 1, "bundle"),
        (["verify", str(PUBLIC / "bundle.json"), "--anchor", "in/api.pem"], 1, "embedded root is unusable"),
        (["verify", str(PUBLIC / "bundle.json"), "--at", "2099-01-01"], 1, "expired"),
    ],
)  # fmt: skip
def test_an_edit_that_is_refused_changes_nothing(channel: Holdfast, arguments: list[str], code: int, says: str) -> None:
    before = tree()
    said = channel(*arguments)
    assert (said.code, says in said.err) == (code, True), said
    assert said.out == ""
    assert tree() == before


# ------------------------------------------------------------------------------------------ a hostile workspace


def break_toml(_path: Path) -> None:
    Path("holdfast.toml").write_bytes(b"\xff[[[")


def mistype_toml(_path: Path) -> None:
    text = Path("holdfast.toml").read_text()
    Path("holdfast.toml").write_text(text.replace("refresh_seconds", "refresh_second"))


def empty_database(_path: Path) -> None:
    Path(".holdfast/state.db").write_bytes(b"")


def garble_database(_path: Path) -> None:
    Path(".holdfast/state.db").write_bytes(os.urandom(20_000))


def remove_database(_path: Path) -> None:
    Path(".holdfast/state.db").unlink()


def other_channel(_path: Path) -> None:
    text = Path("holdfast.toml").read_text()
    Path("holdfast.toml").write_text(text.replace(f'"{CHANNEL}"', '"com.example.other/production"'))


def wrong_passphrase(path: Path) -> None:
    path.write_text("another passphrase\n")


def empty_passphrase(path: Path) -> None:
    path.write_text("\n")


def no_passphrase(path: Path) -> None:
    path.unlink()


def directory_passphrase(path: Path) -> None:
    path.unlink()
    path.mkdir()


def no_online_keys(_path: Path) -> None:
    Path(".holdfast/keys/online").rename("keys-away")


def open_online_keys(_path: Path) -> None:
    for path in Path(".holdfast/keys/online").iterdir():
        path.chmod(0o644)


def garbled_online_keys(_path: Path) -> None:
    for path in Path(".holdfast/keys/online").iterdir():
        path.write_text("garbage")


def file_for_public(_path: Path) -> None:
    Path(".holdfast/public/v1").rename("public-away")
    Path(".holdfast/public/v1").write_text("")


@pytest.mark.parametrize(
    ("damage", "code", "says"),
    [
        (break_toml, 2, "holdfast.toml"),
        (mistype_toml, 2, "[channel] has no `refresh_second`"),
        (empty_database, 3, "schema 0"),
        (garble_database, 3, "damaged"),
        (remove_database, 1, "does not exist"),
        (other_channel, 1, "knows no channel com.example.other/production"),
        (wrong_passphrase, 3, "wrong passphrase"),
        (empty_passphrase, 3, "holds no passphrase"),
        (no_passphrase, 3, "cannot read the passphrase"),
        (directory_passphrase, 3, "cannot read the passphrase"),
        (no_online_keys, 3, "timestamp needs 1 of its 1 keys, 0 at hand"),
        (open_online_keys, 3, "can be read by others"),
        (garbled_online_keys, 3, "is not a key file"),
        (file_for_public, 3, "cannot"),
    ],
)
def test_a_damaged_workspace_is_one_clear_error(
    channel: Holdfast, tmp_path: Path, damage: Callable[[Path], None], code: int, says: str
) -> None:
    damage(tmp_path / "passphrase")
    before = tree()
    said = channel("publish")
    assert (said.code, says in said.err) == (code, True), said
    assert "hint: " in said.err
    assert tree() == before


def test_a_short_passphrase_makes_no_key(holdfast: Holdfast, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("short")
    said = holdfast("init", CHANNEL)
    assert (said.code, "shorter than 12 bytes" in said.err) == (2, True)
    assert tree() == {}


def test_a_passphrase_that_others_can_read_is_remarked(channel: Holdfast, tmp_path: Path) -> None:
    (tmp_path / "passphrase").chmod(0o644)
    said = channel("publish")
    assert (said.code, "can be read by others" in said.err) == (0, True)


def test_no_terminal_and_no_passphrase_file(holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOLDFAST_KEY_PASSPHRASE_FILE")
    said = holdfast("init", CHANNEL)
    assert (said.code, "HOLDFAST_KEY_PASSPHRASE_FILE" in said.err) == (3, True)
    assert tree() == {}


def test_offline_keys_may_have_a_passphrase_of_their_own(
    holdfast: Holdfast, files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "offline-passphrase"
    other.write_text("quite another passphrase")
    other.chmod(0o600)
    monkeypatch.setenv("HOLDFAST_OFFLINE_KEY_PASSPHRASE_FILE", str(other))
    assert holdfast("init", CHANNEL).code == 0
    backup = ["--new-backup-key", "in/backup.pem"]
    assert holdfast("host", "add", "api.example.com", "--accept", files["api.pem"], *backup).code == 0
    assert holdfast("publish").code == 0
    monkeypatch.delenv("HOLDFAST_OFFLINE_KEY_PASSPHRASE_FILE")
    assert holdfast("publish", "--timestamp-only").code == 0, "the online keys have the other passphrase"
    said = holdfast("root", "rotate", "--yes")
    assert (said.code, "wrong passphrase" in said.err) == (3, True)


def test_an_interrupted_ceremony_is_recognised(holdfast: Holdfast) -> None:
    Path(".holdfast").mkdir()
    said = holdfast("init", CHANNEL)
    assert (said.code, "exists without holdfast.toml" in said.err) == (1, True)


def test_a_ceremony_that_fails_leaves_nothing(
    holdfast: Holdfast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("holdfast.wiring.os.link", full)
    said = holdfast("init", CHANNEL, "--offline-keys", str(tmp_path / "usb"))
    assert (said.code, "No space left" in said.err) == (3, True)
    assert [path.name for path in Path().iterdir() if path.name != ".holdfast"] == []
    assert list((tmp_path / "usb").iterdir()) == []


def test_nothing_is_served_before_something_is_published(holdfast: Holdfast) -> None:
    holdfast("init", CHANNEL)
    said = holdfast("serve", "--port", "0")
    assert (said.code, "publish" in said.err) == (3, True)


def test_nobody_at_the_url(channel: Holdfast) -> None:
    port = free_port()
    said = channel("verify", f"http://127.0.0.1:{port}/bundle.json")
    assert (said.code, "cannot fetch" in said.err) == (3, True)
    said = channel("connect", f"https://localhost:{port}/", "--timeout", "1")
    assert (said.code, "no address" in said.err) == (3, True)
    said = channel("pin", "from-host", f"localhost:{port}", "--timeout", "1")
    assert said.code == 3


def test_a_set_of_another_channel_is_refused(channel: Holdfast, tmp_path: Path) -> None:
    assert channel("-C", str(tmp_path / "other"), "init", "com.example.other/production").code == 0
    channel("anchors", "export", "--out", "anchors")
    said = channel("-C", str(tmp_path / "other"), "verify", "anchors/seed.json")
    assert said.code == 0, "root.json beside the seed is the anchor"
    Path("anchors/root.json").unlink()
    said = channel("-C", str(tmp_path / "other"), "verify", "anchors/seed.json")
    assert said.code == 1


@pytest.mark.parametrize("name", ["bundle.json", "timestamp.json", "1.pins.json"])
def test_a_changed_public_file_is_seen(channel: Holdfast, name: str) -> None:
    path = PUBLIC / name
    path.write_bytes(path.read_bytes().replace(b"2", b"3", 1))
    source = str(path) if name == "bundle.json" else f"{PUBLIC}/"
    assert channel("verify", source).code == 1


def test_a_hostile_name_does_not_steer_the_terminal(channel: Holdfast) -> None:
    said = channel("host", "show", "\x1b[2Jx")
    assert said.code == 2
    assert "\x1b" not in said.err


# ------------------------------------------------------------------------------------------------- installation


def test_without_the_extra_there_is_a_hint(tmp_path: Path) -> None:
    """An installation without [cli]: click cannot be found."""
    code = textwrap.dedent("""
        import sys
        class NoClick:
            def find_spec(self, name, path=None, target=None):
                if name == 'click':
                    raise ModuleNotFoundError("No module named 'click'", name='click')
        sys.meta_path.insert(0, NoClick())
        from holdfast.cli.main import main
        main()
    """)
    done = subprocess.run([sys.executable, "-c", code, "publish"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == (
        "error: this command needs click, which is not installed\nhint: pip install 'holdfast[cli]'\n"
    )


def test_a_reader_that_leaves_is_no_error(channel: Holdfast) -> None:
    command = f"{sys.executable} -m holdfast.cli.main audit --json | true"
    done = subprocess.run(["/bin/bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr

# SPDX-License-Identifier: Apache-2.0
"""Every command on its good path, for people and for machines."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.pki import Authority
from tests.publisher_world import CHANNEL
from tests.tls_servers import TLSServer
from tests.unit.cli.conftest import Holdfast, Said

PUBLIC = f".holdfast/public/v1/c/{CHANNEL}"


def digest_of(holdfast: Holdfast, file: str) -> str:
    return str(holdfast("pin", "from-cert", file, "--json").facts["spki_sha256"])


# -------------------------------------------------------------------------------------------------------- init


def test_init_says_where_keys_are_what_to_back_up_and_what_no_largest_age_means(holdfast: Holdfast) -> None:
    said = holdfast("init", CHANNEL)
    assert said.code == 0
    for words in (".holdfast/keys/offline", "BACK UP", "state.db", "enforced for ever", "keeps a revoked key usable"):
        assert words in said.out
    assert "backup" in said.out.lower()
    assert "no --mirror" in said.err
    assert sorted(path.name for path in Path().iterdir()) == [".holdfast", "holdfast.toml"]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in Path(".holdfast").rglob("*") if path.is_file()}
    assert modes == {0o600}
    directories = [Path(".holdfast"), *(path for path in Path(".holdfast").rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in directories} == {0o700}


def test_init_with_a_largest_age_and_another_place_for_offline_keys(holdfast: Holdfast, tmp_path: Path) -> None:
    said = holdfast("init", CHANNEL, "--max-age-days", "30", "--offline-keys", str(tmp_path / "usb"), "--json")
    assert said.facts["max_age_seconds"] == 30 * 86_400
    assert len(list((tmp_path / "usb").glob("root-*.pem"))) == 3
    assert all(Path(path).is_file() for path in said.facts["key_files"])
    assert not Path(".holdfast/keys/offline").exists()
    assert "max_age_seconds = 2592000" in Path("holdfast.toml").read_text()


def test_init_elsewhere(holdfast: Holdfast, tmp_path: Path) -> None:
    assert holdfast("-C", str(tmp_path / "new" / "place"), "init", CHANNEL).code == 0
    assert (tmp_path / "new" / "place" / "holdfast.toml").is_file()


# -------------------------------------------------------------------------------------------------------- host


def test_a_host_with_everything(channel: Holdfast, files: dict[str, str]) -> None:
    until = (datetime.now(UTC) + timedelta(days=10)).strftime("%Y-%m-%d")
    other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    said = channel(
        "host", "add", "CDN.example.com.", "--include-subdomains", "--mode", "report-only", "--until", until,
        "--no-allow-leaf", "--accept-ca", files["ca.pem"], "--require", files["ca.pem"], "--allow-ca", "00" * 32,
        "--backup", other, "--reject", "sha256/" + other.replace("AAA=", "AAE="), "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    facts = said.facts
    assert (facts["host"], facts["include_subdomains"], facts["mode"]) == ("cdn.example.com", True, "report-only")
    assert facts["until"] == f"{until}T00:00:00Z"
    found = sorted((pin["list"], pin["at"]) for pin in facts["pins"])
    assert found == [
        ("accept", "ca"), ("allow-ca", "ca"), ("allow-ca", "ca"), ("backup", "leaf"), ("require", "ca"),
        ("scope-reject", "any"),
    ]  # fmt: skip
    assert channel("publish").code == 0
    assert "cdn.example.com" in channel("host", "list").out
    assert "report-only" in channel("host", "show", "cdn.example.com").out


def test_a_host_with_one_key_is_warned_about_at_once(channel: Holdfast, files: dict[str, str]) -> None:
    said = channel("host", "add", "one.example.com", "--accept", files["next.pem"])
    assert said.code == 0
    assert "fewer than two independent keys" in said.err
    assert "is for api.example.com, not for one.example.com" in said.err
    assert channel("publish").code == 1


def test_relaxing_a_host_wants_a_yes_and_tightening_does_not(channel: Holdfast) -> None:
    until = (datetime.now(UTC) + timedelta(days=10)).strftime("%Y-%m-%d")
    relax = ["host", "set", "api.example.com", "--mode", "report-only", "--until", until]
    asked = channel(*relax)
    assert asked.code == 2
    assert "plan: until" in asked.err
    assert channel("host", "show", "api.example.com", "--json").facts["mode"] == "enforce"
    assert channel(*relax, "--yes").code == 0
    tightened = channel("host", "set", "api.example.com", "--mode", "enforce", "--include-subdomains", "--json")
    assert (tightened.facts["mode"], tightened.facts["until"]) == ("enforce", None)
    assert channel("host", "set", "api.example.com", "--no-include-subdomains").code == 2


def test_retiring_wants_a_yes(channel: Holdfast) -> None:
    asked = channel("host", "retire", "api.example.com")
    assert asked.code == 2
    assert "trust any public CA" in asked.err
    assert channel("host", "retire", "api.example.com", "--yes").code == 0
    assert channel("host", "list", "--json").facts == {"hosts": []}
    assert channel("publish").code == 0
    assert "protects no host" in channel("verify", PUBLIC + "/").out


# --------------------------------------------------------------------------------------------------------- pin


def test_without_a_host_a_pin_is_printed_only(holdfast: Holdfast, files: dict[str, str]) -> None:
    digests = {
        str(holdfast("pin", verb, files[name], "--json").facts["spki_sha256"])
        for verb, name in (("from-cert", "api.pem"), ("from-key", "api.key"))
    }
    assert len(digests) == 1
    assert not Path("holdfast.toml").exists()
    assert "printed only" in holdfast("pin", "from-cert", files["api.pem"]).out


def test_pins_come_and_go(channel: Holdfast, files: dict[str, str]) -> None:
    added = channel("pin", "from-cert", files["next.pem"], "--host", "api.example.com", "--use", "next", "--json")
    digest = added.facts["spki_sha256"]
    assert added.facts["pin"]["use"] == "next"
    assert digest in channel("pin", "list", "api.example.com").out
    assert channel("publish").code == 0
    assert digest in channel("verify", PUBLIC + "/bundle.json").out
    plan = channel("pin", "remove", "api.example.com", digest)
    assert (plan.code, "leaves api.example.com" in plan.err) == (2, True)
    assert channel("pin", "remove", "api.example.com", digest, "--list", "accept", "--yes").code == 0
    assert digest not in channel("pin", "list").out


def test_a_whole_certificate_may_be_pinned_with_a_warning(channel: Holdfast, files: dict[str, str]) -> None:
    said = channel("pin", "from-cert", files["api.pem"], "--host", "api.example.com", "--whole-certificate", "--json")
    assert said.facts["pin"]["type"] == "certificate-sha256"
    assert "breaks at every renewal" in said.err


def test_a_rejected_key_leaves_the_accepted_ones(channel: Holdfast, files: dict[str, str]) -> None:
    digest = digest_of(channel, files["api.pem"])
    asked = channel("pin", "reject", "api.example.com", digest, "--reason", "key-compromise")
    assert asked.code == 2
    assert "for as long as he blocks" in asked.err
    said = channel("pin", "reject", "api.example.com", digest, "--reason", "key-compromise", "--yes", "--json")
    assert [pin["list"] for pin in said.facts["removed"]] == ["accept"]
    refused = channel("publish")
    assert (refused.code, "usable-pin" in refused.err) == (1, True)
    assert channel("pin", "from-key", "in/backup.pem", "--host", "api.example.com").code == 0
    assert channel("pin", "new-key", "in/spare.pem", "--host", "api.example.com", "--list", "backup").code == 0
    assert channel("publish").code == 0
    hexadecimal = ":".join("ab" for _ in range(32))
    by_scope = channel(
        "pin", "reject", "api.example.com", hexadecimal, "--reason", "x", "--by-scope", "--yes", "--json"
    )
    assert by_scope.facts["rejected"]["list"] == "scope-reject"


def test_from_host_prints_and_adds_only_what_was_compared(channel: Holdfast, files: dict[str, str]) -> None:
    root = Authority.root("Local")
    leaf = root.leaf("localhost")
    Path("in/local.pem").write_text(root.pem)
    assert channel("host", "add", "localhost", "--new-backup-key", "in/l.pem").code == 0
    with TLSServer(leaf) as server:
        look = ["pin", "from-host", f"localhost:{server.port}", "--ca-file", "in/local.pem", "--timeout", "5"]
        shown = channel(*look, "--json")
        answered = [each for each in shown.facts["addresses"] if each["path"]]
        assert answered[0]["path"] == [leaf.pin, root.pin]
        assert answered[0]["validated"] is True
        assert shown.facts["added_to"] is None
        assert "An observation, not a pin" in channel(*look).out
        wrong = channel(*look, "--compared-with", "00" * 32)
        assert (wrong.code, "nothing was added" in wrong.err) == (1, True)
        assert channel("host", "show", "localhost", "--json").facts["pins"][0]["list"] == "backup"
        right = channel(*look, "--compared-with", leaf.pin, "--json")
        assert (right.code, right.facts["added_to"]) == (0, "localhost")
    assert leaf.pin in channel("host", "show", "localhost").out


# ----------------------------------------------------------------------------------------- publish and anchors


def test_a_dry_run_says_and_does_nothing(channel: Holdfast, files: dict[str, str]) -> None:
    before = Path(PUBLIC, "bundle.json").read_bytes()
    assert channel("publish", "--dry-run", "--json").facts["would_sign"] == ["timestamp"]
    channel("host", "add", "b.example.com", "--accept", files["next.pem"])
    said = channel("publish", "--dry-run", "--json")
    assert said.code == 1
    assert said.facts["findings"] == [
        {
            "gate": "two-keys",
            "message": "b.example.com has only one key: when it is lost or revoked, nothing else opens the host",
            "overridable": False,
        }
    ]
    assert Path(PUBLIC, "bundle.json").read_bytes() == before


def test_publish_says_what_it_signed(channel: Holdfast) -> None:
    assert channel("publish").out.startswith("Published: nothing new; signed again.\nSigned: timestamp 2.")
    said = channel("publish", "--timestamp-only", "--json")
    assert said.facts["signed"] == ["timestamp"]
    assert said.facts["versions"] == {
        "root": 1, "targets": 1, "pins": 1, "snapshot": 1, "timestamp": 3, "scope": 1, "manifest": 1,
    }  # fmt: skip


def test_anchors_are_written_and_verify(channel: Holdfast) -> None:
    assert channel("anchors", "export", "--out", "deep/anchors").code == 0
    assert sorted(path.name for path in Path("deep/anchors").iterdir()) == ["holdfast.json", "root.json", "seed.json"]
    said = channel("verify", "deep/anchors/seed.json", "--json")
    assert said.code == 0
    assert said.facts["channel"] == CHANNEL
    assert [role["role"] for role in said.facts["roles"]] == ["root", "timestamp", "snapshot", "targets", "pins"]
    assert said.facts["hosts"][0]["host"] == "api.example.com"
    assert channel("anchors", "export", "--out", "deep/anchors").code == 0, "again, for the next release"


# -------------------------------------------------------------------------------- root, break-glass and audit


def test_roots_rotate_with_a_yes(channel: Holdfast) -> None:
    assert channel("root", "rotate").code == 2
    said = channel("root", "rotate", "--yes", "--replace", "timestamp", "--replace", "root", "--json")
    assert said.facts["versions"]["root"] == 2
    shown = channel("root", "show", "--json").facts
    assert shown["version"] == 2
    assert all(key["at_hand"] for key in shown["keys"])
    assert channel("root", "rotate", "--yes", "--keep-keys").code == 0
    assert channel("root", "rotate", "--yes", "--threshold", "3", "--key-count", "4").code == 0
    assert "Root 4" in channel("root", "show").out
    assert channel("verify", PUBLIC + "/", "--json").facts["roles"][0] == {
        "role": "root", "version": 4, "expires": channel("root", "show", "--json").facts["expires"],
    }  # fmt: skip


def test_break_glass_from_the_command_line(channel: Holdfast) -> None:
    assert channel("manifest", "take-over", "--yes").code == 2, "a reason is asked for"
    assert channel("manifest", "take-over", "--reason", "theft").code == 2, "and a yes"
    assert channel("manifest", "take-over", "--reason", "theft", "--yes").code == 0
    assert channel("manifest", "take-over", "--reason", "theft", "--yes").code == 1
    assert "the security team (break-glass)" in channel("verify", PUBLIC + "/").out
    assert channel("manifest", "hand-back", "--reason", "done", "--to-new-role", "--yes").code == 0
    facts = channel("verify", PUBLIC + "/", "--json").facts
    assert (facts["break_glass"], facts["manifest_version"]) == (False, 3)
    assert facts["roles"][-1]["role"] == "pins-2"


def test_the_audit_log_tells_the_story(channel: Holdfast) -> None:
    channel("manifest", "take-over", "--reason", "theft", "--yes")
    entries = channel("audit", "--json").facts["entries"]
    assert [entry["action"] for entry in entries] == [
        "channel.created", "host.added", "publication.stored", "draft.take-over", "publication.stored",
    ]  # fmt: skip
    assert entries[-1]["detail"]["reason"] == "theft"
    assert "host.added" in channel("audit").out


# ----------------------------------------------------------------------------------------------------- connect


@pytest.fixture
def local(channel: Holdfast) -> tuple[Authority, Callable[..., Said]]:
    """A protected ``localhost``, and ``connect`` to a port of it."""
    root = Authority.root("Local")
    Path("in/local.pem").write_text(root.pem)

    def connect(port: int, *more: str) -> Said:
        url = f"https://localhost:{port}/"
        return channel("connect", url, "--ca-file", "in/local.pem", "--timeout", "5", "--json", *more)

    return root, connect


def test_connect_says_what_a_client_would_do_and_why(
    channel: Holdfast, local: tuple[Authority, Callable[..., Said]]
) -> None:
    root, connect = local
    good, bad = root.leaf("localhost"), root.leaf("localhost")
    channel("host", "add", "localhost", "--accept", good.pin, "--new-backup-key", "in/l.pem", "--require", root.pin)
    channel("publish")
    with TLSServer(good) as server:
        said = connect(server.port)
        assert said.code == 0, said.err
        look = next(each for each in said.facts["addresses"] if each["answered"])
        assert (look["allowed"], look["reason"]) == (True, "pin")
        assert [each["matches"] for each in look["path"]] == [["accept"], ["require"]]
        assert said.facts["would_connect"] is True
        plain = channel("connect", f"https://localhost:{server.port}/", "--ca-file", "in/local.pem")
        assert "CONNECT: a pin of the manifest matches" in plain.out
        server.show(bad)
        said = connect(server.port)
        assert said.code == 1
        look = next(each for each in said.facts["addresses"] if each["answered"])
        assert (look["reason"], look["why"]) == ("no-match", "no pin matches any certificate of the path")
        server.show(Authority.root("Rogue").leaf("localhost", key=good.key))
        said = connect(server.port)
        assert said.code == 1, "CA validation and pins, both, always"
        assert next(each for each in said.facts["addresses"] if each["answered"])["reason"] == "not-validated"


def test_connect_to_a_host_that_nobody_protects(local: tuple[Authority, Callable[..., Said]]) -> None:
    root, connect = local
    with TLSServer(root.leaf("localhost")) as server:
        said = connect(server.port)
    assert (said.code, said.facts["pattern"]) == (0, None)
    assert next(each for each in said.facts["addresses"] if each["answered"])["reason"] == "unpinned"


def test_connect_with_the_set_that_an_app_embeds(
    channel: Holdfast, local: tuple[Authority, Callable[..., Said]]
) -> None:
    root, connect = local
    channel("anchors", "export", "--out", "anchors")
    with TLSServer(root.leaf("localhost")) as server:
        assert connect(server.port, "--set", "anchors/seed.json").code == 0


def test_json_is_one_object_on_stdout_whatever_happens(channel: Holdfast) -> None:
    said = channel("host", "show", "missing.example.com", "--json")
    assert said.code == 1
    assert json.loads(said.out)["error"]["code"] == "no-host"
    assert said.err.startswith("error: missing.example.com is not a protected host\nhint: ")

# SPDX-License-Identifier: Apache-2.0
"""The command line in the test's own process: same arguments, same exit codes, same two streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from holdfast.cli.main import run
from tests.pki import Authority, make_key
from tests.publisher_world import CHANNEL, FAST_KEYS, PASSPHRASE


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        """Its answer in JSON."""
        return json.loads(self.out)


Holdfast = Callable[..., Said]


@pytest.fixture
def holdfast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Holdfast:
    """``holdfast(*arguments)`` in an empty directory, with a passphrase at hand and keys that cost nothing."""
    passphrase = tmp_path / "passphrase"
    passphrase.write_bytes(PASSPHRASE + b"\n")
    passphrase.chmod(0o600)
    directory = tmp_path / "channel"
    directory.mkdir()
    monkeypatch.chdir(directory)
    monkeypatch.setenv("HOLDFAST_KEY_PASSPHRASE_FILE", str(passphrase))
    for name, value in FAST_KEYS.items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert "bug in holdfast" not in captured.err, captured.err
        if code == 0:
            assert "error:" not in captured.err
        return Said(code, captured.out, captured.err)

    return command


@pytest.fixture
def files(holdfast: Holdfast) -> dict[str, str]:
    """A CA, certificates and keys beside the channel; name -> path."""
    root = Authority.root("Example Root")
    leaf = root.leaf("api.example.com")
    (made := Path("in")).mkdir()
    (made / "ca.pem").write_text(root.pem)
    (made / "api.pem").write_text(leaf.pem)
    (made / "next.pem").write_text(root.leaf("api.example.com", key=make_key()).pem)
    (made / "api.key").write_text(leaf.key_pem)
    return {path.name: str(path) for path in made.iterdir()}


@pytest.fixture
def channel(holdfast: Holdfast, files: dict[str, str]) -> Holdfast:
    """A channel with one host, published."""
    assert holdfast("init", CHANNEL, "--mirror", "https://pins.example.com").code == 0
    backup = ["--new-backup-key", "in/backup.pem"]
    assert holdfast("host", "add", "api.example.com", "--accept", files["api.pem"], *backup).code == 0
    assert holdfast("publish").code == 0
    return holdfast

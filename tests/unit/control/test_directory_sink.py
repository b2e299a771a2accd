# SPDX-License-Identifier: Apache-2.0
"""The static directory: a name that is used once is never overwritten, and nothing is ever half visible."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from holdfast.control.lock import FileLock
from holdfast.control.sinks.directory import DirectorySink
from holdfast.errors import Conflict, StoreError


@pytest.fixture
def sink(tmp_path: Path) -> DirectorySink:
    return DirectorySink(tmp_path / "public")


def names(sink: DirectorySink) -> list[str]:
    return sorted(p.relative_to(sink.base).as_posix() for p in sink.base.rglob("*") if p.is_file())


def test_what_is_put_is_read(sink: DirectorySink) -> None:
    assert sink.read("1.root.json") is None
    sink.put_new("1.root.json", b"root")
    sink.put_new("targets/abc.scope.json", b"scope")
    sink.replace("timestamp.json", b"one")
    sink.replace("timestamp.json", b"two")
    assert sink.read("1.root.json") == b"root"
    assert sink.read("timestamp.json") == b"two"
    assert names(sink) == ["1.root.json", "targets/abc.scope.json", "timestamp.json"]


def test_a_name_that_is_used_once_keeps_its_bytes(sink: DirectorySink) -> None:
    sink.put_new("1.root.json", b"root")
    sink.put_new("1.root.json", b"root")
    with pytest.raises(Conflict) as raised:
        sink.put_new("1.root.json", b"another")
    assert raised.value.code == "file-differs"
    assert sink.read("1.root.json") == b"root"
    assert names(sink) == ["1.root.json"]


def test_files_can_be_read_by_a_web_server(sink: DirectorySink) -> None:
    old = os.umask(0o077)
    try:
        sink.replace("bundle.json", b"{}")
    finally:
        os.umask(old)
    assert stat.S_IMODE((sink.base / "bundle.json").stat().st_mode) == 0o644


@pytest.mark.parametrize("step", ["write", "fsync", "link", "replace"])
def test_a_step_that_fails_leaves_no_trace(sink: DirectorySink, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    sink.replace("bundle.json", b"old")

    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    match step:
        case "write":
            monkeypatch.setattr("tempfile.mkstemp", full)
        case "replace":
            monkeypatch.setattr(Path, "replace", full)
        case _:
            monkeypatch.setattr(os, step, full)
    act = sink.put_new if step == "link" else sink.replace
    with pytest.raises(StoreError, match="No space left") as raised:
        act("new.json" if step == "link" else "bundle.json", b"new")
    assert raised.value.code == "sink-unwritable"
    monkeypatch.undo()
    assert names(sink) == ["bundle.json"]
    assert sink.read("bundle.json") == b"old"


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", ".hidden", "", "targets/.x"])
def test_a_name_leads_nowhere_else(sink: DirectorySink, name: str) -> None:
    with pytest.raises(StoreError):
        sink.put_new(name, b"x")


def test_a_file_where_the_directory_belongs(tmp_path: Path) -> None:
    (tmp_path / "public").write_bytes(b"")
    with pytest.raises(StoreError):
        DirectorySink(tmp_path / "public").replace("bundle.json", b"x")


def test_the_lock_is_for_one(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock", wait_seconds=0.1)
    with lock.hold(), pytest.raises(Conflict) as raised, lock.hold():
        pass
    assert raised.value.code == "publisher-busy"
    with lock.hold():
        pass


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError), FileLock(tmp_path / "missing" / "lock").hold():
        pass

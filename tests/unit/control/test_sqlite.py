# SPDX-License-Identifier: Apache-2.0
"""The database: what is written is read back, an old revision is a conflict, damage is found, and errors are ours."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.control.db.sqlite import SQLiteStore
from holdfast.control.model import (
    NEXT_STATES,
    Claim,
    Delegation,
    Document,
    Draft,
    HostRecord,
    ManifestAuthority,
    PinList,
    PinRecord,
    PinUse,
    PublicationState,
)
from holdfast.core.pin import PinType, Position
from holdfast.core.scope import Mode
from holdfast.errors import Conflict, NotFound, StoreError
from tests.publisher_world import CHANNEL, make_pin

NOW = datetime.now(UTC).replace(microsecond=0)
DRAFT = Draft(channel=CHANNEL, revision=1, delegation=Delegation(role="pins", keys={"k": {"scheme": "x"}}))
ROOT = Document("root", 1, b"root")


def make_store(directory: Path, draft: Draft = DRAFT) -> SQLiteStore:
    store = SQLiteStore(directory / "state.db", CHANNEL)
    store.create_channel(draft, [ROOT], now=NOW, actor="tester")
    return store


def save(store: SQLiteStore, draft: Draft, **detail: Any) -> Draft:
    return store.save_draft(draft, now=NOW, actor="tester", action="test", detail=detail)


instants = st.integers(0, 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
pins = st.builds(
    PinRecord,
    list=st.sampled_from(PinList),
    type=st.sampled_from(PinType),
    at=st.sampled_from(Position),
    digest=st.binary(min_size=32, max_size=32),
    use=st.none() | st.sampled_from(PinUse),
    reason=st.text(st.characters(codec="utf-8"), max_size=40),
    origin=st.sampled_from(["digest", "certificate", "csr", "key", "probe"]),
    key=st.none() | st.binary(min_size=32, max_size=32),
    added=instants,
)
hosts = st.builds(
    HostRecord,
    pattern=st.from_regex(r"[a-z]{1,8}\.example", fullmatch=True),
    include_subdomains=st.booleans(),
    mode=st.sampled_from(Mode),
    until=st.none() | instants,
    allow_leaf=st.booleans(),
    pins=st.lists(pins, max_size=5, unique_by=lambda pin: pin.identity).map(tuple),
)
drafts = st.builds(
    Draft,
    channel=st.just(CHANNEL),
    revision=st.just(1),
    hosts=st.lists(hosts, max_size=4, unique_by=lambda host: host.pattern).map(
        lambda found: tuple(sorted(found, key=lambda host: host.pattern))
    ),
    authority=st.sampled_from(ManifestAuthority),
    delegation=st.builds(
        Delegation,
        role=st.sampled_from(["pins", "pins-2"]),
        keys=st.dictionaries(st.text("abcdef", min_size=1), st.fixed_dictionaries({"scheme": st.text("x")})),
        threshold=st.integers(1, 3),
    ),
)


@given(drafts)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_draft_is_read_back_as_it_was_written(draft: Draft) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder), draft)
        assert store.load_draft() == draft
        assert save(store, draft) == replace(draft, revision=2)


def test_an_edit_from_an_old_revision_is_a_conflict(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    first = store.load_draft()
    save(store, replace(first, hosts=(HostRecord(pattern="a.example"),)))
    with pytest.raises(Conflict) as raised:
        save(store, replace(first, hosts=(HostRecord(pattern="b.example"),)))
    assert raised.value.code == "draft-moved"
    assert [host.pattern for host in store.load_draft().hosts] == ["a.example"]
    assert len(store.load_audit()) == 2, "a refused edit leaves no line in the audit log"


def test_a_channel_is_created_once(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    with pytest.raises(Conflict) as raised:
        store.create_channel(DRAFT, [ROOT], now=NOW, actor="tester")
    assert raised.value.code == "channel-exists"


def test_another_channel_is_not_found(tmp_path: Path) -> None:
    make_store(tmp_path)
    with pytest.raises(NotFound) as raised:
        SQLiteStore(tmp_path / "state.db", "com.example.other/production").load_draft()
    assert raised.value.code == "no-channel"


def test_reading_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as raised:
        SQLiteStore(tmp_path / "state.db", CHANNEL).load_draft()
    assert raised.value.code == "no-state"
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_private(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        make_store(tmp_path)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600


def test_commits_are_synced_and_readers_do_not_block(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    with store._transaction() as db:
        assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1


# ------------------------------------------------------------------------------------------------- publications


def test_a_publication_goes_from_intent_to_stored(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    claims = [Claim("pins", 1), Claim("timestamp", 1)]
    publication = store.begin_publication("publish", claims, revision=1, now=NOW)
    assert publication.state is PublicationState.INTENT
    assert publication.claims == tuple(claims)
    assert [document.role for document in store.load_documents()] == ["root"], "an intent is not out"
    signed = [Document("pins", 1, b"pins"), Document("timestamp", 1, b"timestamp")]
    store.record_signed(publication, signed)
    ((found, documents),) = store.load_unfinished()
    assert (found.state, list(documents)) == (PublicationState.SIGNED, signed)
    store.finish_publication(publication, stored=True, now=NOW, actor="tester", detail={})
    assert store.load_unfinished() == []
    assert [document.role for document in store.load_documents()] == ["pins", "root", "timestamp"]


def test_of_each_role_the_highest_version_counts_and_of_roots_all(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    for version in (1, 2, 10):
        claims = [Claim("timestamp", version)] + ([Claim("root", version)] if version > 1 else [])
        publication = store.begin_publication("publish", claims, revision=1, now=NOW)
        store.record_signed(publication, [Document(c.role, c.version, b"%d" % version) for c in claims])
        store.finish_publication(publication, stored=True, now=NOW, actor="tester", detail={})
    found = [(document.role, document.version) for document in store.load_documents()]
    assert found == [("root", 1), ("root", 2), ("root", 10), ("timestamp", 10)]


def test_an_abandoned_intent_frees_its_versions(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    first = store.begin_publication("publish", [Claim("pins", 1)], revision=1, now=NOW)
    store.finish_publication(first, stored=False, now=NOW, actor="tester", detail={})
    second = store.begin_publication("publish", [Claim("pins", 1)], revision=1, now=NOW)
    assert second.id != first.id


def test_what_was_signed_cannot_be_abandoned_or_signed_again(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    publication = store.begin_publication("publish", [Claim("pins", 1)], revision=1, now=NOW)
    store.record_signed(publication, [Document("pins", 1, b"pins")])
    with pytest.raises(Conflict):
        store.finish_publication(publication, stored=False, now=NOW, actor="tester", detail={})
    with pytest.raises(Conflict):
        store.record_signed(publication, [Document("pins", 1, b"others")])
    assert store.load_documents()[0].data == b"pins"


def test_a_document_that_was_not_claimed_is_not_recorded(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    publication = store.begin_publication("publish", [Claim("pins", 1)], revision=1, now=NOW)
    with pytest.raises(Conflict):
        store.record_signed(publication, [Document("pins", 1, b"pins"), Document("targets", 1, b"smuggled")])
    assert [document.role for document in store.load_documents()] == ["root"], "all or nothing"


def test_the_states_form_no_circle() -> None:
    assert set(NEXT_STATES) == set(PublicationState)

    def walk(state: PublicationState, seen: tuple[PublicationState, ...]) -> None:
        assert state not in seen
        for after in NEXT_STATES[state]:
            walk(after, (*seen, state))

    for state in PublicationState:
        walk(state, ())


# -------------------------------------------------------------------------------------------------------- damage


def test_a_changed_line_breaks_the_audit_chain(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    draft = store.load_draft()
    for number in range(3):
        draft = save(store, draft, number=number)
    assert [entry.detail.get("number") for entry in store.load_audit()] == [None, 0, 1, 2]
    with sqlite3.connect(tmp_path / "state.db") as db:
        db.execute("UPDATE audit SET actor = 'somebody else' WHERE sequence = 2")
    db.close()
    with pytest.raises(StoreError) as raised:
        store.load_audit()
    assert raised.value.code == "audit-broken"


def test_a_removed_line_breaks_the_audit_chain(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    save(store, save(store, store.load_draft()))
    with sqlite3.connect(tmp_path / "state.db") as db:
        db.execute("DELETE FROM audit WHERE sequence = 2")
    db.close()
    with pytest.raises(StoreError):
        store.load_audit()


def load_everything(store: SQLiteStore) -> None:
    store.load_draft()
    store.load_documents()
    store.load_audit()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE document SET data = x'00'",
        "UPDATE channel SET delegation = '{'",
        "UPDATE channel SET delegation = '{}'",
        "UPDATE channel SET authority = 'nobody'",
        "UPDATE host SET mode = 'sometimes'",
        "UPDATE host SET until = 'tomorrow'",
        "UPDATE pin SET list = 'wish'",
        "UPDATE pin SET added = ''",
    ],
)
def test_a_row_that_nobody_wrote_is_damage(tmp_path: Path, statement: str) -> None:
    host = HostRecord(pattern="a.example", pins=(make_pin("a"),), until=NOW + timedelta(days=1))
    store = make_store(tmp_path, replace(DRAFT, hosts=(host,)))
    with sqlite3.connect(tmp_path / "state.db") as db:
        db.execute(statement)
    db.close()
    with pytest.raises(StoreError) as raised:
        load_everything(store)
    assert raised.value.code == "state-corrupt"
    assert "backup" in raised.value.hint


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to look like one" * 40])
def test_a_file_that_is_no_database_is_damage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(StoreError):
        SQLiteStore(tmp_path / "state.db", CHANNEL).load_draft()


def test_garbled_pages_are_damage(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    path = tmp_path / "state.db"
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError) as raised:
        load_everything(store)
    assert raised.value.code == "state-corrupt"


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    with sqlite3.connect(tmp_path / "state.db") as db:
        db.execute("PRAGMA user_version = 7")
    db.close()
    with pytest.raises(StoreError) as raised:
        store.load_draft()
    assert raised.value.code == "state-schema"


def test_a_database_that_somebody_else_writes_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.control.db.sqlite._BUSY_SECONDS", 0.05)
    store = make_store(tmp_path)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError) as raised:
            save(store, DRAFT)
        assert raised.value.code == "state-locked"
    finally:
        other.close()
    assert save(store, DRAFT).revision == 2

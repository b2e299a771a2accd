# SPDX-License-Identifier: Apache-2.0
"""The state of one machine in one SQLite file: WAL, synced at every commit, one connection a transaction.

The primary key of ``document`` *is* the compare-and-swap on (channel, role, version): the row is inserted when the
publication records its intent, and gets its bytes when they are signed. Whatever was signed is never updated.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

from holdfast.control.db.sqlite_rows import audit_from_row, draft_from_rows, host_row, pin_row
from holdfast.control.model import NEXT_STATES, Claim, Document, Publication, PublicationState
from holdfast.core.instant import format_instant, parse_instant
from holdfast.errors import Conflict, NotFound, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from holdfast.control.model import AuditEntry, Draft

__all__ = ["SCHEMA_VERSION", "SQLiteStore"]

SCHEMA_VERSION: Final = 1
_BUSY_SECONDS: Final = 10.0
_GENESIS: Final = "0" * 64

_SCHEMA: Final = """
CREATE TABLE channel (
    name TEXT PRIMARY KEY, created TEXT NOT NULL, revision INTEGER NOT NULL,
    authority TEXT NOT NULL, delegation TEXT NOT NULL
) STRICT;
CREATE TABLE host (
    channel TEXT NOT NULL REFERENCES channel(name), pattern TEXT NOT NULL, include_subdomains INTEGER NOT NULL,
    mode TEXT NOT NULL, until TEXT, allow_leaf INTEGER NOT NULL,
    PRIMARY KEY (channel, pattern)
) STRICT;
CREATE TABLE pin (
    channel TEXT NOT NULL, pattern TEXT NOT NULL, position INTEGER NOT NULL,
    list TEXT NOT NULL, type TEXT NOT NULL, at TEXT NOT NULL, digest BLOB NOT NULL CHECK (length(digest) = 32),
    use TEXT, reason TEXT NOT NULL, origin TEXT NOT NULL, key BLOB CHECK (key IS NULL OR length(key) = 32),
    added TEXT NOT NULL,
    PRIMARY KEY (channel, pattern, list, type, at, digest),
    FOREIGN KEY (channel, pattern) REFERENCES host(channel, pattern)
) STRICT;
CREATE TABLE publication (
    id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL REFERENCES channel(name), kind TEXT NOT NULL,
    state TEXT NOT NULL, created TEXT NOT NULL, finished TEXT
) STRICT;
CREATE TABLE document (
    channel TEXT NOT NULL, role TEXT NOT NULL, version INTEGER NOT NULL CHECK (version > 0),
    publication INTEGER REFERENCES publication(id), sha256 TEXT, data BLOB,
    PRIMARY KEY (channel, role, version)
) STRICT;
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY, channel TEXT NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
    detail TEXT NOT NULL, digest TEXT NOT NULL
) STRICT;
"""


class SQLiteStore:
    """:class:`~holdfast.control.store.Store` in one file.

    Args:
        path: The database; made by :meth:`create_channel` only.
        channel: The channel whose rows it reads and writes.
    """

    def __init__(self, path: Path, channel: str) -> None:
        self._path = path
        self._channel = channel

    # ------------------------------------------------------------------------------------------------ drafts

    def create_channel(self, draft: Draft, roots: Sequence[Document], *, now: datetime, actor: str) -> None:
        """Record a new channel with its first root.

        Raises:
            Conflict: There is one already (``channel-exists``).
            StoreError: The file cannot be made or is no database.
        """
        with self._transaction(create=True) as db:
            if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION:d}")
            if db.execute("SELECT 1 FROM channel WHERE name = ?", (self._channel,)).fetchone():
                raise Conflict(f"channel {self._channel} exists already", code="channel-exists")
            delegation = _dump_delegation(draft)
            db.execute(
                "INSERT INTO channel VALUES (?, ?, ?, ?, ?)",
                (self._channel, format_instant(now), draft.revision, draft.authority.value, delegation),
            )
            self._write_hosts(db, draft)
            for document in roots:
                row = (self._channel, document.role, document.version, _sha256(document.data), document.data)
                db.execute("INSERT INTO document VALUES (?, ?, ?, NULL, ?, ?)", row)
            self._append_audit(db, now, actor, "channel.created", {"roots": [root.version for root in roots]})

    def load_draft(self) -> Draft:
        """Load the draft.

        Raises:
            NotFound: The database knows no such channel (``no-channel``).
        """
        with self._transaction() as db:
            channel = self._channel_row(db)
            hosts = db.execute("SELECT * FROM host WHERE channel = ? ORDER BY pattern", (self._channel,)).fetchall()
            pins = db.execute(
                "SELECT * FROM pin WHERE channel = ? ORDER BY pattern, position", (self._channel,)
            ).fetchall()
        with self._undamaged():
            return draft_from_rows(channel, hosts, pins)

    def save_draft(self, draft: Draft, *, now: datetime, actor: str, action: str, detail: Mapping[str, Any]) -> Draft:
        """Write the draft and its line in the audit log together.

        Raises:
            Conflict: The draft moved since it was read (``draft-moved``).
        """
        with self._transaction() as db:
            self._expect_revision(db, draft.revision)
            db.execute(
                "UPDATE channel SET revision = revision + 1, authority = ?, delegation = ? WHERE name = ?",
                (draft.authority.value, _dump_delegation(draft), self._channel),
            )
            db.execute("DELETE FROM pin WHERE channel = ?", (self._channel,))
            db.execute("DELETE FROM host WHERE channel = ?", (self._channel,))
            self._write_hosts(db, draft)
            self._append_audit(db, now, actor, action, detail)
        return self.load_draft()

    def load_audit(self) -> Sequence[AuditEntry]:
        """Load the audit log, oldest first.

        Raises:
            StoreError: A line was changed, or one is missing before the last (``audit-broken``).
        """
        with self._transaction() as db:
            rows = db.execute("SELECT * FROM audit WHERE channel = ? ORDER BY sequence", (self._channel,)).fetchall()
        entries, previous = [], _GENESIS
        for row in rows:
            if row["digest"] != _chain(previous, row["at"], row["actor"], row["action"], row["detail"]):
                raise StoreError(f"the audit log does not chain at line {row['sequence']}", code="audit-broken")
            previous = row["digest"]
            with self._undamaged():
                entries.append(audit_from_row(row))
        return entries

    # ------------------------------------------------------------------------------------------ publications

    def load_documents(self) -> Sequence[Document]:
        """Load every root, and of each other role the highest version that was signed."""
        with self._transaction() as db:
            rows = db.execute(
                "SELECT role, version, data, sha256 FROM document AS d"
                " WHERE channel = :channel AND data IS NOT NULL AND ("
                " role = 'root' OR version = (SELECT max(version) FROM document"
                "  WHERE channel = :channel AND role = d.role AND data IS NOT NULL)) ORDER BY role, version",
                {"channel": self._channel},
            ).fetchall()
        return [_document(row) for row in rows]

    def load_unfinished(self) -> Sequence[tuple[Publication, Sequence[Document]]]:
        """Load publications in INTENT and SIGNED, oldest first."""
        with self._transaction() as db:
            rows = db.execute(
                "SELECT * FROM publication WHERE channel = ? AND state IN ('intent', 'signed') ORDER BY id",
                (self._channel,),
            ).fetchall()
            return [self._unfinished(db, row) for row in rows]

    def begin_publication(self, kind: str, claims: Sequence[Claim], *, revision: int, now: datetime) -> Publication:
        """Record the intent and take its versions, at once.

        Raises:
            Conflict: A version was taken (``version-taken``), or the draft moved on (``draft-moved``).
        """
        with self._transaction() as db:
            self._expect_revision(db, revision)
            cursor = db.execute(
                "INSERT INTO publication (channel, kind, state, created) VALUES (?, ?, ?, ?)",
                (self._channel, kind, PublicationState.INTENT.value, format_instant(now)),
            )
            number = cursor.lastrowid or 0
            try:
                for claim in claims:
                    row = (self._channel, claim.role, claim.version, number)
                    db.execute("INSERT INTO document VALUES (?, ?, ?, ?, NULL, NULL)", row)
            except sqlite3.IntegrityError as error:
                raise Conflict(
                    f"version {claim.version} of {claim.role} was taken by another publication",
                    code="version-taken",
                    hint="another publisher is at work: run the command again",
                ) from error
            row = db.execute("SELECT * FROM publication WHERE id = ?", (number,)).fetchone()
            return self._unfinished(db, row)[0]

    def record_signed(self, publication: Publication, documents: Sequence[Document]) -> None:
        """INTENT -> SIGNED: record the bytes of every claim.

        Raises:
            Conflict: The publication is no longer an intent (``publication-lost``): nothing was recorded.
        """
        with self._transaction() as db:
            self._move(db, publication, PublicationState.SIGNED)
            for document in documents:
                changed = db.execute(
                    "UPDATE document SET sha256 = ?, data = ? WHERE channel = ? AND role = ? AND version = ?"
                    " AND publication = ? AND data IS NULL",
                    (
                        _sha256(document.data),
                        document.data,
                        self._channel,
                        document.role,
                        document.version,
                        publication.id,
                    ),
                )
                if changed.rowcount != 1:
                    raise Conflict(f"{document.role} {document.version} was not claimed", code="publication-lost")

    def finish_publication(
        self, publication: Publication, *, stored: bool, now: datetime, actor: str, detail: Mapping[str, Any]
    ) -> None:
        """SIGNED -> STORED, or INTENT -> ABANDONED; with a line in the audit log.

        Raises:
            Conflict: Another publisher moved it first (``publication-lost``).
        """
        state = PublicationState.STORED if stored else PublicationState.ABANDONED
        with self._transaction() as db:
            self._move(db, publication, state)
            db.execute("UPDATE publication SET finished = ? WHERE id = ?", (format_instant(now), publication.id))
            if not stored:
                db.execute("DELETE FROM document WHERE publication = ? AND data IS NULL", (publication.id,))
            self._append_audit(db, now, actor, f"publication.{state.value}", {"id": publication.id, **detail})

    # ------------------------------------------------------------------------------------------------ inside

    def _move(self, db: sqlite3.Connection, publication: Publication, state: PublicationState) -> None:
        sources = [old.value for old, new in NEXT_STATES.items() if state in new]
        changed = db.execute(
            "UPDATE publication SET state = ? WHERE id = ? AND channel = ? AND state = ?",
            (state.value, publication.id, self._channel, sources[0]),
        )
        if changed.rowcount != 1:
            raise Conflict(
                f"publication {publication.id} is no longer {sources[0]}",
                code="publication-lost",
                hint="another publisher took over: run the command again",
            )

    def _unfinished(self, db: sqlite3.Connection, row: sqlite3.Row) -> tuple[Publication, list[Document]]:
        rows = db.execute(
            "SELECT role, version, data, sha256 FROM document WHERE publication = ? ORDER BY rowid", (row["id"],)
        ).fetchall()
        with self._undamaged():
            publication = Publication(
                id=row["id"],
                channel=row["channel"],
                kind=row["kind"],
                state=PublicationState(row["state"]),
                created=parse_instant(row["created"]),
                claims=tuple(Claim(each["role"], each["version"]) for each in rows),
            )
        return publication, [_document(each) for each in rows if each["data"] is not None]

    def _channel_row(self, db: sqlite3.Connection) -> sqlite3.Row:
        row: sqlite3.Row | None = db.execute("SELECT * FROM channel WHERE name = ?", (self._channel,)).fetchone()
        if row is None:
            raise NotFound(
                f"{self._path} knows no channel {self._channel}",
                code="no-channel",
                hint="is this the state.db that belongs to holdfast.toml?",
            )
        return row

    def _expect_revision(self, db: sqlite3.Connection, revision: int) -> None:
        found = self._channel_row(db)["revision"]
        if found != revision:
            raise Conflict(
                f"the draft moved from revision {revision} to {found} meanwhile",
                code="draft-moved",
                hint="somebody edited hosts or pins at the same time: look again, then run the command again",
            )

    def _write_hosts(self, db: sqlite3.Connection, draft: Draft) -> None:
        db.executemany("INSERT INTO host VALUES (?, ?, ?, ?, ?, ?)", [host_row(self._channel, h) for h in draft.hosts])
        rows = [
            pin_row(self._channel, host.pattern, position, pin)
            for host in draft.hosts
            for position, pin in enumerate(host.pins)
        ]
        db.executemany("INSERT INTO pin VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def _append_audit(
        self, db: sqlite3.Connection, now: datetime, actor: str, action: str, detail: Mapping[str, Any]
    ) -> None:
        last = db.execute(
            "SELECT digest FROM audit WHERE channel = ? ORDER BY sequence DESC LIMIT 1", (self._channel,)
        ).fetchone()
        at, text = format_instant(now), json.dumps(detail, sort_keys=True, separators=(",", ":"))
        digest = _chain(last["digest"] if last else _GENESIS, at, actor, action, text)
        db.execute(
            "INSERT INTO audit (channel, at, actor, action, detail, digest) VALUES (?, ?, ?, ?, ?, ?)",
            (self._channel, at, actor, action, text, digest),
        )

    @contextmanager
    def _undamaged(self) -> Iterator[None]:
        """A row that no record can come from is damage."""
        try:
            yield
        except (ValueError, KeyError, TypeError) as error:
            raise _corrupt(self._path, error) from error

    @contextmanager
    def _transaction(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """One connection, one immediate transaction; SQLite's errors are mapped here and nowhere else."""
        try:
            with closing(self._connect(create=create)) as db:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                except BaseException:
                    db.execute("ROLLBACK")
                    raise
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise _map_error(error, self._path) from error

    def _connect(self, *, create: bool) -> sqlite3.Connection:
        if create:
            self._create_file()
        elif not self._path.is_file():
            raise NotFound(
                f"{self._path} does not exist",
                code="no-state",
                hint="restore it from a backup, or start a new channel with `holdfast init`",
            )
        db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = FULL")
            found = db.execute("PRAGMA user_version").fetchone()[0]
            if found not in {SCHEMA_VERSION, 0 if create else SCHEMA_VERSION}:
                raise StoreError(
                    f"{self._path} has schema {found}, this program knows {SCHEMA_VERSION}",
                    code="state-schema",
                    hint="use the version of holdfast that wrote it, or a newer one",
                )
            db.execute("PRAGMA journal_mode = WAL")
        except BaseException:
            db.close()
            raise
        return db

    def _create_file(self) -> None:
        """Make the file unreadable to others before anything is in it."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StoreError(f"cannot create {self._path}: {error.strerror}", code="state-unwritable") from error


def _map_error(error: sqlite3.Error, path: Path) -> StoreError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return StoreError(
            f"{path} is locked: {text}", code="state-locked", hint="another holdfast is at work: try again"
        )
    if "readonly" in text or "unable to open" in text or "full" in text or "disk I/O" in text:
        return StoreError(
            f"cannot write {path}: {text}",
            code="state-unwritable",
            hint="free space or fix the permissions, then run the command again",
        )
    return _corrupt(path, error)


def _corrupt(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path} is damaged: {error}",
        code="state-corrupt",
        hint="restore state.db from a backup; clients keep enforcing what they have",
    )


def _document(row: sqlite3.Row) -> Document:
    data: bytes = row["data"]
    if _sha256(data) != row["sha256"]:
        raise StoreError(
            f"{row['role']} {row['version']} in state.db does not match its digest",
            code="state-corrupt",
            hint="restore state.db from a backup",
        )
    return Document(row["role"], row["version"], data)


def _dump_delegation(draft: Draft) -> str:
    delegation = draft.delegation
    return json.dumps(
        {
            "role": delegation.role,
            "threshold": delegation.threshold,
            "keys": {keyid: dict(key) for keyid, key in delegation.keys.items()},
        },
        sort_keys=True,
    )


def _chain(previous: str, at: str, actor: str, action: str, detail: str) -> str:
    return _sha256(f"{previous}\n{at}\n{actor}\n{action}\n{detail}".encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

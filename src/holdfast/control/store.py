# SPDX-License-Identifier: Apache-2.0
"""The doors to what lasts: the database, and the place where clients fetch.

Guarantee of every implementation: a method either has happened and survives a loss of power, or has not happened.
Errors are :class:`~holdfast.errors.StoreError` (cannot read or write), :class:`~holdfast.errors.Conflict` (somebody
else was first) and :class:`~holdfast.errors.NotFound`; nothing else escapes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from holdfast.control.model import AuditEntry, Claim, Document, Draft, Publication

__all__ = ["DraftStore", "PublicationStore", "Sink", "Store", "WriterLock"]


class DraftStore(Protocol):
    """What people edit, and who edited it."""

    def load_draft(self) -> Draft:
        """Load the draft; :class:`NotFound` (``no-channel``) before the ceremony."""
        ...

    def save_draft(self, draft: Draft, *, now: datetime, actor: str, action: str, detail: Mapping[str, Any]) -> Draft:
        """Write the draft and its line in the audit log together.

        ``draft.revision`` is the one that was read; the returned draft carries the next one.
        :class:`Conflict` (``draft-moved``) if it has moved since.
        """
        ...

    def load_audit(self) -> Sequence[AuditEntry]:
        """Load the audit log, oldest first; :class:`StoreError` (``audit-broken``) if its chain does not hold."""
        ...


class PublicationStore(Protocol):
    """What went out, and what was about to."""

    def load_documents(self) -> Sequence[Document]:
        """Load every root, and of each other role the highest version, of publications that were signed."""
        ...

    def load_unfinished(self) -> Sequence[tuple[Publication, Sequence[Document]]]:
        """Load publications in INTENT (no documents) and SIGNED (all documents), oldest first."""
        ...

    def begin_publication(self, kind: str, claims: Sequence[Claim], *, revision: int, now: datetime) -> Publication:
        """Record the intent and take its versions, at once.

        :class:`Conflict` if a version was taken (``version-taken``) or the draft moved on (``draft-moved``).
        """
        ...

    def record_signed(self, publication: Publication, documents: Sequence[Document]) -> None:
        """INTENT -> SIGNED: record the bytes; one document a claim. :class:`Conflict` if it was abandoned meanwhile."""
        ...

    def finish_publication(
        self, publication: Publication, *, stored: bool, now: datetime, actor: str, detail: Mapping[str, Any]
    ) -> None:
        """SIGNED -> STORED, or INTENT -> ABANDONED (its versions are free again); with a line in the audit log."""
        ...


class Store(DraftStore, PublicationStore, Protocol):
    """Both, in one database."""

    def create_channel(self, draft: Draft, roots: Sequence[Document], *, now: datetime, actor: str) -> None:
        """Record a new channel with its first root; :class:`Conflict` (``channel-exists``) if there is one."""
        ...


class Sink(Protocol):
    """The public side: files under names, seen by clients at any moment."""

    def put_new(self, name: str, data: bytes) -> None:
        """Create a file whose name is used once. The same bytes again: no error; others: :class:`Conflict`."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Create or replace a file: a reader gets the old bytes or the new ones."""
        ...

    def read(self, name: str) -> bytes | None:
        """Read a file; ``None`` if there is none."""
        ...

    def sweep(self) -> None:
        """Remove what a killed writer left behind. Only the holder of the writer lock may call it."""
        ...


class WriterLock(Protocol):
    """One writer a channel."""

    def hold(self) -> AbstractContextManager[None]:
        """Hold the lock; :class:`Conflict` (``publisher-busy``) if another writer keeps it too long."""
        ...

# SPDX-License-Identifier: Apache-2.0
"""Who holds keys that are not his, or signs for a neighbour: what can be said with them.

It is built by the publisher's own program: its gates are no obstacle, a thief signs below them. What stops him stands
in the client.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs
from tuf.api.metadata import Snapshot, Timestamp

from holdfast.control.contents import build_manifest
from holdfast.control.model import Document
from holdfast.control.planning import Plan
from holdfast.control.publisher import list_public_files, open_signers, sign_publication
from holdfast.control.repository import MANIFEST
from holdfast.control.settings import SignerSettings
from holdfast.wiring import open_keys, read_clock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from holdfast.control.model import Draft, HostRecord
    from holdfast.control.repository import Repository
    from holdfast.control.signers import KeyRing
    from holdfast.sim.office import Office

__all__ = ["Thief"]


class Thief:
    """Holds a copy of the online keys (pins, snapshot, timestamp), and the passphrase that automation opens them with.

    Args:
        office: Whose.
        folder: Where he keeps his copy.
    """

    def __init__(self, office: Office, folder: Path) -> None:
        self._office = office
        signers = SignerSettings()
        shutil.copytree(office.founded.online_directory, folder / signers.online_directory)
        settings = structs.replace(office.workspace.settings, signers=signers)
        self._signed: tuple[Document, ...] = ()
        self._ring: KeyRing = open_keys(replace(office.workspace, root=folder, settings=settings), office.passphrases)

    def sign_manifest(self, *hosts: HostRecord) -> Mapping[str, bytes]:
        """Sign a manifest that speaks of these hosts and no others, and what must name it; each time a version higher.

        Returns:
            What he would put in the place of the published files: name -> bytes.
        """
        repository = self._office.service.load_repository().with_documents(self._signed)
        documents = self._sign(repository, replace(self._office.service.load_draft(), hosts=hosts))
        self._signed = (*self._signed, *documents)
        return dict(list_public_files(repository.with_documents(documents)))

    def sign_for_sister(self, channel: str) -> Mapping[str, bytes]:
        """Sign for a sister channel, as its own publisher does: the two share their online keys.

        Every signature is good and every version is newer; only the channel is another one.
        """
        repository = self._office.service.load_repository()
        documents = self._sign(repository, replace(self._office.service.load_draft(), channel=channel))
        return dict(list_public_files(repository.with_documents(documents)))

    def _sign(self, repository: Repository, draft: Draft) -> tuple[Document, ...]:
        settings = self._office.workspace.settings
        issued = read_clock().replace(microsecond=0)
        number = repository.next_version(MANIFEST)
        plan = Plan(
            issued=issued,
            manifest=Document(MANIFEST, number, build_manifest(draft, settings, version=number, issued=issued)),
            roles=(draft.delegation.role, Snapshot.type, Timestamp.type),
            claims=(),
        )
        signers = open_signers(plan, repository.root, draft, self._ring)
        return sign_publication(plan, repository, draft, settings, signers)

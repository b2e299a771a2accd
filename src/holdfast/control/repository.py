# SPDX-License-Identifier: Apache-2.0
"""What is out: the documents of a channel, and what they say of each other. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from tuf.api.metadata import DelegatedRole, Root, Snapshot, Targets, Timestamp

from holdfast.control.model import Delegation, Document, Draft, ManifestAuthority
from holdfast.core.limits import MAX_INTEGER
from holdfast.errors import OperationError, SignatureError
from holdfast.trust.roles import parse_role, verify_threshold
from holdfast.trust.verification import MANIFEST_TARGET

__all__ = ["MANIFEST", "SCOPE", "Repository", "list_delegated_roles", "published_draft"]

SCOPE: Final = "scope"
MANIFEST: Final = "manifest"
_MAX_VERSION: Final = MAX_INTEGER - 2**32  # 03: above it, only new keys or a new role name help
_MAX_BYTES: Final = 2**24  # our own documents; the bounds of clients are checked by verifying as a client

_SignedT = TypeVar("_SignedT", Root, Targets, Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class Repository:
    """What is out: every root, and of each other role the highest version."""

    roots: tuple[Document, ...]
    latest: Mapping[str, Document]

    @classmethod
    def of(cls, documents: Sequence[Document]) -> Repository:
        """Arrange what a store holds."""
        roots = sorted((each for each in documents if each.role == Root.type), key=lambda each: each.version)
        latest: dict[str, Document] = {}
        for document in sorted(documents, key=lambda each: each.version):
            latest[document.role] = document
        return cls(tuple(roots), latest)

    def with_documents(self, documents: Sequence[Document]) -> Repository:
        """Return what is out once these are."""
        return Repository.of([*self.roots, *(d for d in self.latest.values() if d.role != Root.type), *documents])

    def data(self, role: str) -> bytes | None:
        """Return the bytes of a role; ``None`` if it was never published."""
        document = self.latest.get(role)
        return None if document is None else document.data

    def next_version(self, role: str) -> int:
        """Return the version that a role takes next.

        Raises:
            OperationError: It would be above 2^53 - 2^32 (``version-exhausted``).
        """
        document = self.latest.get(role)
        version = 1 if document is None else document.version + 1
        if version > _MAX_VERSION:
            raise OperationError(
                f"{role} has used up its versions",
                code="version-exhausted",
                hint="replace its key: `holdfast root rotate --replace ...`, or hand back to a new role name",
            )
        return version

    @property
    def root(self) -> Root:
        """The newest root."""
        return parse_role(Root, self.roots[-1].data, max_bytes=_MAX_BYTES).signed

    @property
    def issued(self) -> datetime | None:
        """When the last timestamp was signed."""
        data = self.data(Timestamp.type)
        return None if data is None else parse_role(Timestamp, data, max_bytes=_MAX_BYTES).issued

    def signed(self, role: str, kind: type[_SignedT]) -> _SignedT | None:
        """Parse the newest document of a role; ``None`` if there is none."""
        data = self.data(role)
        return None if data is None else parse_role(kind, data, max_bytes=_MAX_BYTES, role=role).signed

    @property
    def delegation(self) -> DelegatedRole | None:
        """The delegation that is out; the publisher never writes more than one."""
        targets = self.signed(Targets.type, Targets)
        return None if targets is None else next(iter(list_delegated_roles(targets).values()), None)

    def is_carried(self, role: str, root: Root) -> bool:
        """Tell whether a root's keys speak for what is out of a role, targets or snapshot."""
        kind = {Targets.type: Targets, Snapshot.type: Snapshot}[role]
        try:
            verify_threshold(root, role, parse_role(kind, self.latest[role].data, max_bytes=_MAX_BYTES, role=role))
        except SignatureError:
            return False
        return True


def published_draft(repository: Repository, draft: Draft) -> Draft:
    """Return the draft with the authority and the delegation that are *out*, whatever was edited since."""
    targets = repository.signed(Targets.type, Targets)
    role = repository.delegation
    if targets is None or targets.delegations is None or role is None:
        return draft
    is_top_level = MANIFEST_TARGET in targets.targets
    return replace(
        draft,
        authority=ManifestAuthority.TOP_LEVEL if is_top_level else ManifestAuthority.DELEGATED,
        delegation=Delegation(
            role=role.name,
            keys={keyid: targets.delegations.keys[keyid].to_dict() for keyid in role.keyids},
            threshold=role.threshold,
        ),
    )


def list_delegated_roles(targets: Targets) -> Mapping[str, DelegatedRole]:
    """List the delegations of a targets role, by name."""
    roles = targets.delegations.roles if targets.delegations else None
    return roles or {}

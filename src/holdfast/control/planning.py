# SPDX-License-Identifier: Apache-2.0
"""What a publication must sign again, and which versions that takes. Pure: no key is opened here.

A role is signed again when what it says changes, when its keys were replaced, or when half of its life is over
(targets: two thirds; and only where its keys are at hand, since a routine publication must not need them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from holdfast.control.contents import build_manifest, build_scope, is_same_content
from holdfast.control.model import Claim, Document, Draft, ManifestAuthority
from holdfast.control.repository import MANIFEST, SCOPE, Repository, list_delegated_roles, published_draft
from holdfast.core.instant import format_instant
from holdfast.errors import OperationError
from holdfast.trust.verification import MANIFEST_TARGET

if TYPE_CHECKING:
    from holdfast.control.settings import LifeSettings, Settings
    from holdfast.control.signers import KeyRing

__all__ = ["Plan", "plan_publication"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a publication will do.

    Attributes:
        issued: The time that it signs, whole seconds.
        root: The new root, if one comes with it.
        scope, manifest: New texts; ``None``: the ones that are out stay.
        roles: The roles to sign, in the order of signing.
        claims: Every version that it takes.
        notes: What the reader should know, one line each.
    """

    issued: datetime
    root: Document | None = None
    scope: Document | None = None
    manifest: Document | None = None
    roles: tuple[str, ...]
    claims: tuple[Claim, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def is_content_changed(self) -> bool:
        """Whether clients will see other pins, or another scope."""
        return self.scope is not None or self.manifest is not None


def plan_publication(
    repository: Repository,
    draft: Draft,
    settings: Settings,
    ring: KeyRing,
    *,
    now: datetime,
    root: Document | None = None,
    only_timestamp: bool = False,
) -> Plan:
    """Decide what must be signed again.

    Args:
        repository: What is out.
        draft: What should be out.
        settings: Of the channel.
        ring: Asked only whether keys are at hand.
        now: Aware UTC.
        root: A new root that comes with it.
        only_timestamp: Leave the draft alone; sign only what is out already, for as long as its life asks for.

    Raises:
        OperationError: Nothing is out yet, so that a timestamp alone makes no sense (``not-published``).
    """
    issued = now.replace(microsecond=0)
    scope = Document(SCOPE, repository.next_version(SCOPE), b"")
    scope = Document(SCOPE, scope.version, build_scope(draft, settings, version=scope.version, issued=issued))
    number = repository.next_version(MANIFEST)
    manifest = Document(MANIFEST, number, build_manifest(draft, settings, version=number, issued=issued))
    new_scope = None if is_same_content(repository.data(SCOPE), scope.data) else scope
    changes_hands = _changes_hands(repository, draft)
    # A manifest that changes hands gets a higher version even if it says the same: "a higher one" is the gate on
    # ending break-glass, and two signers never speak under one version.
    same = is_same_content(repository.data(MANIFEST), manifest.data) and not changes_hands
    new_manifest = None if same else manifest
    newest_root = repository.with_documents([root]).root if root else repository.root
    if only_timestamp:
        new_scope = new_manifest = None
        if Snapshot.type not in repository.latest:
            raise OperationError("nothing was published yet", code="not-published", hint="run `holdfast publish`")
    roles, notes = _roles_to_sign(
        repository,
        published_draft(repository, draft) if only_timestamp else draft,
        settings.lives,
        ring,
        newest_root,
        issued,
        bool(new_scope),
        bool(new_manifest),
    )
    documents = [each for each in (root, new_scope, new_manifest) if each is not None]
    return Plan(
        issued=issued,
        root=root,
        scope=new_scope,
        manifest=new_manifest,
        roles=roles,
        claims=(
            *(Claim(each.role, each.version) for each in documents),
            *(Claim(role, repository.next_version(role)) for role in roles),
        ),
        notes=(*notes, *_overlaps(draft, settings)),
    )


def _overlaps(draft: Draft, settings: Settings) -> list[str]:
    """Remark mirrors and report URLs that the scope covers: clients exempt those by context, other programs may not."""
    names = {urlsplit(url).hostname or "" for url in (*settings.channel.mirrors, *settings.report.urls)}
    return [
        f"{name}, which clients fetch from or report to, lies under the protected {host.pattern}"
        for name in sorted(names)
        for host in draft.hosts
        if name == host.pattern or (host.include_subdomains and name.endswith(f".{host.pattern}"))
    ]


def _changes_hands(repository: Repository, draft: Draft) -> bool:
    targets = repository.signed(Targets.type, Targets)
    if targets is None:
        return False
    was_top_level = MANIFEST_TARGET in targets.targets
    is_top_level = draft.authority is ManifestAuthority.TOP_LEVEL
    return was_top_level is not is_top_level or draft.delegation.role not in list_delegated_roles(targets)


def _roles_to_sign(
    repository: Repository,
    draft: Draft,
    lives: LifeSettings,
    ring: KeyRing,
    root: Root,
    issued: datetime,
    scope_changed: bool,
    manifest_changed: bool,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    is_top_level = draft.authority is ManifestAuthority.TOP_LEVEL
    pins = draft.delegation.role
    roles, notes = [], []
    targets = repository.signed(Targets.type, Targets)
    delegation_differs = targets is None or not _is_delegated(targets, draft)
    if (
        targets is None
        or scope_changed
        or delegation_differs
        or (is_top_level and manifest_changed)
        or _changes_hands(repository, draft)
        or not repository.is_carried(Targets.type, root)
    ):
        roles.append(Targets.type)
    elif _is_past(targets.expires, issued, lives.targets_days, share=1 / 3):
        if _count_at_hand(root.roles[Targets.type].keyids, ring) >= root.roles[Targets.type].threshold:
            roles.append(Targets.type)
        else:
            notes.append(f"targets expires at {format_instant(targets.expires)}: publish once with its offline keys")
    delegated = repository.signed(pins, Targets)
    if not is_top_level and (
        delegated is None
        or manifest_changed
        or delegation_differs
        or _is_past(delegated.expires, issued, lives.pins_days, share=1 / 2)
    ):
        roles.append(pins)
    snapshot = repository.signed(Snapshot.type, Snapshot)
    if (
        snapshot is None
        or roles
        or _is_past(snapshot.expires, issued, lives.snapshot_days, share=1 / 2)
        or not repository.is_carried(Snapshot.type, root)
    ):
        roles.append(Snapshot.type)
    root_expires = root.expires
    if _is_past(root_expires, issued, lives.root_days, share=1 / 3):
        notes.append(f"the root expires at {format_instant(root_expires)}: run `holdfast root rotate` before")
    return (*roles, Timestamp.type), tuple(notes)


def _is_delegated(targets: Targets, draft: Draft) -> bool:
    """Tell whether the delegation that is out is the draft's."""
    wanted, found = draft.delegation, list_delegated_roles(targets).get(draft.delegation.role)
    return found is not None and set(found.keyids) == set(wanted.keys) and found.threshold == wanted.threshold


def _is_past(expires: datetime, now: datetime, days: int, *, share: float) -> bool:
    """Tell whether less than a share of a life is left."""
    return expires - now < timedelta(days=days) * share


def _count_at_hand(keyids: Sequence[str], ring: KeyRing) -> int:
    return sum(ring.has(keyid) for keyid in keyids)

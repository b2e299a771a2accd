# SPDX-License-Identifier: Apache-2.0
"""A publication from what is known: which roles must be signed again, and the signed bytes. Pure but for the signers.

In go the documents that are out, the draft, the settings and ``now``; out come a :class:`Plan` (which versions it will
take, what it changes) and, with the keys, the documents. Which files clients see is :func:`list_public_files`.

A role is signed again when what it says changes, when its keys were replaced, or when half of its life is over
(targets: two thirds; and only where its keys are at hand, since a routine publication must not need them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, TypeVar

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from holdfast.control.contents import build_manifest, build_scope, is_same_content
from holdfast.control.model import Claim, Delegation, Document, Draft, ManifestAuthority
from holdfast.control.policy import RoleKeys
from holdfast.core.instant import format_instant
from holdfast.core.limits import MAX_INTEGER, PACKED_ROOTS_BYTES
from holdfast.errors import OperationError, SignatureError, SignerUnavailable
from holdfast.trust.bundle import build_bundle, name_role_file, name_target_file
from holdfast.trust.canonical_json import check_profile
from holdfast.trust.roles import CHANNEL_FIELD, ISSUED_FIELD, parse_role, verify_threshold
from holdfast.trust.verification import MANIFEST_TARGET, SCOPE_TARGET

if TYPE_CHECKING:
    from holdfast.control.settings import LifeSettings, Settings
    from holdfast.control.signers import KeyRing

__all__ = [
    "BUNDLE_NAME",
    "MANIFEST",
    "SCOPE",
    "Plan",
    "Repository",
    "build_root",
    "list_public_files",
    "list_role_keys",
    "open_signers",
    "open_threshold",
    "plan_publication",
    "published_draft",
    "sign_publication",
    "sign_root",
]

BUNDLE_NAME: Final = "bundle.json"
SCOPE: Final = "scope"
MANIFEST: Final = "manifest"
_MAX_VERSION: Final = MAX_INTEGER - 2**32  # 03: above it, only new keys or a new role name help
_TUF_SPEC: Final = "1.0.31"
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
        notes=notes,
    )


def published_draft(repository: Repository, draft: Draft) -> Draft:
    """Return the draft with the authority and the delegation that are *out*, whatever was edited since."""
    targets = repository.signed(Targets.type, Targets)
    role = _published_delegation(repository)
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


def _published_delegation(repository: Repository) -> DelegatedRole | None:
    """Return the delegation that is out; the publisher never writes more than one."""
    targets = repository.signed(Targets.type, Targets)
    return None if targets is None else next(iter(_delegated_roles(targets).values()), None)


def _changes_hands(repository: Repository, draft: Draft) -> bool:
    targets = repository.signed(Targets.type, Targets)
    if targets is None:
        return False
    was_top_level = MANIFEST_TARGET in targets.targets
    is_top_level = draft.authority is ManifestAuthority.TOP_LEVEL
    return was_top_level is not is_top_level or draft.delegation.role not in _delegated_roles(targets)


def _delegated_roles(targets: Targets) -> Mapping[str, DelegatedRole]:
    roles = targets.delegations.roles if targets.delegations else None
    return roles or {}


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
        or not _is_carried(repository, root, Targets.type)
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
        or not _is_carried(repository, root, Snapshot.type)
    ):
        roles.append(Snapshot.type)
    root_expires = root.expires
    if _is_past(root_expires, issued, lives.root_days, share=1 / 3):
        notes.append(f"the root expires at {format_instant(root_expires)}: run `holdfast root rotate` before")
    return (*roles, Timestamp.type), tuple(notes)


def _is_delegated(targets: Targets, draft: Draft) -> bool:
    """Tell whether the delegation that is out is the draft's."""
    wanted, found = draft.delegation, _delegated_roles(targets).get(draft.delegation.role)
    return found is not None and set(found.keyids) == set(wanted.keys) and found.threshold == wanted.threshold


def _is_carried(repository: Repository, root: Root, role: str) -> bool:
    """Tell whether the newest root's keys still speak for what is out."""
    kind = {Targets.type: Targets, Snapshot.type: Snapshot}[role]
    try:
        verify_threshold(root, role, parse_role(kind, repository.latest[role].data, max_bytes=_MAX_BYTES, role=role))
    except SignatureError:
        return False
    return True


def _is_past(expires: datetime, now: datetime, days: int, *, share: float) -> bool:
    """Tell whether less than a share of a life is left."""
    return expires - now < timedelta(days=days) * share


def _count_at_hand(keyids: Sequence[str], ring: KeyRing) -> int:
    return sum(ring.has(keyid) for keyid in keyids)


# ------------------------------------------------------------------------------------------------------- signing


def list_role_keys(root: Root, draft: Draft) -> list[RoleKeys]:
    """List who may sign what, for the gate on thresholds."""
    roles = [
        RoleKeys(name, role.threshold, {keyid: root.keys[keyid].scheme for keyid in role.keyids})
        for name, role in root.roles.items()
    ]
    delegation = draft.delegation
    schemes = {keyid: str(key.get("scheme")) for keyid, key in delegation.keys.items()}
    return [*roles, RoleKeys(delegation.role, delegation.threshold, schemes)]


def open_signers(plan: Plan, root: Root, draft: Draft, ring: KeyRing) -> Mapping[str, Sequence[Signer]]:
    """Open the keys of every role that the plan signs: before anything is recorded.

    Raises:
        SignerUnavailable: Fewer keys at hand than a threshold (``threshold-unreachable``), or what the ring says.
    """
    signers = {}
    for name in plan.roles:
        if name in root.roles:
            role = root.roles[name]
            signers[name] = open_threshold(name, [root.keys[k] for k in role.keyids], role.threshold, ring)
        else:
            keys = [Key.from_dict(keyid, dict(key)) for keyid, key in draft.delegation.keys.items()]
            signers[name] = open_threshold(name, keys, draft.delegation.threshold, ring)
    return signers


def open_threshold(role: str, keys: Sequence[Key], threshold: int, ring: KeyRing) -> list[Signer]:
    """Open as many keys as the threshold asks for, of those that are at hand."""
    at_hand = [key for key in keys if ring.has(key.keyid)]
    if len(at_hand) < threshold:
        missing = ", ".join(key.keyid[:16] for key in keys if key not in at_hand)
        raise SignerUnavailable(
            f"{role} needs {threshold} of its {len(keys)} keys, {len(at_hand)} at hand (missing: {missing})",
            code="threshold-unreachable",
            hint="mount the medium with the offline keys; [signers] of holdfast.toml says where they are looked for",
        )
    return [ring.open(key) for key in at_hand[:threshold]]


def sign_publication(
    plan: Plan, repository: Repository, draft: Draft, settings: Settings, signers: Mapping[str, Sequence[Signer]]
) -> tuple[Document, ...]:
    """Sign what the plan says: one document a claim, in the order of the claims."""
    documents = [each for each in (plan.root, plan.scope, plan.manifest) if each is not None]
    base = repository.with_documents(documents)
    builders = {
        Targets.type: _build_targets,
        Snapshot.type: _build_snapshot,
        Timestamp.type: _build_timestamp,
    }
    for role in plan.roles:
        version = repository.next_version(role)
        signed = builders.get(role, _build_delegated)(base, draft, settings.lives, plan.issued, version)
        document = Document(role, version, _sign(signed, draft.channel, plan.issued, signers[role]))
        documents.append(document)
        base = base.with_documents([document])
    return tuple(documents)


def sign_root(root: Root, channel: str, issued: datetime, signers: Sequence[Signer]) -> Document:
    """Sign a root."""
    return Document(Root.type, root.version, _sign(root, channel, issued, signers))


def build_root(
    version: int, keys: Mapping[str, tuple[Sequence[Key], int]], *, issued: datetime, lives: LifeSettings
) -> Root:
    """Build a root.

    Args:
        version: Its version.
        keys: Role -> its keys and its threshold, for root, targets, snapshot and timestamp.
        issued: Aware UTC, whole seconds.
        lives: How long it lives.
    """
    root = Root(version=version, spec_version=_TUF_SPEC, expires=issued + timedelta(days=lives.root_days))
    for role, (its_keys, threshold) in keys.items():
        for key in its_keys:
            root.add_key(key, role)
        root.roles[role].threshold = threshold
    root.consistent_snapshot = True
    return root


def _build_targets(base: Repository, draft: Draft, lives: LifeSettings, issued: datetime, version: int) -> Targets:
    listed = {SCOPE_TARGET: _target_file(base, SCOPE, SCOPE_TARGET)}
    if draft.authority is ManifestAuthority.TOP_LEVEL:
        listed[MANIFEST_TARGET] = _target_file(base, MANIFEST, MANIFEST_TARGET)
    delegation = draft.delegation
    role = DelegatedRole(
        name=delegation.role,
        keyids=list(delegation.keys),
        threshold=delegation.threshold,
        terminating=True,
        paths=[MANIFEST_TARGET],
    )
    keys = {keyid: Key.from_dict(keyid, dict(key)) for keyid, key in delegation.keys.items()}
    return Targets(
        version=version,
        spec_version=_TUF_SPEC,
        expires=issued + timedelta(days=lives.targets_days),
        targets=listed,
        delegations=Delegations(keys=keys, roles={delegation.role: role}),
    )


def _build_delegated(base: Repository, _draft: Draft, lives: LifeSettings, issued: datetime, version: int) -> Targets:
    return Targets(
        version=version,
        spec_version=_TUF_SPEC,
        expires=issued + timedelta(days=lives.pins_days),
        targets={MANIFEST_TARGET: _target_file(base, MANIFEST, MANIFEST_TARGET)},
    )


def _build_snapshot(base: Repository, draft: Draft, lives: LifeSettings, issued: datetime, version: int) -> Snapshot:
    """List every role that was ever listed: for a client, dropping one is a rollback."""
    old = base.signed(Snapshot.type, Snapshot)
    meta = dict(old.meta) if old else {}
    for role in (Targets.type, draft.delegation.role):
        document = base.latest.get(role)
        if document is not None:
            meta[f"{role}.json"] = _meta_file(document)
    return Snapshot(
        version=version, spec_version=_TUF_SPEC, expires=issued + timedelta(days=lives.snapshot_days), meta=meta
    )


def _build_timestamp(base: Repository, _draft: Draft, lives: LifeSettings, issued: datetime, version: int) -> Timestamp:
    return Timestamp(
        version=version,
        spec_version=_TUF_SPEC,
        expires=issued + timedelta(days=lives.timestamp_days),
        snapshot_meta=_meta_file(base.latest[Snapshot.type]),
    )


def _meta_file(document: Document) -> MetaFile:
    return MetaFile(document.version, len(document.data), {"sha256": sha256(document.data).hexdigest()})


def _target_file(base: Repository, role: str, path: str) -> TargetFile:
    data = base.latest[role].data
    return TargetFile(len(data), {"sha256": sha256(data).hexdigest()}, path)


def _sign(signed: Any, channel: str, issued: datetime, signers: Sequence[Signer]) -> bytes:
    """Add what every Holdfast role carries, keep to the profile, sign with each key."""
    signed.unrecognized_fields[CHANNEL_FIELD] = channel
    signed.unrecognized_fields[ISSUED_FIELD] = format_instant(issued)
    check_profile(signed.to_dict())
    metadata = Metadata(signed)
    for signer in signers:
        metadata.sign(signer, append=True)
    data: bytes = metadata.to_bytes(JSONSerializer(compact=True))
    return data


# -------------------------------------------------------------------------------------------------- what is seen


def list_public_files(repository: Repository) -> list[tuple[str, bytes]]:
    """List what clients can fetch, in the order of publishing.

    Versioned files come first, then the bundle, then the roots, then ``timestamp.json``: whoever reads files one by
    one finds everything that the timestamp leads to. Roots come late because a root that replaces the timestamp's
    key is of no use to such a reader until the new timestamp is there.
    """
    files = {}
    for role, target in ((SCOPE, SCOPE_TARGET), (MANIFEST, MANIFEST_TARGET)):
        data = repository.latest[role].data
        files[name_target_file(sha256(data).hexdigest(), target)] = data
    roles = [Targets.type, Snapshot.type]
    delegation = _published_delegation(repository)
    if delegation is not None and delegation.name in repository.latest:
        roles.insert(1, delegation.name)
    for role in roles:
        document = repository.latest[role]
        files[name_role_file(role, document.version)] = document.data
    timestamp = repository.latest[Timestamp.type].data
    roots = [(name_role_file(Root.type, root.version), root.data) for root in repository.roots]
    bundle = _build_bundle({**files, name_role_file(Timestamp.type, None): timestamp}, roots[1:])
    return [*files.items(), (BUNDLE_NAME, bundle), *roots, (name_role_file(Timestamp.type, None), timestamp)]


def _build_bundle(files: Mapping[str, bytes], roots: Sequence[tuple[str, bytes]]) -> bytes:
    """Pack the set with its newest roots, as many as stay below the bound; older ones are fetched singly."""
    size = sum(map(len, files.values()))
    packed = {}
    for name, data in reversed(roots):
        size += len(data)
        if size > PACKED_ROOTS_BYTES:
            break
        packed[name] = data
    return build_bundle({**files, **packed})

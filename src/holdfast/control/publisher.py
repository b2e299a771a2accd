# SPDX-License-Identifier: Apache-2.0
"""The signed bytes of a publication, and the files that clients see of it. Pure but for the signers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

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

from holdfast.control.model import Document, Draft, ManifestAuthority
from holdfast.control.policy import RoleKeys
from holdfast.control.repository import MANIFEST, SCOPE, Repository
from holdfast.core.instant import format_instant
from holdfast.core.limits import PACKED_ROOTS_BYTES
from holdfast.errors import SignerUnavailable
from holdfast.trust.bundle import build_bundle, name_role_file, name_target_file
from holdfast.trust.canonical_json import check_profile
from holdfast.trust.roles import CHANNEL_FIELD, ISSUED_FIELD
from holdfast.trust.verification import MANIFEST_TARGET, SCOPE_TARGET

if TYPE_CHECKING:
    from holdfast.control.planning import Plan
    from holdfast.control.settings import LifeSettings, Settings
    from holdfast.control.signers import KeyRing

__all__ = [
    "BUNDLE_NAME",
    "build_root",
    "list_public_files",
    "list_role_keys",
    "open_signers",
    "open_threshold",
    "sign_publication",
    "sign_root",
]

BUNDLE_NAME: Final = "bundle.json"
_TUF_SPEC: Final = "1.0.31"


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
    delegation = repository.delegation
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

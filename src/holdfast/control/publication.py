# SPDX-License-Identifier: Apache-2.0
"""Lint, record, sign, store: one publication from the draft to the public place, whatever dies in between.

::

    lint     gates, and every key opened                    nothing written
    record   intent and versions in the database            a crash here: the next publication frees the versions
    sign     in memory, verified as a client, recorded      a crash here: as above, or the next one goes on below
    store    versioned files, bundle, roots, timestamp      a crash here: the next publication stores the same bytes
    check    read back, verified as a client

Clients see a consistent set at every moment: a versioned name is written once, before the bundle and the timestamp
that lead to it are replaced in one step each. One writer at a time by the lock; and should the lock fail (two machines
over one database), the claims on (channel, role, version) let one of two publishers win and the other write nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from tuf.api.metadata import Timestamp

from holdfast.control.checks import verify_as_new_client, verify_bundle
from holdfast.control.model import Draft, PublicationState
from holdfast.control.planning import Plan, plan_publication
from holdfast.control.policy import Finding, Gate, Proposal, check_publication, refuse_unless_overridden
from holdfast.control.publisher import (
    BUNDLE_NAME,
    list_public_files,
    list_role_keys,
    open_signers,
    sign_publication,
)
from holdfast.control.repository import MANIFEST, SCOPE, Repository, published_draft
from holdfast.core.manifest import parse_manifest
from holdfast.core.scope import parse_scope
from holdfast.errors import HoldfastError, NotFound, OperationError, TrustError
from holdfast.trust.bundle import name_role_file

if TYPE_CHECKING:
    from datetime import datetime

    from securesystemslib.signer import Signer

    from holdfast.control.model import Document, Publication
    from holdfast.control.settings import Settings
    from holdfast.control.signers import KeyRing
    from holdfast.control.store import Sink, Store, WriterLock

__all__ = ["Permission", "Publisher", "Report"]

_log = logging.getLogger(__name__)
_TIMESTAMP_NAME: Final = name_role_file(Timestamp.type, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Who publishes, and what they take on themselves.

    Attributes:
        actor: Who, for the audit log.
        overrides: Gates that are overridden by name.
        reason: Why; must stand there when gates are overridden.
    """

    actor: str
    overrides: frozenset[Gate] = frozenset()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a publication did.

    Attributes:
        versions: Role -> the version that is out now.
        signed: The roles that were signed again.
        scope_changed, manifest_changed: Whether clients see another scope, or other pins.
        overridden: The gates that a person overrode.
        notes: What the reader should know.
        continued: Whether an interrupted publication was completed on the way.
    """

    versions: Mapping[str, int]
    signed: tuple[str, ...]
    scope_changed: bool
    manifest_changed: bool
    overridden: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    continued: bool = False


@dataclass(frozen=True, slots=True)
class _Job:
    """A publication that passed the lint."""

    repository: Repository
    draft: Draft
    plan: Plan
    overridden: Sequence[Finding]
    signers: Mapping[str, Sequence[Signer]]
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Publisher:
    """The one way out for signed bytes.

    Attributes:
        settings, store, sink, ring, lock: What :mod:`holdfast.wiring` chose.
        progress: Called with a short line before each step that takes time.
    """

    settings: Settings
    store: Store
    sink: Sink
    ring: KeyRing
    lock: WriterLock
    progress: Callable[[str], None] = field(default=lambda _line: None)

    def publish(
        self,
        kind: str,
        permission: Permission,
        *,
        now: datetime,
        prepare: Callable[[Repository, Draft], tuple[Draft, Document | None]] | None = None,
        only_timestamp: bool = False,
    ) -> Report:
        """Publish what the draft says.

        Args:
            kind: For the audit log: ``publish``, ``timestamp``, ``root-rotation`` and so on.
            permission: Who, and which gates they override.
            now: Aware UTC.
            prepare: Called under the lock; may change the draft (it is saved) and bring a new root.
            only_timestamp: Sign nothing that differs from what is out: the draft is left alone.

        Raises:
            PolicyRefused, SignerUnavailable, Conflict: Nothing was signed.
            StoreError: Nothing half written; the next publication continues.
            TrustError: A client would refuse it: nothing was recorded, or (after storing) the place serves other bytes.
        """
        with self.lock.hold():
            continued = self.resume(actor=permission.actor, now=now)
            draft, repository = self.store.load_draft(), Repository.of(self.store.load_documents())
            if only_timestamp:
                draft = published_draft(repository, draft)
            wanted, root = prepare(repository, draft) if prepare else (draft, None)
            job = self._lint(repository, wanted, root, permission, now=now, only_timestamp=only_timestamp)
            if wanted != draft:
                saved = self.store.save_draft(
                    wanted, now=now, actor=permission.actor, action=f"draft.{kind}", detail=job.detail
                )
                job = replace(job, draft=saved)
            publication, after = self._record_and_sign(kind, job, permission, now=now)
            self._store(publication, after, actor=permission.actor, detail=job.detail, now=now)
        return Report(
            versions={role: document.version for role, document in after.latest.items()},
            signed=job.plan.roles,
            scope_changed=job.plan.scope is not None,
            manifest_changed=job.plan.manifest is not None,
            overridden=tuple(job.overridden),
            notes=job.plan.notes,
            continued=continued,
        )

    def preview(self, *, now: datetime) -> tuple[Plan, list[Finding]]:
        """Say what a publication would do, and what the gates find; opens no key and writes nothing."""
        draft, repository = self.store.load_draft(), Repository.of(self.store.load_documents())
        plan = plan_publication(repository, draft, self.settings, self.ring, now=now)
        return plan, check_publication(self._propose(plan, repository, draft))

    def resume(self, *, actor: str, now: datetime) -> bool:
        """Complete or free what an interrupted publisher left. The lock must be held.

        Returns:
            Whether signed bytes had to be stored.
        """
        self.sink.sweep()
        continued = False
        for publication, _ in self.store.load_unfinished():
            if publication.state is PublicationState.INTENT:
                _log.info("publication %d was interrupted before it was signed; its versions are free", publication.id)
                self.store.finish_publication(publication, stored=False, now=now, actor=actor, detail={"by": "resume"})
                continue
            _log.info("publication %d was interrupted after it was signed; storing it", publication.id)
            continued = True
            repository = Repository.of(self.store.load_documents())
            self._store(publication, repository, actor=actor, detail={"by": "resume"}, now=now)
        return continued

    # ------------------------------------------------------------------------------------------------- steps

    def _lint(
        self,
        repository: Repository,
        draft: Draft,
        root: Document | None,
        permission: Permission,
        *,
        now: datetime,
        only_timestamp: bool,
    ) -> _Job:
        """Plan, run the gates, open every key: nothing is written before all of it went well."""
        if permission.overrides and not permission.reason.strip():
            raise OperationError("an override needs a reason", code="override-reason", hint="add --reason TEXT")
        self.progress("linting")
        plan = plan_publication(
            repository, draft, self.settings, self.ring, now=now, root=root, only_timestamp=only_timestamp
        )
        findings = check_publication(self._propose(plan, repository, draft, root))
        overridden = refuse_unless_overridden(findings, permission.overrides)
        self.progress("opening keys")
        newest = repository.with_documents([root]) if root else repository
        signers = open_signers(plan, newest.root, draft, self.ring)
        return _Job(repository, draft, plan, overridden, signers, _describe(plan, permission, overridden))

    def _record_and_sign(
        self, kind: str, job: _Job, permission: Permission, *, now: datetime
    ) -> tuple[Publication, Repository]:
        """INTENT, then SIGNED; whatever fails in between frees the versions again."""
        self.progress("recording the intent")
        publication = self.store.begin_publication(kind, job.plan.claims, revision=job.draft.revision, now=now)
        try:
            self.progress(f"signing {', '.join(job.plan.roles)}")
            documents = sign_publication(job.plan, job.repository, job.draft, self.settings, job.signers)
            after = job.repository.with_documents(documents)
            _verify_in_memory(after, now=job.plan.issued)
            self.store.record_signed(publication, documents)
        except BaseException as error:
            self._abandon(publication, permission, error, now=now)
            raise
        return publication, after

    def _propose(self, plan: Plan, repository: Repository, draft: Draft, root: Document | None = None) -> Proposal:
        old_scope, old_manifest = repository.data(SCOPE), repository.data(MANIFEST)
        scope = plan.scope.data if plan.scope else old_scope
        manifest = plan.manifest.data if plan.manifest else old_manifest
        assert scope is not None and manifest is not None  # noqa: PT018  # one is out, or the plan brings it
        known = repository.latest.get(Timestamp.type)
        newest = repository.with_documents([root]) if root else repository
        return Proposal(
            draft=draft,
            scope=parse_scope(scope),
            manifest=parse_manifest(manifest),
            previous_scope=parse_scope(old_scope) if old_scope else None,
            previous_manifest=parse_manifest(old_manifest) if old_manifest else None,
            previous_issued=repository.issued,
            published_timestamp=_read_version(self.sink.read(_TIMESTAMP_NAME)),
            known_timestamp=known.version if known else 0,
            roles=list_role_keys(newest.root, draft),
            is_content_changed=plan.is_content_changed,
            now=plan.issued,
        )

    def _abandon(
        self, publication: Publication, permission: Permission, error: BaseException, *, now: datetime
    ) -> None:
        """Free the versions at once; if even that fails, the next publication does it."""
        detail = {"because": f"{type(error).__name__}: {error}"[:200]}
        try:
            self.store.finish_publication(publication, stored=False, now=now, actor=permission.actor, detail=detail)
        except HoldfastError as failure:
            _log.warning("publication %d stays an intent: %s", publication.id, failure)

    def _store(
        self,
        publication: Publication,
        repository: Repository,
        *,
        actor: str,
        detail: Mapping[str, Any],
        now: datetime,
    ) -> None:
        self.progress("storing")
        files = list_public_files(repository)
        for name, data in files:
            if name in {BUNDLE_NAME, _TIMESTAMP_NAME}:
                self.sink.replace(name, data)
            else:
                self.sink.put_new(name, data)
        self.progress("checking what was stored, as a client")
        self.check(repository.roots[0].data, now=max(now, repository.issued or now))
        self.store.finish_publication(publication, stored=True, now=now, actor=actor, detail=detail)

    def check(self, root: bytes, *, now: datetime) -> None:
        """Verify what lies in the public place, file by file and as a bundle.

        Raises:
            TrustError: It is not what was signed (``check-failed``).
            NotFound: There is nothing (``not-published``).
        """
        bundle = self.sink.read(BUNDLE_NAME)
        if bundle is None:
            raise NotFound("nothing was published yet", code="not-published", hint="run `holdfast publish`")
        try:
            by_files = verify_as_new_client(root, self.sink.read, now=now)
            by_bundle = verify_bundle(root, bundle, now=now, beside=self.sink.read)
        except TrustError as error:
            raise TrustError(
                f"what lies in the public place does not verify: {error}",
                code="check-failed",
                hint="somebody else writes there? remove the named file and publish again",
                role=error.role,
            ) from error
        if by_files.timestamp.data != by_bundle.timestamp.data:
            raise TrustError("bundle.json and timestamp.json are of two publications", code="check-failed")


def _describe(plan: Plan, permission: Permission, overridden: Sequence[Finding]) -> dict[str, Any]:
    """Say in the audit log which versions were taken, and what a person took on themselves."""
    detail: dict[str, Any] = {"claims": {claim.role: claim.version for claim in plan.claims}}
    if overridden:
        detail["overridden"] = [str(finding) for finding in overridden]
    if permission.reason:
        detail["reason"] = permission.reason
    return detail


def _verify_in_memory(repository: Repository, *, now: datetime) -> None:
    """Verify as the oldest possible client, and as one with the root before the newest: N+1 must follow from N."""
    files = dict(list_public_files(repository))
    oldest, previous = repository.roots[0], repository.roots[-2:][0]
    verify_bundle(oldest.data, files[BUNDLE_NAME], now=now, beside=files.get)
    verify_as_new_client(previous.data, files.get, now=now)


def _read_version(timestamp: bytes | None) -> int:
    """Read the version of a timestamp that nobody has verified: it can only make the gate stricter."""
    try:
        version = json.loads(timestamp or b"{}")["signed"]["version"]
    except (ValueError, KeyError, TypeError):
        return 0
    return version if isinstance(version, int) else 0

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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tuf.api.metadata import Timestamp

from holdfast.control.checks import verify_as_new_client, verify_bundle, verify_files
from holdfast.control.model import Draft, PublicationState
from holdfast.control.policy import Finding, Gate, Proposal, check_publication, refuse_unless_overridden
from holdfast.control.publisher import (
    BUNDLE_NAME,
    MANIFEST,
    SCOPE,
    Plan,
    Repository,
    list_public_files,
    list_role_keys,
    open_signers,
    plan_publication,
    published_draft,
    sign_publication,
)
from holdfast.core.manifest import parse_manifest
from holdfast.core.scope import parse_scope
from holdfast.errors import HoldfastError, NotFound, OperationError, TrustError
from holdfast.trust.bundle import name_role_file

if TYPE_CHECKING:
    from datetime import datetime

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
            wanted, root = prepare(repository, draft) if prepare else (draft, None)
            if only_timestamp:
                wanted = draft = published_draft(repository, draft)
            findings, plan = self._lint(
                repository, wanted, permission, now=now, root=root, only_timestamp=only_timestamp
            )
            newest_root = repository.with_documents([root]).root if root else repository.root
            self.progress("opening keys")
            signers = open_signers(plan, newest_root, wanted, self.ring)
            detail = self._describe(plan, permission, findings)
            if wanted != draft:
                wanted = self.store.save_draft(
                    wanted, now=now, actor=permission.actor, action=f"draft.{kind}", detail=detail
                )
            self.progress("recording the intent")
            publication = self.store.begin_publication(kind, plan.claims, revision=wanted.revision, now=now)
            try:
                self.progress(f"signing {', '.join(plan.roles)}")
                documents = sign_publication(plan, repository, wanted, self.settings, signers)
                after = repository.with_documents(documents)
                self._verify_in_memory(after, now=plan.issued)
                self.store.record_signed(publication, documents)
            except BaseException as error:
                self._abandon(publication, permission, error, now=now)
                raise
            self._store(publication, after, actor=permission.actor, detail=detail, now=now)
        return Report(
            versions={role: document.version for role, document in after.latest.items()},
            signed=plan.roles,
            scope_changed=plan.scope is not None,
            manifest_changed=plan.manifest is not None,
            overridden=tuple(findings),
            notes=plan.notes,
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
                _log.warning(
                    "publication %d was interrupted before it was signed; its versions are free", publication.id
                )
                self.store.finish_publication(publication, stored=False, now=now, actor=actor, detail={"by": "resume"})
                continue
            _log.warning("publication %d was interrupted after it was signed; storing it", publication.id)
            continued = True
            repository = Repository.of(self.store.load_documents())
            self._store(publication, repository, actor=actor, detail={"by": "resume"}, now=now)
        return continued

    # ------------------------------------------------------------------------------------------------- steps

    def _lint(
        self,
        repository: Repository,
        draft: Draft,
        permission: Permission,
        *,
        now: datetime,
        root: Document | None,
        only_timestamp: bool,
    ) -> tuple[list[Finding], Plan]:
        if permission.overrides and not permission.reason.strip():
            raise OperationError("an override needs a reason", code="override-reason", hint="add --reason TEXT")
        plan = plan_publication(
            repository, draft, self.settings, self.ring, now=now, root=root, only_timestamp=only_timestamp
        )
        self.progress("linting")
        findings = check_publication(self._propose(plan, repository, draft, root))
        return refuse_unless_overridden(findings, permission.overrides), plan

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

    def _describe(self, plan: Plan, permission: Permission, findings: list[Finding]) -> dict[str, Any]:
        detail: dict[str, Any] = {"claims": {claim.role: claim.version for claim in plan.claims}}
        if findings:
            detail |= {"overridden": [str(found) for found in findings], "reason": permission.reason}
        elif permission.reason:
            detail["reason"] = permission.reason
        return detail

    def _verify_in_memory(self, repository: Repository, *, now: datetime) -> None:
        """Verify as the oldest possible client, and as one with the root before the newest: N+1 must follow from N."""
        files = dict(list_public_files(repository))
        for root in {repository.roots[0].version: repository.roots[0], 0: repository.roots[-2:][0]}.values():
            verify_files(root.data, files, now=now)

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


def _read_version(timestamp: bytes | None) -> int:
    """Read the version of a timestamp that nobody has verified: it can only make the gate stricter."""
    try:
        version = json.loads(timestamp or b"{}")["signed"]["version"]
    except (ValueError, KeyError, TypeError):
        return 0
    return version if isinstance(version, int) else 0

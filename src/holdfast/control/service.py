# SPDX-License-Identifier: Apache-2.0
"""The one door to a channel's state: every command and route that reads or changes it comes through here.

The service decides nothing about pins, gates or keys; it puts the rooms that do in order, under one clock and one
actor, and leaves a line in the audit log for each change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from holdfast.control import ceremony, drafts
from holdfast.control.checks import verify_as_seed
from holdfast.control.model import Document, Draft, HostRecord, ManifestAuthority, PinList, PinRecord
from holdfast.control.publication import Permission, Publisher, Report
from holdfast.control.publisher import BUNDLE_NAME
from holdfast.control.repository import Repository
from holdfast.control.settings import normalise_mirror
from holdfast.core.hostname import normalise_hostname
from holdfast.core.pin import format_digest
from holdfast.errors import Conflict, NotFound, OperationError

if TYPE_CHECKING:
    from securesystemslib.signer import Key

    from holdfast.control.ceremony import RootChange
    from holdfast.control.model import AuditEntry
    from holdfast.control.planning import Plan
    from holdfast.control.policy import Finding
    from holdfast.trust.state import VerifiedManifest

__all__ = ["ANCHORS_FORMAT", "KeyStatus", "Service"]

ANCHORS_FORMAT: Final = "holdfast-anchors/1"


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One key of a role.

    Attributes:
        role: The role.
        threshold: How many of its keys must sign.
        keyid: Hex.
        is_at_hand: Whether this machine can open it now.
    """

    role: str
    threshold: int
    keyid: str
    is_at_hand: bool


class Service:
    """A channel.

    Args:
        publisher: The way out; carries store, sink, keys and settings.
        clock: Returns the time, aware UTC.
        actor: Who acts, for the audit log.
    """

    def __init__(self, publisher: Publisher, *, clock: Callable[[], datetime], actor: str) -> None:
        self._publisher = publisher
        self._store = publisher.store
        self._settings = publisher.settings
        self._ring = publisher.ring
        self._clock = clock
        self._actor = actor

    # ------------------------------------------------------------------------------------------------ the draft

    def load_draft(self) -> Draft:
        """Return what the next publication will say."""
        return self._store.load_draft()

    def add_host(self, host: HostRecord) -> Draft:
        """Protect a host; see :func:`holdfast.control.drafts.add_host`."""
        now = self._clock()
        draft = drafts.add_host(self.load_draft(), host, now=now)
        return self._save(draft, now, "host.added", {"host": host.pattern, "mode": host.mode.value})

    def change_host(self, pattern: str, change: Callable[[HostRecord], HostRecord]) -> Draft:
        """Change how a host is protected; see :func:`holdfast.control.drafts.change_host`."""
        now = self._clock()
        draft = drafts.change_host(self.load_draft(), pattern, change, now=now)
        host = drafts.get_host(draft, pattern)
        return self._save(draft, now, "host.changed", {"host": host.pattern, "mode": host.mode.value})

    def retire_host(self, pattern: str) -> Draft:
        """Stop protecting a host."""
        draft = drafts.retire_host(self.load_draft(), pattern)
        return self._save(draft, self._clock(), "host.retired", {"host": normalise_hostname(pattern)})

    def add_pins(self, pattern: str, pins: Sequence[PinRecord]) -> Draft:
        """Add pins to a host."""
        now = self._clock()
        draft = drafts.add_pins(self.load_draft(), pattern, pins, now=now)
        return self._save(draft, now, "pin.added", {"host": normalise_hostname(pattern), "pins": _describe(pins)})

    def remove_pins(self, pattern: str, digest: bytes, lists: frozenset[PinList]) -> tuple[PinRecord, ...]:
        """Remove a digest from lists of a host; returns what is gone."""
        now = self._clock()
        draft, gone = drafts.remove_pins(self.load_draft(), pattern, digest, lists=lists, now=now)
        self._save(draft, now, "pin.removed", {"host": normalise_hostname(pattern), "pins": _describe(gone)})
        return gone

    def reject_key(self, pattern: str, pin: PinRecord) -> tuple[PinRecord, ...]:
        """Reject a key; returns the pins that were taken off the other lists."""
        now = self._clock()
        draft, gone = drafts.reject_key(self.load_draft(), pattern, pin, now=now)
        detail = {"host": normalise_hostname(pattern), "pins": _describe([pin]), "removed": _describe(gone)}
        self._save(draft, now, "pin.rejected", detail)
        return gone

    def _save(self, draft: Draft, now: datetime, action: str, detail: Mapping[str, Any]) -> Draft:
        return self._store.save_draft(draft, now=now, actor=self._actor, action=action, detail=detail)

    # ------------------------------------------------------------------------------------------------- going out

    def preview(self) -> tuple[Plan, list[Finding]]:
        """Say what a publication would do, and what the gates find; writes nothing, opens no key."""
        return self._publisher.preview(now=self._clock())

    def publish(self, permission: Permission) -> Report:
        """Lint, record, sign, store; see :meth:`holdfast.control.publication.Publisher.publish`."""
        return self._publisher.publish("publish", permission, now=self._clock())

    def sign_timestamp(self) -> Report:
        """Sign the timestamp again, and what has lived half of its life; the draft stays a draft."""
        return self._publisher.publish(
            "timestamp", Permission(actor=self._actor), now=self._clock(), only_timestamp=True
        )

    def rotate_root(self, change: RootChange, permission: Permission) -> Report:
        """Publish root N+1, and what its new keys must sign again."""
        now = self._clock()

        def prepare(repository: Repository, draft: Draft) -> tuple[Draft, Document | None]:
            return ceremony.next_root(
                repository, draft, change, self._settings.lives, self._ring, now=now, told=made.append
            )

        made: list[Key] = []
        with self._discarding(made):
            return self._publisher.publish("root-rotation", permission, now=now, prepare=prepare)

    def take_over(self, permission: Permission) -> Report:
        """Break-glass: the security team lists the manifest itself, and clients follow it before automation's."""

        def prepare(_repository: Repository, draft: Draft) -> tuple[Draft, Document | None]:
            if draft.authority is ManifestAuthority.TOP_LEVEL:
                raise Conflict("the manifest is already signed by the security team", code="already-taken-over")
            return replace(draft, authority=ManifestAuthority.TOP_LEVEL), None

        return self._publisher.publish("take-over", permission, now=self._clock(), prepare=prepare)

    def hand_back(self, permission: Permission, *, to_new_role: bool) -> Report:
        """End break-glass: automation signs again, under a higher version, with what the draft says.

        Args:
            permission: Who approves the content.
            to_new_role: Delegate to a fresh role with a fresh key: the old one was fast-forwarded or stolen.
        """

        def prepare(_repository: Repository, draft: Draft) -> tuple[Draft, Document | None]:
            if draft.authority is ManifestAuthority.DELEGATED:
                raise Conflict("the manifest is signed by automation already", code="not-taken-over")
            delegated = replace(draft, authority=ManifestAuthority.DELEGATED)
            if to_new_role:
                delegated = ceremony.next_delegation(delegated, self._ring, told=made.append)
            return delegated, None

        made: list[Key] = []
        with self._discarding(made):
            return self._publisher.publish("hand-back", permission, now=self._clock(), prepare=prepare)

    @contextmanager
    def _discarding(self, made: list[Key]) -> Iterator[None]:
        """Discard new keys if nothing that names them was recorded; after that they may be all that can sign."""
        try:
            yield
        except BaseException:
            recorded = b"".join(document.data for document in self._store.load_documents())
            named = {*self._store.load_draft().delegation.keys}
            for key in made:
                if key.keyid.encode() not in recorded and key.keyid not in named:
                    self._ring.discard(key.keyid)
            raise

    # --------------------------------------------------------------------------------------------------- reading

    def load_enforced(self) -> VerifiedManifest:
        """Verify what is published, and return what clients enforce that took it, expired since or not.

        Raises:
            NotFound: Nothing was published yet (``not-published``).
            TrustError: The public place holds something else than was signed.
        """
        return verify_as_seed(self._roots()[-1], self._read_bundle())

    def list_keys(self) -> list[KeyStatus]:
        """List who may sign what, and which of these keys are at hand."""
        root = Repository.of(self._store.load_documents()).root
        delegation = self.load_draft().delegation
        roles = [(name, role.threshold, role.keyids) for name, role in root.roles.items()]
        roles.append((delegation.role, delegation.threshold, list(delegation.keys)))
        return [
            KeyStatus(name, threshold, keyid, self._ring.has(keyid))
            for name, threshold, keyids in roles
            for keyid in keyids
        ]

    def load_audit(self) -> Sequence[AuditEntry]:
        """Return the audit log, oldest first."""
        return self._store.load_audit()

    def load_repository(self) -> Repository:
        """Return every document that is out."""
        return Repository.of(self._store.load_documents())

    def export_anchors(self) -> Mapping[str, bytes]:
        """Return what an app embeds: the newest root, a seed, and where to fetch.

        The seed is verified under that root before it is handed out.

        Raises:
            NotFound: Nothing was published yet (``not-published``).
            OperationError: The seed would protect no host (``seed-empty``), or no mirror is set (``no-mirror``).
        """
        root, bundle = self._roots()[-1], self._read_bundle()
        seed = verify_as_seed(root, bundle)
        channel = self._settings.channel
        if not seed.scope.hosts:
            raise OperationError(
                "the published set protects no host", code="seed-empty", hint="`holdfast host add`, then publish"
            )
        if not channel.mirrors:
            raise OperationError(
                "no mirror is set: an app would not know where to fetch",
                code="no-mirror",
                hint="set `mirrors` under [channel] in holdfast.toml",
            )
        description = {
            "format": ANCHORS_FORMAT,
            "channel": channel.name,
            "mirrors": [normalise_mirror(url, channel.name) for url in channel.mirrors],
            "required_hosts": sorted(normalise_hostname(host) for host in channel.required_hosts),
        }
        text = json.dumps(description, indent=2) + "\n"
        return {"root.json": root, "seed.json": bundle, "holdfast.json": text.encode("ascii")}

    def _roots(self) -> list[bytes]:
        return [root.data for root in Repository.of(self._store.load_documents()).roots]

    def _read_bundle(self) -> bytes:
        bundle = self._publisher.sink.read(BUNDLE_NAME)
        if bundle is None:
            raise NotFound("nothing was published yet", code="not-published", hint="run `holdfast publish`")
        return bundle


def _describe(pins: Iterable[PinRecord]) -> list[str]:
    return [f"{pin.list.value} {pin.type.value} {pin.at.value} {format_digest(pin.digest)}" for pin in pins]

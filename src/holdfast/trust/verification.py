# SPDX-License-Identifier: Apache-2.0
"""The verification core: the TUF client workflow (TUF 1.0, 5) and what Holdfast adds to it.

A :class:`Workflow` takes one client through one refresh, in this order and no other:

1. **roots**: N+1 after N, each signed by the thresholds of both; the last one must not have expired;
2. **timestamp**: signed, of the channel, not lower than the mark, not expired;
3. **snapshot**: as the timestamp names it, signed, of the channel, listing all that it ever listed, nothing lower;
4. **targets** and the delegated roles that the search for a target visits;
5. **scope.json** from the top-level targets and **manifest.json** from wherever the search finds it first (so the
   security team's own listing wins over the delegated one), of the channel, and fitting together.

What the caller supplies: the exact bytes that were verified before, the time, and ``fetch``. What comes back is what
is now known *and* what went wrong, if anything: progress that was verified is kept although the refresh failed, and
the enforced set moves only when all of it was verified.

*Marks.* No version number is stored. The stored timestamp's version, and the snapshot version that it names, count
while its bytes meet the threshold of the newest trusted root; the versions that the stored snapshot lists count while
that snapshot does. So replacing a key clears what it signed, and adding one clears nothing.

*What has not changed* is not read again: a file with the very bytes of one that the enforced set holds is taken as it
was read then. Its signatures, its place in the set, its expiry are verified again: those depend on the rest.

*Time.* Effective now is the latest of the device clock and the signing times of the seed's and the enforced timestamp,
each counting only while it verifies under the newest root. The expiry of a *root* is judged by the device clock and the
seed alone: otherwise one stolen online key would sign the year 2099 and no root could ever end that.

Not checked here: where the bytes came from, and anything about TLS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from holdfast.core.freshness import effective_now
from holdfast.core.limits import (
    MAX_DELEGATIONS,
    MAX_FILE_HASHES,
    MAX_MANIFEST_BYTES,
    MAX_ROOT_BYTES,
    MAX_ROOT_ROTATIONS,
    MAX_SCOPE_BYTES,
    MAX_SNAPSHOT_BYTES,
    MAX_TARGETS_BYTES,
    MAX_TIMESTAMP_BYTES,
)
from holdfast.core.manifest import Manifest, parse_manifest
from holdfast.core.pin_set import build_pin_table
from holdfast.core.scope import Scope, parse_scope
from holdfast.errors import (
    AnchorError,
    ChannelError,
    HoldfastError,
    ManifestSyntaxError,
    MetadataError,
    MixAndMatchError,
    RollbackError,
    ScopeError,
    TrustError,
)
from holdfast.trust.bundle import is_role_name, name_role_file, name_target_file
from holdfast.trust.roles import RoleFile, parse_role, verify_channel, verify_not_expired, verify_threshold
from holdfast.trust.state import TrustedState, VerifiedManifest, drop_replaced_marks, find_clock_references

if TYPE_CHECKING:
    from datetime import datetime


__all__ = [
    "MANIFEST_TARGET",
    "SCOPE_TARGET",
    "Fetch",
    "Outcome",
    "Workflow",
    "refresh",
    "verify_next_root",
]

SCOPE_TARGET: Final = "scope.json"
MANIFEST_TARGET: Final = "manifest.json"
_HEX_SHA256: Final = re.compile(r"[0-9a-f]{64}")

D = TypeVar("D", Scope, Manifest)

Fetch = Callable[[str, int | None, int], bytes | None]
"""``fetch(name, version, max_bytes)``: a role by its name and version (the timestamp: ``None``), or a target by the
name of its file. ``None``: there is no such file. May raise ``TransportError``. A name comes from metadata: whoever
makes a path or a URL of it quotes it. More than ``max_bytes`` is never believed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one refresh led to.

    Attributes:
        state: What is known now: never less than before.
        error: Why the refresh did not complete; ``None`` if it did.
        has_conflict: Whether a timestamp of the known version with other content was seen, and not taken.
    """

    state: TrustedState
    error: HoldfastError | None
    has_conflict: bool = False


def refresh(state: TrustedState, fetch: Fetch, *, now: datetime) -> Outcome:
    """Take a client through one refresh; raises nothing but what is a bug.

    Args:
        state: What is known. Its ``enforced`` set stays what it is unless a complete newer one verifies.
        fetch: Brings files.
        now: The device clock, aware UTC.
    """
    workflow = Workflow(state, fetch, now=now)
    error: HoldfastError | None = None
    try:
        workflow.update_roots()
        workflow.update_timestamp()
        workflow.update_snapshot()
        workflow.accept_manifest()
    except HoldfastError as failure:
        error = failure
    return Outcome(workflow.state, error, workflow.has_conflict)


class Workflow:
    """One refresh of one client. Call the ``update_`` methods in their order, then ``accept_manifest``.

    Args:
        state: What was known before.
        fetch: Brings files.
        now: The device clock, aware UTC.
        held: Files that are at hand, by their names in a bundle; tried before ``fetch`` and verified like any other.
        fixed_time: Judge every expiry at ``now`` itself (a seed at its own signing time, a cache at the time at which
            it was accepted).
    """

    def __init__(
        self,
        state: TrustedState,
        fetch: Fetch,
        *,
        now: datetime,
        held: Mapping[str, bytes] | None = None,
        fixed_time: bool = False,
    ) -> None:
        self.state = state
        self.has_conflict = False
        self.targets: dict[str, RoleFile[Targets]] = {}
        self._fetch = fetch
        self._device_now = now
        self._fixed_time = fixed_time
        self._held = held if held is not None else (state.enforced.files if state.enforced else {})
        self._timestamp: RoleFile[Timestamp] | None = None
        self._snapshot: RoleFile[Snapshot] | None = None
        self._verified: set[tuple[str, str]] = set()
        self._now = now
        self._issued: datetime | None = None

    # ------------------------------------------------------------------ roots

    def update_roots(self) -> None:
        """Follow the chain of roots as far as it goes (TUF 5.3), then judge the last one's expiry.

        Raises:
            AnchorError: A file that should be root N+1 has another version (``root-version``).
            SignatureError, ChannelError, MetadataError, FreezeError, TransportError: See the module.
        """
        before = self.state.root
        try:
            self._follow_roots()
        finally:
            # Also when the chain broke off: the roots that verified stay, and so what they deny must go with them.
            if self.state.root is not before:
                self.state = drop_replaced_marks(self.state)
        seed_time, floor = (None, None) if self._fixed_time else find_clock_references(self.state)
        verify_not_expired(self.state.root, effective_now(self._device_now, [seed_time]), Root.type)
        self._now = effective_now(self._device_now, [seed_time, floor])

    def _follow_roots(self) -> None:
        for _ in range(MAX_ROOT_ROTATIONS):
            trusted = self.state.root
            data = self._fetch(Root.type, trusted.version + 1, MAX_ROOT_BYTES)
            if data is None:
                break
            root = verify_next_root(trusted, data, self.state.anchor.channel)
            self.state = replace(self.state, roots=(*self.state.roots, root))

    # -------------------------------------------------------------- timestamp

    def update_timestamp(self) -> None:
        """Verify the newest timestamp (TUF 5.4).

        Raises:
            RollbackError: ``rollback-timestamp``, or ``rollback-snapshot`` for the snapshot version that it names.
            SignatureError, ChannelError, MetadataError, FreezeError, MixAndMatchError, TransportError: See the module.
        """
        known = self.state.timestamp
        data = self._bring(Timestamp.type, None, MAX_TIMESTAMP_BYTES)
        served = parse_role(Timestamp, data, max_bytes=MAX_TIMESTAMP_BYTES)
        self._verify_origin(served, Timestamp.type, self.state.root.signed)
        if known is not None:
            if served.version < known.version:
                raise _rollback("rollback-timestamp", Timestamp.type, served, known.version)
            if served.version == known.version:
                # The known bytes stay, and the rest goes on from them: a half-fetched set must complete.
                self.has_conflict = served.payload != known.payload
                served = known
            elif served.signed.snapshot_meta.version < known.signed.snapshot_meta.version:
                raise RollbackError(
                    f"the timestamp names snapshot {served.signed.snapshot_meta.version} after "
                    f"{known.signed.snapshot_meta.version}",
                    code="rollback-snapshot",
                    role=Snapshot.type,
                    version=served.signed.snapshot_meta.version,
                    known_version=known.signed.snapshot_meta.version,
                    issued=served.issued,
                )
        verify_not_expired(served, self._now, Timestamp.type)
        self._verify_issued(served)
        self._timestamp = served
        self.state = replace(self.state, timestamp=served)

    def _verify_issued(self, timestamp: RoleFile[Timestamp]) -> None:
        """A timestamp of a channel says when it was signed: the age of the set counts from there."""
        role = Timestamp.type
        if self.state.anchor.channel is not None and timestamp.issued is None:
            raise MetadataError("the timestamp does not say when it was signed", code="issued-missing", role=role)
        self._issued = timestamp.issued
        self._verify_issued_within(timestamp, role)
        self._verify_issued_within(self.state.root, Root.type)

    def _verify_issued_within(self, file: RoleFile[Any], role: str) -> None:
        """No role of the set may have expired when the timestamp says that it was signed.

        So a stolen timestamp key cannot date itself beyond what the keys that it did not steal have signed.
        """
        if self.state.anchor.channel is not None and self._issued is not None and self._issued > file.signed.expires:
            raise MetadataError(
                f"the timestamp claims to be signed after {role} expired", code="issued-after-expiry", role=role
            )

    # --------------------------------------------------------------- snapshot

    def update_snapshot(self) -> None:
        """Verify the snapshot that the timestamp names (TUF 5.5).

        Raises:
            MixAndMatchError: It is missing (``file-missing``), of another version (``version-mismatch``), or of other
                bytes than named (``hash-mismatch``).
            RollbackError: A role that it listed is gone (``role-removed``) or lower (``rollback-role``).
            SignatureError, ChannelError, MetadataError, FreezeError, TransportError: See the module.
        """
        assert self._timestamp is not None, "update_timestamp comes first"  # a caller's bug, not input
        meta = self._timestamp.signed.snapshot_meta
        known = self.state.snapshot
        served = None
        if known is not None and known.version == meta.version:
            served = self._try_snapshot(known.data, meta)
        if served is None:
            served = self._verify_snapshot(self._bring(Snapshot.type, meta.version, MAX_SNAPSHOT_BYTES), meta)
        self._snapshot = served
        self.state = replace(self.state, snapshot=served)

    def _try_snapshot(self, data: bytes, meta: MetaFile) -> RoleFile[Snapshot] | None:
        """Take the snapshot at hand, if it is the one that is named."""
        try:
            return self._verify_snapshot(data, meta)
        except TrustError:
            return None

    def _verify_snapshot(self, data: bytes, meta: MetaFile) -> RoleFile[Snapshot]:
        _verify_meta(data, meta, Snapshot.type)
        known = self.state.snapshot
        served = (
            known
            if known is not None and known.data == data
            else parse_role(Snapshot, data, max_bytes=MAX_SNAPSHOT_BYTES)
        )
        self._verify_origin(served, Snapshot.type, self.state.root.signed)
        _verify_version(served, meta.version, Snapshot.type)
        if known is not None:
            _verify_nothing_lower(known, served)
        verify_not_expired(served, self._now, Snapshot.type)
        self._verify_issued_within(served, Snapshot.type)
        return served

    # ---------------------------------------------------------------- targets

    def load_targets(self, role: str, delegator: str) -> RoleFile[Targets]:
        """Verify a targets role under one of its delegators (TUF 5.6).

        A role that two roles delegate to is verified under each: the keys of one do not speak for the other.

        Raises:
            MixAndMatchError: The snapshot does not list it (``role-unlisted``), or its file is missing or another.
            SignatureError, ChannelError, MetadataError, FreezeError, TransportError: See the module.
        """
        assert self._snapshot is not None, "update_snapshot comes first"  # a caller's bug, not input
        if self.state.anchor.channel is not None and not is_role_name(role):
            # It becomes the name of a file: a delegated `1.root` would pass for a root in the cache.
            raise MetadataError(f"{role[:80]!r} is no name for a role", role=role)
        keys = self.state.root.signed if delegator == Root.type else self.targets[delegator].signed
        loaded = self.targets.get(role)
        if loaded is not None:
            if (role, delegator) not in self._verified:
                verify_threshold(keys, role, loaded)
                self._verified.add((role, delegator))
            return loaded
        meta = self._snapshot.signed.meta.get(f"{role}.json")
        if meta is None:
            raise MixAndMatchError(f"the snapshot does not list {role}", code="role-unlisted", role=role)
        held = self._held.get(name_role_file(role, meta.version))
        file = None if held is None else self._try_targets(held, role, meta, keys)
        if file is None:
            file = self._verify_targets(self._bring(role, meta.version, MAX_TARGETS_BYTES), role, meta, keys)
        self.targets[role] = file
        self._verified.add((role, delegator))
        return file

    def _try_targets(self, data: bytes, role: str, meta: MetaFile, keys: Root | Targets) -> RoleFile[Targets] | None:
        try:
            return self._verify_targets(data, role, meta, keys)
        except TrustError:
            return None

    def _verify_targets(self, data: bytes, role: str, meta: MetaFile, keys: Root | Targets) -> RoleFile[Targets]:
        _verify_meta(data, meta, role)
        known = self.state.enforced.targets.get(role) if self.state.enforced else None
        file = (
            known
            if known is not None and known.data == data
            else parse_role(Targets, data, max_bytes=MAX_TARGETS_BYTES, role=role)
        )
        self._verify_origin(file, role, keys)
        _verify_version(file, meta.version, role)
        verify_not_expired(file, self._now, role)
        self._verify_issued_within(file, role)
        return file

    def find_target(self, path: str) -> tuple[TargetFile, str] | None:
        """Search a target in pre-order from the top-level targets (TUF 5.6.7); load only the roles that it visits.

        Returns:
            What was said of the target, and the role that said it; ``None`` if no visited role lists it.
        """
        to_visit = [(Targets.type, Root.type)]
        visited: set[str] = set()
        while to_visit and len(visited) <= MAX_DELEGATIONS:
            role, delegator = to_visit.pop()
            if role in visited:
                continue
            signed = self.load_targets(role, delegator).signed
            target = signed.targets.get(path)
            if target is not None:
                return target, role
            visited.add(role)
            children = []
            if signed.delegations is not None:
                for child, is_terminating in signed.delegations.get_roles_for_target(path):
                    children.append((child, role))
                    if is_terminating:
                        to_visit = []
                        break
            to_visit.extend(reversed(children))
        return None

    # ----------------------------------------------------- scope and manifest

    def accept_manifest(self) -> VerifiedManifest:
        """Verify scope and manifest, and enforce the set from now on.

        Raises:
            ScopeError: There is no scope or no manifest (``target-missing``), or they do not fit together.
            MixAndMatchError, ChannelError, MetadataError and what the roles raise: See the module.
        """
        timestamp, snapshot = self._timestamp, self._snapshot
        assert timestamp is not None and snapshot is not None, "update_snapshot comes first"  # noqa: PT018
        scope_target = self.load_targets(Targets.type, Root.type).signed.targets.get(SCOPE_TARGET)
        if scope_target is None:  # a delegated role cannot list a scope that counts
            raise ScopeError("the top-level targets list no scope.json", code="target-missing", role=SCOPE_TARGET)
        found = self.find_target(MANIFEST_TARGET)
        if found is None:
            raise ScopeError("no role lists manifest.json", code="target-missing", role=MANIFEST_TARGET)
        scope_name, scope_data = self._bring_target(SCOPE_TARGET, scope_target, MAX_SCOPE_BYTES)
        manifest_name, manifest_data = self._bring_target(MANIFEST_TARGET, found[0], MAX_MANIFEST_BYTES)
        scope_known = self._find_known(scope_name, scope_data)
        manifest_known = self._find_known(manifest_name, manifest_data)
        scope = scope_known.scope if scope_known else self._parse(parse_scope, scope_data, SCOPE_TARGET)
        manifest = (
            manifest_known.manifest if manifest_known else self._parse(parse_manifest, manifest_data, MANIFEST_TARGET)
        )
        table = scope_known.table if scope_known and manifest_known else build_pin_table(scope, manifest)
        roles = self._role_files(timestamp, snapshot)
        verified = VerifiedManifest(
            root=self.state.root,
            timestamp=timestamp,
            snapshot=snapshot,
            targets=MappingProxyType(dict(self.targets)),
            scope=scope,
            manifest=manifest,
            table=table,
            files=MappingProxyType({**roles, scope_name: scope_data, manifest_name: manifest_data}),
            scope_sha256=scope_target.hashes["sha256"],
            timestamp_sha256=sha256(timestamp.data).hexdigest(),
            issued=timestamp.issued or self._device_now,
            is_break_glass=found[1] == Targets.type,
        )
        self.state = replace(self.state, enforced=verified)
        return verified

    def _role_files(self, timestamp: RoleFile[Timestamp], snapshot: RoleFile[Snapshot]) -> dict[str, bytes]:
        root = self.state.root
        return {
            name_role_file(Root.type, root.version): root.data,
            name_role_file(Timestamp.type, None): timestamp.data,
            name_role_file(Snapshot.type, snapshot.version): snapshot.data,
            **{name_role_file(name, file.version): file.data for name, file in self.targets.items()},
        }

    def _bring_target(self, path: str, target: TargetFile, max_bytes: int) -> tuple[str, bytes]:
        """Bring a target by its SHA-256, from what is at hand or else from afar."""
        digest = target.hashes.get("sha256")
        if digest is None or not _HEX_SHA256.fullmatch(digest) or target.length > max_bytes:
            raise MixAndMatchError(f"{path} has no SHA-256, or is too large", code="target-unusable", role=path)
        name = name_target_file(digest, path)
        data = self._held.get(name)
        if data is None:
            data = self._fetch(name, None, target.length)
        if data is None:
            raise MixAndMatchError(f"{path} is listed, but there is no such file", code="file-missing", role=path)
        _verify_meta(data, target, path)
        return name, data

    def _find_known(self, name: str, data: bytes) -> VerifiedManifest | None:
        """Find the enforced set, if it holds the same document: what was read and checked of it then stands."""
        known = self.state.enforced
        return known if known is not None and known.files.get(name) == data else None

    def _parse(self, parse: Callable[[bytes], D], data: bytes, role: str) -> D:
        try:
            document = parse(data)
        except ManifestSyntaxError as error:
            raise MetadataError(f"{role}: {error.message}", code=error.code, role=role) from error
        channel = self.state.anchor.channel
        if channel is not None and document.channel != channel:
            raise ChannelError(f"{role} is of channel {document.channel}, not of {channel}", role=role)
        return document

    # ------------------------------------------------------------------ parts

    def _bring(self, role: str, version: int | None, max_bytes: int) -> bytes:
        data = self._fetch(role, version, max_bytes)
        if data is None:
            raise MixAndMatchError(f"there is no {name_role_file(role, version)}", code="file-missing", role=role)
        return data

    def _verify_origin(self, file: RoleFile[Any], role: str, delegator: Root | Targets) -> None:
        """Signature first, channel second; before both, nothing moves."""
        verify_threshold(delegator, role, file)
        verify_channel(file, self.state.anchor.channel, role)


def verify_next_root(trusted: RoleFile[Root], data: bytes, channel: str | None) -> RoleFile[Root]:
    """Verify that a root follows from a trusted one: N+1 after N, signed by the thresholds of both (TUF 5.3.4, 5.3.5).

    Raises:
        MetadataError, SignatureError, ChannelError: It is malformed, under-signed, of another channel.
        AnchorError: Its version is another than N+1 (``root-version``).
    """
    root = parse_role(Root, data, max_bytes=MAX_ROOT_BYTES)
    verify_threshold(trusted.signed, Root.type, root)
    verify_threshold(root.signed, Root.type, root)
    verify_channel(root, channel, Root.type)
    if root.version != trusted.version + 1:
        raise AnchorError(
            f"root {root.version} was served where root {trusted.version + 1} belongs",
            code="root-version",
            role=Root.type,
        )
    return root


def _verify_meta(data: bytes, meta: MetaFile | TargetFile, role: str) -> None:
    if len(meta.hashes or ()) > MAX_FILE_HASHES:
        raise MixAndMatchError(f"more than {MAX_FILE_HASHES} hashes of {role}", code="hash-mismatch", role=role)
    try:
        meta.verify_length_and_hashes(data)
    except (LengthOrHashMismatchError, ValueError) as error:
        raise MixAndMatchError(f"{role} is not the file that was named", code="hash-mismatch", role=role) from error


def _verify_version(file: RoleFile[Any], version: int, role: str) -> None:
    if file.version != version:
        raise MixAndMatchError(
            f"{role} has version {file.version} where {version} was named", code="version-mismatch", role=role
        )


def _verify_nothing_lower(known: RoleFile[Snapshot], served: RoleFile[Snapshot]) -> None:
    """A snapshot lists every role that the known one lists, at no lower version (TUF 5.5.5)."""
    for name, meta in known.signed.meta.items():
        new = served.signed.meta.get(name)
        if new is None:
            raise RollbackError(f"the snapshot no longer lists {name}", code="role-removed", role=Snapshot.type)
        if new.version < meta.version:
            raise RollbackError(
                f"the snapshot lists {name} {new.version} after {meta.version}",
                code="rollback-role",
                role=name.removesuffix(".json"),
                version=new.version,
                known_version=meta.version,
            )


def _rollback(code: str, role: str, served: RoleFile[Any], known_version: int) -> RollbackError:
    return RollbackError(
        f"{role} {served.version} was served after {known_version}",
        code=code,
        role=role,
        version=served.version,
        known_version=known_version,
        issued=served.issued,
    )

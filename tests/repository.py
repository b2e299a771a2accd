# SPDX-License-Identifier: Apache-2.0
"""A whole TUF repository of one channel in memory: what a publisher would publish, and whatever an attacker would.

``Repository.fetch`` is the production callback (``trust.verification.Fetch``), so a test hands it to the real core; a
test that needs HTTP serves ``repository.files``. Nothing here comes from the publisher in ``src``: the two meet only in
the bytes.

Legitimate use::

    repository = Repository()
    repository.add_host("api.example.com", [digest])
    repository.publish()

An attack takes ``repository.signed(role)`` apart, or replaces ``repository.files[name]``.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

CHANNEL = "com.example.bank/production"
EPOCH = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
LIVES = {"root": 730, "targets": 365, "pins": 30, "snapshot": 30, "timestamp": 7}
_SERIALIZER = JSONSerializer(compact=True)


def digest_text(seed: str | bytes) -> str:
    """A digest in base64 that stands for a key: tests that need no certificate name keys by a word."""
    return b64encode(sha256(seed.encode() if isinstance(seed, str) else seed).digest()).decode()


def pin(digest: str, at: str = "leaf", kind: str = "spki-sha256", **more: str) -> dict[str, str]:
    """A pin as it stands in a document."""
    return {"type": kind, "at": at, "digest": digest, **more}


def instant(moment: datetime) -> str:
    """An instant as it stands in a document."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Repository:
    """One channel. ``now`` is the publisher's clock; move it with ``wait``."""

    channel: str | None = CHANNEL
    now: datetime = EPOCH
    thresholds: dict[str, int] = field(default_factory=lambda: {"root": 2, "targets": 2})
    files: dict[str, bytes] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.signers: dict[str, list[Signer]] = {}
        for role, count in {"root": 3, "targets": 2, "pins": 1, "snapshot": 1, "timestamp": 1}.items():
            self.signers[role] = [CryptoSigner.generate_ecdsa() for _ in range(count)]
        self.versions = dict.fromkeys(LIVES, 0)
        self.issued_override: datetime | None = None
        self.is_break_glass = False
        self.pins_role = "pins"
        self.extra_meta: dict[str, int] = {}
        self.scope: dict[str, Any] = {
            "format": "holdfast-scope/1",
            "channel": self.channel or "plain/tuf",
            "version": 1,
            "issued": instant(self.now),
            "hosts": [],
            "unpinned": "allow",
        }
        self.manifest: dict[str, Any] = {
            "format": "holdfast-manifest/1",
            "channel": self.channel or "plain/tuf",
            "version": 0,
            "issued": instant(self.now),
            "refresh_seconds": 900,
            "hosts": [],
        }
        self.publish_root(previous=[])

    # ------------------------------------------------------------------ content

    def add_host(self, pattern: str, digests: list[str], **scope_fields: Any) -> None:
        """Protect a host, and accept the leaf keys with these digests (base64)."""
        include = bool(scope_fields.get("include_subdomains", False))
        self.scope["hosts"].append(
            {
                "pattern": pattern,
                "include_subdomains": include,
                "mode": "enforce",
                "allow": {"leaf": True, "ca": []},
                **scope_fields,
            }
        )
        self.manifest["hosts"].append(
            {"pattern": pattern, "include_subdomains": include, "accept": [pin(digest) for digest in digests]}
        )

    def entry(self, pattern: str) -> dict[str, Any]:
        """The manifest's entry of a host, to be changed in place."""
        found: dict[str, Any] = next(host for host in self.manifest["hosts"] if host["pattern"] == pattern)
        return found

    def scope_entry(self, pattern: str) -> dict[str, Any]:
        """The scope's entry of a host, to be changed in place."""
        found: dict[str, Any] = next(host for host in self.scope["hosts"] if host["pattern"] == pattern)
        return found

    def set_pins(self, pattern: str, digests: list[str]) -> None:
        """Replace the accept list of a host."""
        self.entry(pattern)["accept"] = [pin(digest) for digest in digests]

    def wait(self, **duration: float) -> datetime:
        """Let time pass on the publisher's side; returns its new clock."""
        self.now += timedelta(**duration)
        return self.now

    # --------------------------------------------------------------- publishing

    def publish(self) -> None:
        """Publish everything but a root: targets, manifest, snapshot, timestamp, each one version up."""
        self.scope["issued"] = self.manifest["issued"] = instant(self.now)
        self.manifest["version"] += 1
        self.publish_targets()
        self.publish_pins()
        self.publish_snapshot()
        self.publish_timestamp()

    def publish_root(self, *, previous: list[Signer] | None = None) -> None:
        """Publish the next root, signed by its own keys and those of the previous one."""
        roles = {}
        keys = {}
        for role in (Root.type, Targets.type, Snapshot.type, Timestamp.type):
            publics = [signer.public_key for signer in self.signers[role]]
            keys.update({key.keyid: key for key in publics})
            roles[role] = Role([key.keyid for key in publics], self.thresholds.get(role, 1))
        root = Root(version=self._next("root"), expires=self._expires("root"), keys=keys, roles=roles)
        root.unrecognized_fields = self._extra()
        before = self.signers["root"] if previous is None else previous
        self.files[f"{root.version}.root.json"] = self.sign(root, [*before, *self.signers["root"]])

    def publish_targets(self) -> None:
        """Publish the top-level targets: the scope, the delegation, and under break-glass the manifest itself."""
        targets = {"scope.json": self._add_target("scope.json", self.scope)}
        if self.is_break_glass:
            targets["manifest.json"] = self._add_target("manifest.json", self.manifest)
        signed = Targets(version=self._next("targets"), expires=self._expires("targets"), targets=targets)
        publics = [signer.public_key for signer in self.signers["pins"]]
        signed.delegations = Delegations(
            keys={key.keyid: key for key in publics},
            roles={
                self.pins_role: DelegatedRole(
                    self.pins_role,
                    [key.keyid for key in publics],
                    self.thresholds.get("pins", 1),
                    True,
                    ["manifest.json", "manifest-*.json"],
                )
            },
        )
        signed.unrecognized_fields = self._extra()
        self._put("targets", signed)

    def publish_pins(self, manifest: dict[str, Any] | None = None) -> None:
        """Publish the delegated role with a manifest: the repository's own, or an attacker's."""
        target = self._add_target("manifest.json", manifest if manifest is not None else self.manifest)
        signed = Targets(version=self._next("pins"), expires=self._expires("pins"), targets={"manifest.json": target})
        signed.unrecognized_fields = self._extra()
        self._put("pins", signed)

    def publish_snapshot(self) -> None:
        """Publish a snapshot of the targets roles."""
        meta = {
            f"{self._file_role(role)}.json": self._meta(f"{self.versions[role]}.{self._file_role(role)}.json", role)
            for role in ("targets", "pins")
            if self.versions[role]
        }
        meta.update({f"{role}.json": MetaFile(version) for role, version in self.extra_meta.items()})
        signed = Snapshot(version=self._next("snapshot"), expires=self._expires("snapshot"), meta=meta)
        signed.unrecognized_fields = self._extra()
        self._put("snapshot", signed)

    def publish_timestamp(self) -> None:
        """Publish a timestamp of the newest snapshot."""
        meta = self._meta(f"{self.versions['snapshot']}.snapshot.json", "snapshot")
        signed = Timestamp(version=self._next("timestamp"), expires=self._expires("timestamp"), snapshot_meta=meta)
        signed.unrecognized_fields = self._extra()
        self.files["timestamp.json"] = self.sign(signed, self.signers["timestamp"])

    def rotate_keys(self, role: str) -> None:
        """Replace the keys of a role; a root (or, for ``pins``, new targets) must be published to say so."""
        self.signers[role] = [CryptoSigner.generate_ecdsa() for _ in self.signers[role]]

    def rotate_root(self) -> None:
        """Replace one of the root keys and publish the next root."""
        previous = list(self.signers["root"])
        self.signers["root"] = [CryptoSigner.generate_ecdsa(), *previous[1:]]
        self.publish_root(previous=previous)

    def sign(self, signed: Root | Timestamp | Snapshot | Targets, signers: list[Signer]) -> bytes:
        """Sign with these keys, in the form in which a publisher writes it."""
        metadata: Metadata[Any] = Metadata(signed)
        for signer in dict.fromkeys(signers):
            metadata.sign(signer, append=True)
        return metadata.to_bytes(_SERIALIZER)

    def resign(self, name: str, role: str, **changes: Any) -> bytes:
        """Change fields of a published file's signed part and sign it again with the role's keys.

        The file is replaced; its name stays, so a changed ``version`` makes a file that lies about its name.
        """
        document = json.loads(self.files[name])
        document["signed"].update(changes)
        metadata: Metadata[Any] = Metadata.from_bytes(json.dumps(document).encode())
        self.files[name] = self.sign(metadata.signed, self.signers[role])
        return self.files[name]

    # ------------------------------------------------------------------ serving

    @property
    def anchor(self) -> bytes:
        """The root that an app embeds."""
        return self.files["1.root.json"]

    def fetch(self, name: str, version: int | None, max_bytes: int) -> bytes | None:
        """Bring a file to the verification core, as its ``Fetch`` callback."""
        del max_bytes
        path = name if name.startswith("targets/") else f"{name}.json" if version is None else f"{version}.{name}.json"
        self.requests[path] += 1
        return self.files.get(path)

    def current_files(self) -> dict[str, bytes]:
        """What a bundle holds: all roots from version 2, the newest of the other roles, their targets."""
        newest = {f"{self.versions[role]}.{self._file_role(role)}.json" for role in ("targets", "pins", "snapshot")}
        wanted = {
            self._target_name("scope.json", self.scope),
            *(name for name in self.files if name.startswith("targets/") and name in self._listed_targets()),
        }
        return {
            name: data
            for name, data in self.files.items()
            if name == "timestamp.json"
            or (name.endswith(".root.json") and name != "1.root.json")
            or name in newest
            or name in wanted
        }

    def bundle(self) -> bytes:
        """The bundle of the newest files, as JSON."""
        files = {name: data.decode() for name, data in sorted(self.current_files().items())}
        return json.dumps({"format": "holdfast-bundle/1", "files": files}).encode()

    # -------------------------------------------------------------------- parts

    def _next(self, role: str) -> int:
        self.versions[role] += 1
        return self.versions[role]

    def _expires(self, role: str) -> datetime:
        return (self.now + timedelta(days=LIVES[role])).replace(microsecond=0)

    def _extra(self) -> dict[str, Any]:
        if self.channel is None:
            return {}
        return {"x-holdfast-channel": self.channel, "x-holdfast-issued": instant(self.issued_override or self.now)}

    def _put(self, role: str, signed: Targets | Snapshot) -> None:
        self.files[f"{signed.version}.{self._file_role(role)}.json"] = self.sign(signed, self.signers[role])

    def _file_role(self, role: str) -> str:
        return self.pins_role if role == "pins" else role

    def _meta(self, name: str, role: str) -> MetaFile:
        data = self.files[name]
        return MetaFile(self.versions[role], length=len(data), hashes={"sha256": sha256(data).hexdigest()})

    def _target_name(self, path: str, document: dict[str, Any]) -> str:
        return f"targets/{sha256(json.dumps(document).encode()).hexdigest()}.{path}"

    def _add_target(self, path: str, document: dict[str, Any]) -> TargetFile:
        data = json.dumps(document).encode()
        self.files[self._target_name(path, document)] = data
        return TargetFile(len(data), {"sha256": sha256(data).hexdigest()}, path)

    def _listed_targets(self) -> set[str]:
        listed = set()
        for role in ("targets", "pins"):
            name = f"{self.versions[role]}.{self._file_role(role)}.json"
            if name in self.files:
                for path, target in json.loads(self.files[name])["signed"]["targets"].items():
                    listed.add(f"targets/{target['hashes']['sha256']}.{path}")
        return listed

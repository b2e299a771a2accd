# SPDX-License-Identifier: Apache-2.0
"""A publisher in memory that does what it is told, wrong things included. It shares no code with ``src/``."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from vectors.making.der import key_digest
from vectors.making.keys import TufKey

CHANNEL: Final = "com.example.bank/production"
SISTER: Final = "com.example.bank/staging"
START: Final = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
TOP: Final = ("root", "targets", "snapshot", "timestamp")
LIVES: Final = {"root": 730, "targets": 365, "snapshot": 30, "timestamp": 7}
DELEGATED_LIFE: Final = 30


def at(days: float = 0, *, hours: float = 0, seconds: float = 0) -> str:
    """An instant, counted from noon of the first day of all stories."""
    return (START + timedelta(days=days, hours=hours, seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def canonical(value: Any) -> bytes:
    """Canonical JSON by the grammar of ``spec/trust.md``."""
    if value is True or value is False or value is None:
        return {True: b"true", False: b"false", None: b"null"}[value]
    if isinstance(value, str):
        return b'"' + value.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
    if isinstance(value, int):
        return str(value).encode()
    if isinstance(value, list):
        return b"[" + b",".join(map(canonical, value)) + b"]"
    members = sorted(value.items(), key=lambda member: [ord(character) for character in member[0]])
    return b"{" + b",".join(canonical(key) + b":" + canonical(item) for key, item in members) + b"}"


def compact(value: Any) -> str:
    """JSON text as a publisher writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def sign(signed: Any, *keys: TufKey) -> str:
    """The text of a role file."""
    payload = canonical(signed)
    signatures = [{"keyid": key.keyid, "sig": key.sign(payload)} for key in keys]
    return compact({"signatures": signatures, "signed": signed})


def sha256(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def pin(name: str, position: str = "leaf", **more: Any) -> dict[str, Any]:
    """A pin on the P-256 key of a name."""
    return {"type": "spki-sha256", "at": position, "digest": key_digest(name), **more}


def scope_document(version: int = 7, *, channel: str = CHANNEL, **changes: Any) -> dict[str, Any]:
    """A scope of one exact host and one with subdomains."""
    hosts = [
        {
            "pattern": "api.example.com",
            "include_subdomains": False,
            "mode": "enforce",
            "allow": {"leaf": True, "ca": []},
            "backup": [pin("api backup")],
        },
        {
            "pattern": "cdn.example.com",
            "include_subdomains": True,
            "mode": "enforce",
            "allow": {"leaf": True, "ca": [key_digest("ca one")]},
        },
    ]
    return {
        "format": "holdfast-scope/1",
        "channel": channel,
        "version": version,
        "issued": at(-30),
        "hosts": hosts,
        "unpinned": "allow",
        "fresh_seconds": 86400,
        **changes,
    }


def manifest_document(version: int = 42, *, channel: str = CHANNEL, **changes: Any) -> dict[str, Any]:
    """A manifest that fits :func:`scope_document`."""
    hosts = [
        {
            "pattern": "api.example.com",
            "include_subdomains": False,
            "accept": [pin("api current", use="current"), pin("api next", use="next")],
        },
        {"pattern": "cdn.example.com", "include_subdomains": True, "accept": [pin("ca one", "ca")]},
    ]
    return {
        "format": "holdfast-manifest/1",
        "channel": channel,
        "version": version,
        "issued": at(-1),
        "refresh_seconds": 900,
        "hosts": hosts,
        **changes,
    }


@dataclass
class Delegation:
    """One delegated role, as the targets role sees it."""

    name: str
    keys: list[TufKey]
    threshold: int = 1
    paths: list[str] = field(default_factory=lambda: ["manifest.json"])
    terminating: bool = True


@dataclass
class Publisher:
    """A repository of one channel. Everything may be changed between two calls of :meth:`publish`.

    Attributes:
        keys, thresholds: What the root says of the top-level roles.
        signers: Who signs a role, where that differs from ``keys``.
        delegations: Of the targets role; ``nested`` those of delegated roles, by name.
        scope, manifest: Texts; ``manifest`` is listed by ``lister`` (a role name); ``break_glass`` by targets.
        now: Issuing time in days after the start.
        expires, issued, channels: Instants and channels of single roles, where they differ from the usual.
        extra: Further signed members of single roles.
        versions: Of all roles; ``published`` texts by file name.
    """

    channel: str | None = CHANNEL
    keys: dict[str, list[TufKey]] = field(default_factory=dict)
    thresholds: dict[str, int] = field(default_factory=lambda: {"root": 2, "targets": 2, "snapshot": 1, "timestamp": 1})
    signers: dict[str, list[TufKey]] = field(default_factory=dict)
    delegations: list[Delegation] = field(default_factory=list)
    nested: dict[str, list[Delegation]] = field(default_factory=dict)
    scope: str = ""
    manifest: str = ""
    lister: str = "pins"
    break_glass: str | None = None
    now: float = 0
    expires: dict[str, str] = field(default_factory=dict)
    issued: dict[str, str | None] = field(default_factory=dict)
    channels: dict[str, str | None] = field(default_factory=dict)
    extra: dict[str, dict[str, Any]] = field(default_factory=dict)
    meta: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=dict)
    published: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begin(cls, channel: str | None = CHANNEL, name: str = "", **changes: Any) -> Publisher:
        """A repository after its ceremony and first publication: every role at version 1."""
        labels = {"root": (1, 2, 3), "targets": (1, 2), "snapshot": (1,), "timestamp": (1,)}
        keys = {role: [TufKey(f"{name}{role} {i}") for i in numbers] for role, numbers in labels.items()}
        publisher = cls(channel=channel, keys=keys, delegations=[Delegation("pins", [TufKey(f"{name}pins 1")])])
        of = channel or CHANNEL
        publisher.scope = compact(scope_document(channel=of))
        publisher.manifest = compact(manifest_document(channel=of))
        for key, value in changes.items():
            setattr(publisher, key, value)
        return publisher.publish("root", "pins", "targets", "snapshot", "timestamp")

    def fork(self) -> Publisher:
        """A copy that goes its own way: an attacker's, or tomorrow's."""
        return copy.deepcopy(self)

    def publish(self, *roles: str) -> Publisher:
        """Write new versions of roles, in this order."""
        for role in roles:
            self.versions[role] = self.versions.get(role, 0) + 1
            text = sign(self._signed(role), *self._signers(role))
            self.published[self.name_of(role)] = text
        return self

    def rotate_root(self, **changes: list[TufKey]) -> Publisher:
        """Write the next root with other keys for some roles; the old root keys sign it too."""
        old = self._signers("root")
        self.keys |= changes
        self.signers["root"] = old + [key for key in self.keys["root"][: self.thresholds["root"]] if key not in old]
        self.publish("root")
        del self.signers["root"]
        return self

    def name_of(self, role: str) -> str:
        """File name of the current version of a role."""
        return "timestamp.json" if role == "timestamp" else f"{self.versions[role]}.{role}.json"

    @property
    def root(self) -> str:
        """Text of the newest root."""
        return self.published[self.name_of("root")]

    def served(self, *without: str, **instead: str) -> dict[str, str]:
        """What a mirror serves now: roots from version 2, the current files, scope and manifest.

        Args:
            without: Roles, or file names, that it does not serve.
            instead: Role -> another text under the name of the current one.
        """
        names = [f"{version}.root.json" for version in range(2, self.versions["root"] + 1)]
        names += [self.name_of(role) for role in self.versions if role != "root"]
        files = {name: self.published[name] for name in names}
        for text, target in ((self.scope, "scope.json"), *((t, "manifest.json") for t in self.manifests())):
            files[f"targets/{sha256(text)}.{target}"] = text
        for role in without:
            files.pop(role if role in files else self.name_of(role))
        return files | {self.name_of(role): text for role, text in instead.items()}

    def manifests(self) -> list[str]:
        """The manifests that are listed anywhere."""
        return [self.manifest, *([self.break_glass] if self.break_glass is not None else [])]

    def _signers(self, role: str) -> list[TufKey]:
        if role in self.signers:
            return self.signers[role]
        if role in self.keys:
            return self.keys[role][: self.thresholds[role]]
        return self.delegation(role).keys[: self.delegation(role).threshold]

    def delegation(self, role: str) -> Delegation:
        """The delegation of a role, wherever it stands."""
        every = [*self.delegations, *(one for group in self.nested.values() for one in group)]
        return next(one for one in every if one.name == role)

    def _signed(self, role: str) -> dict[str, Any]:
        life = LIVES.get(role, DELEGATED_LIFE)
        signed: dict[str, Any] = {
            "_type": role if role in TOP else "targets",
            "spec_version": "1.0.31",
            "version": self.versions[role],
            "expires": self.expires.get(role, at(self.now + life)),
        }
        channel = self.channels.get(role, self.channel)
        if channel is not None:
            signed["x-holdfast-channel"] = channel
        issued = self.issued.get(role, at(self.now))
        if issued is not None:
            signed["x-holdfast-issued"] = issued
        body = {"root": self._root, "snapshot": self._snapshot, "timestamp": self._timestamp}.get(role)
        return signed | (self._targets(role) if body is None else body()) | self.extra.get(role, {})

    def _root(self) -> dict[str, Any]:
        roles = {r: {"keyids": [k.keyid for k in self.keys[r]], "threshold": self.thresholds[r]} for r in TOP}
        table = {key.keyid: key.entry for role in TOP for key in self.keys[role]}
        return {"consistent_snapshot": True, "keys": table, "roles": roles}

    def _snapshot(self) -> dict[str, Any]:
        listed = [r for r in self.versions if r not in ("root", "snapshot", "timestamp") and r not in self.hidden]
        return {"meta": {f"{role}.json": self._meta(role) for role in listed}}

    def _timestamp(self) -> dict[str, Any]:
        return {"meta": {"snapshot.json": self._meta("snapshot")}}

    def _meta(self, role: str) -> dict[str, Any]:
        return {"version": self.versions[role], **self.meta.get(role, {})}

    def _targets(self, role: str) -> dict[str, Any]:
        targets = {}
        if role == "targets":
            targets["scope.json"] = describe(self.scope)
            if self.break_glass is not None:
                targets["manifest.json"] = describe(self.break_glass)
        if role == self.lister:
            targets["manifest.json"] = describe(self.manifest)
        body: dict[str, Any] = {"targets": targets}
        delegations = self.delegations if role == "targets" else self.nested.get(role, [])
        if delegations:
            body["delegations"] = {
                "keys": {key.keyid: key.entry for one in delegations for key in one.keys},
                "roles": [
                    {
                        "name": one.name,
                        "keyids": [key.keyid for key in one.keys],
                        "threshold": one.threshold,
                        "paths": one.paths,
                        "terminating": one.terminating,
                    }
                    for one in delegations
                ],
            }
        return body


def describe(text: str) -> dict[str, Any]:
    """What a targets role says of a file."""
    return {"length": len(text.encode()), "hashes": {"sha256": sha256(text)}}

# SPDX-License-Identifier: Apache-2.0
"""Whole workflows (``spec/trust.md``, ``spec/freshness.md``): stories of one client, step by step.

A step says what a mirror serves and what the device clock says; then what the client must make of it: the error, the
marks, and the set that stays enforced. What a step does not change is carried on from the step before by hand of the
writer, not of any program: :class:`Story` only repeats it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from vectors.making.case import Case
from vectors.making.der import key_digest
from vectors.making.keys import TufKey
from vectors.making.repository import (
    LIVES,
    SISTER,
    Delegation,
    Publisher,
    at,
    compact,
    describe,
    manifest_document,
    pin,
    scope_document,
    sha256,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LARGEST: Final = 2**53 - 1
_TEXTS: Final[dict[str, str]] = {}


def texts() -> dict[str, str]:
    """All files that any story serves, by name and the first digits of their SHA-256. Filled by :func:`cases`."""
    return dict(sorted(_TEXTS.items()))


def keep(name: str, text: str) -> str:
    """Store a text once and return the name under which vectors refer to it."""
    folder, _, last = name.rpartition("/")
    label = f"{last.partition('.')[2] if folder else last}#{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    _TEXTS[label] = text
    return label


def refer(files: dict[str, str]) -> dict[str, str]:
    """Write served files as references."""
    return {name: keep(name, text) for name, text in files.items()}


class Story:
    """One workflow vector, told step by step.

    Attributes:
        known: What the client knows after the last step, as the writer of the story says.
    """

    def __init__(self, name: str, musts: str, comment: str) -> None:
        self.name, self.musts, self.comment = name, tuple(musts.split()), comment
        self.known: dict[str, Any] = {"root": 1, "timestamp": None, "snapshot": None, "manifest": None}
        self.steps: list[dict[str, Any]] = []
        self.first_error: dict[str, str] | None = None

    def open(
        self,
        anchor: str,
        seed: dict[str, str] | None = None,
        *,
        cache: Any = None,
        refused: tuple[str, str] | None = None,
        dropped: tuple[str, str] | None = None,
        **known: Any,
    ) -> Story:
        """Start the client.

        Args:
            anchor: The embedded root.
            seed: The files of the seed.
            cache: What lies on disk; ``"kept"`` is what the steps before left there.
            refused: Class and code with which the start fails.
            dropped: Class and code with which the cached set is dropped; the start succeeds.
            known: What the client knows then.
        """
        step = {"do": "open", "anchor": keep("root.json", anchor), "seed": None if seed is None else refer(seed)}
        self._expect(step | {"cache": cache}, refused, known)
        if dropped is not None:
            error = {"error": dropped[0], "code": dropped[1]}
            self.steps[-1]["expect"]["dropped"] = error
            self.first_error = self.first_error or error
        return self

    def accepts(self, files: dict[str, str], now: str, **known: Any) -> Story:
        """A refresh that completes."""
        return self._expect({"do": "refresh", "now": now, "serves": refer(files)}, None, known)

    def refuses(self, files: dict[str, str], now: str, code: str, error: str, **known: Any) -> Story:
        """A refresh that fails; ``known`` says what was learned all the same."""
        return self._expect({"do": "refresh", "now": now, "serves": refer(files)}, (error, code), known)

    def _expect(self, step: dict[str, Any], refusal: tuple[str, str] | None, known: dict[str, Any]) -> Story:
        self.known = self.known | known
        error = None if refusal is None else {"error": refusal[0], "code": refusal[1]}
        self.first_error = self.first_error or error
        self.steps.append(step | {"expect": {"error": error, **self.known}})
        return self

    def case(self) -> Case:
        """The vector; it refuses if any step does."""
        expect: dict[str, Any] = {"accept": {}} if self.first_error is None else {"refuse": self.first_error}
        return Case(f"workflow/{self.name}", "workflow", self.musts, self.comment, {"steps": self.steps}, expect)


def first(name: str, musts: str, comment: str, publisher: Publisher) -> Story:
    """A story that begins with a first refresh, of version 1 of everything, at one o'clock of the first day."""
    story = Story(name, musts, comment).open(publisher.published["1.root.json"])
    return story.accepts(publisher.served(), at(hours=1), timestamp=1, snapshot=1, manifest=42)


def cases() -> list[Case]:
    """All stories."""
    rooms: Iterable[Callable[[], list[Story]]] = (
        _ordinary, _rollback, _freeze, _mix_and_match, _fast_forward, _channels, _signers, _roots, _issued, _clocks,
        _automation, _break_glass, _searches, _seeds, _caches,
    )
    return [story.case() for room in rooms for story in room()]


def base(**changes: Any) -> Publisher:
    """The repository of most stories at its first publication."""
    return Publisher.begin(**changes)


def next_manifest(publisher: Publisher, version: int, **changes: Any) -> Publisher:
    """The next publication: another manifest, and every role above it."""
    publisher.manifest = compact(manifest_document(version, **changes))
    return publisher.publish("pins", "snapshot", "timestamp")


# -------------------------------------------------------------------------------------------------- ordinary days


def _ordinary() -> list[Story]:
    p = base()
    plain = first("first-refresh", "TRU-1 TRU-12 TRU-15 TRU-39 BUN-6", "from nothing to a set", p)
    usual = {"api.example.com": [key_digest("api current"), key_digest("api next")], "cdn.example.com": [key_digest("ca one")]}
    plain.accepts(p.served(), at(hours=2), accepts=usual, scope=7, break_glass=False, conflict=False)

    p = base()
    update = first("update", "TRU-25 TRU-28 MAN-8", "a new manifest, the snapshot and the timestamp above it", p)
    update.accepts(next_manifest(p, 43).served(), at(hours=2), timestamp=2, snapshot=2, manifest=43)
    update.accepts(next_manifest(p, 41).served(), at(hours=3), timestamp=3, snapshot=3, manifest=41)

    p = base()
    resigned = first("resigned", "TRU-25", "a timestamp signed again, and nothing else", p)
    resigned.accepts(p.publish("timestamp").served(), at(hours=2), timestamp=2)

    p = base()
    only_new = first("unchanged-files-not-served", "BUN-6", "files that the client holds need not be served again", p)
    p.publish("timestamp")
    only_new.accepts({"timestamp.json": p.published["timestamp.json"]}, at(hours=2), timestamp=2)

    p = base()
    hashed = first("with-hashes", "TRU-29", "lengths and hashes of roles, all right", p)
    next_manifest(p, 43)
    for role, below in (("snapshot", "pins"), ("timestamp", "snapshot")):
        text = p.published[p.name_of(below)]
        p.meta[below] = describe(text)
        p.versions[role] -= 1
        p.publish(role)
    hashed.accepts(p.served(), at(hours=2), timestamp=2, snapshot=2, manifest=43)

    p = base()
    scope = first("new-scope", "TRU-32 SCO-15", "the security team protects less: only a newly accepted scope can", p)
    p.scope = compact(scope_document(8, hosts=scope_document()["hosts"][:1]))
    scope.accepts(p.publish("targets", "snapshot", "timestamp").served(), at(hours=2), timestamp=2, snapshot=2, scope=8)

    p = base()
    nothing = first("nothing-served", "TRU-30 TRU-39 FRE-16", "a mirror that is empty", p)
    nothing.refuses({}, at(hours=2), "file-missing", "MixAndMatchError")

    p = base()
    html = first("captive-portal", "BUN-7 FRE-16 TRU-1", "HTML in the place of the timestamp", p)
    html.refuses({"timestamp.json": "<!DOCTYPE html>"}, at(hours=2), "json-syntax", "MetadataError")

    p = base()
    conflict = first("equal-timestamp", "TRU-26", "another timestamp of the same version: the stored one stays, and no error", p)
    other = p.fork()
    other.versions["timestamp"] = 0
    other.versions["snapshot"] = 4
    other.publish("snapshot", "timestamp")
    conflict.accepts(other.served(), at(hours=2), conflict=True)
    conflict.accepts(p.served(), at(hours=3), conflict=False)

    p = base()
    half = first("half-fetched", "TRU-26 TRU-28", "a timestamp whose snapshot was missing completes at the next refresh, at the same version", p)
    next_manifest(p, 43)
    half.refuses(p.served("snapshot"), at(hours=2), "file-missing", "MixAndMatchError", timestamp=2)
    half.accepts(p.served(), at(hours=3), snapshot=2, manifest=43)
    return [plain, update, resigned, only_new, hashed, scope, nothing, html, conflict, half]


# ------------------------------------------------------------------------------------------------------- rollback


def _rollback() -> list[Story]:
    stories = []

    p = base()
    old = p.served()
    story = first("rollback-timestamp", "TRU-25", "yesterday's timestamp, validly signed", p)
    story.accepts(next_manifest(p, 43).served(), at(hours=2), timestamp=2, snapshot=2, manifest=43)
    story.refuses(old, at(hours=3), "rollback-timestamp", "RollbackError")
    story.open(p.published["1.root.json"], cache="kept")
    story.refuses(old, at(hours=4), "rollback-timestamp", "RollbackError")
    story.accepts(next_manifest(p, 44).served(), at(hours=5), timestamp=3, snapshot=3, manifest=44)
    stories.append(story)

    p = base()
    story = first("rollback-snapshot", "TRU-25", "a new timestamp that names an older snapshot", p)
    story.accepts(next_manifest(p, 43).served(), at(hours=2), timestamp=2, snapshot=2, manifest=43)
    evil = p.fork()
    evil.versions["snapshot"] = 1
    story.refuses(evil.publish("timestamp").served(), at(hours=3), "rollback-snapshot", "RollbackError")
    stories.append(story)

    for role in ("targets", "pins"):
        p = base()
        story = first(f"rollback-{role}", "TRU-27 TRU-28", f"a new snapshot that lists an older {role}", p)
        p.publish("pins", "targets", "snapshot", "timestamp")
        story.accepts(p.served(), at(hours=2), timestamp=2, snapshot=2)
        evil = p.fork()
        evil.versions[role] = 1
        story.refuses(evil.publish("snapshot", "timestamp").served(), at(hours=3), "rollback-role", "RollbackError", timestamp=3)
        stories.append(story)

    p = base()
    story = first("role-removed", "TRU-27", "a new snapshot that no longer lists a role", p)
    evil = p.fork()
    evil.break_glass = compact(manifest_document(50))
    evil.hidden = {"pins"}
    story.refuses(evil.publish("targets", "snapshot", "timestamp").served(), at(hours=2), "role-removed", "RollbackError", timestamp=2)
    stories.append(story)

    p = base()
    story = first("rollback-root", "TRU-19", "the old root under the name of the next", p)
    served = p.served() | {"2.root.json": p.published["1.root.json"]}
    story.refuses(served, at(hours=2), "root-version", "AnchorError")
    stories.append(story)

    p = base()
    story = first("manifest-version-is-no-mark", "MAN-8", "a manifest of 2^53 - 1, and then a low one: people's number is no mark", p)
    story.accepts(next_manifest(p, LARGEST).served(), at(hours=2), timestamp=2, snapshot=2, manifest=LARGEST)
    story.accepts(next_manifest(p, 43).served(), at(hours=3), timestamp=3, snapshot=3, manifest=43)
    return [*stories, story]


# --------------------------------------------------------------------------------------------------------- freeze


def _freeze() -> list[Story]:
    stories = []
    ample = {role: at(2000) for role in ("root", "targets", "snapshot", "timestamp", "pins")}
    for role in ("timestamp", "snapshot", "targets", "pins", "root"):
        p = base(expires=ample | {role: at(5)})
        story = first(f"freeze-{role}", "TRU-17 FRE-6 FRE-16" if role != "root" else "TRU-17 TRU-21", f"{role} expires, everything else is served for ever", p)
        story.accepts(p.served(), at(5, seconds=-1))
        story.refuses(p.served(), at(5), "expired", "FreezeError")
        story.refuses(p.served(), at(400), "expired", "FreezeError")
        if role == "root":
            p.expires["root"] = at(3000)
            p.rotate_root()
            story.accepts(p.served(), at(401), root=2)
        else:
            p.expires[role] = at(500)
            p.now = 400
            roles = {"timestamp": ["timestamp"], "snapshot": ["snapshot", "timestamp"]}.get(role, [role, "snapshot", "timestamp"])
            p.publish(*roles)
            story.accepts(p.served(), at(401), timestamp=2, **({} if role == "timestamp" else {"snapshot": 2}))
        stories.append(story)

    p = base()
    story = first("freeze-everything", "FRE-6 FRE-16", "three years without a publisher: the set stays", p)
    story.refuses(p.served(), at(1100), "expired", "FreezeError")
    story.open(p.published["1.root.json"], cache="kept")
    return [*stories, story]


# -------------------------------------------------------------------------------------------------- mix and match


def _mix_and_match() -> list[Story]:
    stories = []
    for role, marks in (("snapshot", {}), ("targets", {"snapshot": 2}), ("pins", {"snapshot": 2})):
        p = base()
        story = first(f"other-version-of-{role}", "TRU-29", f"version 1 of {role} under the name of version 2", p)
        p.publish("pins", "targets", "snapshot", "timestamp")
        old = p.published[f"1.{role}.json"]
        story.refuses(p.served(**{role: old}), at(hours=2), "version-mismatch", "MixAndMatchError", timestamp=2, **marks)
        story.accepts(p.served(), at(hours=3), snapshot=2)
        stories.append(story)

        p = base()
        story = first(f"missing-{role}", "TRU-30 TRU-28", f"{role} is named and not served", p)
        p.publish("pins", "targets", "snapshot", "timestamp")
        story.refuses(p.served(role), at(hours=2), "file-missing", "MixAndMatchError", timestamp=2, **marks)
        stories.append(story)

        above = {"snapshot": "timestamp", "targets": "snapshot", "pins": "snapshot"}[role]
        for name, wrong in {
            "hash": {"hashes": {"sha256": "0" * 64}},
            "length": {"length": 10},
            "unknown-hash": {"hashes": {"blake3": "0" * 64}},
            "one-of-two-hashes": {"hashes": {"sha256": "right", "sha512": "0" * 128}},
        }.items():
            p = base()
            story = first(f"wrong-{name}-of-{role}", "TRU-29", f"another {name.replace('-', ' ')} of {role} than {above} says", p)
            p.publish("pins", "targets", "snapshot")
            if name == "one-of-two-hashes":
                wrong = {"hashes": wrong["hashes"] | {"sha256": sha256(p.published[p.name_of(role)])}}  # type: ignore[dict-item]
            p.meta[role] = wrong
            p.versions["snapshot"] -= above == "snapshot"
            p.publish(*(["snapshot"] if above == "snapshot" else []), "timestamp")
            story.refuses(p.served(), at(hours=2), "hash-mismatch", "MixAndMatchError", timestamp=2, **marks)
            stories.append(story)

    for target, attribute in (("scope.json", "scope"), ("manifest.json", "manifest")):
        p = base()
        story = first(f"other-{attribute}", "TRU-37", f"other octets of {target} under the right name", p)
        p.manifest, p.scope = compact(manifest_document(43)), compact(scope_document(8))
        p.publish("pins", "targets", "snapshot", "timestamp")
        name = f"targets/{sha256(getattr(p, attribute))}.{target}"
        marks = {"timestamp": 2, "snapshot": 2}
        story.refuses(p.served() | {name: getattr(p, attribute) + " "}, at(hours=2), "hash-mismatch", "MixAndMatchError", **marks)
        story.refuses(p.served(name), at(hours=3), "file-missing", "MixAndMatchError")
        story.accepts(p.served(), at(hours=4), manifest=43, scope=8)
        stories.append(story)

    for name, change, code in (
        ("no-sha256", lambda said: said | {"hashes": {"sha512": "0" * 128}}, "target-unusable"),
        ("too-long", lambda said: said | {"length": 9_000_000}, "target-unusable"),
        ("wrong-length", lambda said: said | {"length": said["length"] + 1}, "hash-mismatch"),
    ):
        p = base()
        story = first(f"target-{name}", "TRU-37", f"a manifest that is listed with {name.replace('-', ' ')}", p)
        p.extra["pins"] = {"targets": {"manifest.json": change(describe(p.manifest))}}
        story.refuses(p.publish("pins", "snapshot", "timestamp").served(), at(hours=2), code, "MixAndMatchError", timestamp=2, snapshot=2)
        stories.append(story)

    p = base()
    story = first("unlisted-role", "TRU-31", "a role that is visited, and that the snapshot never listed", p)
    p.delegations = [Delegation("pins-2", [TufKey("pins 2")])]
    p.lister = "pins-2"
    p.publish("pins-2", "targets")
    p.hidden = {"pins-2"}
    story.refuses(p.publish("snapshot", "timestamp").served(), at(hours=2), "role-unlisted", "MixAndMatchError", timestamp=2, snapshot=2)
    return [*stories, story]


# --------------------------------------------------------------------------------------------------- fast-forward


def _fast_forward() -> list[Story]:
    stories = []

    p = base()
    story = first("fast-forward-timestamp", "TRU-24 TRU-25", "a stolen online key signs version 2^53 - 1; a new key clears it", p)
    evil = p.fork()
    evil.versions["timestamp"] = LARGEST - 1
    story.accepts(evil.publish("timestamp").served(), at(hours=2), timestamp=LARGEST)
    story.refuses(p.publish("timestamp").served(), at(hours=3), "rollback-timestamp", "RollbackError")
    added = p.fork().rotate_root(timestamp=[*p.keys["timestamp"], TufKey("timestamp 2")])
    story.refuses(added.served(), at(hours=4), "rollback-timestamp", "RollbackError", root=2)
    p.versions, p.published, p.keys = added.versions, added.published, added.keys
    p.rotate_root(timestamp=[TufKey("timestamp 2")])
    story.accepts(p.publish("timestamp").served(), at(hours=5), root=3, timestamp=3)
    stories.append(story)

    p = base()
    story = first("fast-forward-snapshot", "TRU-24 TRU-25", "snapshot versions fall after both online keys were replaced, not after one", p)
    evil = p.fork()
    evil.versions["snapshot"] = LARGEST - 1
    story.accepts(evil.publish("snapshot", "timestamp").served(), at(hours=2), timestamp=2, snapshot=LARGEST)
    p.versions["timestamp"] = 2
    p.rotate_root(snapshot=[TufKey("snapshot 2")])
    story.refuses(p.publish("snapshot", "timestamp").served(), at(hours=3), "rollback-snapshot", "RollbackError", root=2, snapshot=None)
    p.rotate_root(timestamp=[TufKey("timestamp 2")])
    story.accepts(p.publish("timestamp").served(), at(hours=4), root=3, timestamp=4, snapshot=2)
    stories.append(story)

    for role in ("targets", "pins"):
        p = base()
        story = first(f"fast-forward-{role}", "TRU-24 TRU-27", f"{role} at 2^53 - 1 in the snapshot; new online keys clear it", p)
        evil = p.fork()
        evil.versions[role] = LARGEST - 1
        evil.publish(*(["pins"] if role == "pins" else []), *(["targets"] if role == "targets" else []), "snapshot", "timestamp")
        story.accepts(evil.served(), at(hours=2), timestamp=2, snapshot=2)
        p.publish("pins", "targets", "snapshot", "timestamp")
        p.publish("snapshot", "timestamp")
        story.refuses(p.served(), at(hours=3), "rollback-role", "RollbackError", timestamp=3)
        p.rotate_root(snapshot=[TufKey("snapshot 2")])
        p.publish("snapshot", "timestamp")
        story.accepts(p.served(), at(hours=4), root=2, timestamp=4, snapshot=4)
        stories.append(story)

    p = base()
    story = first("fast-forward-pins-new-name", "TRU-27 TRU-33", "or a new role name: the old one stays listed, unvisited", p)
    evil = p.fork()
    evil.versions["pins"] = LARGEST - 1
    story.accepts(evil.publish("pins", "snapshot", "timestamp").served(), at(hours=2), timestamp=2, snapshot=2)
    evil.delegations = [Delegation("pins-2", [TufKey("pins 2")])]
    evil.lister = "pins-2"
    evil.manifest = compact(manifest_document(43))
    evil.publish("pins-2", "targets", "snapshot", "timestamp")
    story.accepts(evil.served("pins"), at(hours=3), timestamp=3, snapshot=3, manifest=43)
    return [*stories, story]


# ------------------------------------------------------------------------------------------------------- channels


def _channels() -> list[Story]:
    stories = []
    for role, marks in (
        ("timestamp", {}), ("snapshot", {"timestamp": 2}), ("targets", {"timestamp": 2, "snapshot": 2}), ("pins", {"timestamp": 2, "snapshot": 2}),
    ):
        for kind, channel in (("sister", SISTER), ("none", None)):
            p = base()
            story = first(f"{kind}-channel-{role}", "TRU-16 TRU-3", f"{role} of {'the sister channel' if channel else 'no channel'}, signed by shared keys", p)
            p.channels[role] = channel
            p.publish("pins", "targets", "snapshot", "timestamp")
            story.refuses(p.served(), at(hours=2), "channel-mismatch", "ChannelError", **marks)
            stories.append(story)

    p = base()
    story = first("sister-channel-root", "TRU-16 TRU-22", "a root of the sister channel, signed by the same people", p)
    evil = p.fork()
    evil.channels["root"] = SISTER
    story.refuses(evil.rotate_root().served(), at(hours=2), "channel-mismatch", "ChannelError")
    stories.append(story)

    for name, attribute, make, role in (("scope", "scope", scope_document, "targets"), ("manifest", "manifest", manifest_document, "pins")):
        p = base()
        story = first(f"sister-channel-{name}", "TRU-16", f"a {name} of the sister channel, listed by mistake", p)
        setattr(p, attribute, compact(make(50, channel=SISTER)))
        story.refuses(p.publish(role, "snapshot", "timestamp").served(), at(hours=2), "channel-mismatch", "ChannelError", timestamp=2, snapshot=2)
        stories.append(story)

    p, sister = base(), base(channel=SISTER)
    sister.publish("timestamp")
    story = first("sister-repository", "TRU-16 TRU-15", "a mirror serves the sister's whole repository; both share every key", p)
    story.refuses(sister.served(), at(hours=2), "channel-mismatch", "ChannelError")
    stories.append(story)
    return stories


# ----------------------------------------------------------------------------------------------- wrong signatures


def _signers() -> list[Story]:
    stories = []
    stranger = TufKey("stranger")
    for role, marks in (
        ("timestamp", {}), ("snapshot", {"timestamp": 2}), ("targets", {"timestamp": 2, "snapshot": 2}), ("pins", {"timestamp": 2, "snapshot": 2}),
    ):
        for kind, signers in (("unsigned", []), ("stranger", [stranger])):
            p = base()
            story = first(f"{kind}-{role}", "TRU-12 TRU-39", f"arbitrary {role}: {'no signature' if not signers else 'the signature of a stranger'}", p)
            p.manifest = compact(manifest_document(666))
            p.signers[role] = signers
            p.publish("pins", "targets", "snapshot", "timestamp")
            story.refuses(p.served(), at(hours=2), "signature-threshold", "SignatureError", **marks)
            del p.signers[role]
            p.manifest = compact(manifest_document(43))
            story.accepts(p.publish("pins", "targets", "snapshot", "timestamp").served(), at(hours=3), timestamp=3, snapshot=3, manifest=43)
            stories.append(story)

    p = base()
    story = first("targets-one-of-two", "TRU-12", "one of the security team's two keys", p)
    p.signers["targets"] = p.keys["targets"][:1]
    story.refuses(p.publish("targets", "snapshot", "timestamp").served(), at(hours=2), "signature-threshold", "SignatureError", timestamp=2, snapshot=2)
    stories.append(story)

    p = base()
    story = first("targets-one-signature-twice", "TRU-13", "one of two, twice", p)
    p.signers["targets"] = p.keys["targets"][:1] * 2
    story.refuses(p.publish("targets", "snapshot", "timestamp").served(), at(hours=2), "duplicate-keyid", "MetadataError", timestamp=2, snapshot=2)
    stories.append(story)

    p = base()
    story = first("online-key-signs-targets", "TRU-12", "the online keys are stolen, the security team's are not", p)
    p.scope = compact(scope_document(8, hosts=[]))
    p.signers["targets"] = [*p.keys["timestamp"], *p.keys["snapshot"]]
    story.refuses(p.publish("targets", "snapshot", "timestamp").served(), at(hours=2), "signature-threshold", "SignatureError", timestamp=2, snapshot=2)
    stories.append(story)

    p = base()
    story = first("unknown-key-in-delegation", "TRU-10", "a key of tomorrow beside today's in a delegation", p)
    odd = TufKey("tomorrow", "falcon", "falcon-512")
    p.delegations = [Delegation("pins", [TufKey("pins 1"), odd])]
    story.accepts(p.publish("targets", "snapshot", "timestamp").served(), at(hours=2), timestamp=2, snapshot=2)
    p.delegations = [Delegation("pins", [odd])]
    p.signers["pins"] = [odd]
    story.refuses(p.publish("pins", "targets", "snapshot", "timestamp").served(), at(hours=3), "signature-threshold", "SignatureError", timestamp=3, snapshot=3)
    stories.append(story)
    return stories


# ---------------------------------------------------------------------------------------------------------- roots


def _roots() -> list[Story]:
    stories = []

    p = base()
    story = first("root-rotation", "TRU-19 TRU-20 TRU-22", "two new roots in one refresh, every key replaced, no app release", p)
    p.rotate_root(root=[TufKey(f"root {i}") for i in (4, 5, 6)])
    p.rotate_root(timestamp=[TufKey("timestamp 2")], snapshot=[TufKey("snapshot 2")], targets=[TufKey("targets 3"), TufKey("targets 4")])
    next_manifest(p, 43).publish("targets", "snapshot", "timestamp")
    story.accepts(p.served(), at(hours=2), root=3, timestamp=3, snapshot=3, manifest=43)
    stories.append(story)

    p = base()
    story = first("root-alone", "TRU-22 FRE-15", "a new root that retires the online keys is served, and nothing else", p)
    p.rotate_root(timestamp=[TufKey("timestamp 2")], snapshot=[TufKey("snapshot 2")])
    story.refuses({"2.root.json": p.root}, at(hours=2), "file-missing", "MixAndMatchError", root=2, timestamp=None, snapshot=None, retired=True)
    story.open(p.published["1.root.json"], cache="kept")
    story.accepts(next_manifest(p, 43).served(), at(hours=3), timestamp=2, snapshot=2, manifest=43, retired=False)
    stories.append(story)

    p = base()
    story = first("root-alone-same-keys", "TRU-22 FRE-15", "a new root that retires nothing", p)
    alone = {"2.root.json": p.rotate_root().root}
    story.refuses(alone, at(hours=2), "file-missing", "MixAndMatchError", root=2, retired=False)
    story.accepts(alone | {"timestamp.json": p.published["timestamp.json"]}, at(hours=3))
    stories.append(story)

    p = base()
    story = first("root-gap", "TRU-19", "root 3 is served, root 2 is not: the chain ends before it", p)
    p.rotate_root()
    p.rotate_root(timestamp=[TufKey("timestamp 2")])
    story.refuses(p.publish("timestamp").served("2.root.json"), at(hours=2), "signature-threshold", "SignatureError")
    story.refuses(p.served("2.root.json") | {"2.root.json": p.root}, at(hours=3), "root-version", "AnchorError")
    story.accepts(p.served(), at(hours=4), root=3, timestamp=2)
    stories.append(story)

    p = base()
    story = first("root-wrong-signer", "TRU-19", "root 2 is signed by its own keys alone, then by the old ones alone", p)
    for kind, signers in (("own", [TufKey("root 4"), TufKey("root 5")]), ("old", p.keys["root"][:2])):
        evil = p.fork()
        evil.keys["root"] = [TufKey("root 4"), TufKey("root 5")]
        evil.signers["root"] = signers
        story.refuses(evil.publish("root").served(), at(hours=2 if kind == "own" else 3), "signature-threshold", "SignatureError")
    story.accepts(p.rotate_root().served(), at(hours=4), root=2)
    stories.append(story)

    p = base()
    story = first("root-expired-on-the-way", "TRU-21", "an expired root 2 between 1 and 3", p)
    p.expires["root"] = at(-1)
    p.rotate_root()
    del p.expires["root"]
    story.accepts(p.rotate_root().served(), at(hours=2), root=3)
    stories.append(story)

    p = base()
    story = first("root-newest-expired", "TRU-21 TRU-22", "the newest root has expired; it is kept all the same", p)
    p.expires["root"] = at(-1)
    story.refuses(p.rotate_root().served(), at(hours=2), "expired", "FreezeError", root=2)
    del p.expires["root"]
    story.accepts(p.rotate_root().served(), at(hours=3), root=3)
    stories.append(story)

    p = base(expires={"root": at(1)})
    p.expires["root"] = at(5000)
    for _ in range(3):
        p.rotate_root()
    p.now = 1000
    p.publish("pins", "targets", "snapshot", "timestamp")
    story = Story("root-slept-for-years", "TRU-21 TRU-23", "an app that slept for years chains from its long expired root")
    story.open(p.published["1.root.json"])
    story.accepts(p.served(), at(1001), root=4, timestamp=2, snapshot=2, manifest=42)
    stories.append(story)

    one = TufKey("deep root", "ed25519", "ed25519")
    keys = {role: [one] for role in LIVES}
    ones = dict.fromkeys(LIVES, 1)
    p = base(keys=keys, thresholds=ones, delegations=[Delegation("pins", [one])])
    for _ in range(257):
        p.publish("root")
    story = Story("root-256-deep", "TRU-20", "257 new roots: 256 in one refresh, the last in the next")
    story.open(p.published["1.root.json"])
    story.accepts(p.served(), at(hours=1), root=257, timestamp=1, snapshot=1, manifest=42)
    story.accepts(p.served(), at(hours=2), root=258)
    stories.append(story)

    p = base()
    story = first("root-unknown-key", "TRU-10 TRU-22", "the day a new algorithm arrives in a root, old clients go on", p)
    p.rotate_root(root=[*p.keys["root"], TufKey("tomorrow", "falcon", "falcon-512")], timestamp=[*p.keys["timestamp"], TufKey("tomorrow", "falcon", "falcon-512")])
    story.accepts(p.publish("timestamp").served(), at(hours=2), root=2, timestamp=2)
    stories.append(story)
    return stories


# --------------------------------------------------------------------------------------------------------- issued


def _issued() -> list[Story]:
    stories = []
    far = at(26_000)  # 2098
    ample = {role: at(27_000) for role in ("root", "targets", "snapshot", "timestamp", "pins")}
    for role in ("timestamp", "snapshot", "targets", "pins", "root"):
        p = base(expires=ample | {role: at(365)})
        marks = {"timestamp": {}, "root": {}, "snapshot": {"timestamp": 2}}.get(role, {"timestamp": 2, "snapshot": 2})
        story = first(f"issued-after-{role}", "TRU-38", f"a stolen online key signs the year 2098; {role} expires before", p)
        evil = p.fork()
        evil.issued["timestamp"] = far
        if role == "timestamp":
            evil.publish("timestamp")
        else:
            evil.publish("pins", "targets", "snapshot", "timestamp")
        story.refuses(evil.served(), at(hours=2), "issued-after-expiry", "MetadataError", **marks)
        p.versions["timestamp"] = p.versions["snapshot"] = 5
        story.accepts(p.publish("pins", "targets", "snapshot", "timestamp").served(), at(hours=3), timestamp=6, snapshot=6)
        stories.append(story)

    p = base(expires=ample | {"pins": at(400)})
    story = first("issued-at-expiry", "TRU-38", "issued at the very second at which a role expires, and a second later", p)
    p.issued["timestamp"] = at(400, seconds=1)
    story.refuses(p.publish("timestamp").served(), at(399), "issued-after-expiry", "MetadataError", timestamp=2)
    p.issued["timestamp"] = at(400)
    story.accepts(p.publish("timestamp").served(), at(399), timestamp=3)
    stories.append(story)

    p = base()
    story = first("issued-missing", "TRU-3", "a timestamp that does not say when it was signed", p)
    p.issued["timestamp"] = None
    story.refuses(p.publish("timestamp").served(), at(hours=2), "issued-missing", "MetadataError")
    p.issued = {"snapshot": None, "pins": None, "targets": None}
    story.accepts(p.publish("pins", "targets", "snapshot", "timestamp").served(), at(hours=3), timestamp=3, snapshot=2)
    stories.append(story)
    return stories


# --------------------------------------------------------------------------------------------------------- clocks


def _clocks() -> list[Story]:
    stories = []
    ample = {role: at(720) for role in ("targets", "snapshot", "timestamp", "pins")}

    p = base(expires=ample)
    story = first("stolen-clock", "FRE-1 FRE-2 TRU-18", "a stolen online key pushes the clock to day 710; a new timestamp key takes it back, under a root that day 710 would expire", p)
    evil = p.fork()
    evil.issued["timestamp"] = at(710)
    story.accepts(evil.publish("timestamp").served(), at(1), timestamp=2)
    p.versions["timestamp"] = 2
    p.expires["timestamp"] = at(9)
    story.refuses(p.publish("timestamp").served(), at(2), "expired", "FreezeError")
    p.expires["root"] = at(700)
    p.rotate_root(timestamp=[TufKey("timestamp 2")])
    story.accepts(p.publish("timestamp").served(), at(2), root=2, timestamp=4)
    stories.append(story)

    p = base()
    story = first("clock-back-20-years", "FRE-1 TRU-18", "a clock 20 years behind does not revive what had expired when the set was signed", p)
    p.issued["timestamp"], p.expires["timestamp"] = at(-2), at(-1)
    story.refuses(p.publish("timestamp").served(), at(-7300), "expired", "FreezeError")
    p.issued, p.expires = {}, {}
    story.accepts(p.publish("timestamp").served(), at(-7300), timestamp=3)
    stories.append(story)

    p = base()
    story = Story("clock-back-seed", "FRE-1 FRE-2", "the seed's time holds the clock up for roots too")
    story.open(p.published["1.root.json"], p.served(), timestamp=1, snapshot=1, manifest=42)
    p.expires["root"] = at(-1)
    story.refuses(p.rotate_root().served(), at(-7300), "expired", "FreezeError", root=2)
    p.expires = {}
    story.accepts(p.rotate_root().served(), at(-7300), root=3)
    stories.append(story)

    p = base()
    story = first("clock-ahead-2-years", "FRE-4 FRE-6 FRE-16", "a clock two years ahead: everything seems expired, the set stays, and the right clock heals it", p)
    p.now = 1
    p.publish("timestamp")
    story.refuses(p.served(), at(800), "expired", "FreezeError")
    story.accepts(p.served(), at(1), timestamp=2)
    stories.append(story)
    return stories


# ------------------------------------------------------------------------------------------ stolen automation key


def _automation() -> list[Story]:
    stories = []
    marks = {"timestamp": 2, "snapshot": 2}

    def stolen(name: str, musts: str, comment: str, manifest: dict[str, Any], /, code: str | None = None, error: str = "ScopeError", **known: Any) -> None:
        p = base()
        story = first(f"automation-{name}", musts, f"stolen automation key: {comment}", p)
        p.manifest = compact(manifest)
        served = p.publish("pins", "snapshot", "timestamp").served()
        if code is None:
            story.accepts(served, at(hours=2), **marks, **known)
        else:
            story.refuses(served, at(hours=2), code, error, **marks, **known)
        stories.append(story)

    hosts = manifest_document()["hosts"]
    stolen("omits-a-host", "SCO-12", "it leaves a protected host out", manifest_document(43, hosts=hosts[1:]), "host-without-pin")
    stolen("empties-a-host", "SCO-12", "or gives it no pin", manifest_document(43, hosts=[hosts[0] | {"accept": []}, hosts[1]]), "host-without-pin")
    stolen("widens-to-a-ca", "SCO-13 SCO-12", "it pins a CA of its own", manifest_document(43, hosts=[hosts[0] | {"accept": [pin("mallory ca", "ca")]}, hosts[1]]), "host-without-pin")
    beside = [hosts[0] | {"accept": [*hosts[0]["accept"], pin("mallory ca", "ca"), pin("mallory ca", "any")]}, hosts[1]]
    usual = {"api.example.com": [key_digest("api current"), key_digest("api next")], "cdn.example.com": [key_digest("ca one")]}
    stolen("widens-beside", "SCO-13", "the CA beside real pins does not count", manifest_document(43, hosts=beside), manifest=43, accepts=usual)
    foreign = [*hosts, {"pattern": "bank.example.net", "accept": [pin("mallory")]}, {"pattern": "example.com", "include_subdomains": True, "accept": [pin("mallory")]}]
    stolen("foreign-host", "SCO-11", "hosts beyond the scope do not count", manifest_document(43, hosts=foreign), manifest=43, accepts=usual)
    more = manifest_document(43, report={"urls": ["https://evil.example/"]}, canary={"host": "api.example.com"}, unpinned="allow", max_age_seconds=10**9)
    stolen("poses-as-scope", "FRM-8 SCO-15", "members of a scope in a manifest are nothing", more, manifest=43, accepts=usual)
    other = [hosts[0] | {"accept": [pin("mallory")]}, hosts[1]]
    substituted = usual | {"api.example.com": [key_digest("mallory")]}
    stolen("substitutes-a-leaf", "SCO-13", "a leaf key within the scope: this it can do, and then needs a CA-valid certificate", manifest_document(43, hosts=other), manifest=43, accepts=substituted)
    rejecting = [hosts[0] | {"reject": [pin("api backup", "any")]}, hosts[1]]
    stolen("rejects-a-backup", "VAL-21", "it may write it; a backup stands above it", manifest_document(43, hosts=rejecting), manifest=43, accepts=usual)
    stolen("rejects-everything", "SCO-14 SCO-12", "it rejects what it accepts", manifest_document(43, hosts=[hosts[0] | {"reject": hosts[0]["accept"]}, hosts[1]]), "host-without-pin")
    stolen("other-format", "MAN-1", "a format that nobody knows", manifest_document(43, format="holdfast-manifest/9"), "format-unknown", "MetadataError")

    p = base()
    story = first("automation-lists-a-scope", "TRU-32", "a scope listed by the automation role is not looked at", p)
    empty = compact(scope_document(99, hosts=[]))
    p.delegations[0].paths = ["manifest.json", "scope.json"]
    p.extra["pins"] = {"targets": {"manifest.json": describe(p.manifest), "scope.json": describe(empty)}}
    served = p.publish("pins", "targets", "snapshot", "timestamp").served()
    story.accepts(served | {f"targets/{sha256(empty)}.scope.json": empty}, at(hours=2), **marks, scope=7)
    p.extra["targets"] = {"targets": {}}
    served = p.publish("targets", "snapshot", "timestamp").served()
    story.refuses(served | {f"targets/{sha256(empty)}.scope.json": empty}, at(hours=3), "target-missing", "ScopeError", timestamp=3, snapshot=3)
    return [*stories, story]


# ---------------------------------------------------------------------------------------------------- break-glass


def _break_glass() -> list[Story]:
    p = base()
    story = first("break-glass", "TRU-33 TRU-34", "the security team speaks over a hostile automation, and hands back", p)
    story.known["break_glass"] = False
    hostile = manifest_document(43, hosts=[manifest_document()["hosts"][0] | {"accept": [pin("mallory")]}, manifest_document()["hosts"][1]])
    p.manifest = compact(hostile)
    story.accepts(p.publish("pins", "snapshot", "timestamp").served(), at(hours=2), timestamp=2, snapshot=2, manifest=43, break_glass=False)
    p.break_glass = compact(manifest_document(44))
    story.accepts(p.publish("targets", "snapshot", "timestamp").served(), at(hours=3), timestamp=3, snapshot=3, manifest=44, break_glass=True)
    p.manifest = compact(manifest_document(99))
    story.accepts(p.publish("pins", "snapshot", "timestamp").served(), at(hours=4), timestamp=4, snapshot=4)
    p.break_glass, p.manifest = None, compact(manifest_document(45))
    p.delegations = [Delegation("pins-2", [TufKey("pins 2")])]
    p.lister = "pins-2"
    story.accepts(p.publish("pins-2", "targets", "snapshot", "timestamp").served(), at(hours=5), timestamp=5, snapshot=5, manifest=45, break_glass=False)

    p = base()
    lost = first("break-glass-automation-lost", "TRU-34", "the automation role has expired, and its file is gone: not visited, no fault", p)
    p.expires["pins"] = at(hours=2)
    p.publish("pins")
    p.break_glass = compact(manifest_document(44))
    lost.accepts(p.publish("targets", "snapshot", "timestamp").served("pins"), at(hours=3), timestamp=2, snapshot=2, manifest=44, break_glass=True)
    p.break_glass = None
    p.publish("targets", "snapshot", "timestamp")
    lost.refuses(p.served("pins"), at(hours=4), "file-missing", "MixAndMatchError", timestamp=3, snapshot=3)
    lost.refuses(p.served(), at(hours=5), "expired", "FreezeError")
    return [story, lost]


# ------------------------------------------------------------------------------------------- searching the manifest


def _searches() -> list[Story]:
    stories = []
    marks = {"timestamp": 2, "snapshot": 2}
    x, y = TufKey("pins x"), TufKey("pins y")

    def search(name: str, musts: str, comment: str, delegations: list[Delegation], lister: str, *roles: str, code: str | None = None, error: str = "ScopeError", **changes: Any) -> None:
        p = base()
        story = first(f"search-{name}", musts, comment, p)
        p.delegations, p.lister, p.manifest = delegations, lister, compact(manifest_document(43))
        for key, value in changes.items():
            setattr(p, key, value)
        served = p.publish(*roles, "targets", "snapshot", "timestamp").served()
        if code is None:
            story.accepts(served, at(hours=2), **marks, manifest=43)
        else:
            story.refuses(served, at(hours=2), code, error, **marks)
        stories.append(story)

    open_x = Delegation("x", [x], terminating=False)
    search("second", "TRU-33", "the first delegated role does not list it, the second does", [open_x, Delegation("y", [y])], "y", "x", "y")
    search("terminating", "TRU-33", "a terminating delegation ends the search", [Delegation("x", [x]), Delegation("y", [y])], "y", "x", "y", code="target-missing")
    search("path-skips", "TRU-33", "a delegation for other paths is passed over, terminating or not", [Delegation("x", [x], paths=["other.json"]), Delegation("y", [y])], "y", "x", "y")
    search("no-path", "TRU-33", "no delegation covers the path", [Delegation("x", [x], paths=["other/*"])], "x", "x", code="target-missing")
    search("wildcard", "TRU-33 TRU-35", "a wildcard covers it", [Delegation("x", [x], paths=["mani*.json"])], "x", "x")
    search("nobody-lists-it", "TRU-36", "no role lists it", [open_x, Delegation("y", [y])], "nobody", "x", "y", code="target-missing")
    deep = {"nested": {"x": [Delegation("z", [y])]}}
    search("deeper", "TRU-33", "a delegated role delegates in turn", [open_x], "z", "x", "z", **deep)
    search("pre-order", "TRU-33", "what the first one delegates comes before the second", [open_x, Delegation("y", [y])], "z", "x", "y", "z", nested={"x": [Delegation("z", [y], terminating=False)]},
           extra={"y": {"targets": {"manifest.json": describe(compact(manifest_document(99)))}}})
    search("terminating-below", "TRU-33", "terminating ends the search for all, not for its branch", [open_x, Delegation("y", [y])], "y", "x", "y", "z", code="target-missing", nested={"x": [Delegation("z", [y])]})
    search("cycle", "TRU-33", "roles that delegate to each other", [open_x], "nobody", "x", "y", code="target-missing",
           nested={"x": [Delegation("y", [y], terminating=False)], "y": [Delegation("x", [x], terminating=False)]})
    search("wrong-delegator", "TRU-12 TRU-33", "signed by the key of another delegation", [Delegation("x", [x])], "x", "x", code="signature-threshold", error="SignatureError", signers={"x": [y]})

    prefix = hashlib.sha256(b"manifest.json").hexdigest()[:2]
    for name, value, code in (("hash-prefix", prefix, None), ("other-hash-prefix", "00" if prefix != "00" else "01", "target-missing")):
        p = base()
        story = first(f"search-{name}", "TRU-33", "delegated by the SHA-256 of the path", p)
        p.lister, p.manifest = "x", compact(manifest_document(43))
        role = {"name": "x", "keyids": [x.keyid], "threshold": 1, "path_hash_prefixes": [value], "terminating": True}
        p.delegations = [Delegation("x", [x])]
        p.extra["targets"] = {"delegations": {"keys": {x.keyid: x.entry}, "roles": [role]}}
        served = p.publish("x", "targets", "snapshot", "timestamp").served()
        if code is None:
            story.accepts(served, at(hours=2), **marks, manifest=43)
        else:
            story.refuses(served, at(hours=2), code, "ScopeError", **marks)
        stories.append(story)

    one = TufKey("chain", "ed25519", "ed25519")
    for depth, code in ((32, None), (33, "target-missing")):
        names = [f"r{i}" for i in range(1, depth + 1)]
        nested = {a: [Delegation(b, [one], terminating=False)] for a, b in zip(names, names[1:], strict=False)}
        search(f"{depth}-deep", "TRU-33", f"{depth} delegated roles, the last of which lists it", [Delegation("r1", [one], terminating=False)], names[-1], *names, code=code, nested=nested)
    return stories


# ----------------------------------------------------------------------------------------------- seeds and caches


def _seeds() -> list[Story]:
    stories = []
    ones = {"timestamp": 1, "snapshot": 1, "manifest": 42, "source": "seed"}

    p = base()
    seed, root = p.served(), p.published["1.root.json"]
    story = Story("seed-old", "FRE-11 FRE-6", "an app is installed two years after its build: its seed opens, and what is served renews it")
    story.open(root, seed, **ones)
    p.now = 729
    renewed = next_manifest(p, 43).publish("targets", "snapshot", "timestamp").served()
    story.accepts(renewed, at(729.5), timestamp=3, snapshot=3, manifest=43, source="network")
    stories.append(story)

    def broken(name: str, musts: str, comment: str, files: dict[str, str], error: str, code: str) -> None:
        story = Story(f"seed-{name}", musts, comment).open(root, seed, **ones)
        blank = {"timestamp": None, "snapshot": None, "manifest": None, "source": None}
        stories.append(story.open(root, files, refused=(error, code), **blank))

    def lacking(ending: str) -> dict[str, str]:
        return {name: text for name, text in seed.items() if not name.endswith(ending)}

    broken("no-timestamp", "FRE-7 TRU-30", "a seed without a timestamp", lacking("timestamp.json"), "MetadataError", "file-missing")
    broken("no-pins", "FRE-7 TRU-30", "a seed without a role", lacking("pins.json"), "MixAndMatchError", "file-missing")
    broken("no-scope", "FRE-7 TRU-30", "a seed without its scope", lacking("scope.json"), "MixAndMatchError", "file-missing")
    broken("sister", "FRE-7 TRU-16", "the sister channel's seed, signed by the same keys", base(channel=SISTER).served(), "ChannelError", "channel-mismatch")
    broken("unsigned", "FRE-7 TRU-12", "a seed that nobody signed", base(signers={"targets": []}).served(), "SignatureError", "signature-threshold")
    early = base(expires={"pins": at(hours=-1)})
    broken("expired-when-signed", "FRE-11", "a role that had expired when the seed was signed", early.served(), "FreezeError", "expired")
    undated = base(issued={"timestamp": None})
    broken("undated", "FRE-11 TRU-3", "a seed that does not say when it was signed", undated.served(), "MetadataError", "issued-missing")
    unfit = base()
    unfit.manifest = compact(manifest_document(43, hosts=[]))
    broken("unfit", "FRE-7 SCO-12", "a seed whose manifest leaves hosts out", unfit.publish("pins", "snapshot", "timestamp").served(), "ScopeError", "host-without-pin")

    p = base()
    p.rotate_root(timestamp=[TufKey("timestamp 2")])
    p.publish("timestamp")
    carried = Story("seed-carries-roots", "FRE-11", "a seed verified under the highest root that it carries")
    carried.open(p.published["1.root.json"], p.served(), root=2, timestamp=2, snapshot=1, manifest=42, source="seed")
    return [*stories, carried]


def _caches() -> list[Story]:
    stories = []
    ones = {"timestamp": 1, "snapshot": 1, "manifest": 42, "source": "seed"}

    def seeded(name: str, musts: str, comment: str) -> tuple[Publisher, dict[str, str], str, Story]:
        p = base()
        seed, root = p.served(), p.published["1.root.json"]
        story = Story(f"cache-{name}", musts, comment).open(root, seed, **ones)
        story.accepts(next_manifest(p, 43).served(), at(hours=2), timestamp=2, snapshot=2, manifest=43, source="network")
        stories.append(story)
        return p, seed, root, story

    p, seed, root, story = seeded("restart", "FRE-12 FRE-14", "the cache is higher than the seed, and is enforced after a restart")
    story.open(root, seed, cache="kept", source="cache")

    p, seed, root, story = seeded("expired", "FRE-12 FRE-6", "years later its roles have expired; it was accepted when they had not")
    story.open(root, seed, cache="kept", source="cache")
    story.refuses(p.served(), at(1000), "expired", "FreezeError")
    story.open(root, seed, cache="kept")

    p, seed, root, story = seeded("newer-seed", "FRE-14", "an app update whose seed is higher than the cache")
    story.open(root, next_manifest(p, 44).served(), cache="kept", timestamp=3, snapshot=3, manifest=44, source="seed")

    p, seed, root, story = seeded("tie", "FRE-14", "an app update whose seed is the cached set")
    story.open(root, p.served(), cache="kept", source="cache")

    p, seed, root, story = seeded("newer-anchor", "FRE-12 FRE-13", "an app update embeds root 2, the same online keys: the cached set verifies under it")
    story.open(p.rotate_root().root, seed, cache="kept", root=2, source="cache")

    comment = "root 2 in the app has other online keys: the cached set does not verify, the new seed is enforced"
    p, seed, root, story = seeded("newer-anchor-retires", "FRE-12 FRE-14", comment)
    p.rotate_root(timestamp=[TufKey("timestamp 2")], snapshot=[TufKey("snapshot 2")])
    p.publish("snapshot", "timestamp")
    under = ("SignatureError", "signature-threshold")
    story.open(p.root, p.served(), cache="kept", dropped=under, root=2, timestamp=3, snapshot=3, source="seed")

    comment = "root 2 comes alone and retires the online keys; the set stays, also after a restart, and never falls to the seed"
    p, seed, root, story = seeded("signed-by-retired-key", "FRE-15 FRE-12", comment)
    p.rotate_root(timestamp=[TufKey("timestamp 2")], snapshot=[TufKey("snapshot 2")])
    gone = {"timestamp": None, "snapshot": None}
    story.refuses({"2.root.json": p.root}, at(hours=3), "file-missing", "MixAndMatchError", root=2, retired=True, **gone)
    story.open(root, seed, cache="kept", source="cache")

    # Caches that somebody wrote.
    def planted(name: str, musts: str, comment: str, cache: dict[str, Any], dropped: tuple[str, str] | None, **known: Any) -> None:
        p = base()
        story = Story(f"cache-{name}", musts, comment).open(p.published["1.root.json"], p.served(), **ones)
        stories.append(story.open(p.published["1.root.json"], p.served(), cache=cache, dropped=dropped, **known))

    def stored(publisher: Publisher, accepted_at: str = at(hours=2), **instead: str) -> dict[str, Any]:
        roots = [publisher.published[f"{version}.root.json"] for version in range(2, publisher.versions["root"] + 1)]
        files = {name: text for name, text in publisher.served().items() if not name.endswith(".root.json")}
        files[publisher.name_of("root")] = publisher.root
        return {
            "roots": [keep("root.json", text) for text in roots],
            "timestamp": keep("timestamp.json", publisher.published["timestamp.json"]),
            "snapshot": keep("1.snapshot.json", publisher.published[publisher.name_of("snapshot")]),
            "files": refer(files | instead),
            "accepted_at": accepted_at,
        }

    newer = next_manifest(base(), 43)
    two = {"timestamp": 2, "snapshot": 2}
    planted("genuine", "FRE-12 FRE-14", "a cache that verifies", stored(newer), None, manifest=43, source="cache", **two)
    edited = compact(manifest_document(43, hosts=[{"pattern": "api.example.com", "accept": [pin("mallory")]}]))
    name = f"targets/{sha256(newer.manifest)}.manifest.json"
    wrong = ("MixAndMatchError", "hash-mismatch")
    planted("edited-manifest", "FRE-12 FRE-19", "the manifest in the cache was edited", stored(newer, **{name: edited}), wrong, **two)
    unsigned = newer.fork()
    unsigned.manifest, unsigned.signers = edited, {"pins": []}
    unsigned.publish("pins", "snapshot", "timestamp")
    planted("unsigned-role", "FRE-12", "a role in the cache was signed by nobody", stored(unsigned), under, timestamp=3, snapshot=3)

    other = ("AnchorError", "anchor")
    foreign = next_manifest(Publisher.begin(name="foreign "), 666)
    planted("foreign-set", "FRE-13 FRE-12", "a whole set of a repository with other keys", stored(foreign), other)
    sister = next_manifest(base(channel=SISTER), 666)
    planted("sister-set", "FRE-13 TRU-16", "a whole set of the sister channel, with the same keys", stored(sister), other)
    gap = base()
    gap.rotate_root()
    cache = stored(gap.rotate_root())
    comment = "stored roots with a gap: the root that accepted the set does not follow from the anchor"
    planted("root-gap", "FRE-13", comment, cache | {"roots": cache["roots"][1:]}, other)
    planted("no-root-gap", "FRE-13", "without the gap it does", cache, None, root=3, source="cache")

    marks_alone = {"files": {}, "accepted_at": None}
    planted("foreign-marks", "FRE-13 TRU-24", "marks that other keys signed contribute nothing", stored(foreign) | marks_alone, None)
    planted("sister-marks", "FRE-13 TRU-24 TRU-16", "nor do the sister channel's", stored(sister) | marks_alone, None)
    planted("genuine-marks", "TRU-24", "marks that verify count without a set", stored(newer) | marks_alone, None, **two)
    planted("empty", "FRE-12", "an empty cache", {"roots": [], "timestamp": None, "snapshot": None} | marks_alone, None)
    undated = stored(newer) | {"accepted_at": None}
    planted("no-acceptance", "FRE-12", "a set that does not say when it was accepted", undated, ("MetadataError", "cache-syntax"), **two)
    late, comment = stored(newer, at(100)), "a set that claims to be accepted after its roles had expired"
    planted("accepted-after-expiry", "FRE-12", comment, late, ("FreezeError", "expired"), **two)
    planted("same-versions", "FRE-14", "a set of the seed's own versions: on a tie the cache", stored(base(expires={"timestamp": at(1)})), None, source="cache")
    return stories

# SPDX-License-Identifier: Apache-2.0
"""Attacks on a mirror: rollback, freeze, mix and match, fast-forward, sister channels, wrong signatures (``spec/trust.md``)."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from vectors.making.case import Case
from vectors.making.keys import TufKey
from vectors.making.repository import (
    SISTER,
    Delegation,
    at,
    compact,
    describe,
    manifest_document,
    scope_document,
    sha256,
)
from vectors.making.story import Story, base, first, next_manifest

LARGEST: Final = 2**53 - 1


def cases() -> list[Case]:
    """All stories of the part."""
    rooms = (
        _rollback,
        _freeze,
        _mix_and_match,
        _fast_forward,
        _channels,
        _signers,
    )
    return [story.case() for room in rooms for story in room()]


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

    p = base()
    comment = "root 2 replaces the fast-forwarded key, root 3 is spoiled: what root 2 denies is gone all the same"
    story = first("fast-forward-broken-chain", "TRU-24 TRU-22", comment, p)
    evil = p.fork()
    evil.versions["timestamp"] = LARGEST - 1
    story.accepts(evil.publish("timestamp").served(), at(hours=2), timestamp=LARGEST)
    p.rotate_root(timestamp=[TufKey("timestamp 2")])
    p.publish("timestamp")
    spoiled = p.served() | {"3.root.json": "{}"}
    refused = ("metadata-syntax", "MetadataError")
    story.refuses(spoiled, at(hours=3), *refused, root=2, timestamp=None)
    story.open(p.published["1.root.json"], cache="kept")
    story.accepts(p.served(), at(hours=4), timestamp=2)
    stories.append(story)

    for role in ("targets", "pins"):
        p = base()
        story = first(f"rollback-{role}", "TRU-27 TRU-28", f"a new snapshot that lists an older {role}", p)
        p.publish("pins", "targets", "snapshot", "timestamp")
        story.accepts(p.served(), at(hours=2), timestamp=2, snapshot=2)
        evil = p.fork()
        evil.versions[role] = 1
        story.refuses(
            evil.publish("snapshot", "timestamp").served(), at(hours=3), "rollback-role", "RollbackError", timestamp=3
        )
        stories.append(story)

    p = base()
    story = first("role-removed", "TRU-27", "a new snapshot that no longer lists a role", p)
    evil = p.fork()
    evil.break_glass = compact(manifest_document(50))
    evil.hidden = {"pins"}
    story.refuses(
        evil.publish("targets", "snapshot", "timestamp").served(),
        at(hours=2),
        "role-removed",
        "RollbackError",
        timestamp=2,
    )
    stories.append(story)

    p = base()
    story = first("rollback-root", "TRU-19", "the old root under the name of the next", p)
    served = p.served() | {"2.root.json": p.published["1.root.json"]}
    story.refuses(served, at(hours=2), "root-version", "AnchorError")
    stories.append(story)

    p = base()
    story = first(
        "manifest-version-is-no-mark",
        "MAN-8",
        "a manifest of 2^53 - 1, and then a low one: people's number is no mark",
        p,
    )
    story.accepts(next_manifest(p, LARGEST).served(), at(hours=2), timestamp=2, snapshot=2, manifest=LARGEST)
    story.accepts(next_manifest(p, 43).served(), at(hours=3), timestamp=3, snapshot=3, manifest=43)
    return [*stories, story]


def _freeze() -> list[Story]:
    stories = []
    ample = {role: at(2000) for role in ("root", "targets", "snapshot", "timestamp", "pins")}
    for role in ("timestamp", "snapshot", "targets", "pins", "root"):
        p = base(expires=ample | {role: at(5)})
        story = first(
            f"freeze-{role}",
            "TRU-17 FRE-6 FRE-16" if role != "root" else "TRU-17 TRU-21",
            f"{role} expires, everything else is served for ever",
            p,
        )
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
            roles = {"timestamp": ["timestamp"], "snapshot": ["snapshot", "timestamp"]}.get(
                role, [role, "snapshot", "timestamp"]
            )
            p.publish(*roles)
            story.accepts(p.served(), at(401), timestamp=2, **({} if role == "timestamp" else {"snapshot": 2}))
        stories.append(story)

    p = base()
    story = first("freeze-everything", "FRE-6 FRE-16", "three years without a publisher: the set stays", p)
    story.refuses(p.served(), at(1100), "expired", "FreezeError")
    story.open(p.published["1.root.json"], cache="kept")
    return [*stories, story]


def _mix_and_match() -> list[Story]:
    stories = []
    for role, marks in (("snapshot", {}), ("targets", {"snapshot": 2}), ("pins", {"snapshot": 2})):
        p = base()
        story = first(f"other-version-of-{role}", "TRU-29 BUN-6", f"version 1 of {role} under the name of version 2", p)
        p.publish("pins", "targets", "snapshot", "timestamp")
        old = p.published[f"1.{role}.json"]
        story.refuses(
            p.served(**{role: old}), at(hours=2), "version-mismatch", "MixAndMatchError", timestamp=2, **marks
        )
        story.accepts(p.served(), at(hours=3), snapshot=2)
        stories.append(story)

        p = base()
        story = first(f"missing-{role}", "TRU-30 TRU-28", f"{role} is named and not served", p)
        p.publish("pins", "targets", "snapshot", "timestamp")
        story.refuses(p.served(role), at(hours=2), "file-missing", "MixAndMatchError", timestamp=2, **marks)
        stories.append(story)

        above = {"snapshot": "timestamp", "targets": "snapshot", "pins": "snapshot"}[role]
        wrongs: dict[str, dict[str, Any] | None] = {
            "hash": {"hashes": {"sha256": "0" * 64}},
            "length": {"length": 10},
            "unknown-hash": {"hashes": {"blake3": "0" * 64}},
            "one-of-two-hashes": None,
        }
        for name, wrong in wrongs.items():
            p = base()
            story = first(
                f"wrong-{name}-of-{role}", "TRU-29", f"another {name.replace('-', ' ')} of {role} than {above} says", p
            )
            p.publish("pins", "targets", "snapshot")
            right = sha256(p.published[p.name_of(role)])
            p.meta[role] = {"hashes": {"sha256": right, "sha512": "0" * 128}} if wrong is None else wrong
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
        story.refuses(
            p.served() | {name: getattr(p, attribute) + " "}, at(hours=2), "hash-mismatch", "MixAndMatchError", **marks
        )
        story.refuses(p.served(name), at(hours=3), "file-missing", "MixAndMatchError")
        story.accepts(p.served(), at(hours=4), manifest=43, scope=8)
        stories.append(story)

    for count in (8, 9):
        p = base()
        story = first(f"{count}-hashes", "TRU-42", f"{count} hashes of the snapshot, all right", p)
        p.publish("snapshot")
        body = p.published[p.name_of("snapshot")].encode()
        names = ("sha256", "sha512", "sha224", "sha384", "sha3_256", "sha3_512", "sha3_224", "sha3_384", "blake2b")
        p.meta["snapshot"] = {"hashes": {name: hashlib.new(name, body).hexdigest() for name in names[:count]}}
        p.publish("timestamp")
        if count == 8:
            story.accepts(p.served(), at(hours=2), timestamp=2, snapshot=2)
        else:
            story.refuses(p.served(), at(hours=2), "hash-mismatch", "MixAndMatchError", timestamp=2)
        stories.append(story)

    said = describe(base().manifest)
    for name, change, code in (
        ("no-sha256", {"hashes": {"sha512": "0" * 128}}, "target-unusable"),
        ("upper-case-sha256", {"hashes": {"sha256": sha256(base().manifest).upper()}}, "target-unusable"),
        ("path-as-sha256", {"hashes": {"sha256": "../../timestamp"}}, "target-unusable"),
        ("short-sha256", {"hashes": {"sha256": "00"}}, "target-unusable"),
        ("too-long", {"length": 9_000_000}, "target-unusable"),
        ("wrong-length", {"length": said["length"] + 1}, "hash-mismatch"),
    ):
        p = base()
        story = first(f"target-{name}", "TRU-37", f"a manifest that is listed with {name.replace('-', ' ')}", p)
        p.extra["pins"] = {"targets": {"manifest.json": said | change}}
        story.refuses(
            p.publish("pins", "snapshot", "timestamp").served(),
            at(hours=2),
            code,
            "MixAndMatchError",
            timestamp=2,
            snapshot=2,
        )
        stories.append(story)

    p = base()
    story = first("unlisted-role", "TRU-31", "a role that is visited, and that the snapshot never listed", p)
    p.delegations = [Delegation("pins-2", [TufKey("pins 2")])]
    p.lister = "pins-2"
    p.publish("pins-2", "targets")
    p.hidden = {"pins-2"}
    story.refuses(
        p.publish("snapshot", "timestamp").served(),
        at(hours=2),
        "role-unlisted",
        "MixAndMatchError",
        timestamp=2,
        snapshot=2,
    )
    return [*stories, story]


def _fast_forward() -> list[Story]:
    stories = []

    p = base()
    story = first(
        "fast-forward-timestamp", "TRU-24 TRU-25", "a stolen online key signs version 2^53 - 1; a new key clears it", p
    )
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
    story = first(
        "fast-forward-snapshot",
        "TRU-24 TRU-25",
        "snapshot versions fall after both online keys were replaced, not after one",
        p,
    )
    evil = p.fork()
    evil.versions["snapshot"] = LARGEST - 1
    story.accepts(evil.publish("snapshot", "timestamp").served(), at(hours=2), timestamp=2, snapshot=LARGEST)
    p.versions["timestamp"] = 2
    p.rotate_root(snapshot=[TufKey("snapshot 2")])
    story.refuses(
        p.publish("snapshot", "timestamp").served(),
        at(hours=3),
        "rollback-snapshot",
        "RollbackError",
        root=2,
        snapshot=None,
    )
    p.rotate_root(timestamp=[TufKey("timestamp 2")])
    story.accepts(p.publish("timestamp").served(), at(hours=4), root=3, timestamp=4, snapshot=2)
    stories.append(story)

    for role in ("targets", "pins"):
        p = base()
        story = first(
            f"fast-forward-{role}", "TRU-24 TRU-27", f"{role} at 2^53 - 1 in the snapshot; new online keys clear it", p
        )
        evil = p.fork()
        evil.versions[role] = LARGEST - 1
        evil.publish(
            *(["pins"] if role == "pins" else []), *(["targets"] if role == "targets" else []), "snapshot", "timestamp"
        )
        story.accepts(evil.served(), at(hours=2), timestamp=2, snapshot=2)
        p.publish("pins", "targets", "snapshot", "timestamp")
        p.publish("snapshot", "timestamp")
        story.refuses(p.served(), at(hours=3), "rollback-role", "RollbackError", timestamp=3)
        p.rotate_root(snapshot=[TufKey("snapshot 2")])
        p.publish("snapshot", "timestamp")
        story.accepts(p.served(), at(hours=4), root=2, timestamp=4, snapshot=4)
        stories.append(story)

    p = base()
    story = first(
        "fast-forward-pins-new-name", "TRU-27 TRU-33", "or a new role name: the old one stays listed, unvisited", p
    )
    evil = p.fork()
    evil.versions["pins"] = LARGEST - 1
    story.accepts(evil.publish("pins", "snapshot", "timestamp").served(), at(hours=2), timestamp=2, snapshot=2)
    evil.delegations = [Delegation("pins-2", [TufKey("pins 2")])]
    evil.lister = "pins-2"
    evil.manifest = compact(manifest_document(43))
    evil.publish("pins-2", "targets", "snapshot", "timestamp")
    story.accepts(evil.served("pins"), at(hours=3), timestamp=3, snapshot=3, manifest=43)
    return [*stories, story]


def _channels() -> list[Story]:
    stories = []
    for role, marks in (
        ("timestamp", {}),
        ("snapshot", {"timestamp": 2}),
        ("targets", {"timestamp": 2, "snapshot": 2}),
        ("pins", {"timestamp": 2, "snapshot": 2}),
    ):
        for kind, channel in (("sister", SISTER), ("none", None)):
            p = base()
            story = first(
                f"{kind}-channel-{role}",
                "TRU-16 TRU-3",
                f"{role} of {'the sister channel' if channel else 'no channel'}, signed by shared keys",
                p,
            )
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

    for name, attribute, make, role in (
        ("scope", "scope", scope_document, "targets"),
        ("manifest", "manifest", manifest_document, "pins"),
    ):
        p = base()
        story = first(f"sister-channel-{name}", "TRU-16", f"a {name} of the sister channel, listed by mistake", p)
        setattr(p, attribute, compact(make(50, channel=SISTER)))
        story.refuses(
            p.publish(role, "snapshot", "timestamp").served(),
            at(hours=2),
            "channel-mismatch",
            "ChannelError",
            timestamp=2,
            snapshot=2,
        )
        stories.append(story)

    p, sister = base(), base(channel=SISTER)
    sister.publish("timestamp")
    story = first(
        "sister-repository", "TRU-16 TRU-15", "a mirror serves the sister's whole repository; both share every key", p
    )
    story.refuses(sister.served(), at(hours=2), "channel-mismatch", "ChannelError")
    stories.append(story)
    return stories


def _signers() -> list[Story]:
    stories = []
    stranger = TufKey("stranger")
    for role, marks in (
        ("timestamp", {}),
        ("snapshot", {"timestamp": 2}),
        ("targets", {"timestamp": 2, "snapshot": 2}),
        ("pins", {"timestamp": 2, "snapshot": 2}),
    ):
        for kind, signers in (("unsigned", []), ("stranger", [stranger])):
            p = base()
            story = first(
                f"{kind}-{role}",
                "TRU-12 TRU-39",
                f"arbitrary {role}: {'no signature' if not signers else 'the signature of a stranger'}",
                p,
            )
            p.manifest = compact(manifest_document(666))
            p.signers[role] = signers
            p.publish("pins", "targets", "snapshot", "timestamp")
            story.refuses(p.served(), at(hours=2), "signature-threshold", "SignatureError", **marks)
            del p.signers[role]
            p.manifest = compact(manifest_document(43))
            story.accepts(
                p.publish("pins", "targets", "snapshot", "timestamp").served(),
                at(hours=3),
                timestamp=3,
                snapshot=3,
                manifest=43,
            )
            stories.append(story)

    p = base()
    story = first("targets-one-of-two", "TRU-12", "one of the security team's two keys", p)
    p.signers["targets"] = p.keys["targets"][:1]
    story.refuses(
        p.publish("targets", "snapshot", "timestamp").served(),
        at(hours=2),
        "signature-threshold",
        "SignatureError",
        timestamp=2,
        snapshot=2,
    )
    stories.append(story)

    p = base()
    story = first("targets-one-signature-twice", "TRU-13", "one of two, twice", p)
    p.signers["targets"] = p.keys["targets"][:1] * 2
    story.refuses(
        p.publish("targets", "snapshot", "timestamp").served(),
        at(hours=2),
        "duplicate-keyid",
        "MetadataError",
        timestamp=2,
        snapshot=2,
    )
    stories.append(story)

    p = base()
    story = first(
        "online-key-signs-targets", "TRU-12 SCO-15", "the online keys are stolen, the security team's are not", p
    )
    p.scope = compact(scope_document(8, hosts=[]))
    p.signers["targets"] = [*p.keys["timestamp"], *p.keys["snapshot"]]
    story.refuses(
        p.publish("targets", "snapshot", "timestamp").served(),
        at(hours=2),
        "signature-threshold",
        "SignatureError",
        timestamp=2,
        snapshot=2,
    )
    stories.append(story)

    p = base()
    story = first("unknown-key-in-delegation", "TRU-10", "a key of tomorrow beside today's in a delegation", p)
    odd = TufKey("tomorrow", "falcon", "falcon-512")
    p.delegations = [Delegation("pins", [TufKey("pins 1"), odd])]
    story.accepts(p.publish("targets", "snapshot", "timestamp").served(), at(hours=2), timestamp=2, snapshot=2)
    p.delegations = [Delegation("pins", [odd])]
    p.signers["pins"] = [odd]
    story.refuses(
        p.publish("pins", "targets", "snapshot", "timestamp").served(),
        at(hours=3),
        "signature-threshold",
        "SignatureError",
        timestamp=3,
        snapshot=3,
    )
    stories.append(story)
    return stories

# SPDX-License-Identifier: Apache-2.0
"""Whom a client believes, and when: ordinary days, roots, issuing times, clocks (``spec/trust.md``, ``spec/freshness.md``)."""

from __future__ import annotations

from typing import Final

from vectors.making.case import Case
from vectors.making.der import key_digest
from vectors.making.keys import TufKey
from vectors.making.repository import (
    LIVES,
    Delegation,
    at,
    compact,
    describe,
    scope_document,
)
from vectors.making.story import Story, base, first, next_manifest

LARGEST: Final = 2**53 - 1


def cases() -> list[Case]:
    """All stories of the part."""
    rooms = (_ordinary, _plain, _at_hand, _roots, _retirements, _issued, _clocks)
    return [story.case() for room in rooms for story in room()]


def _ordinary() -> list[Story]:
    p = base()
    plain = first("first-refresh", "TRU-1 TRU-12 TRU-15 TRU-39 BUN-6", "from nothing to a set", p)
    usual = {
        "api.example.com": [key_digest("api current"), key_digest("api next")],
        "cdn.example.com": [key_digest("ca one")],
    }
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
    conflict = first(
        "equal-timestamp", "TRU-26", "another timestamp of the same version: the stored one stays, and no error", p
    )
    other = p.fork()
    other.versions["timestamp"] = 0
    other.versions["snapshot"] = 4
    other.publish("snapshot", "timestamp")
    conflict.accepts(other.served(), at(hours=2), conflict=True)
    conflict.accepts(p.served(), at(hours=3), conflict=False)

    p = base()
    half = first(
        "half-fetched",
        "TRU-26 TRU-28",
        "a timestamp whose snapshot was missing completes at the next refresh, at the same version",
        p,
    )
    next_manifest(p, 43)
    half.refuses(p.served("snapshot"), at(hours=2), "file-missing", "MixAndMatchError", timestamp=2)
    half.accepts(p.served(), at(hours=3), snapshot=2, manifest=43)
    return [plain, update, resigned, only_new, hashed, scope, nothing, html, conflict, half]


def _roots() -> list[Story]:
    stories = []

    p = base()
    story = first(
        "root-rotation", "TRU-19 TRU-20 TRU-22", "two new roots in one refresh, every key replaced, no app release", p
    )
    p.rotate_root(root=[TufKey(f"root {i}") for i in (4, 5, 6)])
    p.rotate_root(
        timestamp=[TufKey("timestamp 2")],
        snapshot=[TufKey("snapshot 2")],
        targets=[TufKey("targets 3"), TufKey("targets 4")],
    )
    next_manifest(p, 43).publish("targets", "snapshot", "timestamp")
    story.accepts(p.served(), at(hours=2), root=3, timestamp=3, snapshot=3, manifest=43)
    stories.append(story)

    p = base()
    story = first(
        "root-alone", "TRU-22 FRE-15", "a new root that retires the online keys is served, and nothing else", p
    )
    p.rotate_root(timestamp=[TufKey("timestamp 2")], snapshot=[TufKey("snapshot 2")])
    story.refuses(
        {"2.root.json": p.root},
        at(hours=2),
        "file-missing",
        "MixAndMatchError",
        root=2,
        timestamp=None,
        snapshot=None,
        retired=True,
    )
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
    story = first(
        "root-wrong-signer", "TRU-19", "root 2 is signed by its own keys alone, then by the old ones alone", p
    )
    for kind, signers in (("own", [TufKey("root 4"), TufKey("root 5")]), ("old", p.keys["root"][:2])):
        evil = p.fork()
        evil.keys["root"] = [TufKey("root 4"), TufKey("root 5")]
        evil.signers["root"] = signers
        story.refuses(
            evil.publish("root").served(), at(hours=2 if kind == "own" else 3), "signature-threshold", "SignatureError"
        )
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
    story = Story(
        "root-slept-for-years", "TRU-21 TRU-23", "an app that slept for years chains from its long expired root"
    )
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
    story = first(
        "root-unknown-key", "TRU-10 TRU-22", "the day a new algorithm arrives in a root, old clients go on", p
    )
    p.rotate_root(
        root=[*p.keys["root"], TufKey("tomorrow", "falcon", "falcon-512")],
        timestamp=[*p.keys["timestamp"], TufKey("tomorrow", "falcon", "falcon-512")],
    )
    story.accepts(p.publish("timestamp").served(), at(hours=2), root=2, timestamp=2)
    stories.append(story)
    return stories


def _retirements() -> list[Story]:
    """A new root comes alone and retires one key: the set stays, under a name that says so."""
    stories = []
    for role, gone in (("timestamp", {"timestamp": None}), ("snapshot", {"snapshot": None}), ("targets", {})):
        p = base()
        story = first(f"retired-{role}", "FRE-15 TRU-22 TRU-24", f"a new root retires the {role} key alone", p)
        keys = [TufKey(f"{role} {number}") for number in (7, 8)][: p.thresholds[role]]
        p.rotate_root(**{role: keys})
        served = {"2.root.json": p.root}
        story.refuses(served, at(hours=2), "file-missing", "MixAndMatchError", root=2, retired=True, **gone)
        stories.append(story)
    return stories


def _plain() -> list[Story]:
    """A repository without a channel, as the conformance command meets it."""
    p = base(channel=None, issued={"timestamp": None})
    comment = "without a channel none is compared, nothing needs to be dated, and names of roles are free"
    story = first("no-channel", "TRU-16 TRU-3 TRU-41", comment, p)
    p.delegations, p.lister = [Delegation("Pins EU", [TufKey("pins 1")])], "Pins EU"
    p.publish("Pins EU", "targets", "snapshot", "timestamp")
    return [story.accepts(p.served(), at(hours=2), timestamp=2, snapshot=2)]


def _at_hand() -> list[Story]:
    """Files that the client holds are checked like any other."""
    stories = []
    for role in ("snapshot", "targets"):
        p = base()
        comment = f"the {role} at hand has the named version and another hash: it is asked for again"
        story = first(f"at-hand-{role}", "TRU-29 BUN-6", comment, p)
        p.expires[role] = at(29)
        p.versions[role] -= 1
        p.publish(role)
        p.meta[role] = describe(p.published[p.name_of(role)])
        p.publish(*(["snapshot"] if role == "targets" else []), "timestamp")
        marks = {"timestamp": 2} if role == "snapshot" else {"timestamp": 2, "snapshot": 2}
        story.refuses(p.served(role), at(hours=2), "file-missing", "MixAndMatchError", **marks)
        story.accepts(p.served(), at(hours=3))
        stories.append(story)
    return stories


def _issued() -> list[Story]:
    stories = []
    far = at(26_000)  # 2098
    ample = {role: at(27_000) for role in ("root", "targets", "snapshot", "timestamp", "pins")}
    for role in ("timestamp", "snapshot", "targets", "pins", "root"):
        p = base(expires=ample | {role: at(365)})
        marks = {"timestamp": {}, "root": {}, "snapshot": {"timestamp": 2}}.get(role, {"timestamp": 2, "snapshot": 2})
        story = first(
            f"issued-after-{role}", "TRU-38", f"a stolen online key signs the year 2098; {role} expires before", p
        )
        evil = p.fork()
        evil.issued["timestamp"] = far
        if role == "timestamp":
            evil.publish("timestamp")
        else:
            evil.publish("pins", "targets", "snapshot", "timestamp")
        story.refuses(evil.served(), at(hours=2), "issued-after-expiry", "MetadataError", **marks)
        p.versions["timestamp"] = p.versions["snapshot"] = 5
        story.accepts(
            p.publish("pins", "targets", "snapshot", "timestamp").served(), at(hours=3), timestamp=6, snapshot=6
        )
        stories.append(story)

    p = base(expires=ample | {"pins": at(400)})
    story = first(
        "issued-at-expiry", "TRU-38", "issued at the very second at which a role expires, and a second later", p
    )
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


def _clocks() -> list[Story]:
    stories = []
    ample = {role: at(720) for role in ("targets", "snapshot", "timestamp", "pins")}

    p = base(expires=ample)
    story = first(
        "stolen-clock",
        "FRE-1 FRE-2 TRU-18",
        "a stolen online key pushes the clock to day 710; a new timestamp key takes it back, under a root that day 710 would expire",
        p,
    )
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
    story = first(
        "clock-back-20-years",
        "FRE-1 TRU-18",
        "a clock 20 years behind does not revive what had expired when the set was signed",
        p,
    )
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
    story = first(
        "clock-ahead-2-years",
        "FRE-4 FRE-6 FRE-16",
        "a clock two years ahead: everything seems expired, the set stays, and the right clock heals it",
        p,
    )
    p.now = 1
    p.publish("timestamp")
    story.refuses(p.served(), at(800), "expired", "FreezeError")
    story.accepts(p.served(), at(1), timestamp=2)
    stories.append(story)
    return stories

# SPDX-License-Identifier: Apache-2.0
"""What a client starts from: seeds and caches (``spec/freshness.md``)."""

from __future__ import annotations

from typing import Any, Final

from vectors.making.case import Case
from vectors.making.keys import TufKey
from vectors.making.repository import (
    SISTER,
    Publisher,
    at,
    compact,
    manifest_document,
    pin,
    sha256,
)
from vectors.making.story import Story, base, keep, next_manifest, refer

LARGEST: Final = 2**53 - 1


def cases() -> list[Case]:
    """All stories of the part."""
    rooms = (
        _seeds,
        _caches,
    )
    return [story.case() for room in rooms for story in room()]


def _seeds() -> list[Story]:
    stories = []
    ones: dict[str, Any] = {"timestamp": 1, "snapshot": 1, "manifest": 42, "source": "seed"}

    p = base()
    seed, root = p.served(), p.published["1.root.json"]
    story = Story(
        "seed-old",
        "FRE-11 FRE-6",
        "an app is installed two years after its build: its seed opens, and what is served renews it",
    )
    story.open(root, seed, **ones)
    p.now = 729
    renewed = next_manifest(p, 43).publish("targets", "snapshot", "timestamp").served()
    story.accepts(renewed, at(729.5), timestamp=3, snapshot=3, manifest=43, source="network")
    stories.append(story)

    def broken(name: str, musts: str, comment: str, files: dict[str, str], error: str, code: str) -> None:
        story = Story(f"seed-{name}", musts, comment).open(root, seed, **ones)
        blank: dict[str, Any] = {"timestamp": None, "snapshot": None, "manifest": None, "source": None}
        stories.append(story.open(root, files, refused=(error, code), **blank))

    def lacking(ending: str) -> dict[str, str]:
        return {name: text for name, text in seed.items() if not name.endswith(ending)}

    broken(
        "no-timestamp",
        "FRE-7 TRU-30",
        "a seed without a timestamp",
        lacking("timestamp.json"),
        "MixAndMatchError",
        "file-missing",
    )
    broken("no-pins", "FRE-7 TRU-30", "a seed without a role", lacking("pins.json"), "MixAndMatchError", "file-missing")
    broken(
        "no-scope",
        "FRE-7 TRU-30",
        "a seed without its scope",
        lacking("scope.json"),
        "MixAndMatchError",
        "file-missing",
    )
    broken(
        "sister",
        "FRE-7 TRU-16",
        "the sister channel's seed, signed by the same keys",
        base(channel=SISTER).served(),
        "ChannelError",
        "channel-mismatch",
    )
    broken(
        "unsigned",
        "FRE-7 TRU-12",
        "a seed that nobody signed",
        base(signers={"targets": []}).served(),
        "SignatureError",
        "signature-threshold",
    )
    early = base(expires={"pins": at(hours=-1)})
    broken(
        "expired-when-signed",
        "FRE-11",
        "a role that had expired when the seed was signed",
        early.served(),
        "FreezeError",
        "expired",
    )
    undated = base(issued={"timestamp": None})
    broken(
        "undated",
        "FRE-11 TRU-3",
        "a seed that does not say when it was signed",
        undated.served(),
        "MetadataError",
        "issued-missing",
    )
    unfit = base()
    unfit.manifest = compact(manifest_document(43, hosts=[]))
    broken(
        "unfit",
        "FRE-7 SCO-12",
        "a seed whose manifest leaves hosts out",
        unfit.publish("pins", "snapshot", "timestamp").served(),
        "ScopeError",
        "host-without-pin",
    )

    p = base()
    p.rotate_root(timestamp=[TufKey("timestamp 2")])
    p.publish("timestamp")
    carried = Story("seed-carries-roots", "FRE-11", "a seed verified under the highest root that it carries")
    carried.open(p.published["1.root.json"], p.served(), root=2, timestamp=2, snapshot=1, manifest=42, source="seed")
    return [*stories, carried]


def _caches() -> list[Story]:
    stories = []
    ones: dict[str, Any] = {"timestamp": 1, "snapshot": 1, "manifest": 42, "source": "seed"}

    def seeded(name: str, musts: str, comment: str) -> tuple[Publisher, dict[str, str], str, Story]:
        p = base()
        seed, root = p.served(), p.published["1.root.json"]
        story = Story(f"cache-{name}", musts, comment).open(root, seed, **ones)
        story.accepts(
            next_manifest(p, 43).served(), at(hours=2), timestamp=2, snapshot=2, manifest=43, source="network"
        )
        stories.append(story)
        return p, seed, root, story

    p, seed, root, story = seeded(
        "restart", "FRE-12 FRE-14", "the cache is higher than the seed, and is enforced after a restart"
    )
    story.open(root, seed, cache="kept", source="cache")

    p, seed, root, story = seeded(
        "expired", "FRE-12 FRE-6", "years later its roles have expired; it was accepted when they had not"
    )
    story.open(root, seed, cache="kept", source="cache")
    story.refuses(p.served(), at(1000), "expired", "FreezeError")
    story.open(root, seed, cache="kept")

    p, seed, root, story = seeded("newer-seed", "FRE-14", "an app update whose seed is higher than the cache")
    story.open(root, next_manifest(p, 44).served(), cache="kept", timestamp=3, snapshot=3, manifest=44, source="seed")

    p, seed, root, story = seeded("tie", "FRE-14", "an app update whose seed is the cached set")
    story.open(root, p.served(), cache="kept", source="cache")

    p, seed, root, story = seeded(
        "newer-anchor",
        "FRE-12 FRE-13",
        "an app update embeds root 2, the same online keys: the cached set verifies under it",
    )
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
    gone: dict[str, Any] = {"timestamp": None, "snapshot": None}
    story.refuses(
        {"2.root.json": p.root}, at(hours=3), "file-missing", "MixAndMatchError", root=2, retired=True, **gone
    )
    story.open(root, seed, cache="kept", source="cache")

    # Caches that somebody wrote.
    def planted(
        name: str, musts: str, comment: str, cache: dict[str, Any], dropped: tuple[str, str] | None, **known: Any
    ) -> None:
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
    two: dict[str, Any] = {"timestamp": 2, "snapshot": 2}
    planted(
        "genuine", "FRE-12 FRE-14", "a cache that verifies", stored(newer), None, manifest=43, source="cache", **two
    )
    edited = compact(manifest_document(43, hosts=[{"pattern": "api.example.com", "accept": [pin("mallory")]}]))
    name = f"targets/{sha256(newer.manifest)}.manifest.json"
    wrong = ("MixAndMatchError", "hash-mismatch")
    planted(
        "edited-manifest",
        "FRE-12 FRE-19",
        "the manifest in the cache was edited",
        stored(newer, **{name: edited}),
        wrong,
        **two,
    )
    unsigned = newer.fork()
    unsigned.manifest, unsigned.signers = edited, {"pins": []}
    unsigned.publish("pins", "snapshot", "timestamp")
    planted(
        "unsigned-role",
        "FRE-12",
        "a role in the cache was signed by nobody",
        stored(unsigned),
        under,
        timestamp=3,
        snapshot=3,
    )

    other = ("AnchorError", "anchor")
    foreign = next_manifest(Publisher.begin(name="foreign "), 666)
    planted("foreign-set", "FRE-13 FRE-12", "a whole set of a repository with other keys", stored(foreign), other)
    sister = next_manifest(base(channel=SISTER), 666)
    planted(
        "sister-set", "FRE-13 TRU-16", "a whole set of the sister channel, with the same keys", stored(sister), other
    )
    gap = base()
    gap.rotate_root()
    cache = stored(gap.rotate_root())
    comment = "stored roots with a gap: the root that accepted the set does not follow from the anchor"
    planted("root-gap", "FRE-13", comment, cache | {"roots": cache["roots"][1:]}, other)
    planted("no-root-gap", "FRE-13", "without the gap it does", cache, None, root=3, source="cache")

    marks_alone: dict[str, Any] = {"files": {}, "accepted_at": None}
    planted(
        "foreign-marks",
        "FRE-13 TRU-24",
        "marks that other keys signed contribute nothing",
        stored(foreign) | marks_alone,
        None,
    )
    planted("sister-marks", "FRE-13 TRU-24 TRU-16", "nor do the sister channel's", stored(sister) | marks_alone, None)
    planted(
        "genuine-marks", "TRU-24", "marks that verify count without a set", stored(newer) | marks_alone, None, **two
    )
    planted("empty", "FRE-12", "an empty cache", {"roots": [], "timestamp": None, "snapshot": None} | marks_alone, None)
    undated = stored(newer) | {"accepted_at": None}
    planted(
        "no-acceptance",
        "FRE-12",
        "a set that does not say when it was accepted",
        undated,
        ("MetadataError", "cache-syntax"),
        **two,
    )
    late, comment = stored(newer, at(100)), "a set that claims to be accepted after its roles had expired"
    planted("accepted-after-expiry", "FRE-12", comment, late, ("FreezeError", "expired"), **two)
    planted(
        "same-versions",
        "FRE-14",
        "a set of the seed's own versions: on a tie the cache",
        stored(base(expires={"timestamp": at(1)})),
        None,
        source="cache",
    )
    return stories

# SPDX-License-Identifier: Apache-2.0
"""Who is asked for the manifest: searches, break-glass, a stolen automation key (``spec/trust.md``, ``spec/scope.md``)."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any, Final

from vectors.making.case import Case
from vectors.making.der import key_digest
from vectors.making.keys import TufKey
from vectors.making.repository import (
    Delegation,
    at,
    compact,
    describe,
    manifest_document,
    pin,
    scope_document,
    sha256,
)
from vectors.making.story import Story, base, first

LARGEST: Final = 2**53 - 1


def cases() -> list[Case]:
    """All stories of the part."""
    rooms = (
        _searches,
        _break_glass,
        _automation,
    )
    return [story.case() for room in rooms for story in room()]


def _searches() -> list[Story]:
    stories = []
    marks = {"timestamp": 2, "snapshot": 2}
    x, y = TufKey("pins x"), TufKey("pins y")

    def search(
        name: str,
        musts: str,
        comment: str,
        delegations: list[Delegation],
        lister: str,
        *roles: str,
        code: str | None = None,
        error: str = "ScopeError",
        **changes: Any,
    ) -> None:
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
    search(
        "second",
        "TRU-33",
        "the first delegated role does not list it, the second does",
        [open_x, Delegation("y", [y])],
        "y",
        "x",
        "y",
    )
    search(
        "terminating",
        "TRU-33",
        "a terminating delegation ends the search",
        [Delegation("x", [x]), Delegation("y", [y])],
        "y",
        "x",
        "y",
        code="target-missing",
    )
    search(
        "path-skips",
        "TRU-33",
        "a delegation for other paths is passed over, terminating or not",
        [Delegation("x", [x], paths=["other.json"]), Delegation("y", [y])],
        "y",
        "x",
        "y",
    )
    search(
        "no-path",
        "TRU-33 TRU-35",
        "no delegation covers the path",
        [Delegation("x", [x], paths=["other/*"])],
        "x",
        "x",
        code="target-missing",
    )
    search("wildcard", "TRU-33 TRU-35", "a wildcard covers it", [Delegation("x", [x], paths=["mani*.json"])], "x", "x")
    search(
        "nobody-lists-it",
        "TRU-36",
        "no role lists it",
        [open_x, Delegation("y", [y])],
        "nobody",
        "x",
        "y",
        code="target-missing",
    )
    deep: dict[str, Any] = {"nested": {"x": [Delegation("z", [y])]}}
    search("deeper", "TRU-33", "a delegated role delegates in turn", [open_x], "z", "x", "z", **deep)
    search(
        "pre-order",
        "TRU-33",
        "what the first one delegates comes before the second",
        [open_x, Delegation("y", [y])],
        "z",
        "x",
        "y",
        "z",
        nested={"x": [Delegation("z", [y], terminating=False)]},
        extra={"y": {"targets": {"manifest.json": describe(compact(manifest_document(99)))}}},
    )
    search(
        "terminating-below",
        "TRU-33",
        "terminating ends the search for all, not for its branch",
        [open_x, Delegation("y", [y])],
        "y",
        "x",
        "y",
        "z",
        code="target-missing",
        nested={"x": [Delegation("z", [y])]},
    )
    search(
        "cycle",
        "TRU-33",
        "roles that delegate to each other",
        [open_x],
        "nobody",
        "x",
        "y",
        code="target-missing",
        nested={"x": [Delegation("y", [y], terminating=False)], "y": [Delegation("x", [x], terminating=False)]},
    )
    search(
        "wrong-delegator",
        "TRU-12 TRU-33",
        "signed by the key of another delegation",
        [Delegation("x", [x])],
        "x",
        "x",
        code="signature-threshold",
        error="SignatureError",
        signers={"x": [y]},
    )

    for name in ("1.root", "../pins", "Pins", "pins/eu", "pins ", "r\u00f6le", "-pins", "a" * 65):
        p = base()
        comment = f"a role of the name {name!r} is not loaded, whatever it says"
        story = first(f"search-role-name-{name!r}", "TRU-41", comment, p)
        p.delegations, p.lister = [Delegation(name, [x])], name
        served = p.publish(name, "targets", "snapshot", "timestamp").served()
        story.refuses(served, at(hours=2), "metadata-syntax", "MetadataError", **marks)
        stories.append(story)

    prefix = hashlib.sha256(b"manifest.json").hexdigest()[:2]
    for name, value, code in (
        ("hash-prefix", prefix, None),
        ("other-hash-prefix", "00" if prefix != "00" else "01", "target-missing"),
    ):
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
        nested = {a: [Delegation(b, [one], terminating=False)] for a, b in itertools.pairwise(names)}
        search(
            f"{depth}-deep",
            "TRU-33",
            f"{depth} delegated roles, the last of which lists it",
            [Delegation("r1", [one], terminating=False)],
            names[-1],
            *names,
            code=code,
            nested=nested,
        )
    return stories


def _break_glass() -> list[Story]:
    p = base()
    story = first(
        "break-glass", "TRU-33 TRU-34", "the security team speaks over a hostile automation, and hands back", p
    )
    story.known["break_glass"] = False
    hostile = manifest_document(
        43, hosts=[manifest_document()["hosts"][0] | {"accept": [pin("mallory")]}, manifest_document()["hosts"][1]]
    )
    p.manifest = compact(hostile)
    story.accepts(
        p.publish("pins", "snapshot", "timestamp").served(),
        at(hours=2),
        timestamp=2,
        snapshot=2,
        manifest=43,
        break_glass=False,
    )
    p.break_glass = compact(manifest_document(44))
    story.accepts(
        p.publish("targets", "snapshot", "timestamp").served(),
        at(hours=3),
        timestamp=3,
        snapshot=3,
        manifest=44,
        break_glass=True,
    )
    p.manifest = compact(manifest_document(99))
    story.accepts(p.publish("pins", "snapshot", "timestamp").served(), at(hours=4), timestamp=4, snapshot=4)
    p.break_glass, p.manifest = None, compact(manifest_document(45))
    p.delegations = [Delegation("pins-2", [TufKey("pins 2")])]
    p.lister = "pins-2"
    story.accepts(
        p.publish("pins-2", "targets", "snapshot", "timestamp").served(),
        at(hours=5),
        timestamp=5,
        snapshot=5,
        manifest=45,
        break_glass=False,
    )

    p = base()
    lost = first(
        "break-glass-automation-lost",
        "TRU-34",
        "the automation role has expired, and its file is gone: not visited, no fault",
        p,
    )
    p.expires["pins"] = at(hours=2)
    p.publish("pins")
    p.break_glass = compact(manifest_document(44))
    lost.accepts(
        p.publish("targets", "snapshot", "timestamp").served("pins"),
        at(hours=3),
        timestamp=2,
        snapshot=2,
        manifest=44,
        break_glass=True,
    )
    p.break_glass = None
    p.publish("targets", "snapshot", "timestamp")
    lost.refuses(p.served("pins"), at(hours=4), "file-missing", "MixAndMatchError", timestamp=3, snapshot=3)
    lost.refuses(p.served(), at(hours=5), "expired", "FreezeError")
    return [story, lost]


def _automation() -> list[Story]:
    stories = []
    marks = {"timestamp": 2, "snapshot": 2}

    def stolen(
        name: str,
        musts: str,
        comment: str,
        manifest: dict[str, Any],
        /,
        code: str | None = None,
        error: str = "ScopeError",
        **known: Any,
    ) -> None:
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
    stolen(
        "omits-a-host",
        "SCO-12",
        "it leaves a protected host out",
        manifest_document(43, hosts=hosts[1:]),
        "host-without-pin",
    )
    stolen(
        "empties-a-host",
        "SCO-12",
        "or gives it no pin",
        manifest_document(43, hosts=[hosts[0] | {"accept": []}, hosts[1]]),
        "host-without-pin",
    )
    stolen(
        "widens-to-a-ca",
        "SCO-13 SCO-12",
        "it pins a CA of its own",
        manifest_document(43, hosts=[hosts[0] | {"accept": [pin("mallory ca", "ca")]}, hosts[1]]),
        "host-without-pin",
    )
    beside = [hosts[0] | {"accept": [*hosts[0]["accept"], pin("mallory ca", "ca"), pin("mallory ca", "any")]}, hosts[1]]
    usual = {
        "api.example.com": [key_digest("api current"), key_digest("api next")],
        "cdn.example.com": [key_digest("ca one")],
    }
    stolen(
        "widens-beside",
        "SCO-13",
        "the CA beside real pins does not count",
        manifest_document(43, hosts=beside),
        manifest=43,
        accepts=usual,
    )
    foreign = [
        *hosts,
        {"pattern": "bank.example.net", "accept": [pin("mallory")]},
        {"pattern": "example.com", "include_subdomains": True, "accept": [pin("mallory")]},
    ]
    stolen(
        "foreign-host",
        "SCO-11",
        "hosts beyond the scope do not count",
        manifest_document(43, hosts=foreign),
        manifest=43,
        accepts=usual,
    )
    more = manifest_document(
        43,
        report={"urls": ["https://evil.example/"]},
        canary={"host": "api.example.com"},
        unpinned="allow",
        max_age_seconds=10**9,
    )
    stolen(
        "poses-as-scope",
        "FRM-8 SCO-15",
        "members of a scope in a manifest are nothing",
        more,
        manifest=43,
        accepts=usual,
    )
    other = [hosts[0] | {"accept": [pin("mallory")]}, hosts[1]]
    substituted = usual | {"api.example.com": [key_digest("mallory")]}
    stolen(
        "substitutes-a-leaf",
        "SCO-13",
        "a leaf key within the scope: this it can do, and then needs a CA-valid certificate",
        manifest_document(43, hosts=other),
        manifest=43,
        accepts=substituted,
    )
    rejecting = [hosts[0] | {"reject": [pin("api backup", "any")]}, hosts[1]]
    stolen(
        "rejects-a-backup",
        "VAL-21",
        "it may write it; a backup stands above it",
        manifest_document(43, hosts=rejecting),
        manifest=43,
        accepts=usual,
    )
    stolen(
        "rejects-everything",
        "SCO-14 SCO-12",
        "it rejects what it accepts",
        manifest_document(43, hosts=[hosts[0] | {"reject": hosts[0]["accept"]}, hosts[1]]),
        "host-without-pin",
    )
    stolen(
        "other-format",
        "MAN-1",
        "a format that nobody knows",
        manifest_document(43, format="holdfast-manifest/9"),
        "format-unknown",
        "MetadataError",
    )

    p = base()
    story = first("automation-lists-a-scope", "TRU-32", "a scope listed by the automation role is not looked at", p)
    empty = compact(scope_document(99, hosts=[]))
    p.delegations[0].paths = ["manifest.json", "scope.json"]
    p.extra["pins"] = {"targets": {"manifest.json": describe(p.manifest), "scope.json": describe(empty)}}
    served = p.publish("pins", "targets", "snapshot", "timestamp").served()
    story.accepts(served | {f"targets/{sha256(empty)}.scope.json": empty}, at(hours=2), **marks, scope=7)
    p.extra["targets"] = {"targets": {}}
    served = p.publish("targets", "snapshot", "timestamp").served()
    story.refuses(
        served | {f"targets/{sha256(empty)}.scope.json": empty},
        at(hours=3),
        "target-missing",
        "ScopeError",
        timestamp=3,
        snapshot=3,
    )
    return [*stories, story]

# SPDX-License-Identifier: Apache-2.0
"""``spec/trust.md``: embedded roots, and one step of a chain of roots."""

from __future__ import annotations

import json
from typing import Any

from vectors.making.case import Case, Json, Table, recipe, text
from vectors.making.keys import TufKey, stream
from vectors.making.repository import CHANNEL, SISTER, at, compact, sign
from vectors.making.role_files import GONE, KEYS, root_text, timestamp_body


def cases() -> list[Case]:
    """All cases of the part."""
    return [*_roots()]


def _roots() -> list[Case]:
    anchor, chain = Table("anchor"), Table("next-root")
    a, b, c, new = KEYS
    two = {"root": ([a, b, c], 2)}
    anchor.accept(
        "plain", "TRU-23", "signed by its own threshold", text(root_text(two, a, b)), version=1, channel=CHANNEL
    )
    anchor.accept(
        "later-version",
        "TRU-23",
        "an app may ship any version",
        text(root_text(two, a, b, version=9)),
        version=9,
        channel=CHANNEL,
    )
    anchor.accept(
        "expired",
        "TRU-23",
        "its expiry is not looked at",
        text(root_text(two, a, b, expires=at(-900))),
        version=1,
        channel=CHANNEL,
    )
    plain = root_text(two, a, b, channel=GONE, issued=GONE)
    anchor.accept("no-channel", "TRU-16 TRU-23", "a plain TUF repository", text(plain), version=1, channel=None)
    unknown = stream("falcon", 32).hex()
    falcon = {unknown: {"keytype": "falcon", "scheme": "falcon-512", "keyval": {"public": "00"}}}
    future = root_text({"root": ([a, b, unknown], 2), "timestamp": ([unknown], 1)}, a, b, table=falcon)
    anchor.accept(
        "unknown-keytype", "TRU-10 TRU-23", "a root with a key of tomorrow", text(future), version=1, channel=CHANNEL
    )

    def refuse(name: str, musts: str, comment: str, source: dict[str, Any]) -> None:
        anchor.refuse(name, musts, comment, source, "anchor-invalid", "AnchorError")

    refuse("under-threshold", "TRU-23", "one of two", text(root_text(two, a)))
    refuse("unsigned", "TRU-23", "no signature", text(_unsigned(root_text(two, a, b))))
    refuse("stranger", "TRU-23", "signed by a key that it does not name", text(root_text(two, a, new)))
    refuse(
        "tampered",
        "TRU-23",
        "one digit changed after signing",
        text(root_text(two, a, b).replace('"threshold":2', '"threshold":1', 1)),
    )
    refuse("empty", "TRU-23", "no octets", text(""))
    refuse("other-role", "TRU-23 TRU-2", "a timestamp", text(sign(timestamp_body(), a)))
    refuse("duplicate-keyids", "TRU-14", "a keyid twice in a role", text(root_text({"root": ([a, a], 1)}, a)))
    refuse("threshold-zero", "TRU-2", "a threshold of 0", text(root_text({"root": ([a], 1), "timestamp": ([a], 0)}, a)))
    refuse("threshold-text", "TRU-2", "a threshold that is no integer", text(root_text({"timestamp": ([a], "1")}, a)))  # type: ignore[dict-item]
    refuse("threshold-boolean", "TRU-2 FRM-9", "a threshold of true", text(root_text({"timestamp": ([a], True)}, a)))
    refuse(
        "keyids-text", "TRU-2", "keyids as a string", text(_with_role("timestamp", {"keyids": a.keyid, "threshold": 1}))
    )
    refuse("role-missing", "TRU-2", "no timestamp role", text(_with_role("timestamp", None)))
    refuse(
        "channel-syntax",
        "TRU-3 FRM-12",
        "a channel that is none",
        text(root_text(two, a, b, channel="bank")),
    )
    file = root_text(two, a, b)
    largest = recipe(file, (" ", 512_000 - len(file)))
    anchor.accept("largest", "TRU-1", "512,000 octets", largest, version=1, channel=CHANNEL)
    refuse("too-large", "TRU-1", "more than 512,000 octets", recipe(file, (" ", 512_001 - len(file))))

    def accept_next(name: str, musts: str, comment: str, trusted: str, file: str, version: int = 2) -> None:
        chain.accept(
            name, musts, comment, {"trusted": trusted, "channel": CHANNEL, "file": text(file)}, version=version
        )

    def refuse_next(name: str, musts: str, comment: str, file: str, code: str, error: str, trusted: str = "") -> None:
        chain.refuse(
            name, musts, comment, {"trusted": trusted or first, "channel": CHANNEL, "file": text(file)}, code, error
        )

    first = root_text(two, a, b)
    renewed = {"root": ([new], 1)}
    accept_next("same-keys", "TRU-19", "the same keys", first, root_text(two, b, c, version=2))
    accept_next("new-keys", "TRU-19", "other keys, signed by both", first, root_text(renewed, a, b, new, version=2))
    accept_next(
        "expired",
        "TRU-21",
        "an expired root is a step of the chain",
        first,
        root_text(two, a, b, version=2, expires=at(-9)),
    )
    accept_next(
        "unknown-key-added",
        "TRU-10 TRU-19",
        "the day a new algorithm arrives",
        first,
        root_text({"root": ([a, b, unknown], 2)}, a, b, version=2, table=falcon),
    )
    refuse_next(
        "old-keys-missing",
        "TRU-19",
        "signed by its own keys alone",
        root_text(renewed, new, version=2),
        "signature-threshold",
        "SignatureError",
    )
    refuse_next(
        "old-threshold-unmet",
        "TRU-19",
        "by one of the two old keys",
        root_text(renewed, a, new, version=2),
        "signature-threshold",
        "SignatureError",
    )
    refuse_next(
        "new-keys-missing",
        "TRU-19",
        "signed by the old keys alone",
        root_text(renewed, a, b, version=2),
        "signature-threshold",
        "SignatureError",
    )
    refuse_next(
        "new-threshold-unmet",
        "TRU-19",
        "by one of two new keys",
        root_text({"root": ([new, c], 2)}, a, b, new, version=2),
        "signature-threshold",
        "SignatureError",
    )
    refuse_next("gap", "TRU-19", "version 3 after 1", root_text(two, a, b, version=3), "root-version", "AnchorError")
    refuse_next("same-version", "TRU-19", "version 1 after 1", first, "root-version", "AnchorError")
    refuse_next(
        "lower",
        "TRU-19",
        "version 2 after 3",
        root_text(two, a, b, version=2),
        "root-version",
        "AnchorError",
        root_text(two, a, b, version=3),
    )
    sister = root_text(two, a, b, version=2, channel=SISTER)
    refuse_next(
        "sister-channel",
        "TRU-16",
        "the sister channel's root, signed by the same people",
        sister,
        "channel-mismatch",
        "ChannelError",
    )
    refuse_next(
        "no-channel",
        "TRU-16",
        "a root that drops the channel",
        root_text(two, a, b, version=2, channel=GONE),
        "channel-mismatch",
        "ChannelError",
    )
    refuse_next(
        "unknown-keys-only",
        "TRU-10 TRU-12",
        "a root that only a key of tomorrow signs",
        root_text({"root": ([unknown], 1)}, a, b, version=2, table=falcon),
        "signature-threshold",
        "SignatureError",
    )
    refuse_next("html", "TRU-1", "a captive portal", "<html></html>", "json-syntax", "MetadataError")
    pq = TufKey("post-quantum root", "ml-dsa", "ml-dsa-65/1")
    chain.accept(
        "ml-dsa-65",
        "TRU-9 TRU-19",
        "a root key of ML-DSA-65",
        {
            "trusted": root_text({"root": ([pq], 1)}, pq),
            "channel": CHANNEL,
            "file": text(root_text({"root": ([a, pq], 2)}, a, pq, version=2)),
            "needs": "ml-dsa-65",
        },
        version=2,
    )
    return [*anchor.cases, *chain.cases]


def _unsigned(file: str) -> str:
    return compact(json.loads(file) | {"signatures": []})


def _with_role(role: str, value: Json) -> str:
    """A root with one role replaced, or removed, signed as it then stands."""
    signed = json.loads(root_text({}))["signed"]
    signed["roles"][role] = value
    if value is None:
        del signed["roles"][role]
    return sign(signed, KEYS[0])

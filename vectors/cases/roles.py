# SPDX-License-Identifier: Apache-2.0
"""``spec/trust.md``: keys and signatures, thresholds, the form of role files, channel and expiry."""

from __future__ import annotations

import json
from typing import Any

from vectors.making.case import Case, Json, Table, recipe
from vectors.making.keys import TufKey, p384, stream
from vectors.making.repository import CHANNEL, SISTER, at, canonical, compact, sign
from vectors.making.role_files import GONE, KEYS, by, entry, role_case, root_text, timestamp_body, with_signatures


def cases() -> list[Case]:
    """All cases of the part."""
    return [*_algorithms(), *_thresholds(), *_signatures(), *_syntax(), *_origins()]


class Roles:
    """Writes cases of kind ``role``."""

    def __init__(self) -> None:
        self.table = Table("role")

    def accept(self, name: str, musts: str, comment: str, given: dict[str, Any]) -> None:
        """Add a role file that is believed."""
        self.table.accept(name, musts, comment, given, version=5)

    def refuse(
        self,
        name: str,
        musts: str,
        comment: str,
        given: dict[str, Any],
        code: str = "signature-threshold",
        error: str = "SignatureError",
    ) -> None:
        """Add one that is not."""
        self.table.refuse(name, musts, comment, given, code, error)


def _algorithms() -> list[Case]:
    to = Roles()
    body = timestamp_body()
    algorithms = {
        "ecdsa-p256": TufKey("algorithm"),
        "ecdsa-p256-old-keytype": TufKey("algorithm", "ecdsa-sha2-nistp256"),
        "ed25519": TufKey("algorithm", "ed25519", "ed25519"),
        "rsa-pss": TufKey("algorithm", "rsa", "rsassa-pss-sha256"),
        "ml-dsa-65": TufKey("algorithm", "ml-dsa", "ml-dsa-65/1"),
    }
    for name, key in algorithms.items():
        needs = {"needs": "ml-dsa-65"} if name == "ml-dsa-65" else {}
        to.accept(
            f"algorithm-{name}",
            "TRU-9",
            f"{key.keytype} with {key.scheme}",
            role_case(by([key]), sign(body, key), **needs),
        )
        wrong = with_signatures(timestamp_body(version=6), entry(key, body))
        to.refuse(
            f"algorithm-{name}-wrong",
            "TRU-9",
            "the same signature over another version",
            role_case(by([key]), wrong, **needs),
        )
    key = KEYS[0]
    unescaped = timestamp_body(note="a/b\n\u00e9", **{"\U0001f600": 1, "\uff5e": 2})
    to.accept(
        "canonical-payload",
        "TRU-5 TRU-6 TRU-4",
        "line feed, solidus, letters and keys beyond ASCII inside what is signed",
        role_case(by([key]), sign(unescaped, key)),
    )
    for name, musts, comment, payload in (
        ("utf-16-order", "TRU-5", "keys in the order of UTF-16", _in_order_of_utf_16(unescaped)),
        ("order-received", "TRU-5", "keys in the order of the file", compact(unescaped).encode()),
        ("escaped-line-feed", "TRU-6", "a line feed as an escape", canonical(unescaped).replace(b"\n", b"\\n")),
        ("escaped-solidus", "TRU-6", "a solidus with a backslash", canonical(unescaped).replace(b"/", b"\\/")),
        ("escaped-letter", "TRU-6", "a letter as an escape", canonical(unescaped).replace(b"\xc3\xa9", b"\\u00e9")),
        ("white-space", "TRU-5", "a line feed after the last octet", canonical(unescaped) + b"\n"),
    ):
        odd_payload = {"keyid": key.keyid, "sig": key.sign(payload)}
        why = f"a signature over another form: {comment}"
        to.refuse(f"payload-{name}", musts, why, role_case(by([key]), with_signatures(unescaped, odd_payload)))
    pretty = json.dumps({"signed": body, "signatures": [entry(key, body)]}, indent=3)
    to.accept(
        "pretty",
        "TRU-1 TRU-5",
        "white space and order of members of the file do not matter",
        role_case(by([key]), pretty),
    )
    raw = sign(unescaped, key).replace("a/b\\n", "a/b\n")
    to.refuse(
        "canonical-form-as-file",
        "TRU-1 TRU-6",
        "canonical JSON with a raw line feed is not JSON",
        role_case(by([key]), raw),
        "json-syntax",
        "MetadataError",
    )
    to.accept(
        "unknown-members",
        "TRU-4",
        "unknown members are part of what was signed",
        role_case(by([key]), sign(timestamp_body(later={"a": [1, {"b": None}]}), key)),
    )
    removed = with_signatures(body, entry(key, timestamp_body(later=1)))
    to.refuse("unknown-member-removed", "TRU-4", "and cannot be taken away", role_case(by([key]), removed))
    added = with_signatures(timestamp_body(later=1), entry(key, body))
    to.refuse("unknown-member-added", "TRU-4", "or added", role_case(by([key]), added))

    known = KEYS[1]
    ordinary = sign(body, known)
    odd: dict[str, tuple[Json, str]] = {
        "keytype": ({"keytype": "falcon", "scheme": "falcon-512", "keyval": {"public": "00"}}, "an unknown keytype"),
        "scheme": (key.entry | {"scheme": "ecdsa-sha3-nistp256"}, "an unknown scheme of a known keytype"),
        "shape": (
            {"keytype": "sigstore-oidc", "scheme": "Fulcio", "keyval": {"identity": "a", "issuer": "b"}},
            "another form of keyval",
        ),
        "no-keyval": ({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256"}, "no keyval"),
        "number": (7, "no object at all"),
        "keytype-number": (key.entry | {"keytype": 1}, "a keytype that is no string"),
        "pem": (
            key.entry | {"keyval": {"public": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}},
            "a PEM that holds no key",
        ),
        "no-pem": (key.entry | {"keyval": {"public": "not a key"}}, "a public value that is no PEM"),
        "public-list": (key.entry | {"keyval": {"public": [1]}}, "a public value that is no string"),
        "other-curve": (key.entry | {"keyval": {"public": _p384_pem()}}, "a P-384 key under the P-256 scheme"),
        "other-kind": (
            TufKey("x", "rsa", "rsassa-pss-sha256").entry | {"keyval": key.entry["keyval"]},
            "an EC key under the RSA scheme",
        ),
        "ed25519-short": (
            {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00" * 31}},
            "31 octets of Ed25519",
        ),
        "ed25519-no-hexadecimal": (
            {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "zz" * 32}},
            "no hexadecimal digits",
        ),
    }
    for name, (value, comment) in odd.items():
        odd_id = stream(name, 32).hex()
        to.accept(
            f"odd-key-{name}",
            "TRU-10",
            f"{comment}, beside a key that meets the threshold",
            role_case(by([odd_id, known], table={odd_id: value}), ordinary),
        )
        unmet = with_signatures(body, entry(known, body), {"keyid": odd_id, "sig": key.sign(canonical(body))})
        to.refuse(
            f"odd-key-{name}-counts-not",
            "TRU-10",
            f"{comment}, where two signatures are needed",
            role_case(by([odd_id, known], 2, table={odd_id: value}), unmet),
        )
    return to.table.cases


def _in_order_of_utf_16(signed: dict[str, Json]) -> bytes:
    """The canonical form as a language with UTF-16 strings gets it wrong; right in everything else."""
    names = sorted(signed, key=lambda name: name.encode("utf-16-be"))
    return b"{" + b",".join(canonical(name) + b":" + canonical(signed[name]) for name in names) + b"}"


def _p384_pem() -> str:
    from cryptography.hazmat.primitives import serialization

    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return p384("odd tuf key").public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def _thresholds() -> list[Case]:
    to = Roles()
    body = timestamp_body()
    a, b, c, foreign = KEYS
    two_of_three = by([a, b, c], 2)
    to.accept("threshold-met", "TRU-12", "two of three", role_case(two_of_three, sign(body, a, c)))
    to.accept("threshold-exceeded", "TRU-12", "three of three", role_case(two_of_three, sign(body, a, b, c)))
    to.refuse("threshold-unmet", "TRU-12", "one of three", role_case(two_of_three, sign(body, b)))
    to.refuse("unsigned", "TRU-12", "no signature", role_case(by([a]), sign(body)))
    to.refuse(
        "threshold-foreign", "TRU-12", "one of three and a stranger", role_case(two_of_three, sign(body, b, foreign))
    )
    to.refuse(
        "threshold-one-wrong",
        "TRU-12",
        "one right and one wrong signature",
        role_case(two_of_three, with_signatures(body, entry(a, body), entry(b, timestamp_body(version=6)))),
    )
    to.refuse(
        "threshold-unreachable",
        "TRU-12",
        "a threshold above the number of keys",
        role_case(by([a, b], 3), sign(body, a, b)),
    )
    to.refuse(
        "role-of-other-keys",
        "TRU-12",
        "signed by the snapshot's key",
        role_case(root_text({"timestamp": ([a], 1), "snapshot": ([b], 1)}), sign(body, b)),
    )
    to.refuse(
        "key-not-in-table",
        "TRU-12",
        "a keyid that has no key",
        role_case(by([a.keyid]), sign(body, a)) | {"delegator": by([c.keyid], table={})},
    )

    twin = TufKey(a.name, alias="twin")
    to.refuse(
        "one-key-two-keyids",
        "TRU-12",
        "one key under two keyids counts once",
        role_case(by([a, twin], 2), sign(body, a, twin)),
    )
    to.accept(
        "one-key-two-keyids-and-another",
        "TRU-12",
        "with another key it is two",
        role_case(by([a, twin, b], 2), sign(body, a, twin, b)),
    )
    reflowed = twin.entry | {"keyval": {"public": twin.public.replace("-----\n", "-----\n\n") + "\n"}}
    again = by([a, twin.keyid], 2, table={twin.keyid: reflowed})
    to.refuse("one-key-two-layouts", "TRU-12", "the same PEM with empty lines", role_case(again, sign(body, a, twin)))
    old = TufKey(a.name, "ecdsa-sha2-nistp256")
    to.refuse(
        "one-key-two-keytypes", "TRU-12", "under the old keytype too", role_case(by([a, old], 2), sign(body, a, old))
    )
    ed, loud = TufKey("ed", "ed25519", "ed25519"), TufKey("ed", "ed25519", "ed25519", alias="loud")
    upper = loud.entry | {"keyval": {"public": loud.public.upper()}}
    to.refuse(
        "one-key-two-cases",
        "TRU-12",
        "the same Ed25519 key in upper case",
        role_case(by([ed, loud.keyid], 2, table={loud.keyid: upper}), sign(body, ed, loud)),
    )

    to.refuse(
        "duplicate-keyid",
        "TRU-13",
        "one keyid twice, even above the threshold",
        role_case(by([a]), with_signatures(body, entry(a, body), entry(a, body))),
        "duplicate-keyid",
        "MetadataError",
    )
    to.refuse(
        "duplicate-keyid-for-threshold",
        "TRU-13 TRU-12",
        "one signature twice for a threshold of two",
        role_case(by([a, b], 2), with_signatures(body, entry(a, body), entry(a, body))),
        "duplicate-keyid",
        "MetadataError",
    )
    to.accept("distinct-keyids", "TRU-13 TRU-14", "two keyids, two keys", role_case(by([a, b], 2), sign(body, a, b)))
    return to.table.cases


def _signatures() -> list[Case]:
    to = Roles()
    body = timestamp_body()
    a, b, _, foreign = KEYS
    right = entry(a, body)
    odd: dict[str, tuple[Json, str]] = {
        "empty": ({"keyid": b.keyid, "sig": ""}, "an empty sig"),
        "no-hexadecimal": ({"keyid": b.keyid, "sig": "xyz"}, "no hexadecimal digits"),
        "odd-length": ({"keyid": b.keyid, "sig": "abc"}, "an odd number of digits"),
        "not-der": ({"keyid": b.keyid, "sig": "00" * 70}, "no DER"),
        "wrong": ({"keyid": b.keyid, "sig": right["sig"]}, "another key's signature"),
        "number": ({"keyid": b.keyid, "sig": 1}, "a sig that is no string"),
        "null": ({"keyid": b.keyid, "sig": None}, "a sig that is null"),
        "object": ({"keyid": b.keyid, "sig": {"r": "00", "s": "00"}}, "a sig of another form"),
        "missing": ({"keyid": b.keyid}, "no sig"),
        "no-keyid": ({"sig": right["sig"]}, "no keyid"),
        "keyid-number": ({"keyid": 1, "sig": "00"}, "a keyid that is no string"),
        "text": ("signature", "an entry that is no object"),
        "unlisted": (entry(foreign, body), "a keyid that the role does not list"),
        "prefix": ({"keyid": b.keyid, "sig": "0x" + b.sign(canonical(body))}, "a prefix 0x"),
        "space": ({"keyid": b.keyid, "sig": " " + b.sign(canonical(body))}, "a space before the digits"),
        "inner-space": (
            {"keyid": b.keyid, "sig": b.sign(canonical(body))[:8] + " " + b.sign(canonical(body))[8:]},
            "a space inside the digits",
        ),
        "trailing-octet": ({"keyid": b.keyid, "sig": b.sign(canonical(body)) + "00"}, "an octet after the DER"),
    }
    for name, (value, comment) in odd.items():
        given = role_case(by([a, b]), with_signatures(body, value, right))
        to.accept(f"odd-signature-{name}", "TRU-11", f"{comment}, beside one that meets the threshold", given)
        to.refuse(
            f"odd-signature-{name}-counts-not",
            "TRU-11",
            f"{comment}, where two are needed",
            role_case(by([a, b], 2), with_signatures(body, value, right)),
        )
    more = right | {"method": "x", "later": 1}
    to.accept(
        "signature-members",
        "TRU-11 TRU-4",
        "members that nobody knows in a signature",
        role_case(by([a]), with_signatures(body, more)),
    )
    to.accept(
        "signature-upper-case",
        "TRU-11",
        "hexadecimal of either case",
        role_case(by([a]), with_signatures(body, right | {"sig": right["sig"].upper()})),
    )
    return to.table.cases


def _syntax() -> list[Case]:
    to = Roles()
    key = KEYS[0]
    root = by([key])

    def refuse(name: str, musts: str, comment: str, file: dict[str, Any] | str, code: str = "metadata-syntax") -> None:
        to.refuse(name, musts, comment, role_case(root, file), code, "MetadataError")

    plain = sign(timestamp_body(), key)
    refuse("no-json", "TRU-1", "no JSON", "<html>", "json-syntax")
    refuse(
        "duplicate-member",
        "TRU-1",
        "a member twice",
        plain.replace('"version":5', '"version":5,"version":6'),
        "json-duplicate-key",
    )
    refuse(
        "fraction",
        "TRU-1",
        "a fraction, signed or not",
        plain.replace('"version":5', '"version":5,"x":1.5'),
        "json-number",
    )
    refuse(
        "depth",
        "TRU-1",
        "17 containers",
        plain.replace('"version":5', '"version":5,"x":' + "[" * 15 + "]" * 15),
        "json-depth",
    )
    refuse("too-large", "TRU-1", "more than 16,384 octets", recipe(plain, (" ", 16_384)), "json-too-large")
    to.accept("largest", "TRU-1", "16,384 octets", role_case(root, recipe(plain, (" ", 16_384 - len(plain.encode())))))
    refuse("list", "TRU-1", "no object", "[]")
    refuse("no-signed", "TRU-1", "no signed", compact({"signatures": []}))
    refuse("no-signatures", "TRU-1", "no signatures", compact({"signed": timestamp_body()}))
    refuse(
        "signatures-object", "TRU-1", "signatures as an object", compact({"signed": timestamp_body(), "signatures": {}})
    )
    refuse("signed-list", "TRU-1", "signed as an array", compact({"signed": [], "signatures": []}))

    for name, version in {"version-1.0": "1.0", "version-1.31.5": "1.31.5"}.items():
        to.accept(
            f"spec-{name}", "TRU-2", "major version 1", role_case(root, sign(timestamp_body(spec_version=version), key))
        )
    bad: dict[str, dict[str, Any]] = {
        "type-missing": {"_type": GONE},
        "type-other": {"_type": "snapshot"},
        "type-upper-case": {"_type": "Timestamp"},
        "spec-version-2": {"spec_version": "2.0.0"},
        "spec-version-1": {"spec_version": "1"},
        "spec-version-four": {"spec_version": "1.0.0.0"},
        "spec-version-text": {"spec_version": "one"},
        "spec-version-missing": {"spec_version": GONE},
        "version-zero": {"version": 0},
        "version-negative": {"version": -1},
        "version-text": {"version": "5"},
        "version-boolean": {"version": True},
        "version-missing": {"version": GONE},
        "meta-missing": {"meta": GONE},
        "meta-list": {"meta": []},
        "meta-of-other-file": {"meta": {"targets.json": {"version": 1}}},
        "meta-version-zero": {"meta": {"snapshot.json": {"version": 0}}},
        "meta-version-text": {"meta": {"snapshot.json": {"version": "3"}}},
        "meta-version-missing": {"meta": {"snapshot.json": {}}},
        "meta-length-negative": {"meta": {"snapshot.json": {"version": 3, "length": -1}}},
        "meta-hashes-empty": {"meta": {"snapshot.json": {"version": 3, "hashes": {}}}},
        "channel-number": {"x-holdfast-channel": 1},
    }
    for name, changes in bad.items():
        refuse(
            f"signed-{name}",
            "TRU-2" if "channel" not in name else "TRU-3",
            f"signed, and not of the form: {name.replace('-', ' ')}",
            sign(timestamp_body(**changes), key),
        )
    for name, value in {
        "fraction": "2026-11-30T12:00:00.5Z",
        "offset": "2026-11-30T12:00:00+00:00",
        "short": "2026-11-30T1:00:00Z",
        "date": "2026-11-30",
        "number": 1795435200,
        "missing": GONE,
    }.items():
        refuse(
            f"expires-{name}",
            "TRU-2 FRM-10",
            "expires is an instant",
            sign(timestamp_body(expires=value), key),
            "instant-syntax",
        )
    for name, value in {"fraction": "2026-11-23T12:00:00.5Z", "number": 5}.items():
        refuse(
            f"issued-{name}",
            "TRU-3 FRM-10",
            "x-holdfast-issued is an instant",
            sign(timestamp_body(**{"x-holdfast-issued": value}), key),
            "instant-syntax",
        )
    return to.table.cases


def _origins() -> list[Case]:
    to = Roles()
    key = KEYS[0]
    root = by([key])
    to.accept(
        "channel", "TRU-3 TRU-16", "the channel of the embedded root", role_case(root, sign(timestamp_body(), key))
    )

    def refuse(name: str, comment: str, channel: object) -> None:
        given = role_case(root, sign(timestamp_body(**{"x-holdfast-channel": channel}), key))
        to.refuse(name, "TRU-16 TRU-3", comment, given, "channel-mismatch", "ChannelError")

    refuse("channel-sister", "the sister channel, signed by a shared key", SISTER)
    refuse("channel-missing", "no channel", GONE)
    refuse("channel-upper-case", "compared octet by octet", CHANNEL.upper())
    refuse("channel-prefix", "a prefix is another channel", CHANNEL[:-1])
    refuse("channel-trailing-space", "a space is a difference", CHANNEL + " ")
    plain = role_case(root, sign(timestamp_body(**{"x-holdfast-channel": GONE}), key)) | {"channel": None}
    to.accept("no-channel-asked", "TRU-16", "an anchor without a channel checks none", plain)
    to.accept(
        "any-channel-unasked",
        "TRU-16",
        "whatever the file says",
        role_case(root, sign(timestamp_body(), key)) | {"channel": None},
    )
    both = role_case(root, with_signatures(timestamp_body(**{"x-holdfast-channel": SISTER})))
    to.refuse("signature-before-channel", "TRU-15", "a wrong channel without a signature is an unsigned file", both)
    expired = timestamp_body(**{"x-holdfast-channel": SISTER, "expires": at(-1)})
    to.refuse(
        "channel-before-expiry",
        "TRU-15",
        "an expired file of another channel is of another channel",
        role_case(root, sign(expired, key), now=at()),
        "channel-mismatch",
        "ChannelError",
    )
    to.accept(
        "second-before-expiry",
        "TRU-17",
        "a second before expires",
        role_case(root, sign(timestamp_body(), key), now=at(7, seconds=-1)),
    )
    to.refuse(
        "expiry",
        "TRU-17",
        "from expires on",
        role_case(root, sign(timestamp_body(), key), now=at(7)),
        "expired",
        "FreezeError",
    )
    to.refuse(
        "long-expired",
        "TRU-17",
        "long after",
        role_case(root, sign(timestamp_body(), key), now=at(700)),
        "expired",
        "FreezeError",
    )
    to.refuse(
        "not-delegated",
        "TRU-12",
        "a role that nobody delegates",
        role_case(root, sign(timestamp_body(), key)) | {"role": "mirrors"},
        "not-delegated",
        "SignatureError",
    )
    return to.table.cases

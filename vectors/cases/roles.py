# SPDX-License-Identifier: Apache-2.0
"""``spec/trust.md``: canonical JSON, keys and signatures, single role files, embedded roots, one step of a root chain."""

from __future__ import annotations

import json
from typing import Any, Final

from vectors.making.case import Case, Json, Table, recipe, text
from vectors.making.keys import TufKey, p384, stream
from vectors.making.repository import CHANNEL, SISTER, TOP, at, canonical, compact, sign

KEYS: Final = tuple(TufKey(f"role {i}") for i in range(1, 5))
GONE: Final = object()


def cases() -> list[Case]:
    """All cases of the part."""
    return [*_canonical(), *_profile(), *_algorithms(), *_thresholds(), *_signatures(), *_syntax(), *_origins(), *_roots(), *_paths()]


# ------------------------------------------------------------------------------------------------ canonical JSON


def _canonical() -> list[Case]:
    table = Table("canonical")

    def accept(name: str, musts: str, comment: str, source: str, form: str) -> None:
        table.accept(name, musts, comment, text(source), octets=text(form))

    accept("key-order", "TRU-5", "members in the order of their keys", '{"b":1,"a":2,"C":3}', '{"C":3,"a":2,"b":1}')
    accept("key-order-prefix", "TRU-5", "a prefix comes first", '{"ab":1,"a":2,"a b":3,"":4}', '{"":4,"a":2,"a b":3,"ab":1}')
    accept(
        "key-order-code-points", "TRU-5", "U+FF5E before U+1F600: UTF-16 has them the other way round",
        '{"\\ud83d\\ude00":1,"\\uff5e":2}', '{"\uff5e":2,"\U0001f600":1}',
    )
    accept("key-order-deep", "TRU-5", "at every depth, and never in arrays", '[{"z":[2,1],"y":{}},{"b":0,"a":0}]', '[{"y":{},"z":[2,1]},{"a":0,"b":0}]')
    accept("key-escapes", "TRU-5 TRU-6", "keys are compared after their escapes are resolved", '{"\\u0062":1,"a":2,"\\"":3}', '{"\\"":3,"a":2,"b":1}')
    accept("line-feed", "TRU-6", "a line feed stays the octet 0A (JCS writes an escape)", '{"pem":"-----BEGIN\\nAAAA\\n"}', '{"pem":"-----BEGIN\nAAAA\n"}')
    accept("controls", "TRU-6", "every control character stays itself", '"\\u0000\\u0001\\b\\t\\r\\f\\u001f\\u007f"', '"\x00\x01\b\t\r\f\x1f\x7f"')
    accept("solidus", "TRU-6", "a solidus is never escaped", '["a\\/b","a/b"]', '["a/b","a/b"]')
    accept("quote-and-backslash", "TRU-6", "these two are, by one backslash", '"a\\"b\\\\c\\u0022\\u005c"', '"a\\"b\\\\c\\"\\\\"')
    accept("backslash-n", "TRU-6", "a backslash before an n is no line feed", '"a\\\\nb"', '"a\\\\nb"')
    accept("non-ascii", "TRU-6", "UTF-8, no escapes", '"\\u00e9\\u2028\\ud83d\\ude00"', '"\u00e9\u2028\U0001f600"')
    accept("no-normalisation", "TRU-6", "e and a combining accent stay two characters", '"e\\u0301"', '"e\u0301"')
    accept("integers", "TRU-7", "shortest decimal form", "[0,-0,10,-5,9007199254740991]", "[0,0,10,-5,9007199254740991]")
    accept("literals", "TRU-7", "literals, and no white space", '{ "a" : [ true , false , null ] , "e" : [ ] , "o" : { } }', '{"a":[true,false,null],"e":[],"o":{}}')
    for name, source in {"fraction": "[1.5]", "whole-fraction": "[1.0]", "exponent": "[1e3]"}.items():
        table.refuse(name, "TRU-7", "a number with fraction or exponent has no canonical form", text(source), "canonical-json", "FormatError")
    return table.cases


def _profile() -> list[Case]:
    table = Table("profile")

    def refuse(name: str, comment: str, source: str) -> None:
        table.refuse(name, "TRU-8", comment, text(source), "canonical-profile", "FormatError")

    table.accept("plain", "TRU-8", "ASCII and line feed", text('{"a":["~ !\\n",0,-1,true,null,{}]}'), ok=True)
    table.accept("depth-15", "TRU-8", "15 containers: the file is the sixteenth", text("[" * 15 + "0" + "]" * 15), ok=True)
    refuse("depth-16", "16 containers", "[" * 16 + "0" + "]" * 16)
    refuse("depth-16-empty", "16 containers, the last one empty", '{"a":' + "[" * 15 + "]" * 15 + "}")
    refuse("tab", "a tab", '"a\\tb"')
    refuse("carriage-return", "a carriage return", '"a\\rb"')
    refuse("delete", "a DEL", '"\\u007f"')
    refuse("non-ascii", "a letter beyond ASCII", '["\\u00e9"]')
    refuse("non-ascii-key", "in a key", '{"\\u00e9":1}')
    refuse("fraction", "a fraction", "[0.5]")
    refuse("large", "an integer beyond 2^53 - 1", "[9007199254740992]")
    return table.cases


# ------------------------------------------------------------------------------------------------------ role files


def root_text(
    roles: dict[str, tuple[list[Any], int]], *signers: TufKey, version: int = 1, table: dict[str, Json] | None = None, **changes: Any
) -> str:
    """A root file that says who the roles are; unnamed roles have the first key. ``table`` adds or replaces entries of ``keys``."""
    named = {role: roles.get(role, ([KEYS[0]], 1)) for role in TOP}
    keys = {key.keyid: key.entry for group, _ in named.values() for key in group if isinstance(key, TufKey)} | (table or {})
    ids = {role: [key.keyid if isinstance(key, TufKey) else key for key in group] for role, (group, _) in named.items()}
    signed = {
        "_type": "root", "spec_version": "1.0.31", "version": version, "expires": at(730), "consistent_snapshot": True, "keys": keys,
        "roles": {role: {"keyids": ids[role], "threshold": named[role][1]} for role in TOP},
        "x-holdfast-channel": CHANNEL, "x-holdfast-issued": at(),
    }
    return sign({name: value for name, value in (signed | changes).items() if value is not GONE}, *(signers or KEYS[:1]))


def timestamp_body(**changes: Any) -> dict[str, Any]:
    """What a timestamp signs."""
    signed = {
        "_type": "timestamp", "spec_version": "1.0.31", "version": 5, "expires": at(7), "meta": {"snapshot.json": {"version": 3}},
        "x-holdfast-channel": CHANNEL, "x-holdfast-issued": at(),
    }
    return {name: value for name, value in (signed | changes).items() if value is not GONE}


def by(keys: list[Any], threshold: int = 1, **more: Any) -> str:
    """A root that gives the timestamp role to these keys."""
    return root_text({"timestamp": (keys, threshold)}, **more)


def role_case(delegator: str, file: dict[str, Any] | str, **more: Any) -> dict[str, Any]:
    """Input of a case of kind ``role``."""
    return {"delegator": delegator, "role": "timestamp", "channel": CHANNEL, "file": text(file) if isinstance(file, str) else file, **more}


def with_signatures(signed: Json, *entries: Json) -> str:
    """A role file with these entries as its signatures."""
    return compact({"signatures": list(entries), "signed": signed})


def entry(key: TufKey, signed: Json) -> dict[str, str]:
    """A right signature."""
    return {"keyid": key.keyid, "sig": key.sign(canonical(signed))}


class Roles:
    """Writes cases of kind ``role``."""

    def __init__(self) -> None:
        self.table = Table("role")

    def accept(self, name: str, musts: str, comment: str, given: dict[str, Any]) -> None:
        self.table.accept(name, musts, comment, given, version=5)

    def refuse(self, name: str, musts: str, comment: str, given: dict[str, Any], code: str = "signature-threshold", error: str = "SignatureError") -> None:
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
        to.accept(f"algorithm-{name}", "TRU-9", f"{key.keytype} with {key.scheme}", role_case(by([key]), sign(body, key), **needs))
        wrong = with_signatures(timestamp_body(version=6), entry(key, body))
        to.refuse(f"algorithm-{name}-wrong", "TRU-9", "the same signature over another version", role_case(by([key]), wrong, **needs))
    key = KEYS[0]
    unescaped = timestamp_body(note="a/b\n\u00e9", **{"\U0001f600": 1, "\uff5e": 2})
    to.accept("canonical-payload", "TRU-5 TRU-6 TRU-4", "line feed, solidus, letters and keys beyond ASCII inside what is signed", role_case(by([key]), sign(unescaped, key)))
    pretty = json.dumps({"signed": body, "signatures": [entry(key, body)]}, indent=3)
    to.accept("pretty", "TRU-1 TRU-5", "white space and order of members of the file do not matter", role_case(by([key]), pretty))
    raw = sign(unescaped, key).replace("a/b\\n", "a/b\n")
    to.refuse("canonical-form-as-file", "TRU-1 TRU-6", "canonical JSON with a raw line feed is not JSON", role_case(by([key]), raw), "json-syntax", "MetadataError")
    to.accept("unknown-members", "TRU-4", "unknown members are part of what was signed", role_case(by([key]), sign(timestamp_body(later={"a": [1, {"b": None}]}), key)))
    removed = with_signatures(body, entry(key, timestamp_body(later=1)))
    to.refuse("unknown-member-removed", "TRU-4", "and cannot be taken away", role_case(by([key]), removed))
    added = with_signatures(timestamp_body(later=1), entry(key, body))
    to.refuse("unknown-member-added", "TRU-4", "or added", role_case(by([key]), added))

    known = KEYS[1]
    ordinary = sign(body, known)
    odd: dict[str, tuple[Json, str]] = {
        "keytype": ({"keytype": "falcon", "scheme": "falcon-512", "keyval": {"public": "00"}}, "an unknown keytype"),
        "scheme": (key.entry | {"scheme": "ecdsa-sha3-nistp256"}, "an unknown scheme of a known keytype"),
        "shape": ({"keytype": "sigstore-oidc", "scheme": "Fulcio", "keyval": {"identity": "a", "issuer": "b"}}, "another form of keyval"),
        "no-keyval": ({"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256"}, "no keyval"),
        "number": (7, "no object at all"),
        "keytype-number": (key.entry | {"keytype": 1}, "a keytype that is no string"),
        "pem": (key.entry | {"keyval": {"public": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}}, "a PEM that holds no key"),
        "no-pem": (key.entry | {"keyval": {"public": "not a key"}}, "a public value that is no PEM"),
        "public-list": (key.entry | {"keyval": {"public": [1]}}, "a public value that is no string"),
        "other-curve": (key.entry | {"keyval": {"public": _p384_pem()}}, "a P-384 key under the P-256 scheme"),
        "other-kind": (TufKey("x", "rsa", "rsassa-pss-sha256").entry | {"keyval": key.entry["keyval"]}, "an EC key under the RSA scheme"),
        "ed25519-short": ({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00" * 31}}, "31 octets of Ed25519"),
        "ed25519-no-hexadecimal": ({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "zz" * 32}}, "no hexadecimal digits"),
    }
    for name, (value, comment) in odd.items():
        odd_id = stream(name, 32).hex()
        to.accept(f"odd-key-{name}", "TRU-10", f"{comment}, beside a key that meets the threshold", role_case(by([odd_id, known], table={odd_id: value}), ordinary))
        unmet = with_signatures(body, entry(known, body), {"keyid": odd_id, "sig": key.sign(canonical(body))})
        to.refuse(f"odd-key-{name}-counts-not", "TRU-10", f"{comment}, where two signatures are needed", role_case(by([odd_id, known], 2, table={odd_id: value}), unmet))
    return to.table.cases


def _p384_pem() -> str:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

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
    to.refuse("threshold-foreign", "TRU-12", "one of three and a stranger", role_case(two_of_three, sign(body, b, foreign)))
    to.refuse("threshold-one-wrong", "TRU-12", "one right and one wrong signature", role_case(two_of_three, with_signatures(body, entry(a, body), entry(b, timestamp_body(version=6)))))
    to.refuse("threshold-unreachable", "TRU-12", "a threshold above the number of keys", role_case(by([a, b], 3), sign(body, a, b)))
    to.refuse("role-of-other-keys", "TRU-12", "signed by the snapshot's key", role_case(root_text({"timestamp": ([a], 1), "snapshot": ([b], 1)}), sign(body, b)))
    to.refuse("key-not-in-table", "TRU-12", "a keyid that has no key", role_case(by([a.keyid]), sign(body, a)) | {"delegator": by([c.keyid], table={})})

    twin = TufKey(a.name, alias="twin")
    to.refuse("one-key-two-keyids", "TRU-12", "one key under two keyids counts once", role_case(by([a, twin], 2), sign(body, a, twin)))
    to.accept("one-key-two-keyids-and-another", "TRU-12", "with another key it is two", role_case(by([a, twin, b], 2), sign(body, a, twin, b)))
    reflowed = twin.entry | {"keyval": {"public": twin.public.replace("-----\n", "-----\n\n") + "\n"}}
    again = by([a, twin.keyid], 2, table={twin.keyid: reflowed})
    to.refuse("one-key-two-layouts", "TRU-12", "the same PEM with empty lines", role_case(again, sign(body, a, twin)))
    old = TufKey(a.name, "ecdsa-sha2-nistp256")
    to.refuse("one-key-two-keytypes", "TRU-12", "under the old keytype too", role_case(by([a, old], 2), sign(body, a, old)))
    ed, loud = TufKey("ed", "ed25519", "ed25519"), TufKey("ed", "ed25519", "ed25519", alias="loud")
    upper = loud.entry | {"keyval": {"public": loud.public.upper()}}
    to.refuse("one-key-two-cases", "TRU-12", "the same Ed25519 key in upper case", role_case(by([ed, loud.keyid], 2, table={loud.keyid: upper}), sign(body, ed, loud)))

    to.refuse("duplicate-keyid", "TRU-13", "one keyid twice, even above the threshold", role_case(by([a]), with_signatures(body, entry(a, body), entry(a, body))), "duplicate-keyid", "MetadataError")
    to.refuse("duplicate-keyid-for-threshold", "TRU-13 TRU-12", "one signature twice for a threshold of two", role_case(by([a, b], 2), with_signatures(body, entry(a, body), entry(a, body))), "duplicate-keyid", "MetadataError")
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
        "inner-space": ({"keyid": b.keyid, "sig": b.sign(canonical(body))[:8] + " " + b.sign(canonical(body))[8:]}, "a space inside the digits"),
        "trailing-octet": ({"keyid": b.keyid, "sig": b.sign(canonical(body)) + "00"}, "an octet after the DER"),
    }
    for name, (value, comment) in odd.items():
        given = role_case(by([a, b]), with_signatures(body, value, right))
        to.accept(f"odd-signature-{name}", "TRU-11", f"{comment}, beside one that meets the threshold", given)
        to.refuse(f"odd-signature-{name}-counts-not", "TRU-11", f"{comment}, where two are needed", role_case(by([a, b], 2), with_signatures(body, value, right)))
    more = right | {"method": "x", "later": 1}
    to.accept("signature-members", "TRU-11 TRU-4", "members that nobody knows in a signature", role_case(by([a]), with_signatures(body, more)))
    to.accept("signature-upper-case", "TRU-11", "hexadecimal of either case", role_case(by([a]), with_signatures(body, right | {"sig": right["sig"].upper()})))
    return to.table.cases


def _syntax() -> list[Case]:
    to = Roles()
    key = KEYS[0]
    root = by([key])

    def refuse(name: str, musts: str, comment: str, file: dict[str, Any] | str, code: str = "metadata-syntax") -> None:
        to.refuse(name, musts, comment, role_case(root, file), code, "MetadataError")

    plain = sign(timestamp_body(), key)
    refuse("no-json", "TRU-1", "no JSON", "<html>", "json-syntax")
    refuse("duplicate-member", "TRU-1", "a member twice", plain.replace('"version":5', '"version":5,"version":6'), "json-duplicate-key")
    refuse("fraction", "TRU-1", "a fraction, signed or not", plain.replace('"version":5', '"version":5,"x":1.5'), "json-number")
    refuse("depth", "TRU-1", "17 containers", plain.replace('"version":5', '"version":5,"x":' + "[" * 15 + "]" * 15), "json-depth")
    refuse("too-large", "TRU-1", "more than 16,384 octets", recipe(plain, (" ", 16_384)), "json-too-large")
    to.accept("largest", "TRU-1", "16,384 octets", role_case(root, recipe(plain, (" ", 16_384 - len(plain.encode())))))
    refuse("list", "TRU-1", "no object", "[]")
    refuse("no-signed", "TRU-1", "no signed", compact({"signatures": []}))
    refuse("no-signatures", "TRU-1", "no signatures", compact({"signed": timestamp_body()}))
    refuse("signatures-object", "TRU-1", "signatures as an object", compact({"signed": timestamp_body(), "signatures": {}}))
    refuse("signed-list", "TRU-1", "signed as an array", compact({"signed": [], "signatures": []}))

    for name, version in {"version-1.0": "1.0", "version-1.31.5": "1.31.5"}.items():
        to.accept(f"spec-{name}", "TRU-2", "major version 1", role_case(root, sign(timestamp_body(spec_version=version), key)))
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
        refuse(f"signed-{name}", "TRU-2" if "channel" not in name else "TRU-3", f"signed, and not of the form: {name.replace('-', ' ')}", sign(timestamp_body(**changes), key))
    for name, value in {"fraction": "2026-11-30T12:00:00.5Z", "offset": "2026-11-30T12:00:00+00:00", "short": "2026-11-30T1:00:00Z", "date": "2026-11-30", "number": 1795435200, "missing": GONE}.items():
        refuse(f"expires-{name}", "TRU-2 FRM-10", "expires is an instant", sign(timestamp_body(expires=value), key), "instant-syntax")
    for name, value in {"fraction": "2026-11-23T12:00:00.5Z", "number": 5}.items():
        refuse(f"issued-{name}", "TRU-3 FRM-10", "x-holdfast-issued is an instant", sign(timestamp_body(**{"x-holdfast-issued": value}), key), "instant-syntax")
    return to.table.cases


def _origins() -> list[Case]:
    to = Roles()
    key = KEYS[0]
    root = by([key])
    to.accept("channel", "TRU-3 TRU-16", "the channel of the embedded root", role_case(root, sign(timestamp_body(), key)))

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
    to.accept("any-channel-unasked", "TRU-16", "whatever the file says", role_case(root, sign(timestamp_body(), key)) | {"channel": None})
    both = role_case(root, with_signatures(timestamp_body(**{"x-holdfast-channel": SISTER})))
    to.refuse("signature-before-channel", "TRU-15", "a wrong channel without a signature is an unsigned file", both)
    expired = timestamp_body(**{"x-holdfast-channel": SISTER, "expires": at(-1)})
    to.refuse("channel-before-expiry", "TRU-15", "an expired file of another channel is of another channel", role_case(root, sign(expired, key), now=at()), "channel-mismatch", "ChannelError")
    to.accept("second-before-expiry", "TRU-17", "a second before expires", role_case(root, sign(timestamp_body(), key), now=at(7, seconds=-1)))
    to.refuse("expiry", "TRU-17", "from expires on", role_case(root, sign(timestamp_body(), key), now=at(7)), "expired", "FreezeError")
    to.refuse("long-expired", "TRU-17", "long after", role_case(root, sign(timestamp_body(), key), now=at(700)), "expired", "FreezeError")
    to.refuse("not-delegated", "TRU-12", "a role that nobody delegates", role_case(root, sign(timestamp_body(), key)) | {"role": "mirrors"}, "not-delegated", "SignatureError")
    return to.table.cases


# ------------------------------------------------------------------------------------------------------------ roots


def _roots() -> list[Case]:
    anchor, chain = Table("anchor"), Table("next-root")
    a, b, c, new = KEYS
    two = {"root": ([a, b, c], 2)}
    anchor.accept("plain", "TRU-23", "signed by its own threshold", text(root_text(two, a, b)), version=1, channel=CHANNEL)
    anchor.accept("later-version", "TRU-23", "an app may ship any version", text(root_text(two, a, b, version=9)), version=9, channel=CHANNEL)
    anchor.accept("expired", "TRU-23", "its expiry is not looked at", text(root_text(two, a, b, expires=at(-900))), version=1, channel=CHANNEL)
    plain = root_text(two, a, b, **{"x-holdfast-channel": GONE, "x-holdfast-issued": GONE})
    anchor.accept("no-channel", "TRU-16 TRU-23", "a plain TUF repository", text(plain), version=1, channel=None)
    unknown = stream("falcon", 32).hex()
    falcon = {unknown: {"keytype": "falcon", "scheme": "falcon-512", "keyval": {"public": "00"}}}
    future = root_text({"root": ([a, b, unknown], 2), "timestamp": ([unknown], 1)}, a, b, table=falcon)
    anchor.accept("unknown-keytype", "TRU-10 TRU-23", "a root with a key of tomorrow", text(future), version=1, channel=CHANNEL)

    def refuse(name: str, musts: str, comment: str, source: dict[str, Any]) -> None:
        anchor.refuse(name, musts, comment, source, "anchor-invalid", "AnchorError")

    refuse("under-threshold", "TRU-23", "one of two", text(root_text(two, a)))
    refuse("unsigned", "TRU-23", "no signature", text(_unsigned(root_text(two, a, b))))
    refuse("stranger", "TRU-23", "signed by a key that it does not name", text(root_text(two, a, new)))
    refuse("tampered", "TRU-23", "one digit changed after signing", text(root_text(two, a, b).replace('"threshold":2', '"threshold":1', 1)))
    refuse("empty", "TRU-23", "no octets", text(""))
    refuse("other-role", "TRU-23 TRU-2", "a timestamp", text(sign(timestamp_body(), a)))
    refuse("duplicate-keyids", "TRU-14", "a keyid twice in a role", text(root_text({"root": ([a, a], 1)}, a)))
    refuse("threshold-zero", "TRU-2", "a threshold of 0", text(root_text({"root": ([a], 1), "timestamp": ([a], 0)}, a)))
    refuse("threshold-text", "TRU-2", "a threshold that is no integer", text(root_text({"timestamp": ([a], "1")}, a)))  # type: ignore[dict-item]
    refuse("threshold-boolean", "TRU-2 FRM-9", "a threshold of true", text(root_text({"timestamp": ([a], True)}, a)))
    refuse("keyids-text", "TRU-2", "keyids as a string", text(_with_role("timestamp", {"keyids": a.keyid, "threshold": 1})))
    refuse("role-missing", "TRU-2", "no timestamp role", text(_with_role("timestamp", None)))
    refuse("channel-syntax", "TRU-3 FRM-12", "a channel that is none", text(root_text(two, a, b, **{"x-holdfast-channel": "bank"})))
    refuse("too-large", "TRU-1", "more than 512,000 octets", recipe(root_text(two, a, b), (" ", 512_000)))

    def accept_next(name: str, musts: str, comment: str, trusted: str, file: str, version: int = 2) -> None:
        chain.accept(name, musts, comment, {"trusted": trusted, "channel": CHANNEL, "file": text(file)}, version=version)

    def refuse_next(name: str, musts: str, comment: str, file: str, code: str, error: str, trusted: str = "") -> None:
        chain.refuse(name, musts, comment, {"trusted": trusted or first, "channel": CHANNEL, "file": text(file)}, code, error)

    first = root_text(two, a, b)
    renewed = {"root": ([new], 1)}
    accept_next("same-keys", "TRU-19", "the same keys", first, root_text(two, b, c, version=2))
    accept_next("new-keys", "TRU-19", "other keys, signed by both", first, root_text(renewed, a, b, new, version=2))
    accept_next("expired", "TRU-21", "an expired root is a step of the chain", first, root_text(two, a, b, version=2, expires=at(-9)))
    accept_next("unknown-key-added", "TRU-10 TRU-19", "the day a new algorithm arrives", first, root_text({"root": ([a, b, unknown], 2)}, a, b, version=2, table=falcon))
    refuse_next("old-keys-missing", "TRU-19", "signed by its own keys alone", root_text(renewed, new, version=2), "signature-threshold", "SignatureError")
    refuse_next("old-threshold-unmet", "TRU-19", "by one of the two old keys", root_text(renewed, a, new, version=2), "signature-threshold", "SignatureError")
    refuse_next("new-keys-missing", "TRU-19", "signed by the old keys alone", root_text(renewed, a, b, version=2), "signature-threshold", "SignatureError")
    refuse_next("new-threshold-unmet", "TRU-19", "by one of two new keys", root_text({"root": ([new, c], 2)}, a, b, new, version=2), "signature-threshold", "SignatureError")
    refuse_next("gap", "TRU-19", "version 3 after 1", root_text(two, a, b, version=3), "root-version", "AnchorError")
    refuse_next("same-version", "TRU-19", "version 1 after 1", first, "root-version", "AnchorError")
    refuse_next("lower", "TRU-19", "version 2 after 3", root_text(two, a, b, version=2), "root-version", "AnchorError", root_text(two, a, b, version=3))
    sister = root_text(two, a, b, version=2, **{"x-holdfast-channel": SISTER})
    refuse_next("sister-channel", "TRU-16", "the sister channel's root, signed by the same people", sister, "channel-mismatch", "ChannelError")
    refuse_next("no-channel", "TRU-16", "a root that drops the channel", root_text(two, a, b, version=2, **{"x-holdfast-channel": GONE}), "channel-mismatch", "ChannelError")
    refuse_next("unknown-keys-only", "TRU-10 TRU-12", "a root that only a key of tomorrow signs", root_text({"root": ([unknown], 1)}, a, b, version=2, table=falcon), "signature-threshold", "SignatureError")
    refuse_next("html", "TRU-1", "a captive portal", "<html></html>", "json-syntax", "MetadataError")
    pq = TufKey("post-quantum root", "ml-dsa", "ml-dsa-65/1")
    chain.accept("ml-dsa-65", "TRU-9 TRU-19", "a root key of ML-DSA-65", {
        "trusted": root_text({"root": ([pq], 1)}, pq), "channel": CHANNEL, "file": text(root_text({"root": ([a, pq], 2)}, a, pq, version=2)), "needs": "ml-dsa-65",
    }, version=2)
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


def _paths() -> list[Case]:
    table = Table("delegation-path")
    for pattern, path, musts in (
        ("manifest.json", "manifest.json", "TRU-33"),
        ("*", "manifest.json", "TRU-35"),
        ("manifest.*", "manifest.json", "TRU-35"),
        ("manifest.jso?", "manifest.json", "TRU-35"),
        ("eu/*", "eu/manifest.json", "TRU-35"),
    ):
        table.accept(f"{pattern} {path}", musts, "the pattern covers the path", {"pattern": pattern, "path": path}, covers=True)
    for pattern, path in (
        ("*", "eu/manifest.json"),
        ("eu*", "eu/manifest.json"),
        ("eu?manifest.json", "eu/manifest.json"),
        ("*/manifest.json", "eu/west/manifest.json"),
        ("Manifest.json", "manifest.json"),
        ("manifest", "manifest.json"),
        ("scope.json", "manifest.json"),
    ):
        table.accept(f"{pattern} {path}", "TRU-35", "the pattern does not cover the path: * and ? stop at /", {"pattern": pattern, "path": path}, covers=False)
    return table.cases

# SPDX-License-Identifier: Apache-2.0
"""``spec/trust.md``: the form of snapshots and targets, bounds of work, and keys that sign rightly under a wrong name."""

from __future__ import annotations

from base64 import encodebytes
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from vectors.making.case import Case, Json, Table, recipe
from vectors.making.der import EC_PUBLIC_KEY, PRIME256V1, bit_string, oid, sequence
from vectors.making.keys import TufKey, p256, p384, rsa2048, stream
from vectors.making.repository import CHANNEL, at, canonical, sign
from vectors.making.role_files import GONE, KEYS, by, role_case, root_text, timestamp_body, with_signatures

KEY: Final = KEYS[0]
ROOT: Final = root_text({})


def cases() -> list[Case]:
    """All cases of the part."""
    return [*_snapshots(), *_targets(), *_bounds(), *_misnamed_keys()]


def _body(kind: str, **changes: Any) -> dict[str, Any]:
    signed = {
        "_type": kind,
        "spec_version": "1.0.31",
        "version": 5,
        "expires": at(7),
        "x-holdfast-channel": CHANNEL,
        "x-holdfast-issued": at(),
    }
    return {name: value for name, value in (signed | changes).items() if value is not GONE}


def _case(kind: str, **changes: Any) -> dict[str, Any]:
    return role_case(ROOT, sign(_body(kind, **changes), KEY)) | {"role": kind}


def _snapshots() -> list[Case]:
    table = Table("role")
    good = {"targets.json": {"version": 1}, "pins.json": {"version": 7, "length": 10, "hashes": {"sha256": "00" * 32}}}
    table.accept("snapshot", "TRU-2", "a snapshot", _case("snapshot", meta=good), version=5)
    for name, meta in {
        "version-boolean": {"targets.json": {"version": True}},
        "version-text": {"targets.json": {"version": "1"}},
        "version-zero": {"targets.json": {"version": 0}},
        "version-missing": {"targets.json": {"length": 1}},
        "entry-number": {"targets.json": 1},
        "length-text": {"targets.json": {"version": 1, "length": "1"}},
        "length-negative": {"targets.json": {"version": 1, "length": -1}},
        "hashes-list": {"targets.json": {"version": 1, "hashes": ["00"]}},
        "list": [],
        "missing": GONE,
    }.items():
        comment = f"signed, and not of the form: meta, {name.replace('-', ' ')}"
        table.refuse(
            f"snapshot-{name}", "TRU-2", comment, _case("snapshot", meta=meta), "metadata-syntax", "MetadataError"
        )
    boolean = role_case(ROOT, sign(timestamp_body(meta={"snapshot.json": {"version": True}}), KEY))
    table.refuse(
        "signed-meta-version-boolean", "TRU-2 FRM-9", "true is no version", boolean, "metadata-syntax", "MetadataError"
    )
    for version in ("1.\u0660", "1.0.x", "1.", "1.0.0.0", " 1.0", "01.0"):
        odd = role_case(ROOT, sign(timestamp_body(spec_version=version), KEY))
        table.refuse(
            f"spec-version-{version!r}",
            "TRU-2",
            "not 1. and one or two numbers",
            odd,
            "metadata-syntax",
            "MetadataError",
        )
    return table.cases


def _delegation(**changes: Any) -> dict[str, Json]:
    role = {"name": "pins", "keyids": [KEY.keyid], "threshold": 1, "paths": ["manifest.json"], "terminating": True}
    return {name: value for name, value in (role | changes).items() if value is not GONE}


def _delegations(*roles: Json, **changes: Any) -> dict[str, Any]:
    return {"keys": {KEY.keyid: KEY.entry}, "roles": list(roles)} | changes


def _targets() -> list[Case]:
    table = Table("role")
    file = {"scope.json": {"length": 1, "hashes": {"sha256": "00" * 32}}}

    def accept(name: str, comment: str, **changes: Any) -> None:
        table.accept(name, "TRU-2", comment, _case("targets", **({"targets": file} | changes)), version=5)

    def refuse(name: str, **changes: Any) -> None:
        comment = f"signed, and not of the form: {name.removeprefix('targets-').replace('-', ' ')}"
        given = _case("targets", **({"targets": file} | changes))
        table.refuse(name, "TRU-2", comment, given, "metadata-syntax", "MetadataError")

    accept("targets", "targets without delegations")
    accept("targets-delegations", "with one", delegations=_delegations(_delegation()))
    accept(
        "targets-two-delegations",
        "with two",
        delegations=_delegations(_delegation(), _delegation(name="b", terminating=False)),
    )
    prefixes = _delegation(paths=GONE, path_hash_prefixes=["00"])
    accept("targets-hash-prefixes", "by the hash of the path", delegations=_delegations(prefixes))
    refuse("targets-missing", targets=GONE)
    refuse("targets-list", targets=[])
    refuse("targets-length-text", targets={"scope.json": {"length": "1", "hashes": {"sha256": "00" * 32}}})
    refuse("targets-no-length", targets={"scope.json": {"hashes": {"sha256": "00" * 32}}})
    refuse("targets-no-hashes", targets={"scope.json": {"length": 1}})
    refuse("targets-delegations-list", delegations=[])
    refuse("targets-delegation-number", delegations=_delegations(1))
    refuse("targets-name-number", delegations=_delegations(_delegation(name=1)))
    refuse("targets-name-empty", delegations=_delegations(_delegation(name="")))
    refuse("targets-name-of-top-level-role", delegations=_delegations(_delegation(name="snapshot")))
    refuse("targets-name-twice", delegations=_delegations(_delegation(), _delegation()))
    refuse("targets-threshold-zero", delegations=_delegations(_delegation(threshold=0)))
    refuse("targets-threshold-boolean", delegations=_delegations(_delegation(threshold=True)))
    refuse("targets-threshold-text", delegations=_delegations(_delegation(threshold="1")))
    refuse("targets-keyids-text", delegations=_delegations(_delegation(keyids="ab")))
    refuse("targets-keyids-of-numbers", delegations=_delegations(_delegation(keyids=[1])))
    refuse("targets-keyids-twice", delegations=_delegations(_delegation(keyids=[KEY.keyid, KEY.keyid])))
    refuse("targets-paths-text", delegations=_delegations(_delegation(paths="manifest.json")))
    refuse("targets-paths-of-numbers", delegations=_delegations(_delegation(paths=[1])))
    refuse("targets-paths-missing", delegations=_delegations(_delegation(paths=GONE)))
    refuse("targets-paths-and-prefixes", delegations=_delegations(_delegation(path_hash_prefixes=["00"])))
    refuse("targets-prefixes-text", delegations=_delegations(_delegation(paths=GONE, path_hash_prefixes="00")))
    refuse("targets-terminating-text", delegations=_delegations(_delegation(terminating="true")))
    refuse("targets-terminating-number", delegations=_delegations(_delegation(terminating=1)))
    refuse("targets-terminating-missing", delegations=_delegations(_delegation(terminating=GONE)))
    return table.cases


def _bounds() -> list[Case]:
    """A file is judged at a cost that its signers cannot raise without end."""
    table = Table("role")
    body = timestamp_body()
    names = [f"{number:064x}" for number in range(1, 64)]
    most, more = by([*names, KEY]), by([*names, "ff" * 32, KEY])
    table.accept("keyids-64", "TRU-42", "64 keyids in a role", role_case(most, sign(body, KEY)), version=5)
    table.refuse(
        "keyids-65", "TRU-42", "65 keyids", role_case(more, sign(body, KEY)), "metadata-syntax", "MetadataError"
    )
    for name, keyids in {"text": "ab", "object": {"a": 1}, "of-numbers": [1]}.items():
        odd = root_text({"snapshot": (keyids, 1)}) if isinstance(keyids, list) else _root_with_keyids(keyids)
        table.refuse(
            f"keyids-{name}",
            "TRU-2",
            "keyids is an array of strings",
            role_case(odd, sign(body, KEY)),
            "metadata-syntax",
            "MetadataError",
        )
    for kind, size, member in (("snapshot", 2_000_000, "meta"), ("targets", 5_000_000, "targets")):
        file = sign(_body(kind) | {member: {}}, KEY)
        for name, spaces in (("largest", size - len(file)), ("too-large", size - len(file) + 1)):
            given = role_case(ROOT, recipe(file, (" ", spaces))) | {"role": kind}
            if name == "largest":
                table.accept(f"{kind}-{name}", "TRU-1", f"{size:,} octets", given, version=5)
            else:
                comment = f"one more than {size:,} octets"
                table.refuse(f"{kind}-{name}", "TRU-1", comment, given, "json-too-large", "MetadataError")
    # Each pattern counts one more than its characters.
    for name, paths, fits in (
        ("one", ["a" * 65_535], True),
        ("one-too-long", ["a" * 65_536], False),
        ("many", [""] * 65_536, True),
        ("too-many", [""] * 65_537, False),
    ):
        given = _case("targets", targets={}, delegations=_delegations(_delegation(paths=paths)))
        if fits:
            table.accept(f"patterns-{name}", "TRU-42", "65,536 characters of path patterns", given, version=5)
        else:
            table.refuse(f"patterns-{name}", "TRU-42", "65,537 characters", given, "metadata-syntax", "MetadataError")
    return table.cases


def _root_with_keyids(keyids: Json) -> str:
    signed = {
        **_body("root", expires=at(730), version=1),
        "consistent_snapshot": True,
        "keys": {KEY.keyid: KEY.entry},
        "roles": {role: {"keyids": [KEY.keyid], "threshold": 1} for role in ("root", "targets", "timestamp")},
    }
    signed["roles"]["snapshot"] = {"keyids": keyids, "threshold": 1}
    return sign(signed, KEY)


def _misnamed_keys() -> list[Case]:
    """Keys that sign rightly, but are not what their entry says, or not written as the table says."""
    table = Table("role")
    body = timestamp_body()
    payload = canonical(body)

    def refuse(name: str, musts: str, comment: str, entry: Json, signature: bytes | str) -> None:
        keyid = stream(f"misnamed {name}", 32).hex()
        root = by([keyid], table={keyid: entry})
        sig = signature if isinstance(signature, str) else signature.hex()
        file = with_signatures(body, {"keyid": keyid, "sig": sig})
        table.refuse(f"misnamed-{name}", musts, comment, role_case(root, file), "signature-threshold", "SignatureError")

    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = p384("misnamed").public_key().public_bytes(serialization.Encoding.PEM, spki).decode()
    sha256 = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    signature = p384("misnamed").sign(payload, sha256)
    refuse(
        "p384",
        "TRU-9 TRU-10",
        "a right P-384 signature under the P-256 scheme",
        KEY.entry | {"keyval": {"public": pem}},
        signature,
    )
    rsa = TufKey("algorithm", "rsa", "rsassa-pss-sha256")
    pkcs1 = rsa2048("algorithm").sign(payload, padding.PKCS1v15(), hashes.SHA256())
    refuse("pkcs1", "TRU-9", "a right PKCS #1 v1.5 signature under the PSS scheme", rsa.entry, pkcs1)
    refuse(
        "rsa-as-ecdsa",
        "TRU-10",
        "an RSA key under the ECDSA scheme",
        KEY.entry | {"keyval": rsa.entry["keyval"]},
        rsa.sign(payload),
    )
    refuse(
        "ecdsa-as-rsa",
        "TRU-10",
        "an EC key under the RSA scheme",
        rsa.entry | {"keyval": KEY.entry["keyval"]},
        KEY.sign(payload),
    )
    edwards = TufKey("algorithm", "ed25519", "ed25519")
    spaced = edwards.entry | {"keyval": {"public": " ".join(edwards.public[i : i + 2] for i in range(0, 64, 2))}}
    refuse("ed25519-spaced", "TRU-10", "a right key with spaces between its octets", spaced, edwards.sign(payload))
    sixty_five = edwards.entry | {"keyval": {"public": edwards.public + " "}}
    refuse("ed25519-trailing-space", "TRU-10", "with a space at its end", sixty_five, edwards.sign(payload))
    for name, public in {
        "text-before": "my key:\n" + KEY.public,
        "line-feed-before": "\n" + KEY.public,
        "private-label": KEY.public.replace("PUBLIC KEY", "EC PUBLIC KEY"),
        "no-end": KEY.public.replace("-----END PUBLIC KEY-----\n", ""),
    }.items():
        entry = KEY.entry | {"keyval": {"public": public}}
        refuse(
            f"pem-{name}", "TRU-10", f"a right key in another PEM: {name.replace('-', ' ')}", entry, KEY.sign(payload)
        )

    def odd_word(name: str, **words: Json) -> None:
        keyid = stream(f"misnamed {name}", 32).hex()
        root = by([keyid, KEY], table={keyid: KEY.entry | words})
        comment = "a word that is no string, beside a key that meets the threshold"
        table.accept(f"misnamed-{name}", "TRU-10", comment, role_case(root, sign(body, KEY)), version=5)

    odd_word("keytype-list", keytype=["ecdsa"])
    odd_word("keytype-object", keytype={})
    odd_word("scheme-list", scheme=["ecdsa-sha2-nistp256"])
    odd_word("scheme-object", scheme={})

    point = (
        p256(KEY.name)
        .public_key()
        .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    )
    compressed = TufKey(KEY.name, alias="compressed")
    root = by(
        [KEY, compressed.keyid],
        2,
        table={compressed.keyid: compressed.entry | {"keyval": {"public": _pem_of_point(point)}}},
    )
    comment = "the same key with a compressed point"
    table.refuse(
        "one-key-two-points",
        "TRU-12",
        comment,
        role_case(root, sign(body, KEY, compressed)),
        "signature-threshold",
        "SignatureError",
    )
    return table.cases


def _pem_of_point(point: bytes) -> str:
    body = encodebytes(sequence(sequence(oid(EC_PUBLIC_KEY), oid(PRIME256V1)), bit_string(point))).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n"

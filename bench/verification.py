# SPDX-License-Identifier: Apache-2.0
"""What it costs to verify a bundle, beside bare ``tuf.api.metadata`` on the same bytes and one raw P-256 verification.

*Bare* is the least that anybody pays who verifies the same set with the library alone: ``json.loads`` of the bundle,
``Metadata.from_bytes`` of each role, its delegator's keys and threshold, length and hashes of every file that is
named, ``json.loads`` of scope and manifest. It refuses no duplicate key, bounds nothing, looks at no version, expiry
or channel, and ends without a pin table.

*Cold* is a process that has its anchor and nothing else. *Changed* is one that enforces a set and gets the next
manifest, with another key for one host; *steady* one that gets the same set under a new timestamp. Bare has no memory,
and does the whole work each time.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from bench.channels import build_channel, name_host
from bench.harness import (
    Figure,
    Spread,
    Way,
    cpu_clock,
    fastest,
    interleave,
    no_collections,
    ratios,
    spread_of,
    talk,
    timed,
)
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.bundle import fetch_from, parse_bundle
from holdfast.trust.state import TrustedState
from holdfast.trust.verification import refresh
from tests.repository import Repository, digest_text

__all__ = ["STATES", "Comparison", "compare_verification", "measure", "verify_bare"]

STATES = ("cold", "changed", "steady")
SIZES = (1, 50, 1_000, 10_000)
TARGET_SIZE = 50
AT_MOST_RAW = 25.0
AT_MOST_BARE = 1.3
_RAW_REPEAT = 20
TRIED = (
    "fewer steps in canonical form, nesting, pins and names; no more signatures than the threshold asks for; nothing "
    "read again that has not changed. Bare ends with JSON values. Of what goes beyond it, half is reading 50 hosts "
    "with their names, modes and digests out of scope and manifest, a quarter JSON without duplicate keys, the rest "
    "the pin table and the checks of versions, expiry and channel; none of it can wait until a set was accepted. A "
    "process pays it once: its refreshes are the rows *changed* and *steady*."
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What verification costs at one size.

    Attributes:
        bytes: Size of the bundle.
        gzip_bytes: What travels.
        seconds: By :data:`STATES`, CPU.
        raw: The same in raw P-256 verifications.
        bare: The same in terms of bare ``tuf.api.metadata``.
    """

    bytes: int
    gzip_bytes: int
    seconds: Mapping[str, Spread]
    raw: Mapping[str, Spread]
    bare: Mapping[str, Spread]


def verify_bare(bundle: bytes, root: Metadata[Root]) -> tuple[Any, Any]:
    """Verify a bundle with ``tuf.api.metadata`` and nothing else; return scope and manifest as JSON values."""
    files = {name: text.encode() for name, text in json.loads(bundle)["files"].items()}
    timestamp: Metadata[Timestamp] = Metadata.from_bytes(files["timestamp.json"])
    _verify_delegate(root.signed, "timestamp", timestamp)
    meta = timestamp.signed.snapshot_meta
    data = files[f"{meta.version}.snapshot.json"]
    meta.verify_length_and_hashes(data)
    snapshot: Metadata[Snapshot] = Metadata.from_bytes(data)
    _verify_delegate(root.signed, "snapshot", snapshot)
    targets = _load_targets(files, snapshot.signed, "targets", root.signed)
    pins = _load_targets(files, snapshot.signed, "pins", targets)
    return _load_target(files, targets, "scope.json"), _load_target(files, pins, "manifest.json")


def _load_targets(files: Mapping[str, bytes], snapshot: Snapshot, role: str, delegator: Root | Targets) -> Targets:
    meta = snapshot.meta[f"{role}.json"]
    data = files[f"{meta.version}.{role}.json"]
    meta.verify_length_and_hashes(data)
    loaded: Metadata[Targets] = Metadata.from_bytes(data)
    _verify_delegate(delegator, role, loaded)
    return loaded.signed


def _verify_delegate(delegator: Root | Targets, role: str, file: Metadata[Any]) -> None:
    delegator.verify_delegate(role, file.signed_bytes, file.signatures)


def _load_target(files: Mapping[str, bytes], signed: Targets, path: str) -> Any:
    target = signed.targets[path]
    data = files[f"targets/{target.hashes['sha256']}.{path}"]
    target.verify_length_and_hashes(data)
    return json.loads(data)


def verify_once(state: TrustedState, bundle: bytes, now: datetime) -> TrustedState:
    """Verify a bundle as the client does: what is timed."""
    outcome = refresh(state, fetch_from(parse_bundle(bundle)), now=now)
    if outcome.error is not None:
        raise outcome.error
    return outcome.state


def _find_caches() -> list[Callable[[], None]]:
    """Find what the process may have learned, to have it forgotten: the cache of any function in our modules."""
    values = [
        value for name, module in sys.modules.items() if name.startswith("holdfast.") for value in vars(module).values()
    ]
    return [clear for value in values if callable(clear := getattr(value, "cache_clear", None))]


def _cold(repository: Repository, bundle: bytes) -> Way:
    caches = _find_caches()

    def way() -> float:
        for clear in caches:
            clear()
        state = TrustedState(parse_anchor(repository.anchor))
        start = cpu_clock()
        verify_once(state, bundle, repository.now)
        return cpu_clock() - start

    return way


def _bare(repository: Repository, bundle: bytes) -> Way:
    def way() -> float:
        root: Metadata[Root] = Metadata.from_bytes(repository.anchor)
        start = cpu_clock()
        verify_bare(bundle, root)
        return cpu_clock() - start

    return way


def _next(repository: Repository, publish: Callable[[], None]) -> Way:
    """A client that enforces what is published now, and gets what is published then."""
    state = verify_once(TrustedState(parse_anchor(repository.anchor)), repository.bundle(), repository.now)
    publish()
    newer = repository.bundle()
    return timed(lambda: verify_once(state, newer, repository.now))


def _raw(repository: Repository) -> Callable[[], None]:
    """One P-256 verification with nothing around it: the key is loaded, the signature decoded."""
    root: Metadata[Root] = Metadata.from_bytes(repository.anchor)
    file: Metadata[Timestamp] = Metadata.from_bytes(repository.files["timestamp.json"])
    (keyid,) = root.signed.roles["timestamp"].keyids
    key = load_pem_public_key(root.signed.keys[keyid].keyval["public"].encode())
    assert isinstance(key, EllipticCurvePublicKey)
    signature, payload, algorithm = bytes.fromhex(file.signatures[keyid].signature), file.signed_bytes, ECDSA(SHA256())
    return lambda: key.verify(signature, payload, algorithm)


def compare_verification(hosts: int, *, rounds: int) -> Comparison:
    """Verify a bundle of this many hosts in every way, by turns."""
    repository = build_channel(hosts)

    def rotate() -> None:
        repository.set_pins(name_host(0), [digest_text("rotated"), digest_text("next")])
        repository.manifest["version"] += 1
        repository.publish_pins()
        repository.publish_snapshot()
        repository.publish_timestamp()

    bundle = repository.bundle()
    ways = {
        "raw": timed(_raw(repository), repeat=_RAW_REPEAT),
        "bare": _bare(repository, bundle),
        "cold": _cold(repository, bundle),
        "changed": _next(repository, rotate),
        "steady": _next(repository, repository.publish_timestamp),
    }
    tries = 3 if hosts <= TARGET_SIZE else 1
    ways = {name: fastest(way, tries=tries) for name, way in ways.items()}
    with no_collections():
        costs = interleave(ways, rounds=rounds, warm_up=1 if hosts > TARGET_SIZE else 3)
    return Comparison(
        bytes=len(bundle),
        gzip_bytes=len(gzip.compress(bundle, 9)),
        seconds={state: spread_of(costs[state]) for state in STATES},
        raw={state: ratios(costs[state], costs["raw"]) for state in STATES},
        bare={state: ratios(costs[state], costs["bare"]) for state in STATES},
    )


def measure(*, quick: bool) -> list[Figure]:
    """Measure this subject."""
    figures = []
    for hosts in SIZES[:3] if quick else SIZES:
        talk(f"verification: {hosts} hosts")
        rounds = {1: 151, 50: 151, 1_000: 31, 10_000: 7}[hosts] // (5 if quick else 1)
        taken = compare_verification(hosts, rounds=rounds)
        is_target = hosts == TARGET_SIZE
        size = f"{hosts:,} host{'s' if hosts > 1 else ''}"
        for state in STATES:
            figures += [
                Figure.of(
                    taken.raw[state], name=f"verification.raw_{state}_{hosts}", unit="raw P-256 verifications",
                    what=f"verify a bundle of {size}, {state}", at_most=AT_MOST_RAW if is_target else None, tried=TRIED,
                ),
                Figure.of(
                    taken.bare[state], name=f"verification.bare_{state}_{hosts}", unit="x bare `tuf.api.metadata`",
                    what=f"verify a bundle of {size}, {state}", at_most=AT_MOST_BARE if is_target else None,
                    tried=TRIED,
                ),
                Figure.of(
                    taken.seconds[state].scaled(1e3), name=f"verification.ms_{state}_{hosts}", unit="ms",
                    what=f"verify a bundle of {size}, {state}",
                ),
            ]  # fmt: skip
        figures += [
            Figure(name=f"verification.bytes_{hosts}", what=f"bundle of {size}", value=taken.bytes, unit="bytes"),
            Figure(
                name=f"verification.gzip_bytes_{hosts}", what=f"bundle of {size}, gzip", value=taken.gzip_bytes,
                unit="bytes",
            ),
        ]  # fmt: skip
    return figures

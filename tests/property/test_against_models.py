# SPDX-License-Identifier: Apache-2.0
"""The rules against naive models of them, and against other people's implementations."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical as reference_canonical

from holdfast.core.certificate import Certificate
from holdfast.core.freshness import Source, State, effective_now, find_state
from holdfast.core.hostname import normalise_hostname, parent_domains
from holdfast.core.manifest import Manifest, ManifestHost
from holdfast.core.pin import Pin, PinSet, PinType, Position
from holdfast.core.pin_set import build_pin_table
from holdfast.core.scope import Mode, Scope, ScopeHost, Unpinned
from holdfast.core.validation import Reason, validate_path
from holdfast.errors import ScopeError
from holdfast.trust.canonical_json import encode_canonical

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DIGESTS = [sha256(bytes([number])).digest() for number in range(4)]
LABELS = st.sampled_from(["a", "b", "example", "com"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=6), children, max_size=4),
    max_leaves=20,
)


@given(value=plain_values)
def test_canonical_json_is_that_of_securesystemslib(value: object) -> None:
    try:
        expected = str(reference_canonical(value)).encode()  # type: ignore[arg-type]  # its type is narrower
    except UnicodeEncodeError:
        return
    assert encode_canonical(value) == expected


def scope_host(pattern: str, include_subdomains: bool, **fields: object) -> ScopeHost:
    values: dict[str, object] = {
        "mode": Mode.ENFORCE,
        "until": None,
        "allow_leaf": True,
        "allow_ca": frozenset(),
        "require": None,
        "backup": PinSet(),
        "reject": PinSet(),
        **fields,
    }
    return ScopeHost(pattern, include_subdomains, **values)  # type: ignore[arg-type]  # fields of the class


def documents(hosts: list[ScopeHost], entries: list[ManifestHost]) -> tuple[Scope, Manifest]:
    scope = Scope("a/b", 1, NOW, tuple(hosts), Unpinned.ALLOW, None, 86_400, None, None)
    return scope, Manifest("a/b", 1, NOW, 900, tuple(entries))


@given(patterns=st.dictionaries(NAMES, st.booleans(), max_size=6), host=NAMES)
def test_the_most_specific_pattern_governs_alone(patterns: dict[str, bool], host: str) -> None:
    pin = Pin(PinType.SPKI_SHA256, Position.LEAF, DIGESTS[0])
    table = build_pin_table(
        *documents(
            [scope_host(pattern, include) for pattern, include in patterns.items()],
            [ManifestHost(pattern, include, PinSet([pin]), PinSet(), 0) for pattern, include in patterns.items()],
        )
    )
    matching = [p for p, include in patterns.items() if p == host or (include and host.endswith("." + p))]
    found = table.find(host)
    assert (found.pattern if found else None) == max(matching, key=len, default=None)


PINS = st.builds(
    Pin,
    st.just(PinType.SPKI_SHA256),
    st.sampled_from(Position),
    st.sampled_from(DIGESTS),
)
PATHS = st.lists(st.sampled_from(DIGESTS), min_size=1, max_size=3)


def matches(pin: Pin, path: list[bytes]) -> bool:
    return any(
        pin.digest == digest and (pin.at is Position.ANY or (pin.at is Position.LEAF) == (index == 0))
        for index, digest in enumerate(path)
    )


@given(
    path=PATHS,
    accept=st.lists(PINS, max_size=3),
    reject=st.lists(PINS, max_size=2),
    backup=st.lists(PINS, max_size=2),
    scope_reject=st.lists(PINS, max_size=2),
    require=st.none() | st.frozensets(st.sampled_from(DIGESTS), min_size=1, max_size=2),
    allow_leaf=st.booleans(),
    allow_ca=st.frozensets(st.sampled_from(DIGESTS), max_size=3),
)
def test_the_order_of_evaluation(
    path: list[bytes],
    accept: list[Pin],
    reject: list[Pin],
    backup: list[Pin],
    scope_reject: list[Pin],
    require: frozenset[bytes] | None,
    allow_leaf: bool,
    allow_ca: frozenset[bytes],
) -> None:
    def is_usable(pin: Pin) -> bool:
        wanted = {Position.LEAF, Position.CA} if pin.at is Position.ANY else {pin.at}
        allowed = (Position.LEAF not in wanted or allow_leaf) and (Position.CA not in wanted or pin.digest in allow_ca)
        for other in (*reject, *scope_reject):
            if other.digest == pin.digest:
                wanted -= {Position.LEAF, Position.CA} if other.at is Position.ANY else {other.at}
        return allowed and bool(wanted)

    usable = [pin for pin in accept if is_usable(pin)]
    host = scope_host(
        "a.example",
        False,
        allow_leaf=allow_leaf,
        allow_ca=allow_ca,
        require=require,
        backup=PinSet(backup),
        reject=PinSet(scope_reject),
    )
    scope, manifest = documents([host], [ManifestHost("a.example", False, PinSet(accept), PinSet(reject), 0)])
    if not usable:
        with pytest.raises(ScopeError) as caught:
            build_pin_table(scope, manifest)
        assert caught.value.code == "host-without-pin"
        return
    pins = build_pin_table(scope, manifest).find("a.example")
    assert pins is not None
    if any(matches(pin, path) for pin in scope_reject):
        expected = Reason.SCOPE_REJECT
    elif require is not None and not require & set(path[1:]):
        expected = Reason.REQUIRE
    elif any(matches(pin, path) for pin in backup):
        expected = Reason.BACKUP
    elif any(matches(pin, path) for pin in reject):
        expected = Reason.MANIFEST_REJECT
    elif any(matches(pin, path) for pin in usable):
        expected = Reason.PIN
    else:
        expected = Reason.NO_MATCH
    assert validate_path(pins, [Certificate(digest, digest, b"") for digest in path]) is expected


@given(name=NAMES)
def test_parents_are_suffixes_nearest_first(name: str) -> None:
    parents = list(parent_domains(name))
    assert all(name.endswith("." + parent) for parent in parents)
    assert all(len(nearer) > len(farther) for nearer, farther in pairwise(parents))
    assert len(parents) == name.count(".")


@given(text=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    try:
        once = normalise_hostname(text)
    except ValueError:
        return
    assert normalise_hostname(once) == once


@given(
    source=st.none() | st.sampled_from(Source),
    age=st.floats(0, 1e9),
    fresh=st.integers(60, 10**6),
    retired=st.booleans(),
)
def test_no_state_means_no_pins(source: Source | None, age: float, fresh: int, retired: bool) -> None:
    state = find_state(source, age=age, fresh_seconds=fresh, retired=retired)
    assert (state is State.EMPTY) is (source is None)
    assert (state is State.SEED) is (source is Source.SEED)
    assert (state is State.FRESH) is (source in (Source.CACHE, Source.NETWORK) and age <= fresh and not retired)


@given(
    device=st.datetimes(timezones=st.just(UTC)), references=st.lists(st.none() | st.datetimes(timezones=st.just(UTC)))
)
def test_effective_now_never_falls_behind_what_was_signed(device: datetime, references: list[datetime | None]) -> None:
    now = effective_now(device, references)
    assert now >= device
    assert all(now >= reference for reference in references if reference is not None)

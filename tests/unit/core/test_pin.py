# SPDX-License-Identifier: Apache-2.0
"""``holdfast.core.pin``: digests, single pins, and what a list of pins matches."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from holdfast.core.certificate import Certificate
from holdfast.core.limits import MAX_LABEL_TEXT
from holdfast.core.pin import Pin, PinSet, PinType, Position, format_digest, parse_digest, parse_pin
from holdfast.errors import PinSyntaxError

SPKI, WHOLE = PinType.SPKI_SHA256, PinType.CERTIFICATE_SHA256


def digest(word: str) -> bytes:
    return sha256(word.encode()).digest()


def text(word: str) -> str:
    return b64encode(digest(word)).decode()


def certificate(word: str) -> Certificate:
    return Certificate(digest(f"{word} key"), digest(f"{word} certificate"), b"")


def test_a_digest_there_and_back() -> None:
    for octets in (bytes(32), b"\xff" * 32, digest("key")):
        assert parse_digest(format_digest(octets)) == octets


ZERO = "A" * 43 + "="


@pytest.mark.parametrize(
    "value",
    [
        "", ZERO[:-1], ZERO + "=", "A" * 44, "A" * 42 + "==", f"{ZERO}\n", f" {ZERO[1:]}", f"{'A' * 42}B=",
        f"{'A' * 20}={'A' * 22}=", f"{'A' * 20} {'A' * 22}=", f"{'A' * 42}é=", f"{'-' * 43}=", f"{'_' * 42}A=",
        f"{'='}{'A' * 42}=", b64encode(bytes(31)).decode(), b64encode(bytes(33)).decode(), "00" * 32, None, 7,
        b"A" * 44, [ZERO], {}, True,
    ],
)  # fmt: skip
def test_what_is_no_canonical_digest_is_refused(value: object) -> None:
    with pytest.raises(PinSyntaxError) as caught:
        parse_digest(value)
    assert caught.value.code == "digest-syntax"


def test_of_texts_that_differ_in_unused_bits_one_is_read() -> None:
    read = []
    for last in "ABCD":
        try:
            read.append(parse_digest(f"{'A' * 42}{last}="))
        except PinSyntaxError:
            continue
    assert read == [bytes(32)]


@pytest.mark.parametrize(
    ("kind", "at", "expected"),
    [
        ("spki-sha256", "leaf", (SPKI, Position.LEAF)),
        ("spki-sha256", "ca", (SPKI, Position.CA)),
        ("spki-sha256", "any", (SPKI, Position.ANY)),
        ("certificate-sha256", "leaf", (WHOLE, Position.LEAF)),
    ],
)
def test_the_four_kinds_of_pin(kind: str, at: str, expected: tuple[PinType, Position]) -> None:
    pin = parse_pin({"type": kind, "at": at, "digest": text("key"), "use": "current", "note": {"any": "thing"}})
    assert pin == Pin(*expected, digest("key"))
    assert isinstance(pin, Pin)
    assert (pin.type, pin.at, pin.digest) == (*expected, digest("key"))


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "spki-sha512", "at": "leaf", "digest": text("key")},
        {"type": "spki-sha512", "at": "leaf", "digest": 7, "use": 7},
        {"type": "spki-sha512", "at": "leaf"},
        {"type": "spki-sha256", "at": "root", "digest": text("key")},
        {"type": "spki-sha256", "at": "LEAF", "digest": text("key")},
        {"type": "certificate-sha256", "at": "ca", "digest": text("key")},
        {"type": "certificate-sha256", "at": "any", "digest": text("key")},
    ],
)
def test_a_pin_of_unknown_kind_never_matches_and_is_no_error(fields: dict[str, Any]) -> None:
    assert parse_pin(fields) is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "pin-syntax"),
        ({"type": "spki-sha256"}, "pin-syntax"),
        ({"at": "leaf"}, "pin-syntax"),
        ({"type": 1, "at": "leaf", "digest": ZERO}, "pin-syntax"),
        ({"type": [], "at": "leaf", "digest": ZERO}, "pin-syntax"),
        ({"type": "spki-sha256", "at": None, "digest": ZERO}, "pin-syntax"),
        ({"type": "spki-sha512", "at": {}, "digest": ZERO}, "pin-syntax"),
        ({"type": "spki-sha256", "at": "leaf"}, "digest-syntax"),
        ({"type": "spki-sha256", "at": "leaf", "digest": None}, "digest-syntax"),
        ({"type": "spki-sha256", "at": "any", "digest": "short"}, "digest-syntax"),
        ({"type": "certificate-sha256", "at": "ca", "digest": "short"}, "digest-syntax"),
        ({"type": "certificate-sha256", "at": "any"}, "digest-syntax"),
        ({"type": "spki-sha256", "at": "leaf", "digest": ZERO, "use": 1}, "pin-syntax"),
        ({"type": "spki-sha256", "at": "leaf", "digest": ZERO, "use": None}, "pin-syntax"),
        ({"type": "spki-sha256", "at": "leaf", "digest": ZERO, "reason": []}, "pin-syntax"),
        ({"type": "spki-sha256", "at": "leaf", "digest": ZERO, "use": "x", "reason": 1}, "pin-syntax"),
        ({"type": "spki-sha256", "at": "leaf", "digest": ZERO, "reason": "x" * (MAX_LABEL_TEXT + 1)}, "pin-syntax"),
        ([], "pin-syntax"),
        ("spki-sha256", "pin-syntax"),
        (None, "pin-syntax"),
    ],
)
def test_a_malformed_pin_is_refused(fields: Any, code: str) -> None:
    with pytest.raises(PinSyntaxError) as caught:
        parse_pin(fields)
    assert caught.value.code == code


def test_labels_may_be_as_long_as_allowed() -> None:
    label = "x" * MAX_LABEL_TEXT
    assert parse_pin({"type": "spki-sha256", "at": "leaf", "digest": ZERO, "use": label, "reason": label}) is not None


LEAF, ISSUER, ROOT = certificate("leaf"), certificate("issuer"), certificate("root")
PATH = (LEAF, ISSUER, ROOT)


@pytest.mark.parametrize(
    ("pin", "expected"),
    [
        (Pin(SPKI, Position.LEAF, LEAF.spki_sha256), True),
        (Pin(SPKI, Position.LEAF, ISSUER.spki_sha256), False),
        (Pin(SPKI, Position.CA, LEAF.spki_sha256), False),
        (Pin(SPKI, Position.CA, ISSUER.spki_sha256), True),
        (Pin(SPKI, Position.CA, ROOT.spki_sha256), True),
        (Pin(SPKI, Position.ANY, LEAF.spki_sha256), True),
        (Pin(SPKI, Position.ANY, ROOT.spki_sha256), True),
        (Pin(SPKI, Position.ANY, digest("other")), False),
        (Pin(WHOLE, Position.LEAF, LEAF.certificate_sha256), True),
        (Pin(WHOLE, Position.LEAF, LEAF.spki_sha256), False),
        (Pin(WHOLE, Position.LEAF, ISSUER.certificate_sha256), False),
        (Pin(SPKI, Position.LEAF, LEAF.certificate_sha256), False),
        (Pin(SPKI, Position.ANY, ISSUER.certificate_sha256), False),
    ],
)
def test_a_pin_matches_by_its_kind_at_its_place(pin: Pin, expected: bool) -> None:
    assert PinSet([pin]).matches(PATH) is expected
    assert PinSet([Pin(SPKI, Position.ANY, digest("first")), pin]).matches(PATH) is expected


def test_a_path_of_one_certificate_has_no_ca() -> None:
    assert not PinSet([Pin(SPKI, Position.CA, LEAF.spki_sha256)]).matches((LEAF,))
    assert PinSet([Pin(SPKI, Position.ANY, LEAF.spki_sha256)]).matches((LEAF,))


def test_no_pins_match_nothing() -> None:
    assert not PinSet().matches(PATH)


def test_a_list_tells_what_would_match_where() -> None:
    pins = PinSet(
        [
            Pin(SPKI, Position.LEAF, digest("l")),
            Pin(SPKI, Position.CA, digest("c")),
            Pin(SPKI, Position.ANY, digest("a")),
            Pin(WHOLE, Position.LEAF, digest("w")),
        ]
    )
    assert pins.leaf_spki == {digest("l"), digest("a")}
    assert pins.ca_spki == {digest("c"), digest("a")}
    assert pins.leaf_certificate == {digest("w")}


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([], True),
        ([Position.LEAF], True),
        ([Position.LEAF, Position.LEAF], True),
        ([Position.CA], False),
        ([Position.ANY], False),
        ([Position.LEAF, Position.ANY], False),
        ([Position.CA, Position.LEAF], False),
    ],
)
def test_a_list_tells_whether_it_is_of_leaf_keys_only(places: list[Position], expected: bool) -> None:
    assert PinSet(Pin(SPKI, at, digest(str(number))) for number, at in enumerate(places)).stand_at_leaf is expected

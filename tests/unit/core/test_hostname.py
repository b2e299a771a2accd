# SPDX-License-Identifier: Apache-2.0
"""``holdfast.core.hostname``: one spelling for every host."""

from __future__ import annotations

import pytest

from holdfast.core.hostname import is_ip, normalise_hostname, parent_domains, parse_pattern
from holdfast.errors import HostnameSyntaxError

LONGEST_LABEL = "a" * 63
LONGEST_NAME = ".".join([LONGEST_LABEL] * 3 + ["a" * 61])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("api.example.com", "api.example.com"),
        ("API.Example.COM.", "api.example.com"),
        ("localhost", "localhost"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("a_b.example", "a_b.example"),
        ("1.2.3.example", "1.2.3.example"),
        ("0x1f.example", "0x1f.example"),
        ("example.0xyz", "example.0xyz"),
        ("example.1a", "example.1a"),
        (LONGEST_NAME, LONGEST_NAME),
        (LONGEST_NAME + ".", LONGEST_NAME),
        ("192.0.2.1", "192.0.2.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::]", "2001:db8::"),
        ("::192.0.2.1", "::c000:201"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::FFFF:C000:0201]", "192.0.2.1"),
    ],
)
def test_a_host_has_one_spelling(text: str, name: str) -> None:
    assert normalise_hostname(text) == name
    assert normalise_hostname(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "a..b", ".a", "a..", "-a.example", "a-.example", "a.-", "a.b-", "a b", " a", "a\n", "a\x00b",
        "*.example.com", "example.com:443", "https://example.com", "user@example.com", "bücher.example", "example。com",
        "a/b", "a\\b", "a%b", LONGEST_LABEL + "a", LONGEST_LABEL + "a.example", LONGEST_NAME + "a",
        LONGEST_NAME + "aa", LONGEST_NAME + "a.", "127.1", "1.2.3", "1.2.3.4.5", "1.2.3.04", "1.2.3.256", "1.2.3.4.",
        "0x7f.0.0.1", "0x", "1", "example.1", "example.0x1f", "example.0X", "[192.0.2.1]", "[example.com]", "[::1",
        "::1]", "[[::1]]", "fe80::1%eth0", "fe80::1%", "::1/128", "[::1]:443", ":", ":::", "1:2", "::ffff:192.0.2.256",
        "12345::", "::1 ", None, 7, b"example.com", ["example.com"],
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused(text: object) -> None:
    with pytest.raises(HostnameSyntaxError) as caught:
        normalise_hostname(text)
    assert caught.value.code == "hostname-syntax"


@pytest.mark.parametrize("text", ["api.example.com", "192.0.2.1", "2001:db8::1"])
def test_a_pattern_in_its_one_spelling(text: str) -> None:
    assert parse_pattern(text) == text


@pytest.mark.parametrize(
    "text", ["API.example.com", "example.com.", "[::1]", "::ffff:192.0.2.1", "::ffff:c000:201", "2001:DB8::1", "0::1"]
)
def test_a_pattern_in_another_spelling(text: str) -> None:
    with pytest.raises(HostnameSyntaxError) as caught:
        parse_pattern(text)
    assert caught.value.code == "pattern-not-normalised"


def test_a_pattern_that_is_no_host() -> None:
    with pytest.raises(HostnameSyntaxError) as caught:
        parse_pattern("*.example.com")
    assert caught.value.code == "hostname-syntax"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("192.0.2.1", True), ("::1", True), ("2001:db8::", True), ("example.com", False), ("1.2.3.example", False),
        ("", False), ("a1", False), ("host-1.example.a1", False),
    ],
)  # fmt: skip
def test_addresses_are_told_from_names(name: str, expected: bool) -> None:
    assert is_ip(name) is expected


@pytest.mark.parametrize(
    ("name", "parents"),
    [
        ("a.b.example.com", ["b.example.com", "example.com", "com"]),
        ("com", []),
        ("192.0.2.1", []),
        ("2001:db8::1", []),
    ],
)
def test_parents_nearest_first(name: str, parents: list[str]) -> None:
    assert list(parent_domains(name)) == parents

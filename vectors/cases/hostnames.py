# SPDX-License-Identifier: Apache-2.0
"""``spec/validation.md``: host names, patterns, which pattern governs."""

from __future__ import annotations

from vectors.making.case import Case, Table


def cases() -> list[Case]:
    """All cases of the part."""
    return [*_hostnames(), *_patterns(), *_lookups()]


def _hostnames() -> list[Case]:
    table = Table("hostname")

    def accept(name: str, musts: str, comment: str, value: str, normal: str) -> None:
        table.accept(name, musts, comment, {"text": value}, name=normal)

    def refuse(name: str, musts: str, comment: str, value: str) -> None:
        table.refuse(name, musts, comment, {"text": value}, "hostname-syntax", "HostnameSyntaxError")

    accept("plain", "VAL-1 VAL-6", "a name in normal form stays itself", "api.example.com", "api.example.com")
    accept("one-label", "VAL-6", "one label is a name", "localhost", "localhost")
    for name, value in {
        "empty": "",
        "space": "api example.com",
        "leading-space": " api.example.com",
        "trailing-line-feed": "api.example.com\n",
        "nul": "api.example.com\x00.evil.example",
        "delete": "api.example.com\x7f",
        "non-ascii": "b\u00fccher.example",
        "full-width": "\uff41pi.example.com",
        "kelvin-sign": "\u212aelvin.example.com",
        "ideographic-full-stop": "api\u3002example\u3002com",
        "soft-hyphen": "a\u00adpi.example.com",
    }.items():
        refuse(name, "VAL-1", f"an octet outside %x21-7E: {name.replace('-', ' ')}", value)

    for name, value, normal in (
        ("ipv6", "2001:db8::1", "2001:db8::1"),
        ("ipv6-upper-case", "2001:DB8::A", "2001:db8::a"),
        ("ipv6-full", "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("ipv6-brackets", "[2001:db8::1]", "2001:db8::1"),
        ("ipv6-loopback", "::1", "::1"),
        ("ipv6-unspecified", "0:0:0:0:0:0:0:0", "::"),
        ("ipv6-longest-run", "2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("ipv6-first-run-of-equals", "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("ipv6-one-zero-group", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("ipv6-one-group-compressed", "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("ipv6-dotted-tail", "64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("ipv4-mapped-dotted", "::ffff:192.0.2.1", "192.0.2.1"),
        ("ipv4-mapped-hexadecimal", "::FFFF:c000:201", "192.0.2.1"),
        ("ipv4-mapped-brackets", "[::ffff:192.0.2.1]", "192.0.2.1"),
        ("ipv4-compatible", "::192.0.2.1", "::c000:201"),
    ):
        accept(
            name, "VAL-2", "the RFC 5952 text, never mixed; an IPv4-mapped address is the IPv4 address", value, normal
        )
    for name, value in {
        "port": "api.example.com:443",
        "ipv4-port": "192.0.2.1:443",
        "ipv6-port": "[2001:db8::1]:443",
        "ipv6-zone": "fe80::1%eth0",
        "ipv6-escaped-zone": "[fe80::1%25eth0]",
        "ipv6-open-bracket": "[2001:db8::1",
        "ipv6-close-bracket": "2001:db8::1]",
        "ipv6-two-brackets": "[[2001:db8::1]]",
        "ipv6-prefix-length": "2001:db8::/32",
        "ipv6-two-runs": "2001::db8::1",
        "ipv6-seven-groups": "1:2:3:4:5:6:7",
        "ipv6-nine-groups": "1:2:3:4:5:6:7:8:9",
        "ipv6-long-group": "2001:0db88::1",
        "ipv6-trailing-dot": "2001:db8::1.",
        "ipv6-no-hexadecimal": "2001:db8::g",
        "ipv6-dotted-in-front": "192.0.2.1::",
        "ipv6-dotted-leading-zero": "::ffff:192.0.02.1",
        "ipv4-brackets": "[192.0.2.1]",
        "name-in-brackets": "[api.example.com]",
        "colon": ":",
        "url": "https://api.example.com",
    }.items():
        refuse(name, "VAL-2", f"neither a name nor an IPv6 address: {name.replace('-', ' ')}", value)

    accept("trailing-dot", "VAL-3", "one trailing dot is taken off", "api.example.com.", "api.example.com")
    for name, value in {"two-trailing-dots": "api.example.com..", "dot": ".", "dots": ".."}.items():
        refuse(name, "VAL-3", "one trailing dot, not more, and not alone", value)

    accept("upper-case", "VAL-4", "upper case becomes lower case", "API.Example.COM", "api.example.com")
    accept("upper-case-dot", "VAL-3 VAL-4", "both at once", "API.example.com.", "api.example.com")
    accept("upper-case-a-label", "VAL-4", "A-labels too", "XN--BCHER-KVA.example", "xn--bcher-kva.example")

    for name, value in {"ipv4": "192.0.2.1", "ipv4-zeros": "0.0.0.0", "ipv4-last": "255.255.255.255"}.items():
        accept(name, "VAL-5", "four decimal numbers are an IPv4 address", value, value)
    accept(
        "digits-not-last",
        "VAL-5",
        "a number that is not the last label is a label",
        "1.2.3.4.example",
        "1.2.3.4.example",
    )
    accept("digits-and-letters", "VAL-5", "a last label that only begins with a number", "example.4you", "example.4you")
    accept(
        "hexadecimal-look", "VAL-5", "0x with something that is no hexadecimal digit", "example.0xyz", "example.0xyz"
    )
    for name, value in {
        "ipv4-short": "127.1",
        "ipv4-one-number": "2130706433",
        "ipv4-three": "192.0.2",
        "ipv4-five": "1.2.3.4.5",
        "ipv4-octal": "0177.0.0.1",
        "ipv4-leading-zero": "192.0.2.01",
        "ipv4-too-large": "192.0.2.256",
        "ipv4-hexadecimal-first": "0x7f.0.0.1",
        "ipv4-hexadecimal-last": "127.0.0.0x1",
        "ipv4-hexadecimal-whole": "0x7f000001",
        "ipv4-hexadecimal-empty": "127.0.0.0x",
        "ipv4-hexadecimal-upper-case": "127.0.0.0XF",
        "ipv4-trailing-dot": "192.0.2.1.",
        "name-ends-in-number": "example.1",
        "name-ends-in-hexadecimal": "example.0x1",
    }.items():
        refuse(name, "VAL-5", "ends in a number, and is no canonical IPv4 address", value)

    accept(
        "underscore",
        "VAL-6",
        "an underscore is a letter here",
        "_dmarc.my_service.example.com",
        "_dmarc.my_service.example.com",
    )
    accept(
        "inner-hyphens",
        "VAL-6",
        "hyphens inside a label, any number of them",
        "r3---sn-a.example.com",
        "r3---sn-a.example.com",
    )
    accept("label-63", "VAL-6", "63 octets are a label", "a" * 63 + ".example", "a" * 63 + ".example")
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    accept("name-253", "VAL-6", "253 octets are a name", longest, longest)
    accept("name-253-dot", "VAL-6", "the trailing dot does not count", longest + ".", longest)
    for name, value in {
        "label-64": "a" * 64 + ".example",
        "name-254": longest + "b",
        "empty-label": "api..example.com",
        "leading-dot": ".example.com",
        "wildcard": "*.example.com",
        "leading-hyphen": "-api.example.com",
        "trailing-hyphen": "api-.example.com",
        "slash": "api.example.com/",
        "user": "user@api.example.com",
        "percent": "api%2eexample.com",
        "backslash": "api\\example.com",
        "question-mark": "api.example.com?",
        "comma": "api.example.com,evil.example",
    }.items():
        refuse(name, "VAL-6", f"no name: {name.replace('-', ' ')}", value)
    return table.cases


def _patterns() -> list[Case]:
    table = Table("pattern")
    for name, value in {
        "name": "api.example.com",
        "a-label": "xn--bcher-kva.example",
        "underscore": "_a.example.com",
        "ipv4": "192.0.2.1",
        "ipv6": "2001:db8::1",
    }.items():
        table.accept(name, "VAL-7", "a pattern is equal to its own normal form", {"text": value}, pattern=value)
    for name, value in {
        "upper-case": "API.example.com",
        "trailing-dot": "api.example.com.",
        "ipv6-brackets": "[2001:db8::1]",
        "ipv6-not-compressed": "2001:db8:0:0:0:0:0:1",
        "ipv6-upper-case": "2001:DB8::1",
        "ipv4-mapped": "::ffff:192.0.2.1",
        "ipv4-mapped-hexadecimal": "::ffff:c000:201",
    }.items():
        comment = "a host, but not in its normal form"
        table.refuse(name, "VAL-7", comment, {"text": value}, "pattern-not-normalised", "HostnameSyntaxError")
    for name, value in {
        "wildcard": "*.example.com",
        "leading-dot": ".example.com",
        "number": "127.1",
        "empty": "",
    }.items():
        table.refuse(name, "VAL-6 VAL-7", "no host at all", {"text": value}, "hostname-syntax", "HostnameSyntaxError")
    return table.cases


def _lookups() -> list[Case]:
    table = Table("look-up")
    tree = [
        ["example.com", True],
        ["api.example.com", False],
        ["eu.api.example.com", True],
        ["192.0.2.1", False],
        ["2001:db8::1", False],
    ]

    def governs(name: str, musts: str, comment: str, host: str, pattern: str | None) -> None:
        table.accept(name, musts, comment, {"patterns": tree, "host": host}, pattern=pattern)

    governs("itself", "VAL-8", "a pattern matches itself", "api.example.com", "api.example.com")
    governs(
        "most-specific", "VAL-8", "the longer of two that match governs", "eu.api.example.com", "eu.api.example.com"
    )
    governs("subdomain", "VAL-8", "one level below", "www.example.com", "example.com")
    governs("any-depth", "VAL-8", "any level below", "a.b.c.example.com", "example.com")
    governs("most-specific-below", "VAL-8", "and for names below it", "x.eu.api.example.com", "eu.api.example.com")
    comment = "api.example.com does not match its subdomains, example.com does"
    governs("past-an-exact-one", "VAL-8", comment, "x.api.example.com", "example.com")
    governs("parent-itself", "VAL-8", "include_subdomains matches the pattern too", "example.com", "example.com")
    governs("upper-case", "VAL-8 VAL-4", "the host is normalised first", "API.EXAMPLE.COM.", "api.example.com")
    governs("above", "VAL-8", "nothing matches upwards", "com", None)
    governs("no-boundary", "VAL-9", "a suffix that is not on a label boundary", "evil-example.com", None)
    governs("prefix", "VAL-9", "a pattern as a prefix", "example.com.evil.example", None)
    governs("ipv4", "VAL-9", "an IP address is matched by itself", "192.0.2.1", "192.0.2.1")
    governs("ipv4-mapped", "VAL-9 VAL-2", "in its other spelling too", "[::ffff:192.0.2.1]", "192.0.2.1")
    governs("ipv6", "VAL-9", "an IPv6 address in another spelling", "2001:DB8:0::1", "2001:db8::1")
    governs("ipv4-other", "VAL-9", "no address lies under another", "1.192.0.2", None)
    return table.cases

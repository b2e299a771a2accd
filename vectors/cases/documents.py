# SPDX-License-Identifier: Apache-2.0
"""``spec/scope.md`` and ``spec/manifest.md``: the text of scopes and manifests, and of single pins."""

from __future__ import annotations

from typing import Any, Final

from vectors.cases.forms import ONES, ZEROS
from vectors.making.case import Case, Table, document, recipe, text
from vectors.making.repository import at, compact, manifest_document, scope_document

LARGEST: Final = 2**53 - 1
LEAF: Final = {"type": "spki-sha256", "at": "leaf", "digest": ZEROS}
GONE: Final[Any] = object()


def cases() -> list[Case]:
    """All cases of the two chapters, and of pins."""
    return [*_pins(), *_scopes(), *_manifests()]


def _pins() -> list[Case]:
    table = Table("pin")

    def accept(name: str, musts: str, comment: str, fields: dict[str, Any], **pin: str) -> None:
        table.accept(name, musts, comment, {"pin": fields}, pin=pin)

    def never(name: str, musts: str, comment: str, fields: dict[str, Any]) -> None:
        table.accept(name, musts, comment, {"pin": fields}, pin=None)

    def refuse(name: str, musts: str, comment: str, fields: dict[str, Any], code: str) -> None:
        table.refuse(name, musts, comment, {"pin": fields}, code, "PinSyntaxError")

    for position in ("leaf", "ca", "any"):
        fields = LEAF | {"at": position}
        accept(
            f"spki-{position}",
            "VAL-15",
            "a known type at a known position",
            fields,
            type="spki-sha256",
            at=position,
            hex="00" * 32,
        )
    fields = {"type": "certificate-sha256", "at": "leaf", "digest": ONES}
    accept(
        "certificate-leaf",
        "VAL-15 VAL-16",
        "a whole certificate at the leaf",
        fields,
        type="certificate-sha256",
        at="leaf",
        hex="ff" * 32,
    )
    accept(
        "more-members",
        "VAL-15 FRM-8",
        "members that nobody knows",
        LEAF | {"colour": ["red"]},
        type="spki-sha256",
        at="leaf",
        hex="00" * 32,
    )
    never("unknown-type", "VAL-14", "an unknown type never matches", LEAF | {"type": "spki-sha512"})
    never(
        "unknown-type-other-digest",
        "VAL-14",
        "whatever its digest says",
        {"type": "spki-blake3", "at": "leaf", "digest": "b3:1234"},
    )
    never("unknown-type-no-digest", "VAL-14", "even none", {"type": "issuer-name", "at": "ca"})
    never("unknown-position", "VAL-14", "an unknown position never matches", LEAF | {"at": "root"})
    never("type-in-upper-case", "VAL-14", "types are compared octet by octet", LEAF | {"type": "SPKI-SHA256"})
    never(
        "certificate-at-ca",
        "VAL-16",
        "a whole certificate elsewhere than at the leaf",
        {"type": "certificate-sha256", "at": "ca", "digest": ONES},
    )
    never("certificate-anywhere", "VAL-16", "nor at any", {"type": "certificate-sha256", "at": "any", "digest": ONES})
    refuse("type-number", "VAL-14", "type is a string", LEAF | {"type": 1}, "pin-syntax")
    refuse("type-missing", "VAL-14", "and is there", {"at": "leaf", "digest": ZEROS}, "pin-syntax")
    refuse("position-null", "VAL-14", "at is a string", LEAF | {"at": None}, "pin-syntax")
    refuse("position-missing", "VAL-14", "and is there", {"type": "spki-sha256", "digest": ZEROS}, "pin-syntax")
    refuse(
        "digest-missing", "VAL-15", "a known pin has a digest", {"type": "spki-sha256", "at": "leaf"}, "digest-syntax"
    )
    refuse("digest-number", "VAL-15", "which is a string", LEAF | {"digest": 0}, "digest-syntax")
    unused = ZEROS[:42] + "B="
    refuse(
        "digest-not-canonical",
        "VAL-15 FRM-11",
        "another text for the same 32 octets",
        LEAF | {"digest": unused},
        "digest-syntax",
    )
    return table.cases


def _without(fields: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Change members; ``GONE`` takes one away."""
    return {name: value for name, value in (fields | changes).items() if value is not GONE}


def _host(**changes: Any) -> dict[str, Any]:
    fields = {
        "pattern": "api.example.com",
        "include_subdomains": False,
        "mode": "enforce",
        "allow": {"leaf": True, "ca": []},
    }
    return _without(fields, **changes)


def _scope(*hosts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return document(_without(scope_document(), **({"hosts": list(hosts) or [_host()]} | changes)))


def _scopes() -> list[Case]:
    table = Table("scope")

    def accept(name: str, musts: str, comment: str, given: dict[str, Any], **values: Any) -> None:
        table.accept(name, musts, comment, given, **values)

    def refuse(name: str, musts: str, comment: str, given: dict[str, Any], code: str) -> None:
        table.refuse(name, musts, comment, given, code, "ManifestSyntaxError")

    full = _host(require=[ONES], backup=[LEAF], reject=[LEAF | {"at": "any"}])
    accept(
        "full",
        "SCO-1 SCO-2 SCO-8 FRM-9",
        "every member",
        _scope(
            full,
            max_age_seconds=2592000,
            report={"urls": ["https://pins.example.com/v1/reports"], "sample": 1},
            canary={"host": "canary.example.com"},
        ),
        channel="com.example.bank/production",
        version=7,
        issued=at(-30),
        unpinned="allow",
        max_age_seconds=2592000,
        fresh_seconds=86400,
        report={"urls": ["https://pins.example.com/v1/reports"], "sample": 1},
        canary="canary.example.com",
        hosts=[
            {
                "pattern": "api.example.com",
                "include_subdomains": False,
                "mode": "enforce",
                "until": None,
                "allow_leaf": True,
                "allow_ca": [],
                "require": [ONES],
                "backup": 1,
                "reject": 1,
            }
        ],
    )
    accept(
        "least",
        "SCO-2",
        "every member that may be absent is",
        document(
            {
                "format": "holdfast-scope/1",
                "channel": "a/b",
                "version": 1,
                "issued": at(),
                "unpinned": "deny",
                "hosts": [{"pattern": "a.example", "allow": {}}],
            }
        ),
        channel="a/b",
        version=1,
        unpinned="deny",
        max_age_seconds=None,
        fresh_seconds=86400,
        report=None,
        canary=None,
        hosts=[
            {
                "pattern": "a.example",
                "include_subdomains": False,
                "mode": "enforce",
                "until": None,
                "allow_leaf": False,
                "allow_ca": [],
                "require": None,
                "backup": 0,
                "reject": 0,
            }
        ],
    )
    accept("no-hosts", "SCO-2", "a scope may protect nothing", document(scope_document(hosts=[])), hosts=[])
    accept(
        "unknown-members",
        "SCO-2 FRM-8",
        "members nobody knows, at every level",
        _scope(_host(colour="red", allow={"leaf": True, "any": 1}), next=[{}]),
        version=7,
    )
    accept(
        "fraction",
        "FRM-6 SCO-2",
        "a share of 0.25",
        text(compact(scope_document(report={"urls": [], "sample": 0.25}))),
        report={"urls": [], "sample": 0.25},
    )

    for name, value in {
        "missing": GONE,
        "other": "holdfast-scope/2",
        "manifest": "holdfast-manifest/1",
        "number": 1,
        "upper-case": "Holdfast-scope/1",
    }.items():
        refuse(f"format-{name}", "SCO-1", "the format is holdfast-scope/1", _scope(format=value), "format-unknown")

    plain: dict[str, tuple[dict[str, Any], str]] = {
        "no-object": (text("[]"), "manifest-syntax"),
        "channel-missing": (_scope(channel=GONE), "channel-syntax"),
        "channel-syntax": (_scope(channel="bank"), "channel-syntax"),
        "version-missing": (_scope(version=GONE), "manifest-syntax"),
        "version-zero": (_scope(version=0), "manifest-syntax"),
        "version-negative": (_scope(version=-1), "manifest-syntax"),
        "version-text": (_scope(version="7"), "manifest-syntax"),
        "version-boolean": (_scope(version=True), "manifest-syntax"),
        "issued-missing": (_scope(issued=GONE), "instant-syntax"),
        "issued-seconds": (_scope(issued=1795435200), "instant-syntax"),
        "issued-fraction": (_scope(issued="2026-11-23T12:00:00.5Z"), "instant-syntax"),
        "hosts-missing": (_scope(hosts=GONE), "manifest-syntax"),
        "hosts-object": (_scope(hosts={}), "manifest-syntax"),
        "hosts-null": (_scope(hosts=None), "manifest-syntax"),
        "hosts-of-texts": (_scope(hosts=["api.example.com"]), "manifest-syntax"),
        "unpinned-missing": (_scope(unpinned=GONE), "manifest-syntax"),
        "unpinned-boolean": (_scope(unpinned=True), "manifest-syntax"),
        "max-age-under-7-days": (_scope(max_age_seconds=604_799), "manifest-syntax"),
        "max-age-over-3650-days": (_scope(max_age_seconds=315_360_001), "manifest-syntax"),
        "max-age-null": (_scope(max_age_seconds=None), "manifest-syntax"),
        "fresh-under-60": (_scope(fresh_seconds=59), "manifest-syntax"),
        "fresh-over-366-days": (_scope(fresh_seconds=31_622_401), "manifest-syntax"),
        "report-without-urls": (_scope(report={}), "manifest-syntax"),
        "report-null": (_scope(report=None), "manifest-syntax"),
        "report-url-of-other-scheme": (_scope(report={"urls": ["ftp://example.com/"]}), "manifest-syntax"),
        "report-url-with-space": (_scope(report={"urls": ["https://example.com/ "]}), "manifest-syntax"),
        "report-url-too-long": (_scope(report={"urls": ["https://example.com/" + "a" * 2029]}), "manifest-syntax"),
        "sample-over-1": (_scope(report={"urls": [], "sample": 2}), "manifest-syntax"),
        "sample-negative": (_scope(report={"urls": [], "sample": -1}), "manifest-syntax"),
        "sample-boolean": (_scope(report={"urls": [], "sample": True}), "manifest-syntax"),
        "canary-without-host": (_scope(canary={}), "hostname-syntax"),
        "canary-upper-case": (_scope(canary={"host": "Canary.example.com"}), "pattern-not-normalised"),
        "pattern-missing": (_scope(_host(pattern=GONE)), "hostname-syntax"),
        "pattern-wildcard": (_scope(_host(pattern="*.example.com")), "hostname-syntax"),
        "pattern-upper-case": (_scope(_host(pattern="API.example.com")), "pattern-not-normalised"),
        "pattern-ends-in-number": (_scope(_host(pattern="example.1")), "hostname-syntax"),
        "pattern-ends-in-hexadecimal": (_scope(_host(pattern="example.0x1")), "hostname-syntax"),
        "pattern-octal": (_scope(_host(pattern="0177.0.0.1")), "hostname-syntax"),
        "pattern-hyphen": (_scope(_host(pattern="api-.example.com")), "hostname-syntax"),
        "pattern-non-ascii": (_scope(_host(pattern="b\u00fccher.example")), "hostname-syntax"),
        "pattern-label-64": (_scope(_host(pattern="a" * 64 + ".example")), "hostname-syntax"),
        "pattern-254": (_scope(_host(pattern=".".join(["a" * 63] * 4)[:254])), "hostname-syntax"),
        "pattern-mapped": (_scope(_host(pattern="::ffff:c000:201")), "pattern-not-normalised"),
        "pattern-second": (_scope(_host(), _host(pattern="x.example.com.")), "pattern-not-normalised"),
        "pattern-second-null": (_scope(_host(), _host(pattern=None)), "hostname-syntax"),
        "digest-of-second-host": (
            _scope(_host(), _host(pattern="b.example", backup=[LEAF, LEAF | {"digest": ""}])),
            "digest-syntax",
        ),
        "require-of-second-host": (_scope(_host(), _host(pattern="b.example", require=[ONES, 1])), "digest-syntax"),
        "include-subdomains-text": (_scope(_host(include_subdomains="true")), "manifest-syntax"),
        "include-subdomains-number": (_scope(_host(include_subdomains=1)), "manifest-syntax"),
        "include-subdomains-null": (_scope(_host(include_subdomains=None)), "manifest-syntax"),
        "mode-null": (_scope(_host(mode=None)), "manifest-syntax"),
        "allow-missing": (_scope(_host(allow=GONE)), "manifest-syntax"),
        "allow-list": (_scope(_host(allow=[])), "manifest-syntax"),
        "allow-leaf-number": (_scope(_host(allow={"leaf": 1})), "manifest-syntax"),
        "allow-ca-boolean": (_scope(_host(allow={"ca": True})), "manifest-syntax"),
        "allow-ca-pin": (_scope(_host(allow={"ca": [LEAF]})), "digest-syntax"),
        "allow-ca-not-canonical": (_scope(_host(allow={"ca": [ZEROS[:42] + "B="]})), "digest-syntax"),
        "require-digest": (_scope(_host(require=["AAAA"])), "digest-syntax"),
        "require-null": (_scope(_host(require=None)), "manifest-syntax"),
        "backup-object": (_scope(_host(backup=LEAF)), "manifest-syntax"),
        "backup-of-digests": (_scope(_host(backup=[ZEROS])), "manifest-syntax"),
        "backup-digest": (_scope(_host(backup=[LEAF | {"digest": "x"}])), "digest-syntax"),
        "reject-position": (_scope(_host(reject=[LEAF | {"at": 0}])), "pin-syntax"),
        "use-number": (_scope(_host(backup=[LEAF | {"use": 1}])), "pin-syntax"),
        "use-too-long": (_scope(_host(backup=[LEAF | {"use": "x" * 257}])), "pin-syntax"),
    }
    for name, (given, code) in plain.items():
        refuse(
            name,
            "SCO-2 FRM-9" if "version" in name else "SCO-2",
            f"another form than the table's: {name.replace('-', ' ')}",
            given,
            code,
        )
    whole = compact(scope_document()).replace('"version":7', '"version":7.0')
    refuse(
        "version-fraction",
        "SCO-2 FRM-9",
        "7.0 is not an integer, though a scope may hold fractions",
        text(whole),
        "manifest-syntax",
    )
    twice = compact(scope_document()).replace('"unpinned":"allow"', '"unpinned":"deny","unpinned":"allow"')
    refuse("duplicate-member", "SCO-2 FRM-4", "a member twice", text(twice), "json-duplicate-key")
    head = compact(scope_document())[:-1] + ',"x":"'
    largest = recipe(head, ("a", 8 * 1024 * 1024 - len(head) - 2), '"}')
    table.accept("largest", "SCO-2 FRM-1", "8 MiB to the octet", largest, version=7)
    huge = recipe(head, ("a", 8 * 1024 * 1024 - len(head) - 1), '"}')
    refuse("too-large", "SCO-2 FRM-1", "more than 8 MiB", huge, "json-too-large")

    hosts = recipe(
        compact(scope_document(hosts=[]))[:-1].replace('"hosts":[]', '"x":[]') + ',"hosts":[', ("{},", 10_000), "{}]}"
    )
    refuse("too-many-hosts", "SCO-3", "10,001 hosts", hosts, "too-many")
    accept("64-pins", "SCO-3", "64 pins in one list", _scope(_host(backup=[LEAF] * 64)), version=7)
    refuse("65-pins", "SCO-3", "65 pins in one list", _scope(_host(backup=[LEAF] * 65)), "too-many")
    refuse("65-rejects", "SCO-3", "65 pins in one list", _scope(_host(reject=[LEAF] * 65)), "too-many")
    accept("256-digests", "SCO-3", "256 digests", _scope(_host(require=[ONES] * 256)), version=7)
    refuse("257-digests", "SCO-3", "257 digests", _scope(_host(allow={"ca": [ONES] * 257})), "too-many")
    refuse("257-required", "SCO-3", "257 digests", _scope(_host(require=[ONES] * 257)), "too-many")
    urls = ["https://example.com/"]
    accept("4-urls", "SCO-3", "four report URLs", _scope(report={"urls": urls * 4}), version=7)
    refuse("5-urls", "SCO-3", "five", _scope(report={"urls": urls * 5}), "too-many")

    accept(
        "two-patterns",
        "SCO-4",
        "a name and one below it",
        _scope(_host(), _host(pattern="x.api.example.com")),
        version=7,
    )
    refuse("pattern-twice", "SCO-4", "a pattern twice", _scope(_host(), _host()), "duplicate-host")
    other = _host(include_subdomains=True)
    refuse(
        "pattern-twice-other-reach",
        "SCO-4",
        "with another include_subdomains",
        _scope(_host(), other),
        "duplicate-host",
    )

    accept("ipv4", "SCO-5", "an IP address", _scope(_host(pattern="192.0.2.1")), version=7)
    refuse(
        "ipv4-subdomains",
        "SCO-5",
        "has no subdomains",
        _scope(_host(pattern="192.0.2.1", include_subdomains=True)),
        "ip-with-subdomains",
    )
    refuse(
        "ipv6-subdomains",
        "SCO-5",
        "nor has this one",
        _scope(_host(pattern="2001:db8::1", include_subdomains=True)),
        "ip-with-subdomains",
    )

    accept(
        "mode-unknown",
        "SCO-6",
        "an unknown mode reads as enforce",
        _scope(_host(mode="observe", until=at(1))),
        hosts=[{"mode": "enforce", "until": None}],
    )
    accept(
        "mode-upper-case",
        "SCO-6",
        "modes are compared octet by octet",
        _scope(_host(mode="Report-Only")),
        hosts=[{"mode": "enforce"}],
    )
    accept("unpinned-unknown", "SCO-6", "an unknown word reads as deny", _scope(unpinned="warn"), unpinned="deny")
    accept("unpinned-upper-case", "SCO-6", "octet by octet", _scope(unpinned="Allow"), unpinned="deny")

    def report_only(until: object, **more: Any) -> dict[str, Any]:
        return _scope(_host(mode="report-only", until=until), issued=at(), **more)

    accept(
        "report-only-90-days", "SCO-7", "90 days", report_only(at(90)), hosts=[{"mode": "report-only", "until": at(90)}]
    )
    accept(
        "report-only-over-before",
        "SCO-7",
        "already over when it was issued",
        report_only(at(-1)),
        hosts=[{"mode": "report-only", "until": at(-1)}],
    )
    accept(
        "until-with-enforce",
        "SCO-7",
        "until is read with report-only alone",
        _scope(_host(until="soon")),
        hosts=[{"mode": "enforce", "until": None}],
    )
    refuse(
        "report-only-90-days-and-a-second",
        "SCO-7",
        "a second more",
        report_only(at(90, seconds=1)),
        "report-only-too-long",
    )
    refuse("report-only-for-ever", "SCO-7", "no until", report_only(GONE), "instant-syntax")
    refuse("report-only-null", "SCO-7", "until null", report_only(None), "instant-syntax")

    refuse("require-empty", "SCO-8", "one of none can never be met", _scope(_host(require=[])), "require-empty")
    return table.cases


def _entry(**changes: Any) -> dict[str, Any]:
    return _without({"pattern": "api.example.com", "include_subdomains": False, "accept": [LEAF]}, **changes)


def _manifest(*hosts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return document(_without(manifest_document(), **({"hosts": list(hosts) or [_entry()]} | changes)))


def _manifests() -> list[Case]:
    table = Table("manifest")

    def refuse(name: str, musts: str, comment: str, given: dict[str, Any], code: str) -> None:
        table.refuse(name, musts, comment, given, code, "ManifestSyntaxError")

    entry = _entry(
        accept=[LEAF | {"use": "current"}, LEAF | {"type": "spki-sha512"}], reject=[LEAF | {"reason": "key-compromise"}]
    )
    table.accept(
        "full",
        "MAN-1 MAN-2 FRM-9",
        "every member; a pin of unknown type does not count",
        _manifest(entry),
        channel="com.example.bank/production",
        version=42,
        issued=at(-1),
        refresh_seconds=900,
        hosts=[{"pattern": "api.example.com", "include_subdomains": False, "accept": 1, "reject": 1}],
    )
    least = {
        "format": "holdfast-manifest/1",
        "channel": "a/b",
        "version": 1,
        "issued": at(),
        "hosts": [{"pattern": "a.example"}],
    }
    table.accept(
        "least",
        "MAN-2",
        "every member that may be absent is",
        document(least),
        version=1,
        refresh_seconds=900,
        hosts=[{"pattern": "a.example", "include_subdomains": False, "accept": 0, "reject": 0}],
    )
    table.accept("largest-version", "MAN-2", "2^53 - 1", _manifest(version=LARGEST), version=LARGEST)
    table.accept("no-hosts", "MAN-2", "a manifest may be empty", document(manifest_document(hosts=[])), hosts=[])
    for name, value in {"missing": GONE, "other": "holdfast-manifest/2", "scope": "holdfast-scope/1"}.items():
        refuse(
            f"format-{name}", "MAN-1", "the format is holdfast-manifest/1", _manifest(format=value), "format-unknown"
        )
    plain: dict[str, tuple[dict[str, Any], str]] = {
        "no-object": (text('"manifest"'), "manifest-syntax"),
        "channel-missing": (_manifest(channel=GONE), "channel-syntax"),
        "version-zero": (_manifest(version=0), "manifest-syntax"),
        "version-missing": (_manifest(version=GONE), "manifest-syntax"),
        "version-boolean": (_manifest(version=True), "manifest-syntax"),
        "version-too-large": (_manifest(version=LARGEST + 1), "json-number"),
        "issued-missing": (_manifest(issued=GONE), "instant-syntax"),
        "refresh-zero": (_manifest(refresh_seconds=0), "manifest-syntax"),
        "refresh-text": (_manifest(refresh_seconds="900"), "manifest-syntax"),
        "refresh-null": (_manifest(refresh_seconds=None), "manifest-syntax"),
        "hosts-missing": (_manifest(hosts=GONE), "manifest-syntax"),
        "hosts-of-numbers": (_manifest(hosts=[1]), "manifest-syntax"),
        "pattern-trailing-dot": (_manifest(_entry(pattern="api.example.com.")), "pattern-not-normalised"),
        "pattern-number": (_manifest(_entry(pattern=1)), "hostname-syntax"),
        "accept-object": (_manifest(_entry(accept={})), "manifest-syntax"),
        "accept-null": (_manifest(_entry(accept=None)), "manifest-syntax"),
        "accept-of-texts": (_manifest(_entry(accept=[ZEROS])), "manifest-syntax"),
        "accept-digest": (_manifest(_entry(accept=[LEAF | {"digest": ZEROS[:-1]}])), "digest-syntax"),
        "reject-type": (_manifest(_entry(reject=[LEAF | {"type": None}])), "pin-syntax"),
        "reason-number": (_manifest(_entry(reject=[LEAF | {"reason": 3}])), "pin-syntax"),
    }
    for name, (given, code) in plain.items():
        refuse(
            name,
            "MAN-2 FRM-9" if "version" in name else "MAN-2",
            f"another form than the table's: {name.replace('-', ' ')}",
            given,
            code,
        )
    fraction = compact(manifest_document()).replace('"version":42', '"version":42.0')
    refuse("version-fraction", "MAN-2 FRM-9", "42.0 is not an integer", text(fraction), "manifest-syntax")
    later = compact(manifest_document())[:-1] + ',"weight":0.5}'
    table.accept("unknown-fraction", "MAN-2 FRM-6 FRM-8", "a later member may be a fraction", text(later), version=42)
    twice = compact(manifest_document()).replace('"version":42', '"version":42,"version":43')
    refuse("duplicate-member", "MAN-2 FRM-4", "a member twice", text(twice), "json-duplicate-key")
    head = compact(manifest_document())[:-1] + ',"x":"'
    largest = recipe(head, ("a", 8 * 1024 * 1024 - len(head) - 2), '"}')
    table.accept("largest", "MAN-2 FRM-1", "8 MiB to the octet", largest, version=42)
    huge = recipe(head, ("a", 8 * 1024 * 1024 - len(head) - 1), '"}')
    refuse("too-large", "MAN-2 FRM-1", "more than 8 MiB", huge, "json-too-large")

    head = compact(manifest_document(hosts=[]))[:-1].replace('"hosts":[]', '"x":[]') + ',"hosts":['
    refuse("too-many-hosts", "MAN-3", "10,001 hosts", recipe(head, ("{},", 10_000), "{}]}"), "too-many")
    table.accept("64-pins", "MAN-3", "64 pins in one list", _manifest(_entry(accept=[LEAF] * 64)), version=42)
    refuse("65-pins", "MAN-3", "65 pins in one list", _manifest(_entry(accept=[LEAF] * 65)), "too-many")
    refuse(
        "65-unknown-pins",
        "MAN-3",
        "unknown ones count",
        _manifest(_entry(reject=[{"type": "x", "at": "y"}] * 65)),
        "too-many",
    )

    both = _manifest(_entry(), _entry(include_subdomains=True))
    table.accept("pattern-with-either", "MAN-4", "one pattern with either include_subdomains", both, version=42)
    refuse("pattern-twice", "MAN-4", "the same pair twice", _manifest(_entry(), _entry()), "duplicate-host")
    table.accept("ipv6", "MAN-5", "an IP address", _manifest(_entry(pattern="2001:db8::1")), version=42)
    refuse(
        "ip-subdomains",
        "MAN-5",
        "has no subdomains",
        _manifest(_entry(pattern="192.0.2.1", include_subdomains=True)),
        "ip-with-subdomains",
    )

    for wanted, used in (
        (1, 60),
        (59, 60),
        (60, 60),
        (900, 900),
        (86_400, 86_400),
        (86_401, 86_400),
        (LARGEST, 86_400),
    ):
        table.accept(
            f"refresh-{wanted}",
            "MAN-7",
            "clamped when it is used, not refused",
            _manifest(refresh_seconds=wanted),
            refresh_seconds_used=used,
        )
    return table.cases

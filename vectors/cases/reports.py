# SPDX-License-Identifier: Apache-2.0
"""``spec/report.md``: which documents are reports and check-ins, and how days are blurred."""

from __future__ import annotations

from typing import Any, Final

from vectors.making.case import Case, Table
from vectors.making.der import digest, key_digest
from vectors.making.repository import CHANNEL, at

GONE: Final[Any] = object()


def cases() -> list[Case]:
    """All cases of the chapter."""
    return [*_reports(), *_check_ins(), *_days()]


def _report(**changes: Any) -> dict[str, Any]:
    fields = {
        "date-time": at(),
        "hostname": "api.example.com",
        "port": 443,
        "noted-hostname": "api.example.com",
        "include-subdomains": False,
        "enforce-pinning": True,
        "validation-result": 1,
        "known-pins": [f'pin-sha256="{key_digest("api current")}"'],
        "served-certificate-chain": [],
        "validated-certificate-chain": [],
        "app-bundle-id": "com.example.bank",
        "app-version": "4.2.0",
        "app-platform": "python",
        "sdk": "holdfast-python/0.1.0",
        "channel": CHANNEL,
        "manifest-version": 42,
        "state": "fresh",
        "age-seconds": 3600,
        "path": [key_digest("mallory"), digest(b"rogue root")],
        "verdict": "no-match",
    }
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in (fields | named).items() if value is not GONE}


def _reports() -> list[Case]:
    table = Table("reports")

    def body(*reports: Any, **changes: Any) -> dict[str, Any]:
        return {"document": {"format": "holdfast-reports/1", "reports": list(reports), **changes}}

    def accept(name: str, comment: str, given: dict[str, Any], musts: str = "REP-1") -> None:
        table.accept(name, musts, comment, given)

    def refuse(name: str, comment: str, given: dict[str, Any], musts: str = "REP-1") -> None:
        table.refuse(name, musts, comment, given, "report-syntax")

    accept("one", "every member", body(_report()))
    accept("hundred", "100 reports", body(*[_report()] * 100))
    refuse("hundred-and-one", "101 reports", body(*[_report()] * 101))
    refuse("none", "no report", body())
    refuse("format", "another format", body(_report(), format="holdfast-reports/2"))
    accept("no-port", "the port is not known", body(_report(port=GONE)))
    accept(
        "no-pattern",
        "no pattern governs",
        body(_report(noted_hostname=GONE, include_subdomains=GONE, known_pins=[], verdict="unpinned-denied")),
    )
    accept(
        "raw-host",
        "a host that does not normalise",
        body(
            _report(
                hostname="\u00e4pi.example.com",
                path=[],
                verdict="hostname-syntax",
                noted_hostname=GONE,
                include_subdomains=GONE,
            )
        ),
    )
    accept("report-only", "let pass", body(_report(enforce_pinning=False)))
    accept(
        "empty-state",
        "nothing is enforced",
        body(_report(manifest_version=None, age_seconds=None, state="empty", verdict="no-pins", known_pins=[])),
    )
    pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    accept("certificates", "the app opted in", body(_report(validated_certificate_chain=[pem])), "REP-1 REP-3")
    accept("no-certificates", "it did not", body(_report()), "REP-3")
    accept("unknown-member", "members that nobody knows", body(_report(colour="red")), "REP-1")
    wrong: dict[str, dict[str, Any]] = {
        "date": {"date_time": "2026-11-23"},
        "port-zero": {"port": 0},
        "verdict": {"verdict": "bad luck"},
        "state": {"state": "good"},
        "age-text": {"age_seconds": "3600"},
        "age-negative": {"age_seconds": -1},
        "path-hexadecimal": {"path": ["00" * 32]},
        "known-pins-bare": {"known_pins": [key_digest("api current")]},
        "channel": {"channel": "bank"},
        "no-verdict": {"verdict": GONE},
        "no-path": {"path": GONE},
        "certificate-der": {"validated_certificate_chain": ["MAA="]},
    }
    for name, changes in wrong.items():
        refuse(
            name,
            f"not of the form: {name.replace('-', ' ')}",
            body(_report(**changes)),
            "REP-1 REP-3" if "certificate" in name else "REP-1",
        )
    for name in ("app-vendor-id", "device-id", "installation-id", "user-id", "idfv"):
        refuse(name, f"an identifier: {name}", body(_report() | {name: "6ba7b810"}), "REP-2")
    accept("no-identifier", "no identifier", body(_report()), "REP-2")
    return table.cases


def _check_in(**changes: Any) -> dict[str, Any]:
    fields = {
        "format": "holdfast-check-in/1",
        "batch": "0123456789abcdef" * 2,
        "channel": CHANNEL,
        "app-version": "4.2.0",
        "roles": {"root": 2, "timestamp": 310, "snapshot": 44, "targets": 7, "pins": 42},
        "manifest-version": 42,
        "scope-version": 7,
        "state": "fresh",
        "days-since-last": "1",
    }
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return {"document": {name: value for name, value in (fields | named).items() if value is not GONE}}


def _check_ins() -> list[Case]:
    table = Table("check-in")

    def refuse(name: str, musts: str, comment: str, given: dict[str, Any]) -> None:
        table.refuse(name, musts, comment, given, "check-in-syntax")

    table.accept("plain", "REP-9 REP-10 REP-11 REP-2", "these members and no other", _check_in())
    for word in ("first", "1", "2-6", "7-29", "30+"):
        table.accept(f"days-{word}", "REP-10", "one of five words", _check_in(days_since_last=word))
    for odd in ("0", "2", "31", "", 1):
        refuse(f"odd-days-{odd!r}", "REP-10", "not one of the five words", _check_in(days_since_last=odd))
    for name, value in {
        "short": "01",
        "upper-case": "0123456789ABCDEF" * 2,
        "uuid": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "number": 5,
    }.items():
        refuse(f"batch-{name}", "REP-9", "32 lower-case hexadecimal digits", _check_in(batch=value))
    for name in ("device-id", "app-vendor-id", "ip", "os-version", "locale"):
        refuse(f"more-{name}", "REP-11 REP-2", f"another member: {name}", _check_in(**{name: "x"}))
    for name in ("batch", "channel", "roles", "manifest-version", "state", "days-since-last"):
        refuse(f"no-{name}", "REP-11", f"a member is missing: {name}", _check_in(**{name: GONE}))
    refuse("role-zero", "REP-11", "version 0", _check_in(roles={"root": 0}))
    return table.cases


def _days() -> list[Case]:
    table = Table("days-since-last")
    for last, today, word in (
        (None, at(0), "first"),
        ("2026-11-23", at(0), "1"),
        ("2026-11-22", at(0), "1"),
        ("2026-11-21", at(0), "2-6"),
        ("2026-11-17", at(0), "2-6"),
        ("2026-11-16", at(0), "7-29"),
        ("2026-10-25", at(0), "7-29"),
        ("2026-10-24", at(0), "30+"),
        ("2020-01-01", at(0), "30+"),
        ("2026-12-24", at(0), "1"),
    ):
        table.accept(
            f"{last} {today[:10]}",
            "REP-10",
            "whole UTC days between two check-ins, blurred",
            {"last": last, "now": today},
            bucket=word,
        )
    return table.cases

# SPDX-License-Identifier: Apache-2.0
"""The verdict on a path against a naive model, written from the six rows of ``spec/validation.md``."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.certificate import Certificate
from holdfast.core.manifest import parse_manifest
from holdfast.core.pin_set import build_pin_table
from holdfast.core.scope import Unpinned, parse_scope
from holdfast.core.validation import Enforcement, Reason, judge, validate_path
from holdfast.errors import ScopeError
from tests.pin_documents import manifest, manifest_host, octets, scope, scope_host, text
from tests.property.strategies import WORDS, digest_lists, pin_lists

HOST = "api.example.com"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def certificate(word: str) -> Certificate:
    # The digest of the certificate is the digest of another key: the two kinds must never meet.
    index = WORDS.index(word)
    spki, whole = (sha256(WORDS[(index + shift) % len(WORDS)].encode()).digest() for shift in (0, 1))
    return Certificate(spki, whole, b"")


def matching(pin: dict[str, Any], path: list[Certificate]) -> bool:
    """Row by row: at some index that ``at`` names, the digest of the pin's type is equal to its own."""
    for index, shown in enumerate(path):
        place = "leaf" if index == 0 else "ca"
        digest = {"spki-sha256": shown.spki_sha256, "certificate-sha256": shown.certificate_sha256}.get(pin["type"])
        allowed = {"spki-sha256": (place, "any"), "certificate-sha256": ("leaf",) if index == 0 else ()}
        if digest and pin["at"] in allowed[pin["type"]] and b64encode(digest).decode() == pin["digest"]:
            return True
    return False


def places(pin: dict[str, Any]) -> set[str]:
    if pin["type"] == "certificate-sha256":
        return {"leaf"} if pin["at"] == "leaf" else set()
    if pin["type"] != "spki-sha256":
        return set()
    return {"leaf": {"leaf"}, "ca": {"ca"}, "any": {"leaf", "ca"}}.get(pin["at"], set())


def usable(pin: dict[str, Any], protected: dict[str, Any], reject: list[dict[str, Any]]) -> bool:
    left = places(pin)
    if not left:
        return False
    if "leaf" in left and not protected["allow"]["leaf"]:
        return False
    if "ca" in left and pin["digest"] not in protected["allow"]["ca"]:
        return False
    for other in [*protected["reject"], *reject]:
        if (other["type"], other["digest"]) == (pin["type"], pin["digest"]):
            left = left - places(other)
    return bool(left)


def expected(protected: dict[str, Any], entry: dict[str, Any], path: list[Certificate]) -> str | None:
    accept = [pin for pin in entry["accept"] if usable(pin, protected, entry["reject"])]
    if not accept:
        return None
    if any(matching(pin, path) for pin in protected["reject"]):
        return "scope-reject"
    shown = {b64encode(ca.spki_sha256).decode() for ca in path[1:]}
    if "require" in protected and not shown & set(protected["require"]):
        return "require"
    if any(matching(pin, path) for pin in protected["backup"]):
        return "backup"
    if any(matching(pin, path) for pin in entry["reject"]):
        return "manifest-reject"
    return "pin" if any(matching(pin, path) for pin in accept) else "no-match"


@given(
    accept=pin_lists,
    reject=pin_lists,
    backup=pin_lists,
    scope_reject=pin_lists,
    leaf=st.booleans(),
    allowed=digest_lists,
    require=st.none() | st.sampled_from(WORDS),
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
    report_only=st.booleans(),
)
def test_a_path_is_judged_like_the_model(
    accept: list[dict[str, Any]],
    reject: list[dict[str, Any]],
    backup: list[dict[str, Any]],
    scope_reject: list[dict[str, Any]],
    leaf: bool,
    allowed: list[str],
    require: str | None,
    words: list[str],
    report_only: bool,
) -> None:
    protected = scope_host(HOST, allow={"leaf": leaf, "ca": allowed}, backup=backup, reject=scope_reject)
    if require is not None:
        protected["require"] = [text(require)]
    if report_only:
        protected |= {"mode": "report-only", "until": "2026-12-01T00:00:00Z"}
    entry = manifest_host(HOST) | {"accept": accept, "reject": reject}
    path = [certificate(word) for word in words]
    reason = expected(protected, entry, path)
    try:
        table = build_pin_table(parse_scope(octets(scope(protected))), parse_manifest(octets(manifest(entry))))
    except ScopeError:
        assert reason is None
        return
    assert validate_path(table.hosts[HOST], path).value == reason
    verdict = judge(Enforcement(table, 42, Unpinned.ALLOW), HOST, path, now=NOW)
    lenient = report_only and reason in ("require", "manifest-reject", "no-match")
    assert verdict.reason is Reason(reason)
    assert verdict.enforced is not lenient
    assert verdict.allowed is (lenient or reason in ("backup", "pin"))

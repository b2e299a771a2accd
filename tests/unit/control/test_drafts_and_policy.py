# SPDX-License-Identifier: Apache-2.0
"""Edits that make no sense are refused at the edit; every gate bites, and lets the good neighbour through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.control import drafts
from holdfast.control.contents import build_manifest, build_scope, is_same_content
from holdfast.control.model import Delegation, Draft, HostRecord, PinList, PinRecord, PinUse
from holdfast.control.policy import GATES, Gate, Proposal, RoleKeys, check_publication, refuse_unless_overridden
from holdfast.control.public_suffix import is_public_suffix, refuse_public_suffix
from holdfast.control.settings import ChannelSettings, Settings
from holdfast.core.manifest import parse_manifest
from holdfast.core.pin import PinType, Position
from holdfast.core.scope import Mode, parse_scope
from holdfast.errors import Conflict, HoldfastError, InputError, NotFound, PinSyntaxError, PolicyRefused
from tests.publisher_world import CHANNEL, digest_of, make_pin

NOW = datetime.now(UTC).replace(microsecond=0)
KEYS = {"k": {"scheme": "ecdsa-sha2-nistp256"}}
DRAFT = Draft(channel=CHANNEL, revision=1, delegation=Delegation(role="pins", keys=KEYS))


def host(pattern: str = "api.example.com", *pins: PinRecord, **fields: Any) -> HostRecord:
    chosen = pins or (make_pin(f"{pattern} a"), make_pin(f"{pattern} b", PinList.BACKUP))
    return HostRecord(pattern=pattern, pins=chosen, **fields)


def draft_of(*hosts: HostRecord) -> Draft:
    return replace(DRAFT, hosts=hosts)


# ------------------------------------------------------------------------------------------------------- edits


def test_hosts_stand_in_order_whatever_the_order_of_the_edits() -> None:
    draft = DRAFT
    for pattern in ("b.example", "a.example", "c.example"):
        draft = drafts.add_host(draft, host(pattern), now=NOW)
    assert [each.pattern for each in draft.hosts] == ["a.example", "b.example", "c.example"]
    assert [each.pattern for each in drafts.retire_host(draft, "B.EXAMPLE.").hosts] == ["a.example", "c.example"]


def test_a_host_is_added_once() -> None:
    draft = drafts.add_host(DRAFT, host(), now=NOW)
    with pytest.raises(Conflict) as raised:
        drafts.add_host(draft, host(), now=NOW)
    assert raised.value.code == "host-exists"


def test_a_missing_host_is_named_with_those_that_exist() -> None:
    with pytest.raises(NotFound) as raised:
        drafts.get_host(draft_of(host("a.example")), "b.example")
    assert "a.example" in raised.value.hint


def test_rejecting_a_key_takes_it_off_the_lists_of_the_same_signer() -> None:
    draft = draft_of(host("a.example", make_pin("k"), make_pin("k", PinList.BACKUP), make_pin("other")))
    by_manifest, gone = drafts.reject_key(draft, "a.example", make_pin("k", PinList.REJECT, at=Position.ANY), now=NOW)
    assert [pin.list for pin in gone] == [PinList.ACCEPT]
    assert by_manifest.hosts[0].listed(PinList.BACKUP), "automation can neither remove nor reject a backup"
    _, gone = drafts.reject_key(draft, "a.example", make_pin("k", PinList.SCOPE_REJECT, at=Position.ANY), now=NOW)
    assert {pin.list for pin in gone} == {PinList.ACCEPT, PinList.BACKUP}


def test_removing_takes_only_from_the_lists_that_are_named() -> None:
    draft = draft_of(host("a.example", make_pin("k"), make_pin("k", PinList.BACKUP)))
    after, gone = drafts.remove_pins(draft, "a.example", digest_of("k"), lists=frozenset({PinList.ACCEPT}), now=NOW)
    assert [pin.list for pin in gone] == [PinList.ACCEPT]
    assert [pin.list for pin in after.hosts[0].pins] == [PinList.BACKUP]
    with pytest.raises(NotFound) as raised:
        drafts.remove_pins(after, "a.example", digest_of("k"), lists=frozenset({PinList.ACCEPT}), now=NOW)
    assert raised.value.code == "no-pin"


FUTURE = NOW + timedelta(days=30)


@pytest.mark.parametrize(
    ("bad", "error", "code"),
    [
        (host("192.0.2.1", include_subdomains=True), InputError, "subdomains-of-ip"),
        (host(mode=Mode.REPORT_ONLY), InputError, "report-only-window"),
        (host(mode=Mode.REPORT_ONLY, until=NOW), InputError, "report-only-window"),
        (host(mode=Mode.REPORT_ONLY, until=NOW + timedelta(days=91)), InputError, "report-only-window"),
        (host(until=FUTURE), InputError, "report-only-window"),
        (host("a.example", make_pin("k"), make_pin("k")), Conflict, "pin-exists"),
        (
            host("a.example", replace(make_pin("k", at=Position.CA), type=PinType.CERTIFICATE_SHA256)),
            PinSyntaxError,
            "pin-useless",
        ),
        (host("a.example", make_pin("k", PinList.REQUIRE)), PinSyntaxError, "pin-useless"),
        (host("a.example", make_pin("k", PinList.ALLOW_CA)), PinSyntaxError, "pin-useless"),
        (host("a.example", replace(make_pin("k", PinList.REJECT), use=PinUse.NEXT)), PinSyntaxError, "pin-useless"),
        (host("a.example", make_pin("k", PinList.REJECT, reason="a\nb")), InputError, "reason-syntax"),
        (host("a.example", make_pin("k", PinList.REJECT, reason="x" * 257)), InputError, "reason-syntax"),
        (host("a.example", *(make_pin(f"k{number}") for number in range(65))), InputError, "too-many-pins"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(bad: HostRecord, error: type[HoldfastError], code: str) -> None:
    with pytest.raises(error) as raised:
        drafts.add_host(DRAFT, bad, now=NOW)
    assert raised.value.code == code


def test_edits_that_make_sense() -> None:
    good = [
        host("192.0.2.1"),
        host("a.example", mode=Mode.REPORT_ONLY, until=NOW + timedelta(days=90)),
        host("b.example", make_pin("k"), make_pin("k", PinList.BACKUP), make_pin("k", at=Position.CA)),
    ]
    for each in good:
        assert drafts.check_host(each, now=NOW) == each


@pytest.mark.parametrize(
    ("name", "is_suffix"),
    [
        ("co.uk", True),
        ("com", True),
        ("github.io", True),
        ("example.co.uk", False),
        ("internal", False),
        ("::1", False),
    ],
)
def test_the_public_suffix_guard(name: str, is_suffix: bool) -> None:
    assert is_public_suffix(name) is is_suffix
    refuse_public_suffix(name, include_subdomains=False)
    if is_suffix:
        with pytest.raises(PolicyRefused) as raised:
            refuse_public_suffix(name, include_subdomains=True)
        assert raised.value.code == "public-suffix"
    else:
        refuse_public_suffix(name, include_subdomains=True)


# ------------------------------------------------------------------------------------------------------- texts


def test_a_text_changes_only_when_what_it_says_does() -> None:
    settings = Settings(channel=ChannelSettings(name=CHANNEL))
    draft = draft_of(host())
    for build in (build_scope, build_manifest):
        old = build(draft, settings, version=1, issued=NOW)
        assert is_same_content(old, build(draft, settings, version=2, issued=NOW + timedelta(days=1)))
        assert not is_same_content(old, build(draft_of(host("b.example")), settings, version=1, issued=NOW))
        assert not is_same_content(None, old)


def test_nothing_required_is_no_empty_list() -> None:
    settings = Settings(channel=ChannelSettings(name=CHANNEL, max_age_seconds=8 * 86_400, canary_host="canary.example"))
    scope = parse_scope(build_scope(draft_of(host()), settings, version=1, issued=NOW))
    assert scope.hosts[0].require is None
    assert scope.max_age_seconds == 8 * 86_400
    assert scope.canary_host == "canary.example"


# ------------------------------------------------------------------------------------------------------- gates


def propose(draft: Draft, *, previous: Draft | None = None, **fields: Any) -> Proposal:
    channel = fields.pop("channel", ChannelSettings(name=CHANNEL))
    settings = Settings(channel=channel)

    def texts(of: Draft, version: int) -> tuple[Any, Any]:
        scope = build_scope(of, settings, version=version, issued=NOW)
        return parse_scope(scope), parse_manifest(build_manifest(of, settings, version=version, issued=NOW))

    scope, manifest = texts(draft, 2)
    old_scope, old_manifest = texts(previous, 1) if previous else (None, None)
    proposal = Proposal(
        draft=draft,
        scope=scope,
        manifest=manifest,
        previous_scope=old_scope,
        previous_manifest=old_manifest,
        previous_issued=NOW if previous else None,
        published_timestamp=0,
        known_timestamp=0,
        roles=[RoleKeys("root", 2, dict.fromkeys("abc", "ecdsa-sha2-nistp256"))],
        is_content_changed=True,
        now=NOW,
    )
    return replace(proposal, **fields)


def gates_of(proposal: Proposal) -> list[Gate]:
    return [finding.gate for finding in check_publication(proposal)]


def hosts_with(word: str, *names: str) -> Draft:
    """Hosts with a key of their own, told apart by a word, and a backup that stays."""
    pins = {name: (make_pin(f"{name} {word}"), make_pin(name, PinList.BACKUP)) for name in names}
    return draft_of(*(host(f"{name}.example", *pins[name]) for name in names))


def changed(*names: str) -> Draft:
    return hosts_with("new", *names)


def unchanged(*names: str) -> Draft:
    return hosts_with("old", *names)


CA = make_pin("ca", PinList.ALLOW_CA, at=Position.CA)
CASES: dict[str, tuple[Proposal, list[Gate]]] = {
    "good": (propose(draft_of(host())), []),
    "one key": (propose(draft_of(host("a.example", make_pin("k")))), [Gate.TWO_KEYS]),
    "one key twice": (
        propose(draft_of(host("a.example", make_pin("k"), make_pin("k", PinList.BACKUP)))),
        [Gate.TWO_KEYS],
    ),
    "a certificate and its own key": (
        propose(
            draft_of(
                host(
                    "a.example",
                    make_pin("k"),
                    replace(make_pin("c"), type=PinType.CERTIFICATE_SHA256, key=digest_of("k")),
                )
            )
        ),
        [Gate.TWO_KEYS],
    ),
    "one key, report only": (
        propose(draft_of(host("a.example", make_pin("k"), mode=Mode.REPORT_ONLY, until=FUTURE))),
        [],
    ),
    "two accepted keys": (propose(draft_of(host("a.example", make_pin("k"), make_pin("l")))), []),
    "only backups": (
        propose(draft_of(host("a.example", make_pin("k", PinList.BACKUP), make_pin("l", PinList.BACKUP)))),
        [Gate.USABLE_PIN],
    ),
    "leaf not permitted": (
        propose(draft_of(host("a.example", make_pin("k"), make_pin("l", PinList.BACKUP), allow_leaf=False))),
        [Gate.USABLE_PIN],
    ),
    "CA not permitted": (
        propose(draft_of(host("a.example", make_pin("k"), make_pin("l"), make_pin("ca", at=Position.CA)))),
        [Gate.OUTSIDE_SCOPE],
    ),
    "CA permitted": (
        propose(draft_of(host("a.example", make_pin("k"), make_pin("l"), make_pin("ca", at=Position.CA), CA))),
        [],
    ),
    "accepted and rejected": (
        propose(draft_of(host("a.example", *map(make_pin, "klm"), make_pin("m", PinList.REJECT)))),
        [Gate.REJECTED_ACCEPTED],
    ),
    "backup rejected by the scope": (
        propose(
            draft_of(
                host(
                    "a.example",
                    make_pin("k"),
                    make_pin("l"),
                    make_pin("m", PinList.BACKUP),
                    make_pin("m", PinList.SCOPE_REJECT, at=Position.ANY),
                )
            )
        ),
        [Gate.REJECTED_ACCEPTED],
    ),
    "a rejected key is no second key": (
        propose(
            draft_of(
                host(
                    "a.example",
                    make_pin("k"),
                    make_pin("l", PinList.BACKUP),
                    make_pin("l", PinList.SCOPE_REJECT, at=Position.ANY),
                )
            )
        ),
        [Gate.TWO_KEYS, Gate.REJECTED_ACCEPTED],
    ),
    "report-only has ended": (
        propose(draft_of(host(mode=Mode.REPORT_ONLY, until=FUTURE)), now=FUTURE),
        [Gate.REPORT_ONLY_WINDOW],
    ),
    "canary under a pattern": (
        propose(
            draft_of(host("a.example", include_subdomains=True)),
            channel=ChannelSettings(name=CHANNEL, canary_host="x.a.example"),
        ),
        [Gate.CANARY_IN_SCOPE],
    ),
    "canary beside a pattern": (
        propose(draft_of(host("a.example")), channel=ChannelSettings(name=CHANNEL, canary_host="x.a.example")),
        [],
    ),
    "refresh too often": (
        propose(draft_of(host()), channel=ChannelSettings(name=CHANNEL, refresh_seconds=59)),
        [Gate.REFRESH_RANGE],
    ),
    "refresh too seldom": (
        propose(draft_of(host()), channel=ChannelSettings(name=CHANNEL, refresh_seconds=86_401)),
        [Gate.REFRESH_RANGE],
    ),
    "refresh at the bounds": (
        propose(draft_of(host()), channel=ChannelSettings(name=CHANNEL, refresh_seconds=60)),
        [],
    ),
    "one host of one changes": (propose(changed("a"), previous=unchanged("a")), []),
    "two of three change": (
        propose(
            draft_of(*changed("a", "b").hosts, *unchanged("c").hosts), previous=unchanged("a", "b", "c")
        ),
        [Gate.HALF_CHANGED],
    ),
    "two of four change": (
        propose(
            draft_of(*changed("a", "b").hosts, *unchanged("c", "d").hosts), previous=unchanged("a", "b", "c", "d")
        ),
        [],
    ),
    "many new hosts": (propose(changed("a", "b", "c"), previous=unchanged("d")), []),
    "an older database": (
        propose(draft_of(host()), published_timestamp=5, known_timestamp=4),
        [Gate.VERSION_MONOTONE],
    ),
    "time runs back": (
        propose(draft_of(host()), previous=draft_of(host()), now=NOW - timedelta(seconds=1)),
        [Gate.TIME_MONOTONE],
    ),
    "too few keys": (
        propose(draft_of(host()), roles=[RoleKeys("root", 2, {"a": "ecdsa-sha2-nistp256"})]),
        [Gate.THRESHOLD_REACHABLE],
    ),
    "keys that not all verify": (
        propose(draft_of(host()), roles=[RoleKeys("root", 1, {"a": "ml-dsa-65/1"})]),
        [Gate.THRESHOLD_REACHABLE],
    ),
    "no threshold at all": (
        propose(draft_of(host()), roles=[RoleKeys("root", 0, {"a": "ecdsa-sha2-nistp256"})]),
        [Gate.THRESHOLD_REACHABLE],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_gate_bites_and_lets_the_good_neighbour_through(case: str) -> None:
    proposal, gates = CASES[case]
    assert gates_of(proposal) == gates


def test_every_gate_has_a_case_that_it_refuses() -> None:
    assert {gate for _, gates in CASES.values() for gate in gates} == set(Gate) == set(GATES)


@pytest.mark.parametrize("case", CASES)
def test_an_unchanged_signature_skips_the_gates_on_content(case: str) -> None:
    proposal, gates = CASES[case]
    left = gates_of(replace(proposal, is_content_changed=False))
    assert left == [gate for gate in gates if not GATES[gate].is_content]


@pytest.mark.parametrize("case", [name for name, (_, gates) in CASES.items() if gates])
def test_only_what_may_be_overridden_is(case: str) -> None:
    proposal, gates = CASES[case]
    findings = check_publication(proposal)
    with pytest.raises(PolicyRefused):
        refuse_unless_overridden(findings, frozenset())
    if all(GATES[gate].is_overridable for gate in gates):
        assert refuse_unless_overridden(findings, frozenset(gates)) == findings
    else:
        with pytest.raises(PolicyRefused) as raised:
            refuse_unless_overridden(findings, frozenset(Gate))
        assert all(not GATES[Gate(finding.partition(":")[0])].is_overridable for finding in raised.value.findings)


def test_a_backup_exists_is_beyond_any_override() -> None:
    assert not GATES[Gate.TWO_KEYS].is_overridable
    assert not GATES[Gate.USABLE_PIN].is_overridable

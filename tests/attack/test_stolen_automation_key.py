# SPDX-License-Identifier: Apache-2.0
"""Attack: the key of the automation is stolen, and the machine that publishes with it.

Within the scope the thief may exchange leaf keys, and that is the control that leaks. He can do nothing that the scope
does not allow: not unprotect a host, not pin a CA, not break a foreign host, not redirect reports, not pose a canary.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.client.pin_store import PinStore
from holdfast.errors import RollbackError, ScopeError
from holdfast.telemetry.events import HostIgnored, PinIgnored
from tests.client_world import HOST, reason, state
from tests.repository import digest_text, pin
from tests.siege import TOP, Siege, accepted, evil_pin, issuer, leaf, path_of

FOREIGN = "www.example.net"
CANARY = "canary.example.com"


def publish_as_thief(siege: Siege, **entry: Any) -> None:
    """Publish with the stolen key: the host's entry changed, nothing that the security team signs."""
    repository = siege.repository
    repository.now = siege.clock.device
    repository.manifest["version"] += 1
    repository.entry(HOST).update(entry)
    repository.publish_pins()
    siege.publish_above("pins")


def substitutes(siege: Siege, store: PinStore) -> None:
    """The thief's manifest is accepted, as far as it goes."""
    result = store.refresh()
    assert (result.error, result.changed) == (None, True)
    siege.assert_enforces(store, siege.repository.manifest["version"], "evil")


def break_glass(siege: Siege, store: PinStore, *words: str) -> None:
    """The security team speaks over the automation, and then replaces its key."""
    repository = siege.repository
    repository.is_break_glass = True
    siege.recovers(store, *words)
    repository.rotate_keys("pins")
    repository.is_break_glass = False
    siege.recovers(store, *words)


def test_control_a_leaf_key_can_be_substituted_until_the_security_team_speaks(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        publish_as_thief(siege, accept=[evil_pin()])
        substitutes(siege, store)
        break_glass(siege, store, "third")


def test_a_required_ca_bounds_even_that(tmp_path: Path) -> None:
    siege = Siege(tmp_path, require=[issuer("first").pin])
    with siege.settled() as store:
        publish_as_thief(siege, accept=[evil_pin()])
        assert store.refresh().changed
        assert accepted(store) == set()
        assert reason(store.judge(HOST, path_of("evil"))) == "require"
        break_glass(siege, store, "third")


def test_a_backup_can_be_neither_removed_nor_rejected(tmp_path: Path) -> None:
    siege = Siege(tmp_path, backup=[pin(leaf("third").pin)])
    repository = siege.repository
    siege.publish_seed()
    with siege.open() as store:
        assert accepted(store) == {"first", "third"}
        publish_as_thief(siege, accept=[evil_pin()], reject=[pin(leaf(word).pin, "any") for word in ("first", "third")])
        assert store.refresh().changed
        assert accepted(store) == {"third", "evil"}
        assert reason(store.judge(HOST, path_of("first"))) == "manifest-reject"
        assert siege.cached_manifest_version() == 2
        repository.entry(HOST)["reject"] = []
        repository.is_break_glass = True
        siege.rotate("second")
        assert store.refresh().changed
        assert accepted(store) == {"second", "third"}


def test_a_host_cannot_be_unprotected(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        genuine = repository.manifest["hosts"]
        attempts: list[list[dict[str, Any]]] = [
            [],
            [{"pattern": FOREIGN, "include_subdomains": False, "accept": [evil_pin()]}],
            [{"pattern": HOST, "include_subdomains": True, "accept": [evil_pin()]}],
            [{"pattern": HOST, "include_subdomains": False, "accept": []}],
            [{"pattern": HOST, "include_subdomains": False, "accept": [pin(digest_text("x"), kind="future-kind")]}],
            [{**genuine[0], "reject": [pin(leaf("second").pin, "any")]}],
        ]
        for hosts in attempts:
            repository.manifest["hosts"] = hosts
            publish_manifest(siege)
            siege.refused(store, ScopeError, "host-without-pin", "manifest.json", progress=True)
            assert store.protects(HOST)
        repository.manifest["hosts"] = genuine
        break_glass(siege, store, "third")


def publish_manifest(siege: Siege) -> None:
    """Publish the manifest as it is, with the stolen key."""
    siege.repository.manifest["version"] += 1
    siege.repository.publish_pins()
    siege.publish_above("pins")


def test_one_host_of_several_cannot_be_omitted(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    repository.add_host("login.example.com", [leaf("second").pin])
    with siege.settled() as store:
        omitted = repository.manifest["hosts"].pop(0)
        publish_manifest(siege)
        siege.refused(store, ScopeError, "host-without-pin", "manifest.json", progress=True)
        assert accepted(store, "login.example.com") == {"second"}
        repository.manifest["hosts"].insert(0, omitted)
        break_glass(siege, store, "third")


def test_a_host_cannot_be_widened_to_a_ca(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        for at in ("ca", "any"):
            publish_as_thief(siege, accept=[evil_pin("ca") | {"at": at}])
            siege.refused(store, ScopeError, "host-without-pin", "manifest.json", progress=True)
        publish_as_thief(siege, accept=[pin(leaf("second").pin), evil_pin("ca")])
        assert store.refresh().error is None
        siege.assert_enforces(store, siege.repository.manifest["version"], "second")
        ignored = siege.heard.last(PinIgnored)
        assert (ignored.pattern, ignored.why, ignored.digest) == (HOST, "not-allowed", issuer("evil").pin)
        break_glass(siege, store, "third")


def test_control_where_the_scope_names_the_ca_it_may_be_pinned(tmp_path: Path) -> None:
    siege = Siege(tmp_path, allow={"leaf": True, "ca": [issuer("evil").pin]})
    with siege.settled() as store:
        publish_as_thief(siege, accept=[evil_pin("ca")])
        substitutes(siege, store)


def test_a_foreign_host_cannot_be_broken(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        before = store.judge(FOREIGN, path_of("first"))
        foreign = {"pattern": FOREIGN, "include_subdomains": True, "accept": [evil_pin()]}
        repository.manifest["hosts"].append(foreign)
        publish_manifest(siege)
        assert store.refresh().error is None
        siege.assert_enforces(store, repository.manifest["version"], "second")
        assert siege.heard.last(HostIgnored).pattern == FOREIGN
        verdict = store.judge(FOREIGN, path_of("first"))
        assert (verdict.allowed, reason(verdict)) == (before.allowed, reason(before)) == (True, "unpinned")
        assert store.hosts == (HOST,)
        repository.manifest["hosts"].remove(foreign)
        break_glass(siege, store, "third")


def test_reports_cannot_be_redirected(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    repository.scope["report"] = {"urls": ["https://pins.example.com/v1/reports"], "sample": 1.0}
    with siege.settled() as store:
        repository.manifest["report"] = {"urls": ["https://thief.example.net/"], "sample": 0.0}
        repository.entry(HOST)["report"] = repository.manifest["report"]
        publish_as_thief(siege, accept=[evil_pin()])
        substitutes(siege, store)
        assert not store.judge(HOST, path_of("first")).allowed
        assert store.deliver_reports(timeout_seconds=10)
        assert siege.mirror.posted
        assert {url for url, _ in siege.mirror.posted} == {"https://pins.example.com/v1/reports"}
        break_glass(siege, store, "third")


def test_a_canary_cannot_be_posed_moved_or_satisfied(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    repository.scope["canary"] = {"host": CANARY}
    with siege.settled() as store:
        assert reason(store.judge(CANARY, path_of("evil"))) == "canary"
        repository.manifest["canary"] = {"host": HOST}  # to have it refused for ever
        repository.manifest["hosts"].append({"pattern": CANARY, "include_subdomains": False, "accept": [evil_pin()]})
        publish_manifest(siege)
        assert store.refresh().error is None
        siege.assert_enforces(store, repository.manifest["version"], "second")
        assert store.canary_host == CANARY
        verdict = store.judge(CANARY, path_of("evil"))
        assert (verdict.allowed, reason(verdict)) == (False, "canary")
        assert siege.heard.last(HostIgnored).pattern == CANARY
        del repository.manifest["canary"]
        repository.manifest["hosts"].pop()
        break_glass(siege, store, "third")


def test_the_scope_cannot_be_listed_by_automation(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        open_scope = {**repository.scope, "hosts": [], "version": 99}
        repository.publish_pins()
        name = f"{repository.versions['pins']}.pins.json"
        documents = {"scope.json": open_scope, "manifest.json": repository.manifest}
        listed = {path: repository._add_target(path, document).to_dict() for path, document in documents.items()}
        repository.resign(name, "pins", targets=listed)
        siege.publish_above("pins")
        assert store.refresh().error is None
        assert store.hosts == (HOST,)
        siege.assert_enforces(store, 2, "second")
        break_glass(siege, store, "third")


def test_no_host_can_be_set_to_report_only(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        publish_as_thief(siege, mode="report-only", until="2027-01-01T00:00:00Z")
        siege.repository.manifest["unpinned"] = "allow"
        assert store.refresh().error is None
        siege.assert_enforces(store, 3, "second")
        verdict = store.judge(HOST, path_of("evil"))
        assert (verdict.allowed, verdict.enforced, reason(verdict)) == (False, True, "no-match")
        break_glass(siege, store, "third")


@pytest.mark.parametrize("version", [TOP, TOP - 1])
def test_the_highest_manifest_version_blocks_nothing(tmp_path: Path, version: int) -> None:
    """What a manifest calls itself is for people: a lower one of a newer role is newer."""
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        repository.manifest["version"] = version - 1
        publish_as_thief(siege, accept=[evil_pin()])
        substitutes(siege, store)
        assert store.manifest_version == version
        repository.manifest["version"] = 2
        break_glass(siege, store, "third")
        assert store.manifest_version == 4


def test_the_highest_role_version_is_left_behind_with_its_name(tmp_path: Path) -> None:
    siege = Siege(tmp_path)
    repository = siege.repository
    with siege.settled() as store:
        repository.versions["pins"] = TOP - 1
        publish_as_thief(siege, accept=[evil_pin()])
        substitutes(siege, store)
        # At once: the security team speaks itself, and the thief's role is not even asked for.
        repository.is_break_glass = True
        repository.versions["pins"] = TOP - 1  # nobody publishes beyond the highest
        siege.recovers(store, "third")
        # For good: the same name is burnt, a new one goes on.
        repository.is_break_glass = False
        repository.rotate_keys("pins")
        repository.versions["pins"] = 3
        siege.rotate("second")
        siege.refused(store, RollbackError, "rollback-role", "pins", progress=True)
        repository.pins_role, repository.versions["pins"] = "pins-2", 0
        repository.extra_meta["pins"] = TOP
        siege.recovers(store, "second")
        assert state(store) == "fresh"

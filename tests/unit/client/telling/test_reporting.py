# SPDX-License-Identifier: Apache-2.0
"""Reports and check-ins: what they say, what they never say, and that the attacker who drops them gains nothing."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.client.cache.store import name_cache_file
from holdfast.client.pin_store import PinStore
from holdfast.telemetry.events import ReportFailed
from tests.client_world import EVIL, GOOD, HOST, World, allowed, path_of, pin_of
from tests.repository import CHANNEL, EPOCH, instant, pin
from tests.tools import wait_until

COLLECTOR = "https://pins.example.com/v1/reports"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, backup=[pin(pin_of("backup"))])
    world.repository.scope["report"] = {"urls": [COLLECTOR], "sample": 1.0}
    world.publish_seed()
    return world


def reports(world: World) -> list[dict[str, Any]]:
    bodies = [body for _, body in world.mirror.posted if body["format"] == "holdfast-reports/1"]
    return [report for body in bodies for report in body["reports"]]


def check_ins(world: World) -> list[dict[str, Any]]:
    return [body for _, body in world.mirror.posted if body["format"] == "holdfast-check-in/1"]


def deliver(store: PinStore) -> bool:
    return store.deliver_reports(timeout_seconds=10)


def settle(store: PinStore) -> None:
    wait_until(lambda: store._reporter._flights.find() is None, what="the delivery to end")


def test_a_refusal_is_reported_in_the_form_of_the_specification(world: World) -> None:
    with world.open(app_version="4.2.0") as store:
        world.clock.wait(hours=1)
        assert not allowed(store, EVIL)
        assert deliver(store)
        assert store.pending_reports == 0
    (report,) = reports(world)
    version = report.pop("sdk")
    assert re.fullmatch(r"holdfast-python/\d+(\.\d+)*", version)
    assert report == {
        "date-time": "2026-11-23T13:00:00Z",
        "hostname": HOST,
        "noted-hostname": HOST,
        "include-subdomains": False,
        "enforce-pinning": True,
        "validation-result": 1,
        "known-pins": sorted(f'pin-sha256="{pin_of(word)}"' for word in ("key-1", "backup")),
        "served-certificate-chain": [],
        "validated-certificate-chain": [],
        "app-bundle-id": "com.example.bank",
        "app-version": "4.2.0",
        "app-platform": "python",
        "channel": CHANNEL,
        "manifest-version": 1,
        "state": "seed",
        "age-seconds": 3600,
        "path": [pin_of("evil"), pin_of("evil-ca")],
        "verdict": "no-match",
    } | {"known-pins": report["known-pins"]}
    assert set(report["known-pins"]) == {f'pin-sha256="{pin_of(word)}"' for word in ("key-1", "backup")}
    assert {url for url, _ in world.mirror.posted} == {COLLECTOR}


def test_what_is_accepted_is_not_reported(world: World) -> None:
    with world.open() as store:
        assert allowed(store, GOOD)
        assert allowed(store, EVIL, "elsewhere.example")
        deliver(store)
    assert reports(world) == []


def test_one_identical_report_a_day_and_different_ones_each(world: World) -> None:
    with world.open() as store:
        for _ in range(50):
            store.judge(HOST, EVIL)
        store.judge(HOST, path_of("evil", "another-ca"))
        store.judge(HOST, ())
        settle(store)
        deliver(store)
        assert len(reports(world)) == 3
    with world.open() as store:  # a restart forgets nothing
        store.judge(HOST, EVIL)
        deliver(store)
        assert len(reports(world)) == 3
        world.clock.wait(days=1)
        store.judge(HOST, EVIL)
        deliver(store)
        assert len(reports(world)) == 4


def test_what_the_attacker_drops_is_sent_on_the_next_network(world: World) -> None:
    world.mirror.refuses_reports = True
    with world.open() as store:
        assert not allowed(store, EVIL)
        assert not deliver(store)
        failed = world.heard.last(ReportFailed)
        assert (failed.url, failed.pending) == (COLLECTOR, 1)
        settle(store)
    assert reports(world) == []
    with world.open() as store:
        assert store.pending_reports == 1
        world.mirror.refuses_reports = False
        store.resumed()
        wait_until(lambda: store.pending_reports == 0)
        settle(store)
    assert len(reports(world)) == 1
    with world.open() as store:
        assert store.pending_reports == 0


def test_a_collector_that_is_away_is_not_hammered(world: World) -> None:
    world.mirror.refuses_reports = True
    with world.open() as store:
        for number in range(20):
            store.judge(HOST, path_of(f"evil-{number}", "ca"))
            settle(store)
        assert world.heard.count(ReportFailed) == 1
        world.clock.wait(minutes=2)
        store.judge(HOST, path_of("one-more", "ca"))
        settle(store)
        assert world.heard.count(ReportFailed) == 2
        assert store.pending_reports == 21
        world.mirror.refuses_reports = False
        assert deliver(store)
    assert len(reports(world)) == 21


def test_the_second_collector_is_asked_when_the_first_does_not_answer(world: World) -> None:
    urls = ["https://one.example/r", "https://two.example/r"]
    world.repository.scope["report"]["urls"] = urls
    world.publish_seed()
    posted: list[str] = []
    real = world.mirror.post

    def post(url: str, body: bytes, *, timeout_seconds: float) -> None:
        posted.append(url)
        world.mirror.refuses_reports = url == urls[0]
        real(url, body, timeout_seconds=timeout_seconds)

    world.mirror.post = post  # type: ignore[method-assign]
    with world.open() as store:
        store.judge(HOST, EVIL)
        assert deliver(store)
        settle(store)
    assert posted[:2] == urls


def test_report_only_reports_what_it_lets_pass(tmp_path: Path) -> None:
    world = World(tmp_path, mode="report-only", until=instant(EPOCH + timedelta(days=30)))
    world.repository.scope["report"] = {"urls": [COLLECTOR]}
    world.publish_seed()
    with world.open() as store:
        assert allowed(store, EVIL)
        deliver(store)
    (report,) = reports(world)
    assert (report["enforce-pinning"], report["verdict"]) == (False, "no-match")


def test_certificates_are_sent_only_if_the_app_opted_in(world: World) -> None:
    with world.open(report_certificates=True) as store:
        store.judge(HOST, EVIL)
        deliver(store)
    (report,) = reports(world)
    assert len(report["validated-certificate-chain"]) == 2
    assert report["validated-certificate-chain"][0].startswith("-----BEGIN CERTIFICATE-----\n")


def test_a_host_that_no_pattern_governs_has_no_noted_hostname(world: World) -> None:
    with world.open(deny_unpinned=True) as store:
        assert not allowed(store, EVIL, "elsewhere.example")
        deliver(store)
    (report,) = reports(world)
    assert (report["hostname"], report["verdict"], report["known-pins"]) == ("elsewhere.example", "unpinned-denied", [])
    assert "noted-hostname" not in report


def test_switched_off_nothing_is_sent(world: World) -> None:
    with world.open(send_reports=False) as store:
        store.judge(HOST, EVIL)
        store.refresh()
        store.resumed()
        settle(store)
    assert world.mirror.posted == []


def test_a_scope_that_names_no_collector_costs_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish_seed()
    with world.open() as store:
        store.judge(HOST, EVIL)
        assert deliver(store)
        assert store.pending_reports == 0


@pytest.mark.parametrize(("sample", "expected"), [(0.0, 0), (1.0, 1)])
def test_the_share_of_clients_is_honoured(world: World, sample: float, expected: int) -> None:
    world.repository.scope["report"]["sample"] = sample
    world.publish_seed()
    with world.open() as store:
        store.judge(HOST, EVIL)
        store.refresh()
        settle(store)
        world.clock.wait(days=1)
        store.refresh()
        settle(store)
    assert len(reports(world)) == expected
    assert bool(check_ins(world)) == bool(expected)


def test_a_check_in_a_day_with_these_members_and_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "holdfast.client.telling.reporting.random_share", lambda: 0.5
    )  # 18:00 today, and 12:00 of other days
    with world.open(app_version="4.2.0") as store:
        for _ in range(24):
            world.clock.wait(hours=3)
            world.publish()
            store.refresh()
            settle(store)
    sent = check_ins(world)
    assert [one["days-since-last"] for one in sent] == ["first", "1", "1", "1"]
    assert len({one["batch"] for one in sent}) == 4
    last = sent[-1]
    assert re.fullmatch(r"[0-9a-f]{32}", last["batch"])
    assert set(last) == {
        "format", "batch", "channel", "app-version", "roles", "manifest-version", "scope-version", "state",
        "days-since-last",
    }  # fmt: skip
    assert set(last["roles"]) == {"root", "timestamp", "snapshot", "targets", "pins"}
    assert (last["channel"], last["app-version"], last["state"]) == (CHANNEL, "4.2.0", "fresh")


def test_a_restart_does_not_check_in_twice_a_day(world: World) -> None:
    for _ in range(20):
        with world.open() as store:
            world.clock.wait(minutes=30)
            store.refresh()
            settle(store)
    assert len(check_ins(world)) <= 1


def test_reports_of_a_broken_outbox_start_anew(world: World) -> None:
    assert world.cache_dir is not None
    world.cache_dir.mkdir()
    path = world.cache_dir / name_cache_file(CHANNEL, suffix="outbox.json")
    path.write_bytes(b"garbage")
    with world.open() as store:
        store.judge(HOST, EVIL)
        assert deliver(store)
    assert len(reports(world)) == 1
    assert json.loads(path.read_bytes())["format"] == "holdfast-outbox/1"


def test_reports_work_without_a_disk(world: World) -> None:
    world.cache_dir = None
    with world.open() as store:
        store.judge(HOST, EVIL)
        assert deliver(store)
    assert len(reports(world)) == 1


def test_a_disk_that_cannot_be_written_loses_no_report(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with world.open(cache_dir=tmp_path / "file") as store:
        store.judge(HOST, EVIL)
        assert deliver(store)
    assert len(reports(world)) == 1


def test_nothing_in_a_report_tells_two_devices_apart(world: World, tmp_path: Path) -> None:
    bodies = []
    for name in ("one", "other"):
        world.mirror.posted.clear()
        with world.open(cache_dir=tmp_path / name) as store:
            store.judge(HOST, EVIL)
            deliver(store)
        bodies.append(reports(world))
    assert bodies[0] == bodies[1]

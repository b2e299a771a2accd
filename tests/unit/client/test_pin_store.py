# SPDX-License-Identifier: Apache-2.0
"""The face of the SDK: opening, verdicts, what an app may be stricter in, listeners, descriptions."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import holdfast
from holdfast.client.description import describe_view
from holdfast.client.pin_store import PinStore
from holdfast.client.refresh.fetcher import Response
from holdfast.client.tls.judge import HintedJudge
from holdfast.core.pin import parse_digest
from holdfast.errors import AnchorError, ConfigError, PinMismatchError, TrustError
from holdfast.telemetry.events import (
    Event,
    HostIgnored,
    ManifestAccepted,
    PinIgnored,
    PinMismatched,
    RequiredHostDropped,
    RequiredHostRelaxed,
)
from tests.client_world import (
    EVIL,
    GOOD,
    HOST,
    NEXT,
    World,
    allowed,
    enforces,
    fake_certificate,
    pin_of,
    reason,
    state,
)
from tests.repository import CHANNEL, EPOCH, Repository, instant, pin
from tests.tools import wait_until

OTHER = "elsewhere.example"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.publish_seed()
    return world


# ---------------------------------------------------------------------------------------------------- opening


def test_it_is_the_judge_that_sockets_and_adapters_ask_for(world: World) -> None:
    judge: HintedJudge = PinStore(world.config())
    assert judge.generation >= 0


def test_a_root_without_a_channel_does_not_open(world: World) -> None:
    plain = Repository(channel=None)
    plain.add_host(HOST, [pin_of("key-1")])
    plain.publish()
    with pytest.raises(AnchorError) as caught:
        PinStore(world.config(root=plain.anchor, seed=plain.bundle()))
    assert caught.value.code == "anchor-without-channel"


@pytest.mark.parametrize("root", [b"{}", b"garbage", b"[]"])
def test_a_root_that_is_none_does_not_open(world: World, root: bytes) -> None:
    with pytest.raises(AnchorError):
        PinStore(world.config(root=root))


def test_another_channel_than_the_app_means_does_not_open(world: World) -> None:
    with pytest.raises(ConfigError, match="staging"):
        PinStore(world.config(channel="com.example.bank/staging"))
    PinStore(world.config(channel=CHANNEL)).close()


@pytest.mark.parametrize("seed", [b"{}", b"<html>", b'{"format":"holdfast-bundle/1","files":{}}'])
def test_a_seed_that_is_none_does_not_open(world: World, seed: bytes) -> None:
    with pytest.raises(TrustError):
        PinStore(world.config(seed=seed))


def test_the_seed_of_another_channel_does_not_open(world: World) -> None:
    other = Repository("com.example.bank/staging")
    other.add_host(HOST, [pin_of("evil")])
    other.publish()
    with pytest.raises(TrustError):
        PinStore(world.config(seed=other.bundle()))


def test_settings_stand_in_the_configuration(world: World) -> None:
    with pytest.raises(TypeError, match="configuration"):
        PinStore.open(world.config(), cache_dir=None)
    store = PinStore.open(world.config(), listener=world.heard)
    assert world.heard.last(ManifestAccepted).source == "seed"
    store.close()


# --------------------------------------------------------------------------------------------------- verdicts


def test_verdicts_in_every_spelling_of_the_host(world: World) -> None:
    with world.open() as store:
        for host in (HOST, HOST.upper(), HOST + ".", "Api.Example.COM."):
            for _ in range(2):  # the first look and the fast path
                assert allowed(store, GOOD, host)
                assert not allowed(store, EVIL, host)
        nonsense: list[Any] = ["", "a b", "ex\u00e4mple.com", None, 7, b"api.example.com"]
        for host in nonsense:
            verdict = store.judge(host, GOOD)
            assert not verdict.allowed
            assert store.protects(host)


def test_a_path_may_be_a_list_and_may_be_nonsense(world: World) -> None:
    with world.open() as store:
        assert store.judge(HOST, list(GOOD)).allowed
        assert reason(store.judge(HOST, ())) == "empty-path"
        assert reason(store.judge(HOST, (b"", b""))) == "certificate-syntax"
        assert reason(store.judge(HOST, (GOOD[0] + b"x",))) == "certificate-syntax"
        assert reason(store.judge(HOST, (GOOD[0],) * 17)) == "path-too-long"
        assert store.judge(OTHER, (b"nonsense",)).allowed  # nobody protects it


def test_judging_never_raises(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with world.open() as store, caplog.at_level(logging.ERROR):
        nonsense: list[tuple[Any, Any]] = [(HOST, None), (HOST, 7), ([HOST], GOOD), (HOST, ("text",))]
        for host, path in nonsense:
            caplog.clear()
            verdict = store.judge(host, path)
            assert (verdict.allowed, reason(verdict)) == (False, "certificate-syntax")
            assert "could not be judged" in caplog.text


def test_telling_of_a_verdict_does_not_change_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, mode="report-only", until=instant(EPOCH.replace(day=30)))
    world.publish_seed()

    def fail(*_: object) -> None:
        raise RuntimeError("the reporter is broken")

    with world.open() as store:
        monkeypatch.setattr(store._reporter, "record", fail)
        verdict = store.judge(HOST, EVIL)
        assert (verdict.allowed, reason(verdict)) == (True, "no-match")
        assert "the reporter is broken" in caplog.text


def test_the_fast_path_gives_the_same_verdict_and_forgets_with_the_set(world: World) -> None:
    with world.open() as store:
        first = store.judge(HOST, GOOD)
        assert store.judge(HOST, tuple(bytes(bytearray(der)) for der in GOOD)) is first
        assert store.judge(HOST, (GOOD[0], EVIL[1])) is not first  # the path is part of what was admitted
        world.rotate("key-2")
        store.refresh()
        assert enforces(store, "key-2")


def test_thousands_of_hosts_and_certificates_do_not_fill_memory(world: World) -> None:
    with world.open() as store:
        for number in range(5000):
            store.judge(f"h{number}.example.org", (fake_certificate(str(number)),))
        assert len(store._view.admitted) <= 4096
        assert len(store._certificates._by_der) <= 512
        for number in range(1100):
            store.judge(f"{number}.api.example.com..", ())
        assert len(store._refused) <= 1024


def test_protects_says_when_pins_are_asked(world: World) -> None:
    world.repository.scope["canary"] = {"host": "canary.example.com"}
    world.publish_seed()
    with world.open() as store:
        assert store.protects(HOST)
        assert store.protects("canary.example.com")
        assert not store.protects(OTHER)
    with world.open(deny_unpinned=True) as store:
        assert store.protects(OTHER)
    with world.open(required_hosts=frozenset({OTHER})) as store:
        assert store.protects(OTHER)


def test_check_raises_for_other_stacks(world: World) -> None:
    with world.open() as store:
        assert store.check(HOST, GOOD).allowed
        with pytest.raises(PinMismatchError) as caught:
            store.check(HOST, EVIL)
        assert (caught.value.host, caught.value.reason, caught.value.manifest_version) == (HOST, "no-match", 1)
        assert caught.value.observed == (pin_of("evil"), pin_of("evil-ca"))


def test_the_canary_is_refused_in_silence(world: World) -> None:
    world.repository.scope["canary"] = {"host": "canary.example.com"}
    world.publish_seed()
    with world.open() as store:
        assert reason(store.judge("canary.example.com", GOOD)) == "canary"
        assert world.heard.count(PinMismatched) == 0
        assert not store.refresh_on_mismatch("canary.example.com", timeout_seconds=1)
        assert world.mirror.requests == []


# --------------------------------------------------------------------------------------- stricter, never laxer


def test_an_app_may_deny_what_the_scope_allows(world: World) -> None:
    with world.open() as store:
        assert allowed(store, EVIL, OTHER)
    with world.open(deny_unpinned=True) as store:
        assert reason(store.judge(OTHER, EVIL)) == "unpinned-denied"
        assert allowed(store, GOOD)


def test_an_app_cannot_allow_what_the_scope_denies(world: World) -> None:
    world.repository.scope["unpinned"] = "deny"
    world.publish_seed()
    with world.open(deny_unpinned=False) as store:
        assert reason(store.judge(OTHER, EVIL)) == "unpinned-denied"


def test_a_required_host_that_the_scope_drops_is_refused_alone(world: World) -> None:
    world.repository.add_host("pay.example.com", [pin_of("key-1")])
    world.publish_seed()
    with world.open(required_hosts=frozenset({"pay.example.com"})) as store:
        assert allowed(store, GOOD, "pay.example.com")
        world.repository.scope["hosts"].pop()
        world.publish()
        assert store.refresh().changed
        assert reason(store.judge("pay.example.com", GOOD)) == "required-host-dropped"
        assert allowed(store, GOOD)
        assert world.heard.last(RequiredHostDropped).host == "pay.example.com"


def test_a_required_host_that_the_scope_relaxes_is_enforced(tmp_path: Path) -> None:
    world = World(tmp_path, mode="report-only", until=instant(EPOCH.replace(year=2027, month=1)))
    world.publish_seed()
    with world.open(required_hosts=frozenset({HOST})) as store:
        assert world.heard.last(RequiredHostRelaxed).host == HOST
        assert not allowed(store, EVIL)


# ---------------------------------------------------------------------------------------------------- telling


def test_what_of_a_manifest_does_not_count_is_told(world: World) -> None:
    world.repository.manifest["hosts"].append(
        {"pattern": "foreign.example", "include_subdomains": False, "accept": [pin(pin_of("key-1"))]}
    )
    world.repository.entry(HOST)["accept"].append(pin(pin_of("ca"), at="ca"))
    world.publish_seed()
    with world.open() as store:
        assert world.heard.last(HostIgnored).pattern == "foreign.example"
        ignored = world.heard.last(PinIgnored)
        assert (ignored.pattern, ignored.why, ignored.digest) == (HOST, "not-allowed", pin_of("ca"))
        assert not allowed(store, (fake_certificate("evil"), fake_certificate("ca")))


def test_a_listener_that_raises_is_contained(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def bad(event: Event) -> None:
        raise RuntimeError("listener")

    heard: list[Event] = []
    with caplog.at_level(logging.ERROR):
        store = PinStore(world.config(), listener=bad)
        store.add_listener(heard.append)
        assert not allowed(store, EVIL)
        assert store.refresh().error is None
        assert "listener" in caplog.text
        assert heard
        count = len(heard)
        store.remove_listener(heard.append)
        store.remove_listener(print)
        store.judge(HOST, EVIL)
        assert len(heard) == count
        store.close()


def test_a_listener_may_ask_the_store(world: World) -> None:
    said: list[str] = []
    with world.open() as store:
        store.add_listener(lambda event: said.append(f"{event.name} {store.state.value} {store.manifest_version}"))
        store.refresh()
        world.clock.wait(hours=1)
        world.rotate("key-2")
        store.refresh()
    assert "manifest.accepted fresh 2" in said


def test_a_refusal_carries_the_facts(world: World) -> None:
    with world.open() as store:
        store.judge(HOST.upper(), EVIL)
        told = world.heard.last(PinMismatched)
    assert (told.channel, told.host, told.pattern, told.reason) == (CHANNEL, HOST, HOST, "no-match")
    assert (told.observed[0], told.manifest_version, told.state, told.enforced) == (pin_of("evil"), 1, "seed", True)


def test_a_description_is_for_people(tmp_path: Path) -> None:
    world = World(tmp_path, hosts=30)
    world.repository.scope["max_age_seconds"] = 7 * 86_400
    world.repository.scope["hosts"][1] |= {"mode": "report-only", "until": instant(EPOCH.replace(day=30))}
    world.publish_seed()
    with world.open() as store:
        world.clock.wait(minutes=5)
        text = store.describe()
        assert text.startswith(f"{CHANNEL}: seed, manifest 1, scope 1, signed 5 min ago, from the seed\n")
        assert "unlisted hosts: allowed" in text
        assert f"  {HOST}: enforced" in text
        assert "report only until 2026-11-30" in text
        assert "and 10 more" in text
        world.clock.wait(days=8)
        text = store.describe()
        assert "8 d ago" in text
        assert "older than the scope allows" in text
        assert "report only" not in text
        assert store.hosts[0] == HOST
    with world.open(seed=None, cache_dir=None, allow_empty_start=True, deny_unpinned=True) as store:
        assert "every host is refused" in store.describe()
        assert (store.hosts, store.manifest_version, store.age_seconds, store.canary_host) == ((), None, None, None)


def test_a_description_names_a_retired_key(world: World) -> None:
    with world.open() as store:
        view = store._view
        assert "retired" not in describe_view(CHANNEL, view, 0.0)
        retired = replace(view, basis=replace(view.basis, is_retired=True, root_version=9))
        assert "root 9 has retired" in describe_view(CHANNEL, retired, 7200.0)
        assert "2 h ago" in describe_view(CHANNEL, retired, 7200.0)


# ----------------------------------------------------------------------------------------------- many at once


def test_readers_never_see_half_a_set(world: World) -> None:
    world.repository.add_host("pay.example.com", [pin_of("key-1")])
    world.publish_seed()
    wrong: list[str] = []
    stop = threading.Event()
    with world.open() as store:

        def read() -> None:
            while not stop.is_set():
                view = store._view
                both = {name: sorted(view.enforcement.table.hosts[name].accept.leaf_spki)  # type: ignore[union-attr]
                        for name in (HOST, "pay.example.com")}  # fmt: skip
                if both[HOST] != both["pay.example.com"]:
                    wrong.append("half a set")
                verdict = store.judge(HOST, GOOD if both[HOST] == [parse_digest(pin_of("key-1"))] else NEXT)
                if not verdict.allowed and store._view is view:
                    wrong.append("refused by a set that accepts it")
                time.sleep(0)

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(12):
            world.clock.wait(minutes=1)
            for name in (HOST, "pay.example.com"):
                world.repository.set_pins(name, [pin_of(f"key-{1 + turn % 2}")])
            world.publish()
            assert store.refresh().changed
        stop.set()
        for thread in threads:
            thread.join(10)
    assert wrong == []


def test_the_view_is_there_before_the_generation_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Watching(PinStore):
        def __setattr__(self, name: str, value: object) -> None:
            if name == "generation" and "_view" in self.__dict__:
                assert self._view.generation == value
            super().__setattr__(name, value)

    store = Watching(world.config())
    world.rotate("key-2")
    assert store.refresh().changed
    assert store.generation == store._view.generation
    store.close()


def test_a_refresh_that_takes_too_long_goes_on(world: World) -> None:
    gate = threading.Event()
    real = world.mirror.get

    def get(url: str, *, max_bytes: int, timeout_seconds: float, etag: str | None = None) -> Response:
        gate.wait(5)
        return real(url, max_bytes=max_bytes, timeout_seconds=timeout_seconds, etag=etag)

    world.mirror.get = get  # type: ignore[method-assign]
    with world.open() as store:
        with pytest.raises(TimeoutError):
            store.refresh(timeout_seconds=0.05)
        gate.set()
        wait_until(lambda: state(store) == "fresh")


def test_refreshing_on_mismatch_raises_nothing_even_where_no_thread_starts(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with world.open() as store:
        monkeypatch.setattr(threading.Thread, "start", fail)
        assert not store.refresh_on_mismatch(HOST, timeout_seconds=1)
        store.hint(99)
        assert "can't start new thread" in caplog.text


async def test_the_asynchronous_mismatch_raises_nothing_either(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with world.open() as store:
        monkeypatch.setattr(store._refresher, "_find_flight", fail)
        assert not await store.refresh_on_mismatch_async(HOST, timeout_seconds=1)
        assert "can't start new thread" in caplog.text


def test_the_interval_is_the_manifests_within_bounds(world: World) -> None:
    with world.open() as store:
        assert store._interval_seconds() == 900
        world.repository.manifest["refresh_seconds"] = 1
        world.publish()
        store.refresh()
        assert store._interval_seconds() == 60
    with world.open(refresh_floor_seconds=0.25) as store:
        assert store._interval_seconds() == 1
    with world.open(seed=None, cache_dir=None, allow_empty_start=True) as store:
        assert store._interval_seconds() == 900


# ------------------------------------------------------------------------------------------------- the package


def test_everything_that_the_package_names_is_there() -> None:
    for name in set(holdfast.__all__) - {"extract_from_ssl", "inject_into_ssl"}:
        assert getattr(holdfast, name) is not None
    assert set(holdfast.__all__) <= set(dir(holdfast))
    assert holdfast.PinStore is PinStore
    with pytest.raises(AttributeError, match="no attribute 'Pinstore'"):
        _ = holdfast.Pinstore

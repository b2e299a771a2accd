# SPDX-License-Identifier: Apache-2.0
"""The steps in which somebody attacks, or something is gone: what is refused, and what is still enforced afterwards."""

from __future__ import annotations

import ssl
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from holdfast.control.model import PinList, PinUse
from holdfast.core.freshness import State
from holdfast.errors import (
    ChannelError,
    HoldfastError,
    PinMismatchError,
    ScopeError,
    SignatureError,
    SignerUnavailable,
    TransportError,
)
from holdfast.sim.app import attempt
from holdfast.sim.network import BEARER, fetch, fetch_async, fetch_through_proxy, send_before_handshake
from holdfast.sim.proxy import InterceptingProxy
from holdfast.sim.stage import FLEET, HOST, wait_until
from holdfast.sim.thief import Thief
from holdfast.telemetry.events import ManifestAccepted, OlderCopySeen, RefreshFailed

if TYPE_CHECKING:
    from holdfast.control.model import HostRecord
    from holdfast.sim.app import App
    from holdfast.sim.report import Step
    from holdfast.sim.stage import Stage

__all__ = ["intercept", "lose_mirror", "replay", "rotate_root", "steal_automation_key"]

_SISTER: Final = "com.example.bank/staging"
_WITHOUT_MIRROR_SECONDS: Final = 1.0
_WAYS: Final = (fetch_through_proxy, fetch, fetch_async, send_before_handshake)


def intercept(stage: Stage, step: Step) -> None:
    """Step 5: a proxy that every client believes, but for its pins."""
    app = stage.apps[0]
    control = ssl.create_default_context(cadata=stage.trusted)
    with InterceptingProxy(stage.rogue_ca, HOST, lambda _host: stage.backend.address) as proxy:
        refusals = [attempt(way, HOST, proxy.address, app.context) for way in _WAYS]
        refused = sum(isinstance(each, PinMismatchError) for each in refusals)
        taken, tried = len(proxy.loot), proxy.attempts
        step.check(
            f"a pinned app meets it in {len(_WAYS)} ways",
            f"{refused} of {len(_WAYS)} refused",
            met=refused == tried == len(_WAYS),
        )
        step.check("decrypted, counted at the proxy", f"{taken} bytes", met=taken == 0)
        answers = [attempt(way, HOST, proxy.address, control) for way in _WAYS]
        leaked = len(proxy.loot) - taken
        step.check(
            "control: the same device without pins",
            f"{leaked} bytes leaked: {_quote(proxy.loot)}",
            met=answers.count(None) == len(_WAYS) and leaked > 0 and BEARER.encode() in proxy.loot,
        )
    step.figures |= {"intercepted": tried, "decrypted_bytes": taken, "leaked_bytes_without_pins": leaked}
    step.headline = f"{taken} bytes decrypted; {leaked} without pins"


def _quote(loot: bytes) -> str:
    return next((line.decode("ascii") for line in loot.split(b"\r\n") if line.startswith(b"Auth")), "nothing of worth")


def lose_mirror(stage: Stage, step: Step) -> None:
    """Step 6: nobody serves the manifest any more."""
    anchors = stage.office.export_anchors(stage.folder / "anchors-of-today")
    version = stage.apps[0].manifest_version
    began = time.monotonic()
    stage.mirror.stop()
    step.doing("waiting until every app has noticed")
    wait_until(lambda: all(app.heard(RefreshFailed, since=began) for app in stage.apps), "an event in every app")
    event = stage.apps[0].heard(RefreshFailed, since=began)[0]
    step.check(
        "every app notices, and says so",
        f"{event.name}; manifest {event.manifest_version} stays enforced",
        met=event.code == "transport" and event.manifest_version == version,
    )
    with stage.load() as load:
        time.sleep(_WITHOUT_MIRROR_SECONDS)
    tally = load.since()
    step.check("the right key connects", f"{tally.failed} of {tally.total} failed", met=tally.failed == 0 < tally.total)
    _check_stranger(stage, step, stage.apps[1], "the wrong key is refused")
    again = stage.install("app-1")  # a second process would be the same: it has the cache, and nothing else
    step.check(
        "started again, an app enforces its cache",
        f"manifest {again.manifest_version}, state {again.store.state.value}",
        met=again.manifest_version == version and _connects(stage, again),
    )
    again.store.close()
    newcomer = stage.install("cut-off", anchors=anchors)
    result = newcomer.store.refresh()
    is_cut_off = isinstance(result.error, TransportError) and newcomer.store.state is State.SEED
    step.check(
        "cut off from the start, it enforces its seed",
        f"manifest {newcomer.manifest_version}, state {newcomer.store.state.value}",
        met=is_cut_off and _connects(stage, newcomer),
    )
    _check_stranger(stage, step, newcomer, "and refuses the wrong key all the same")
    newcomer.store.close()
    stage.mirror.start(stage.office.workspace.public_directory)
    stage.wait_for_mirror(stage.mirror)
    began = time.monotonic()
    errors = [app.store.refresh().error for app in stage.apps]
    step.check(
        "the server is back, and every app current",
        f"{errors.count(None)} of {FLEET} after {time.monotonic() - began:.2f} s",
        met=errors.count(None) == FLEET,
    )
    step.figures |= {"requests": tally.total, "failed_requests": tally.failed}
    step.headline = f"{tally.failed} of {tally.total} failed; wrong keys refused"


def replay(stage: Stage, step: Step) -> None:
    """Step 7: genuine signatures, in the wrong place or at the wrong time."""
    app = stage.install_away("victim")
    app.store.refresh()
    version, disk = app.manifest_version, stage.read_disk("victim")
    began = time.monotonic()
    with stage.away.impersonated(stage.first_publication):
        result = app.store.refresh()
    seen = app.heard(OlderCopySeen, since=began)
    named = f"{seen[0].name}: timestamp {seen[0].version} after {seen[0].known_version}" if seen else "not noticed"
    step.check("the first publication, replayed", named, met=bool(seen) and result.is_older_copy)
    stage.thief = Thief(stage.office, stage.folder / "thief")
    with stage.away.impersonated(stage.thief.sign_for_sister(_SISTER)):
        result = app.store.refresh()
    step.check(
        f"{_SISTER}, with shared keys",
        _name(result.error),
        met=isinstance(result.error, ChannelError),
    )
    is_same = stage.read_disk("victim") == disk
    step.check(
        "nothing has moved, in memory or on disk",
        f"manifest {app.manifest_version}; cache {'unchanged, byte for byte' if is_same else 'CHANGED'}",
        met=app.manifest_version == version and is_same and _connects(stage, app),
    )
    _check_stranger(stage, step, app, "the wrong key is refused as before")
    app.store.close()
    step.headline = "both refused by name; nothing moved"


def steal_automation_key(stage: Stage, step: Step) -> None:
    """Step 8: who holds automation's keys cannot unprotect; and the security team has the last word."""
    _unprotect_by_publisher(stage, step)
    _unprotect_by_hand(stage, step)
    host = stage.office.service.load_draft().hosts[0]
    own = stage.office.make_pin(HOST, stage.rogue_ca.issue(HOST).key, PinList.ACCEPT, PinUse.CURRENT)
    swapped = replace(host, pins=(own,))
    _swap_leaf_keys(stage, step, swapped)
    step.doing("the security team takes the manifest over, with its offline keys")
    began = time.monotonic()
    version = stage.office.take_over().versions["manifest"]
    seconds = stage.wait_for_manifest(version, since=began)
    step.check(
        "the security team speaks over him",
        f"manifest {version} in {len(seconds)} of {FLEET} apps after {seconds[-1]:.2f} s",
        met=len(seconds) == FLEET,
    )
    app = stage.install_away("bystander")
    app.store.refresh()
    with stage.away.impersonated(stage.thief.sign_manifest(swapped)):
        result = app.store.refresh()
    step.check(
        "the thief signs on: nobody listens any more",
        f"manifest {app.manifest_version} stays: the genuine key connects",
        met=result.error is None and app.manifest_version == version and _connects(stage, app),
    )
    app.store.close()
    step.figures |= {"take_over_to_enforced_seconds": seconds[-1]}
    step.headline = f"refused; overruled after {seconds[-1]:.2f} s"


def _unprotect_by_publisher(stage: Stage, step: Step) -> None:
    published = stage.read_published()
    with stage.office.offline_keys_away() as service:
        host = service.load_draft().hosts[0]
        service.retire_host(HOST)
        refusal = attempt(service.publish, stage.office.permission)
        service.add_host(host)
    step.check(
        "the publisher cannot, without the offline keys",
        _name(refusal),
        met=isinstance(refusal, SignerUnavailable) and stage.read_published() == published,
    )


def _unprotect_by_hand(stage: Stage, step: Step) -> None:
    app = stage.install_away("victim")
    app.store.refresh()
    version = app.manifest_version
    with stage.away.impersonated(stage.thief.sign_manifest()):
        result = app.store.refresh()
    step.check(
        "the thief signs a manifest without the host",
        _name(result.error),
        met=isinstance(result.error, ScopeError) and app.manifest_version == version,
    )
    _check_stranger(stage, step, app, "the host stays protected")
    app.store.close()


def _swap_leaf_keys(stage: Stage, step: Step, swapped: HostRecord) -> None:
    """What a stolen automation key can do at most; the app that believes it is healed by the root rotation."""
    app = stage.install_away("victim")
    version = app.manifest_version
    stage.forged = stage.thief.sign_manifest(swapped)
    with stage.away.impersonated(stage.forged):
        app.store.refresh()
        refusal = attempt(app.get, HOST, stage.backend.address)
    step.check(
        "at most he swaps leaf keys, and needs a CA",
        f"manifest {app.manifest_version} taken: the genuine key is refused",
        met=app.manifest_version > version and isinstance(refusal, PinMismatchError),
    )
    app.store.close()


def rotate_root(stage: Stage, step: Step) -> None:
    """Step 9: new root keys, new online keys, the same apps."""
    step.doing("making root 2 and new online keys")
    began = time.monotonic()
    with stage.load() as load:
        versions = stage.office.rotate_root("root", "pins", "snapshot", "timestamp").versions
        seconds = stage.wait_for_root(versions["root"], since=began)
    tally = load.since()
    step.check(
        "root 2 reaches every app, under load",
        f"{len(seconds)} of {FLEET} after {seconds[-1]:.2f} s; {tally.failed} of {tally.total} requests failed",
        met=len(seconds) == FLEET and tally.failed == 0 < tally.total,
    )
    version = versions["manifest"]
    victim = stage.install_away("victim")
    victim.store.refresh()
    step.check(
        "the app that had believed the thief is back",
        f"manifest {victim.manifest_version}: the genuine key connects",
        met=victim.manifest_version == version and _connects(stage, victim),
    )
    with stage.away.impersonated(stage.forged):
        result = victim.store.refresh()
    step.check(
        "the stolen keys are worth nothing",
        _name(result.error),
        met=isinstance(result.error, SignatureError) and victim.manifest_version == version,
    )
    victim.store.close()
    newcomer = stage.install_away("old-release")
    asked = stage.away.served
    newcomer.store.refresh()
    accepted = newcomer.heard(ManifestAccepted)[-1]
    step.check(
        "the first release, installed today, follows",
        f"root 1 to {accepted.root_version} in {stage.away.served - asked} request; manifest {version}",
        met=accepted.root_version == versions["root"] and newcomer.manifest_version == version,
    )
    newcomer.store.close()
    step.figures |= {
        "requests": tally.total,
        "failed_requests": tally.failed,
        "rotate_to_enforced_seconds": seconds[-1],
    }
    step.headline = f"{tally.failed} of {tally.total} failed; trusted after {seconds[-1]:.2f} s"


def _check_stranger(stage: Stage, step: Step, app: App, what: str) -> None:
    """Check that a key that nobody has pinned is refused, and learns nothing."""
    taken = stage.stranger.decrypted_bytes
    refusal = attempt(app.get, HOST, stage.stranger.address)
    stage.stranger.settle()
    taken = stage.stranger.decrypted_bytes - taken
    step.check(
        what,
        f"{_name(refusal)}; {taken} bytes decrypted",
        met=isinstance(refusal, PinMismatchError) and taken == 0,
    )


def _connects(stage: Stage, app: App) -> bool:
    return attempt(app.get, HOST, stage.backend.address) is None


def _name(error: Exception | None) -> str:
    """Name a refusal: its class and its code."""
    if error is None:
        return "accepted"
    if isinstance(error, PinMismatchError):
        return f"refused: {error.reason}"
    if isinstance(error, HoldfastError):
        return f"{type(error).__name__}: {error.code}"
    return f"{type(error).__name__}: {error}"

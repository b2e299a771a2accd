# SPDX-License-Identifier: Apache-2.0
"""The steps in which everything goes as it should: keys are made, published, rotated, and nobody fails."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from holdfast.core.freshness import State
from holdfast.errors import PinMismatchError
from holdfast.sim.app import attempt
from holdfast.sim.office import REFRESH_SECONDS
from holdfast.sim.stage import FLEET, HOST
from holdfast.telemetry.events import ManifestAccepted

if TYPE_CHECKING:
    from holdfast.sim.load import Tally
    from holdfast.sim.pki import Key
    from holdfast.sim.report import Step
    from holdfast.sim.stage import Stage

__all__ = ["hold_ceremony", "rotate_as_planned", "rotate_unannounced", "run_under_load"]

_STEADY_SECONDS: Final = 1.5
_AFTER_SWAP_SECONDS: Final = 1.0
_CROWD: Final = 16
_BETWEEN_REFRESHES_SECONDS: Final = 1.1  # a mismatch does not ask again within a second


def hold_ceremony(stage: Stage, step: Step) -> None:
    """Step 1: keys, first publication, an app that has never been online."""
    step.doing("making nine keys, each encrypted under a passphrase (scrypt)")
    office = stage.found(step.doing)
    files = office.founded.key_files
    encrypted = [path for path in files if b"ENCRYPTED" in path.read_bytes() and path.stat().st_mode & 0o077 == 0]
    step.check(
        f"{len(files)} keys, each in an encrypted file of its own",
        "root 2 of 3, targets 2 of 3, 3 online keys",
        met=len(encrypted) == len(files) == 9,
    )
    step.doing("publishing")
    office.protect(HOST, stage.first.key, stage.backup_key)
    began = time.monotonic()
    versions = office.publish().versions
    seconds = time.monotonic() - began
    stage.serve()
    step.check(
        f"{HOST} is published, with a backup",
        f"manifest {versions['manifest']}; keys opened and signed in {seconds:.1f} s",
        met=versions["manifest"] == 1,
    )
    stage.first_publication = stage.read_published()
    stage.anchors = office.export_anchors(stage.folder / "anchors")
    shipped = sum(path.stat().st_size for path in stage.anchors.iterdir())
    app = stage.install_away("newcomer")
    refusal = attempt(app.get, HOST, stage.backend.address)
    step.check(
        "never online, an app enforces what it ships",
        f"root.json + seed.json, {shipped / 1000:.1f} kB; state {app.store.state.value}",
        met=refusal is None and app.store.state is State.SEED,
    )
    asked = stage.away.served
    result = app.store.refresh()
    requests = stage.away.served - asked
    step.check(
        "its first refresh is one request",
        f"{requests} request, {len(stage.first_publication['bundle.json']) / 1000:.1f} kB; state {result.state.value}",
        met=requests == 1 and result.error is None and result.state is State.FRESH,
    )
    app.store.close()
    step.figures |= {"keys": len(files), "publish_seconds": seconds, "first_refresh_requests": requests}
    step.headline = f"{len(files)} keys; fetched in {requests} request"


def run_under_load(stage: Stage, step: Step) -> None:
    """Step 2: the fleet starts, and is counted on both sides."""
    stage.apps = [stage.stack.enter_context(stage.install(f"app-{number}")) for number in range(1, FLEET + 1)]
    answered = stage.backend.count_requests(stage.first)
    handshakes = stage.backend.handshakes
    step.doing(f"{FLEET} apps send requests, each on a new TLS connection")
    with stage.load() as load:
        time.sleep(_STEADY_SECONDS)
    tally = load.since()
    stage.backend.settle()
    answered = stage.backend.count_requests(stage.first) - answered
    handshakes = stage.backend.handshakes - handshakes
    step.check(
        "every request makes a new TLS connection",
        f"{tally.failed} of {tally.total} failed; median {tally.median_seconds * 1000:.1f} ms",
        met=tally.failed == 0 and tally.total >= FLEET,
    )
    step.check(
        "the server has counted the same",
        f"{answered} requests, {handshakes} handshakes",
        met=answered == handshakes == tally.total,
    )
    _note_load(step, tally)
    step.headline = f"{tally.failed} of {tally.total} failed; median {tally.median_seconds * 1000:.1f} ms"


def rotate_as_planned(stage: Stage, step: Step) -> None:
    """Step 3: publish the next key, wait until clients hold it, swap, retire the old one."""
    old, new = stage.backend.identity, stage.public_ca.issue(HOST)
    with stage.load() as load:
        step.doing("publishing the next key, from its signing request")
        stage.office.announce(HOST, new.key)
        began = time.monotonic()
        version = stage.office.publish().versions["manifest"]
        published = time.monotonic() - began
        step.check(
            "the next key is published before it is used",
            f"manifest {version}, from a signing request, in {published * 1000:.0f} ms",
            met=stage.backend.identity is old,
        )
        step.doing("waiting until every app holds it")
        seconds = stage.wait_for_manifest(version, since=began)
        step.check(
            f"every app enforces it (asking every {REFRESH_SECONDS} s)",
            f"{len(seconds)} of {FLEET}: {seconds[0]:.2f} s to {seconds[-1]:.2f} s after publishing",
            met=len(seconds) == FLEET,
        )
        step.doing("swapping the certificate under load")
        stage.backend.swap(new)
        time.sleep(_AFTER_SWAP_SECONDS)
    tally = load.since()
    stage.backend.settle()
    after = stage.backend.count_requests(new)
    step.check(
        "the key is swapped under load: nobody fails",
        f"{tally.failed} of {tally.total} failed: {tally.total - after} old key, {after} new key",
        met=tally.failed == 0 and 0 < after < tally.total,
    )
    step.doing("retiring the old key")
    stage.office.retire(HOST, old.key)
    began = time.monotonic()
    stage.wait_for_manifest(stage.office.publish().versions["manifest"], since=began)
    _check_refused(stage, step, old.key, "the retired key is refused from now on")
    _check_static_pin(stage, step)
    _note_load(step, tally)
    step.figures |= {"publish_seconds": published, "publish_to_enforced_seconds": seconds[-1]}
    step.headline = f"{tally.failed} of {tally.total} failed; enforced after {seconds[-1]:.2f} s"


def _check_refused(stage: Stage, step: Step, key: Key, what: str) -> None:
    thief = stage.show_elsewhere(stage.public_ca.issue(HOST, key))
    refusals = [attempt(app.get, HOST, thief.address) for app in stage.apps]
    thief.settle()
    reasons = sorted({each.reason for each in refusals if isinstance(each, PinMismatchError)})
    step.check(
        what,
        f"{', '.join(reasons) or 'accepted'} in {FLEET} of {FLEET} apps; {thief.decrypted_bytes} bytes decrypted",
        met=reasons == ["no-match"] and thief.handshakes == FLEET and thief.decrypted_bytes == 0,
    )


def _check_static_pin(stage: Stage, step: Step) -> None:
    """The control: the same app with nothing but what it shipped with, which is what a static pin is."""
    static = stage.install("static", refresh_on_mismatch=False)  # and never started: not on schedule either
    refusal = attempt(static.get, HOST, stage.backend.address)
    static.store.close()
    reason = refusal.reason if isinstance(refusal, PinMismatchError) else "connected"
    step.check("control: a static pin locks its users out", f"refused: {reason}", met=reason == "no-match")


def rotate_unannounced(stage: Stage, step: Step) -> None:
    """Step 4: the server changes its key first, the publisher hears of it later."""
    # Built today, and asking once an hour: what heals it is the mismatch, not the schedule.
    app = stage.install_away("patient", anchors=stage.office.export_anchors(stage.folder / "anchors-of-yesterday"))
    old, new = stage.backend.identity, stage.public_ca.issue(HOST)
    stage.backend.swap(new)
    before = stage.backend.decrypted_bytes
    refusal = attempt(app.get, HOST, stage.backend.address)
    refused_at = time.monotonic()
    stage.backend.settle()
    reason = refusal.reason if isinstance(refusal, PinMismatchError) else str(refusal)
    step.check(
        "a key that nobody has published is refused",
        f"refused: {reason}; {stage.backend.decrypted_bytes - before} bytes decrypted",
        met=reason == "no-match" and stage.backend.decrypted_bytes == before,
    )
    step.doing("publishing the key that the server shows already")
    stage.office.announce(HOST, new.key)
    began = time.monotonic()
    version = stage.office.publish().versions["manifest"]
    stage.wait_for_mirror(stage.away)
    time.sleep(max(0.0, refused_at + _BETWEEN_REFRESHES_SECONDS - time.monotonic()))
    asked, at_once = stage.away.served, time.monotonic()
    with ThreadPoolExecutor(_CROWD) as pool:
        outcomes = list(pool.map(lambda _: attempt(app.get, HOST, stage.backend.address), range(_CROWD)))
    seconds = time.monotonic() - at_once
    answered, fetches = outcomes.count(None), stage.away.served - asked
    step.check(
        f"published, then met by {_CROWD} connections at once",
        f"{answered} of {_CROWD} answered, the last after {seconds:.2f} s",
        met=answered == _CROWD,
    )
    accepted = [event.manifest_version for event in app.heard(ManifestAccepted, since=at_once)]
    step.check(
        "they share one refresh, inside the handshake",
        f"{fetches} request; manifest {version} enforced",
        met=fetches == 1 and accepted == [version],
    )
    app.store.close()
    step.doing("retiring the old key")
    stage.office.retire(HOST, old.key)
    stage.wait_for_manifest(stage.office.publish().versions["manifest"], since=began)
    step.figures |= {"connections": _CROWD, "failed": _CROWD - answered, "fetches": fetches, "healed_seconds": seconds}
    step.headline = f"{answered} of {_CROWD} healed by {fetches} request in {seconds:.2f} s"


def _note_load(step: Step, tally: Tally) -> None:
    step.figures |= {
        "requests": tally.total,
        "failed_requests": tally.failed,
        "median_request_seconds": tally.median_seconds,
    }

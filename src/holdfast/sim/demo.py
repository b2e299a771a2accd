# SPDX-License-Identifier: Apache-2.0
"""The demonstration: nine steps on real TLS, each with checks that could fail.

Real are the publisher (ceremony, signing, database, public directory), the distribution server over HTTP, the SDK and
every TLS handshake. Made up are the names, which no name server is asked for, and the hurry: apps ask every second.
Everything happens on loopback and in a temporary folder, which is gone afterwards.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from holdfast.errors import HoldfastError
from holdfast.sim import attack_steps, rotation_steps
from holdfast.sim.report import Report, Step
from holdfast.sim.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from holdfast.sim.report import Audience

__all__ = ["SCRIPT", "Scene", "run_demo"]


class Scene(NamedTuple):
    """A step before it runs."""

    title: str
    shows: str
    play: Callable[[Stage, Step], None]


SCRIPT: Final = (
    Scene(
        "Key ceremony and first publication",
        "The security team makes its own keys; the app ships their public half, once.",
        rotation_steps.hold_ceremony,
    ),
    Scene(
        "Pinned clients under steady load",
        "CA validation and pins, both, in every handshake, before the first byte of the request.",
        rotation_steps.run_under_load,
    ),
    Scene(
        "Make-before-break rotation",
        "Certificates change every few weeks, their keys with them. Publish, wait, swap: nobody notices.",
        rotation_steps.rotate_as_planned,
    ),
    Scene(
        "Unplanned rotation, healed on mismatch",
        "Somebody swaps the key and publishes later. An app that asks once an hour heals at once.",
        rotation_steps.rotate_unannounced,
    ),
    Scene(
        "An intercepting proxy that is trusted",
        "Met through CONNECT, on a hijacked route, with asyncio, and with a write before the handshake.",
        attack_steps.intercept,
    ),
    Scene(
        "The manifest server is down",
        "The last verified pins stay enforced. No state means 'no pins', and none is silent.",
        attack_steps.lose_mirror,
    ),
    Scene(
        "An old bundle, and a sister channel's",
        "An attacker on the path serves what was genuinely signed: last week, or for somebody else.",
        attack_steps.replay,
    ),
    Scene(
        "A stolen automation key, overruled",
        "Automation says which keys a host may show; only people say whether it is protected.",
        attack_steps.steal_automation_key,
    ),
    Scene(
        "A root rotation without an app release",
        "The anchor itself is replaced over the air, and the stolen keys with it.",
        attack_steps.rotate_root,
    ),
)


def run_demo(audience: Audience, script: Sequence[Scene] = SCRIPT) -> Report:
    """Run every step; one that is ended by an error is the last one.

    Args:
        audience: Follows it.
        script: What to play; later scenes need what earlier ones leave behind.

    Returns:
        The record. What deviated stands in it.
    """
    began = time.monotonic()
    steps: list[Step] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-demo-")))
        stage = Stage(folder, stack)
        for number, scene in enumerate(script, start=1):
            step = Step(number, scene.title, scene.shows, audience)
            steps.append(step)
            audience.step_began(step)
            error = _play(scene, stage, step)
            step.end(error)
            if error:
                break
    return Report(steps, len(script), time.monotonic() - began)


def _play(scene: Scene, stage: Stage, step: Step) -> str:
    try:
        scene.play(stage, step)
    except (HoldfastError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return ""

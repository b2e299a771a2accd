# SPDX-License-Identifier: Apache-2.0
"""Everything that the steps of a demonstration share: who is there, where they are, and how to wait for them."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from holdfast.control.settings import base_path
from holdfast.errors import HoldfastError
from holdfast.sim.app import App, describe_failure
from holdfast.sim.backend import Backend
from holdfast.sim.load import SteadyLoad
from holdfast.sim.mirror import Mirror
from holdfast.sim.office import Office
from holdfast.sim.pki import CertificateAuthority, make_key
from holdfast.telemetry.events import ManifestAccepted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack
    from pathlib import Path

    from holdfast.sim.pki import Identity, Key
    from holdfast.sim.thief import Thief

__all__ = ["CHANNEL", "FLEET", "HOST", "LOAD_INTERVAL_SECONDS", "Stage", "StageError", "wait_until"]

HOST: Final = "api.example.com"
CHANNEL: Final = "com.example.bank/production"
FLEET: Final = 4
"""Apps that run from the first step to the last."""

LOAD_INTERVAL_SECONDS: Final = 0.02
"""Each app sends fifty requests a second, each on a new TLS connection."""

_WAIT_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.01


class StageError(HoldfastError):
    """What a step waited for did not come about."""

    default_code = "demo-deviation"


class Stage:
    """The people, the machines and the networks between them.

    Two addresses serve the manifest: ``mirror`` is the internet as it should be; ``away`` is reached from one other
    network, where an attacker may answer in its place.

    Args:
        folder: For everything that is written.
        stack: What must be closed at the end is pushed here.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.public_ca = CertificateAuthority("Example Public CA")
        self.rogue_ca = CertificateAuthority("Example Interception CA")
        #: What the devices' CA stores hold: a public CA, and one that a user or a profile has installed.
        self.trusted = self.public_ca.pem + self.rogue_ca.pem
        self.first = self.public_ca.issue(HOST)
        self.backup_key: Key = make_key()
        self.backend = stack.enter_context(Backend(self.first))
        #: A certificate of the host that every device's CA store accepts, with a key that is nobody's business.
        self.stranger = stack.enter_context(Backend(self.rogue_ca.issue(HOST)))
        self.mirror, self.away = Mirror(), Mirror()
        stack.callback(self.mirror.stop)
        stack.callback(self.away.stop)
        self.apps: list[App] = []
        #: Set by the steps that make them.
        self.office: Office
        self.anchors: Path
        self.first_publication: dict[str, bytes] = {}
        self.thief: Thief
        self.forged: Mapping[str, bytes] = {}

    # -------------------------------------------------------------------------------------------------- publisher

    def found(self, progress: Callable[[str], None]) -> Office:
        """Hold the key ceremony."""
        self.office = Office(self.folder, CHANNEL, f"{self.mirror.url}/{base_path(CHANNEL)}", progress=progress)
        return self.office

    def serve(self) -> None:
        """Put both addresses of the manifest up."""
        for mirror in (self.mirror, self.away):
            mirror.start(self.office.workspace.public_directory)

    def read_published(self) -> dict[str, bytes]:
        """Read what is out: name within the channel -> bytes."""
        base = self.office.workspace.channel_directory
        return {path.relative_to(base).as_posix(): path.read_bytes() for path in base.rglob("*") if path.is_file()}

    # ------------------------------------------------------------------------------------------------------- apps

    def install(self, name: str, *, anchors: Path | None = None, refresh_on_mismatch: bool = True) -> App:
        """Install an app, or start one again: the name is its cache's."""
        folder = self.folder / "devices" / name
        return App(anchors or self.anchors, folder, self.trusted, refresh_on_mismatch=refresh_on_mismatch)

    def install_away(self, name: str, *, anchors: Path | None = None) -> App:
        """Install an app on a device in the other network; it refreshes when it is told to, or on a mismatch."""
        return App(
            anchors or self.anchors,
            self.folder / "devices" / name,
            self.trusted,
            refresh_floor_seconds=3600,
            mirror=f"{self.away.url}/{base_path(CHANNEL)}",
        )

    def load(self) -> SteadyLoad:
        """Make the load of the fleet: a worker an app."""
        return SteadyLoad(
            [partial(app.get, HOST, self.backend.address) for app in self.apps],
            describe=describe_failure,
            interval_seconds=LOAD_INTERVAL_SECONDS,
        )

    def show_elsewhere(self, identity: Identity) -> Backend:
        """Let somebody else show a certificate of the host: whoever stole its key, or had it certified."""
        return self.stack.enter_context(Backend(identity))

    # ---------------------------------------------------------------------------------------------------- waiting

    def wait_for_manifest(self, version: int, *, since: float) -> list[float]:
        """Wait until every app of the fleet enforces a manifest.

        Args:
            version: Of the manifest, at least.
            since: A moment of :func:`time.monotonic`.

        Returns:
            Seconds from that moment to each app's own, ascending.
        """
        wait_until(
            lambda: all(app.manifest_version >= version for app in self.apps), f"manifest {version} in every app"
        )
        moments = [app.find_accepted_at(version) for app in self.apps]
        return sorted(moment - since for moment in moments if moment is not None)

    def wait_for_mirror(self, mirror: Mirror) -> None:
        """Wait until an address serves what was published last."""
        bundle = self.office.workspace.channel_directory / "bundle.json"
        wait_until(lambda: mirror.serves(bundle.read_bytes()), "the new bundle on the manifest server")

    def wait_for_root(self, version: int, *, since: float) -> list[float]:
        """Wait until every app of the fleet trusts a root; see :meth:`wait_for_manifest`."""

        def find(app: App) -> float | None:
            return next(
                (at for at, each in app.events if isinstance(each, ManifestAccepted) and each.root_version >= version),
                None,
            )

        wait_until(lambda: all(find(app) is not None for app in self.apps), f"root {version} in every app")
        return sorted(moment - since for moment in map(find, self.apps) if moment is not None)

    # ------------------------------------------------------------------------------------------------------ disks

    def read_disk(self, name: str) -> dict[str, bytes]:
        """Read what lies on a device's disk."""
        folder = self.folder / "devices" / name
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wait_until(condition: Callable[[], bool], what: str, *, timeout_seconds: float = _WAIT_SECONDS) -> None:
    """Wait for something.

    Raises:
        StageError: It did not come about in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise StageError(f"waited {timeout_seconds:g} seconds in vain for {what}")
        time.sleep(_LOOK_SECONDS)

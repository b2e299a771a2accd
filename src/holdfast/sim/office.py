# SPDX-License-Identifier: Apache-2.0
"""The publisher's side of the demonstration: the real service on a real workspace in a temporary folder.

Nothing here signs, decides or stores: it says to :mod:`holdfast.control.service` what an operator would type.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from msgspec import structs

from holdfast.control.ceremony import RootChange
from holdfast.control.model import HostRecord, PinList, PinRecord, PinUse
from holdfast.control.policy import Gate
from holdfast.control.publication import Permission
from holdfast.control.settings import ChannelSettings
from holdfast.control.sources.key_files import key_from_csr
from holdfast.core.pin import PinType, Position
from holdfast.sim.pki import make_request
from holdfast.wiring import found_workspace, open_service, read_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from holdfast.control.publication import Report
    from holdfast.control.service import Service
    from holdfast.sim.pki import Key

__all__ = ["REFRESH_SECONDS", "Office"]

REFRESH_SECONDS: Final = 1
"""How often the apps ask: fifteen minutes by default, a second here, so that nobody has to wait."""

_REASON: Final = "a demonstration: apps ask every second, so that nobody has to wait for fifteen minutes"


class Office:
    """The security team and its automation.

    Args:
        folder: Where the workspace is made.
        channel: ``<app>/<environment>``.
        mirror: Base URL of the channel's files.
        progress: Called before each step that takes time.
    """

    def __init__(self, folder: Path, channel: str, mirror: str, *, progress: Callable[[str], None]) -> None:
        self.channel = channel
        self._passphrase = secrets.token_bytes(24)
        self._safe = folder / "safe"
        self._folder = folder
        settings = ChannelSettings(name=channel, mirrors=(mirror,))
        self.founded = found_workspace(
            folder / "office", settings, self.passphrases, offline_directory=self._safe, progress=progress
        )
        # What an operator would write into holdfast.toml.
        hurried = structs.replace(settings, refresh_seconds=REFRESH_SECONDS)
        self.workspace = replace(
            self.founded.workspace, settings=structs.replace(self.founded.workspace.settings, channel=hurried)
        )
        self.service: Service = open_service(self.workspace, self.passphrases)

    def passphrases(self, purpose: str) -> bytes:
        """Give the passphrase for ``online`` or ``offline`` keys."""
        del purpose
        return self._passphrase

    # --------------------------------------------------------------------------------------------------- edits

    def protect(self, host: str, live: Key, backup: Key) -> None:
        """Protect a host with the key that it shows and one that is kept apart."""
        pins = (
            self.make_pin(host, live, PinList.ACCEPT, PinUse.CURRENT),
            self.make_pin(host, backup, PinList.BACKUP, None),
        )
        self.service.add_host(HostRecord(pattern=host, pins=pins))

    def announce(self, host: str, key: Key) -> None:
        """Add the key that a host will show next, from its signing request: there is no certificate yet."""
        self.service.add_pins(host, [self.make_pin(host, key, PinList.ACCEPT, PinUse.NEXT)])

    def retire(self, host: str, key: Key) -> None:
        """Remove a key that a host no longer shows; what comes after it becomes the current one."""
        old = self.make_pin(host, key, PinList.ACCEPT, None).digest

        def change(record: HostRecord) -> HostRecord:
            kept = (pin for pin in record.pins if (pin.list, pin.digest) != (PinList.ACCEPT, old))
            return replace(record, pins=tuple(replace(pin, use=pin.use and PinUse.CURRENT) for pin in kept))

        self.service.change_host(host, change)

    @staticmethod
    def make_pin(host: str, key: Key, which: PinList, use: PinUse | None) -> PinRecord:
        """Make a pin of a key, from its signing request."""
        found = key_from_csr(make_request(host, key))
        return PinRecord(
            list=which,
            type=PinType.SPKI_SHA256,
            at=Position.LEAF,
            digest=found.spki_sha256,
            use=use,
            origin=found.origin,
            key=found.spki_sha256,
            added=read_clock(),
        )

    # ---------------------------------------------------------------------------------------------- going out

    def publish(self) -> Report:
        """Publish what was edited."""
        return self.service.publish(self.permission)

    def take_over(self) -> Report:
        """Break-glass: the security team signs the manifest itself."""
        return self.service.take_over(self.permission)

    def rotate_root(self, *roles: str) -> Report:
        """Publish the next root, with new keys for these roles."""
        return self.service.rotate_root(RootChange(replace=frozenset(roles)), self.permission)

    def export_anchors(self, folder: Path) -> Path:
        """Write what the app ships: root, seed, addresses."""
        folder.mkdir(parents=True)
        for name, data in self.service.export_anchors().items():
            (folder / name).write_bytes(data)
        return folder

    @contextmanager
    def offline_keys_away(self) -> Iterator[Service]:
        """Lend the publishing machine as it stands on any other day: the offline keys lie in a safe."""
        away = self._folder / "safe-away"
        self._safe.rename(away)
        try:
            yield open_service(self.workspace, self.passphrases)
        finally:
            away.rename(self._safe)

    @property
    def permission(self) -> Permission:
        """What an operator says with a publication."""
        return Permission(actor="security-team", overrides=frozenset({Gate.REFRESH_RANGE}), reason=_REASON)

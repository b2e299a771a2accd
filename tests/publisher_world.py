# SPDX-License-Identifier: Apache-2.0
"""A channel in a directory of its own, with cheap keys and a clock that tests move, and what a client makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from holdfast.control.checks import verify_as_new_client, verify_bundle
from holdfast.control.model import HostRecord, PinList, PinRecord, PinUse
from holdfast.control.publication import Permission, Report
from holdfast.control.service import Service
from holdfast.control.settings import ChannelSettings, normalise_mirror
from holdfast.core.pin import PinType, Position
from holdfast.trust.state import VerifiedManifest
from holdfast.wiring import UNSAFE_FAST_KEYS, Workspace, found_workspace, open_service, open_workspace

__all__ = ["CHANNEL", "PASSPHRASE", "Clock", "World", "digest_of", "make_pin"]

CHANNEL = "com.example.bank/production"
PASSPHRASE = b"correct horse battery staple"
FAST_KEYS = {UNSAFE_FAST_KEYS: "1"}


def digest_of(label: str) -> bytes:
    """A digest that stands for a key."""
    return sha256(label.encode()).digest()


def make_pin(
    label: str,
    into: PinList = PinList.ACCEPT,
    *,
    at: Position = Position.LEAF,
    now: datetime | None = None,
    reason: str = "",
) -> PinRecord:
    """A pin of the key that a label stands for."""
    return PinRecord(
        list=into,
        type=PinType.SPKI_SHA256,
        at=at,
        digest=digest_of(label),
        use=PinUse.CURRENT if into is PinList.ACCEPT else None,
        reason=reason,
        key=digest_of(label),
        added=(now or datetime.now(UTC)).replace(microsecond=0),
    )


class Clock:
    """A clock that stands still until it is moved; it starts at the real time."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **of: float) -> None:
        """Move it: ``days=30``; negative sets it back."""
        self.now += timedelta(**of)


@dataclass
class World:
    """A channel.

    Attributes:
        directory: Where ``holdfast.toml`` lies.
        clock: What the publisher reads.
        passphrases: What opens its keys.
    """

    directory: Path
    clock: Clock = field(default_factory=Clock)
    passphrases: Callable[[str], bytes] = lambda _purpose: PASSPHRASE

    @classmethod
    def found(cls, directory: Path, *, hosts: int = 1, publish: bool = True, **channel: object) -> World:
        """Hold the ceremony (``UNSAFE_FAST_KEYS`` should be set); protect some hosts; publish."""
        world = cls(directory)
        settings = ChannelSettings(
            name=CHANNEL,
            mirrors=(normalise_mirror("https://pins.example.com", CHANNEL),),
            **channel,  # type: ignore[arg-type]  # whatever a test wants to set
        )
        found_workspace(directory, settings, world.passphrases, clock=world.clock)
        for number in range(hosts):
            world.protect(f"h{number}.example.com")
        if publish:
            world.publish()
        return world

    @property
    def workspace(self) -> Workspace:
        """Read from disk at every look."""
        return open_workspace(self.directory)

    @property
    def service(self) -> Service:
        """A new one at every look: as a new process would."""
        return open_service(self.workspace, self.passphrases, clock=self.clock)

    @property
    def public(self) -> Path:
        """The channel's public directory."""
        return self.workspace.channel_directory

    def protect(self, host: str, **fields: object) -> None:
        """Add a host with a current key and a backup."""
        now = self.clock()
        pins = (make_pin(f"{host} current", now=now), make_pin(f"{host} backup", PinList.BACKUP, now=now))
        self.service.add_host(HostRecord(pattern=host, pins=pins, **fields))  # type: ignore[arg-type]

    def publish(self, permission: Permission | None = None) -> Report:
        """Publish the draft."""
        return self.service.publish(permission or Permission(actor="tester"))

    def roots(self) -> list[bytes]:
        """Every root, from the database."""
        return [root.data for root in self.service.load_repository().roots]

    def seen_in_bundle(self, root: bytes | None = None) -> VerifiedManifest:
        """What a client with an embedded root (root 1 by default) makes of the bundle."""
        bundle = (self.public / "bundle.json").read_bytes()
        return verify_bundle(root or self.roots()[0], bundle, now=self.clock(), beside=self.read)

    def seen_in_files(self, root: bytes | None = None) -> VerifiedManifest:
        """What a client makes of the files, one by one."""
        return verify_as_new_client(root or self.roots()[0], self.read, now=self.clock())

    def read(self, name: str) -> bytes | None:
        """Read a public file."""
        path = self.public / name
        return path.read_bytes() if path.is_file() else None

    def tree(self) -> dict[str, bytes]:
        """Every public file."""
        return {
            path.relative_to(self.public).as_posix(): path.read_bytes()
            for path in sorted(self.public.rglob("*"))
            if path.is_file()
        }

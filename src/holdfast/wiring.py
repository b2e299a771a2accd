# SPDX-License-Identifier: Apache-2.0
"""The composition root: ``holdfast.toml`` -> database, public place, keys, service; it alone names concrete ones."""

from __future__ import annotations

import getpass
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from holdfast.control.ceremony import OFFLINE, ONLINE, found_channel
from holdfast.control.db.sqlite import SQLiteStore
from holdfast.control.encrypted_key import SCRYPT_COST, ScryptCost, UnsafeFastScryptCost
from holdfast.control.lock import FileLock
from holdfast.control.publication import Publisher
from holdfast.control.service import Service
from holdfast.control.settings import (
    CONFIG_NAME,
    Settings,
    SignerSettings,
    base_path,
    parse_settings,
    render_settings,
    resolve,
)
from holdfast.control.signers import FileKeyRing, make_private_directory
from holdfast.control.sinks.directory import DirectorySink
from holdfast.errors import ConfigError, Conflict, NotFound, StoreError

if TYPE_CHECKING:
    from securesystemslib.signer import Key

    from holdfast.control.settings import ChannelSettings
    from holdfast.control.signers import KeyRing, Passphrases

__all__ = [
    "STATE_DIRECTORY",
    "UNSAFE_FAST_KEYS",
    "Founded",
    "Workspace",
    "find_actor",
    "find_scrypt_cost",
    "found_workspace",
    "open_keys",
    "open_service",
    "open_workspace",
    "read_clock",
]

STATE_DIRECTORY: Final = ".holdfast"
UNSAFE_FAST_KEYS: Final = "HOLDFAST_UNSAFE_FAST_KEYS"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A directory with a ``holdfast.toml``, and what that says."""

    root: Path
    settings: Settings

    @property
    def public_directory(self) -> Path:
        """The directory that is served: it holds ``v1/``."""
        return resolve(self.root, self.settings.sinks.directory)

    @property
    def channel_directory(self) -> Path:
        """Where the channel's files lie in it."""
        return self.public_directory / base_path(self.settings.channel.name)

    @property
    def database(self) -> Path:
        """The state of the channel."""
        return resolve(self.root, self.settings.store.path)


@dataclass(frozen=True, slots=True)
class Founded:
    """What a ceremony left behind."""

    workspace: Workspace
    offline_directory: Path
    online_directory: Path
    key_files: tuple[Path, ...]


def read_clock() -> datetime:
    """Read the device clock, aware UTC."""
    return datetime.now(UTC)


def find_actor() -> str:
    """Name who acts, for the audit log."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid-{os.getuid()}"


def find_scrypt_cost() -> ScryptCost:
    """Return the cost of a guess at a passphrase; next to none if the environment asks for unsafe keys."""
    return UnsafeFastScryptCost() if os.environ.get(UNSAFE_FAST_KEYS) == "1" else SCRYPT_COST


def open_workspace(directory: Path) -> Workspace:
    """Read the settings of a directory.

    Raises:
        NotFound: There is no ``holdfast.toml`` (``no-workspace``).
        ConfigError: It cannot be read or is invalid.
    """
    path = directory / CONFIG_NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(
            f"there is no {CONFIG_NAME} in {directory.absolute()}",
            code="no-workspace",
            hint="change to the directory of the channel (or use -C), or start one with `holdfast init`",
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", code="config-unreadable") from error
    return Workspace(directory, parse_settings(data))


def open_service(
    workspace: Workspace,
    passphrases: Passphrases,
    *,
    clock: Callable[[], datetime] = read_clock,
    progress: Callable[[str], None] = lambda _line: None,
) -> Service:
    """Build the service of a workspace; opens no file yet."""
    settings = workspace.settings
    database = workspace.database
    publisher = Publisher(
        settings=settings,
        store=SQLiteStore(database, settings.channel.name),
        sink=DirectorySink(workspace.channel_directory),
        ring=open_keys(workspace, passphrases),
        lock=FileLock(database.with_name("publisher.lock")),
        progress=progress,
    )
    return Service(publisher, clock=clock, actor=find_actor())


def open_keys(workspace: Workspace, passphrases: Passphrases) -> KeyRing:
    """Build the key ring of a workspace; opens no file yet."""
    return _make_ring(workspace.root, workspace.settings.signers, passphrases)


def found_workspace(
    directory: Path,
    channel: ChannelSettings,
    passphrases: Passphrases,
    *,
    offline_directory: Path | None = None,
    clock: Callable[[], datetime] = read_clock,
    progress: Callable[[str], None] = lambda _line: None,
) -> Founded:
    """Hold the key ceremony in a directory: keys, database, settings, or nothing at all.

    Everything is made under a temporary name beside its place; the settings file comes last, and is what makes the
    directory a workspace.

    Args:
        directory: Where ``holdfast.toml`` will lie; made if it is not there.
        channel: The channel.
        passphrases: Asked for ``online`` and ``offline``.
        offline_directory: Another place for the offline keys, such as a mounted medium.
        clock: Returns the time, aware UTC.
        progress: Called before each step that takes time.

    Raises:
        Conflict: There is a channel, or the rest of an interrupted ceremony (``workspace-exists``).
        StoreError, SignerUnavailable, InputError: Nothing was left behind.
    """
    signers = SignerSettings() if offline_directory is None else _signers_with(offline_directory)
    text = render_settings(channel, signers).encode("utf-8")
    workspace = Workspace(directory, parse_settings(text))
    with _mapped(directory):
        directory.mkdir(parents=True, exist_ok=True)
        _refuse_existing(directory)
        with _staging(directory) as staging, _removing_on_failure() as made:
            ring = _make_ring(staging, signers, passphrases)

            def told(key: Key) -> None:
                path = ring.find_file(key.keyid)
                made.append(path)
                progress(f"made {path.name}")

            now = clock()
            draft, root = found_channel(channel.name, workspace.settings.lives, ring, now=now, told=told)
            progress("recording root 1")
            database = resolve(staging, workspace.settings.store.path)
            make_private_directory(database.parent)
            SQLiteStore(database, channel.name).create_channel(draft, [root], now=now, actor=find_actor())
            (staging / CONFIG_NAME).write_bytes(text)
            _sync(staging)
            (staging / STATE_DIRECTORY).rename(directory / STATE_DIRECTORY)
            os.link(staging / CONFIG_NAME, directory / CONFIG_NAME)
            _sync_one(directory)
    files = tuple(directory / path.relative_to(staging) if path.is_relative_to(staging) else path for path in made)
    return Founded(
        workspace, resolve(directory, signers.offline_directory), resolve(directory, signers.online_directory), files
    )


def _signers_with(offline_directory: Path) -> SignerSettings:
    return SignerSettings(offline_directory=str(offline_directory.absolute()))


def _make_ring(root: Path, signers: SignerSettings, passphrases: Passphrases) -> FileKeyRing:
    directories = [
        (ONLINE, resolve(root, signers.online_directory)),
        (OFFLINE, resolve(root, signers.offline_directory)),
    ]
    return FileKeyRing(directories, passphrases, cost=find_scrypt_cost())


def _refuse_existing(directory: Path) -> None:
    if (directory / CONFIG_NAME).exists():
        raise Conflict(
            f"{directory / CONFIG_NAME} exists: this directory has a channel already",
            code="workspace-exists",
            hint="one directory a channel: choose another with -C",
        )
    if (directory / STATE_DIRECTORY).exists():
        raise Conflict(
            f"{directory / STATE_DIRECTORY} exists without {CONFIG_NAME}",
            code="workspace-exists",
            hint="a ceremony was interrupted, or the settings were lost: restore them, or move the directory away",
        )


@contextmanager
def _staging(directory: Path) -> Iterator[Path]:
    staging = Path(tempfile.mkdtemp(prefix=f"{STATE_DIRECTORY}-new-", dir=directory))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _removing_on_failure() -> Iterator[list[Path]]:
    """Remove key files outside the staging directory if the ceremony does not complete."""
    made: list[Path] = []
    try:
        yield made
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


@contextmanager
def _mapped(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write in {directory}: {error.strerror or error}",
            code="state-unwritable",
            hint="free space or fix the permissions; nothing was left behind",
        ) from error


def _sync(directory: Path) -> None:
    """Sync a tree that was just written: files first, then their directories."""
    for folder, _, names in os.walk(directory, topdown=False):
        for path in (*(Path(folder, name) for name in names), Path(folder)):
            _sync_one(path)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

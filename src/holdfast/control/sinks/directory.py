# SPDX-License-Identifier: Apache-2.0
"""A static directory: what nginx, a CDN's origin or ``holdfast serve`` hands out.

A file is written under a temporary name, synced, then given its name in one step: ``link`` for a name that is used
once (it fails where ``rename`` would overwrite), ``rename`` for the two that move. The directory is synced after
each, so that the order in which files appear survives a loss of power.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from holdfast.errors import Conflict, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DirectorySink"]

_TEMPORARY: Final = ".holdfast-"
_FILE_MODE: Final = 0o644
_DIRECTORY_MODE: Final = 0o755


class DirectorySink:
    """Files under one directory.

    Args:
        base: The channel's directory, ``.../v1/c/<app>/<environment>``; made at the first write.
    """

    def __init__(self, base: Path) -> None:
        self._base = base

    @property
    def base(self) -> Path:
        """The channel's directory."""
        return self._base

    def put_new(self, name: str, data: bytes) -> None:
        """Create a file whose name is used once.

        Raises:
            Conflict: The name is taken by other bytes (``file-differs``); they stay.
            StoreError: It could not be written; nothing of it is visible.
        """
        path = self._path(name)
        with _mapped(path), self._temporary(path, data) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                if path.read_bytes() != data:
                    raise Conflict(
                        f"{path} exists with other contents",
                        code="file-differs",
                        hint="two publishers, or a directory of another state.db: a published version never changes",
                    ) from None
            _sync_directory(path.parent)

    def replace(self, name: str, data: bytes) -> None:
        """Create or replace a file in one step.

        Raises:
            StoreError: It could not be written; the old bytes stay.
        """
        path = self._path(name)
        with _mapped(path), self._temporary(path, data) as temporary:
            temporary.replace(path)
            _sync_directory(path.parent)

    def read(self, name: str) -> bytes | None:
        """Read a file; ``None`` if there is none."""
        path = self._path(name)
        with _mapped(path, verb="read"):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def sweep(self) -> None:
        """Remove temporary files of a writer that was killed."""
        with _mapped(self._base):
            for directory in (self._base, self._base / "targets"):
                for leftover in directory.glob(f"{_TEMPORARY}*"):
                    leftover.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if not parts or any(part in {"..", "/"} or part.startswith(".") for part in parts):
            raise StoreError(f"{name!r} is not the name of a published file", code="sink-name")
        return self._base.joinpath(*parts)

    @contextmanager
    def _temporary(self, path: Path, data: bytes) -> Iterator[Path]:
        """Write and sync the bytes beside their final place; whatever happens, no temporary file stays."""
        path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        descriptor, text = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
        temporary = Path(text)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), _FILE_MODE)
                os.fsync(file.fileno())
            yield temporary
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()


@contextmanager
def _mapped(path: Path, *, verb: str = "write") -> Iterator[None]:
    """Map the operating system's errors in one place."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"cannot {verb} {path}: {reason}",
            code=f"sink-un{'writable' if verb == 'write' else 'readable'}",
            hint="free space or fix the permissions, then run the command again: it continues where it stopped",
        ) from error


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

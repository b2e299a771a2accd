# SPDX-License-Identifier: Apache-2.0
"""``holdfast-conformance``: the verification core behind the client interface of theupdateframework/tuf-conformance.

The base install suffices. The metadata folder holds the exact bytes that were received, under unversioned names; each
run starts from them and verifies them again.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import quote, unquote
from urllib.request import urlopen

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import Root, Snapshot, TargetFile, Targets, Timestamp

from holdfast.core.limits import MAX_TARGETS_BYTES
from holdfast.errors import HoldfastError, MixAndMatchError, NotFound, TransportError, TrustError
from holdfast.trust.anchor import parse_anchor
from holdfast.trust.bundle import name_role_file
from holdfast.trust.loading import set_marks
from holdfast.trust.roles import parse_role
from holdfast.trust.state import TrustedState
from holdfast.trust.verification import Workflow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TIMEOUT_SECONDS = 30
_ABSENT = (403, 404)
_TOP_LEVEL = (Root.type, Timestamp.type, Snapshot.type)
_NEEDED = MappingProxyType(
    {"refresh": ("metadata_url",), "download": ("metadata_url", "target_name", "target_base_url", "target_dir")}
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it succeeded fully, 1 if any part of it failed, 2 if it was not understood."""
    options = _parse(arguments)
    try:
        match options.command:
            case "init":
                _init(options.metadata_dir, options.root)
            case "refresh":
                with _client(options) as client:
                    client.load_targets(Targets.type, Root.type)
            case _:
                with _client(options) as client:
                    for name in options.target_name:
                        _download(client, name, options.target_base_url, options.target_dir)
    except (HoldfastError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="holdfast-conformance", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--metadata-dir", type=Path, required=True, help="folder of the trusted metadata")
    parser.add_argument("--metadata-url", help="where the repository's metadata is served")
    parser.add_argument("--target-name", action="append", default=[], help="path of a target; may be repeated")
    parser.add_argument("--target-base-url", help="where the repository's targets are served")
    parser.add_argument("--target-dir", type=Path, help="folder for downloaded targets")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init", help="start from a trusted root").add_argument("root", type=Path)
    commands.add_parser("refresh", help="update the top-level metadata")
    commands.add_parser("download", help="refresh, then download targets")
    return parser


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    missing = [name for name in _NEEDED.get(options.command, ()) if not getattr(options, name)]
    if missing:
        parser.error(f"{options.command} needs {', '.join('--' + name.replace('_', '-') for name in missing)}")
    return options


def _init(folder: Path, root: Path) -> None:
    data = root.read_bytes()
    parse_anchor(data)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "root.json", data)


@contextmanager
def _client(options: argparse.Namespace) -> Iterator[Workflow]:
    """Refresh up to the snapshot, lend the workflow, and keep what was verified, however it ends."""
    folder: Path = options.metadata_dir
    state = TrustedState(parse_anchor((folder / "root.json").read_bytes()))
    state = set_marks(state, _read(folder, Timestamp.type), _read(folder, Snapshot.type))

    def fetch(name: str, version: int | None, max_bytes: int) -> bytes | None:
        if name != Root.type and not workflow.state.root.signed.consistent_snapshot:
            version = None
        return _get(f"{options.metadata_url.rstrip('/')}/{name_role_file(quote(name, ''), version)}", max_bytes)

    workflow = Workflow(state, fetch, now=datetime.now(UTC), held=_read_targets(folder))
    try:
        workflow.update_roots()
        workflow.update_timestamp()
        workflow.update_snapshot()
        yield workflow
    finally:
        _keep(folder, workflow)


def _keep(folder: Path, workflow: Workflow) -> None:
    state = workflow.state
    files = {Root.type: state.root, Timestamp.type: state.timestamp, Snapshot.type: state.snapshot, **workflow.targets}
    for role, file in files.items():
        if file is not None and _read(folder, role) != file.data:
            _write(folder / f"{quote(role, '')}.json", file.data)


def _read(folder: Path, role: str) -> bytes | None:
    try:
        return (folder / f"{quote(role, '')}.json").read_bytes()
    except FileNotFoundError:
        return None


def _read_targets(folder: Path) -> dict[str, bytes]:
    """Read the targets roles at hand; they are verified like any other before they count."""
    held = {}
    for path in folder.glob("*.json"):
        role, data = unquote(path.stem), path.read_bytes()
        if role in _TOP_LEVEL:
            continue
        try:
            held[name_role_file(role, parse_role(Targets, data, max_bytes=MAX_TARGETS_BYTES).version)] = data
        except TrustError:
            continue
    return held


def _download(client: Workflow, name: str, base_url: str, folder: Path) -> None:
    found = client.find_target(name)
    if found is None:
        raise NotFound(f"no role lists the target {name}")
    target = found[0]
    path = folder / quote(name, "")
    if path.exists() and _is_target(path.read_bytes(), target):
        return
    location = name
    if client.state.root.signed.consistent_snapshot:
        parent, slash, last = name.rpartition("/")
        location = f"{parent}{slash}{next(iter(target.hashes.values()))}.{last}"
    data = _get(f"{base_url.rstrip('/')}/{quote(location)}", target.length)
    if data is None or not _is_target(data, target):
        raise MixAndMatchError(f"{name} is missing, or not the file that was listed")
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, data)


def _is_target(data: bytes, target: TargetFile) -> bool:
    try:
        target.verify_length_and_hashes(data)
    except LengthOrHashMismatchError:
        return False
    return True


def _get(url: str, max_bytes: int) -> bytes | None:
    try:
        with urlopen(url, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310  # the caller's own repository
            data: bytes = response.read(max_bytes + 1)
    except HTTPError as error:
        error.close()
        if error.code in _ABSENT:
            return None
        raise TransportError(f"{url}: HTTP {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise TransportError(f"{url}: {error}") from error
    if len(data) > max(max_bytes, 0):
        raise TransportError(f"{url}: more than {max_bytes} bytes", code="too-large")
    return data


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".holdfast-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    sys.exit(main())

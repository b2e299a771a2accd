# SPDX-License-Identifier: Apache-2.0
"""``holdfast verify``: a published set, seen and verified as a client does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli.command import INSTANT, open_here, verb
from holdfast.cli.output import render_table
from holdfast.cli.tree import Context
from holdfast.control.checks import verify_as_new_client, verify_as_seed, verify_bundle
from holdfast.control.publisher import BUNDLE_NAME
from holdfast.control.sources.key_files import read_input_file
from holdfast.core.freshness import age_seconds
from holdfast.core.instant import format_instant
from holdfast.core.limits import MAX_BUNDLE_BYTES
from holdfast.core.pin import format_digest
from holdfast.errors import ConfigError, InputError, NotFound, TransportError
from holdfast.wiring import read_clock

if TYPE_CHECKING:
    from holdfast.trust.roles import RoleFile
    from holdfast.trust.state import VerifiedManifest

__all__ = ["command", "load_set"]


@verb(
    None,
    "verify",
    examples=[
        "holdfast verify https://pins.example.com/v1/c/com.example.bank/production/bundle.json",
        "holdfast verify anchors/seed.json --anchor anchors/root.json",
        "holdfast verify .holdfast/public/v1/c/com.example.bank/production/   # file by file, as a TUF client",
    ],
    codes=["0  it verifies", "1  a client would refuse it", "2  usage, or no such file", "3  could not be fetched"],
)
@click.argument("source", metavar="URL|FILE|DIR")
@click.option(
    "--anchor",
    type=click.Path(path_type=Path),
    help="The embedded root (default: root.json beside FILE, else root 1 of this channel).",
)
@click.option("--at", type=INSTANT, help="Judge expiry at this time instead of now.")
def command(context: Context, source: str, anchor: Path | None, at: datetime | None) -> None:
    """Verify a bundle (URL or FILE), or a repository file by file (a URL or DIR that ends in a slash)."""
    now = at or read_clock()
    verified = load_set(context, source, anchor, now=now)
    facts = _describe(verified, source, now)
    context.output.answer(facts, lambda: _lines(facts))


def load_set(
    context: Context, source: str, anchor: Path | None, *, now: datetime, as_seed: bool = False
) -> VerifiedManifest:
    """Bring a set from a URL, a file or a directory, and verify it.

    Args:
        context: Of the command.
        source: Where it is.
        anchor: The embedded root; ``None``: the one beside it, or the channel's first.
        now: When to judge expiry.
        as_seed: Judge a bundle in a file at its own signing time: what is enforced does not expire.

    Raises:
        InputError, TransportError: It could not be brought.
        TrustError: A client would refuse it.
    """
    is_url = "://" in source
    root = _read_anchor(context, anchor, None if is_url else Path(source))
    if is_url:
        return _verify_url(source, root, now=now)
    path = Path(source)
    if path.is_dir():
        return verify_as_new_client(root, _reader_of_directory(path), now=now)
    if as_seed:
        return verify_as_seed(root, _read_bundle(path))
    return verify_bundle(root, _read_bundle(path), now=now, beside=_reader_of_directory(path.parent))


def _verify_url(url: str, root: bytes, *, now: datetime) -> VerifiedManifest:
    # Heavy import: urllib.request brings http and ssl, for URLs alone.
    from holdfast.control.sources.download import download, reader_of

    if url.endswith("/"):
        return verify_as_new_client(root, reader_of(url), now=now)
    bundle = download(url)
    if bundle is None:
        raise TransportError(
            f"there is no {url}", code="not-found", hint=f"a bundle's URL ends in {BUNDLE_NAME}, a repository's in /"
        )
    return verify_bundle(root, bundle, now=now, beside=reader_of(url.rpartition("/")[0] + "/"))


def _read_anchor(context: Context, anchor: Path | None, source: Path | None) -> bytes:
    if anchor is not None:
        return read_input_file(anchor)
    beside = None if source is None else (source if source.is_dir() else source.parent) / "root.json"
    if beside is not None and beside.is_file():
        return read_input_file(beside)
    try:
        return open_here(context)[1].load_repository().roots[0].data
    except NotFound as error:
        raise ConfigError(
            f"no trust anchor to verify with: {error}",
            code="anchor-missing",
            hint="--anchor root.json, as `holdfast anchors export` wrote it",
        ) from error


def _read_bundle(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BUNDLE_BYTES:
            raise InputError(f"{path} is larger than any bundle", code="file-size")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", code="file-unreadable") from error


def _reader_of_directory(directory: Path) -> Callable[[str], bytes | None]:
    def read(name: str) -> bytes | None:
        path = directory / name
        return _read_bundle(path) if path.is_file() else None

    return read


def _describe(verified: VerifiedManifest, source: str, now: datetime) -> dict[str, Any]:
    files: dict[str, RoleFile[Any]] = {
        "root": verified.root,
        "timestamp": verified.timestamp,
        "snapshot": verified.snapshot,
        **verified.targets,
    }
    scope, manifest = verified.scope, verified.manifest
    accepts = {host.pattern: host.accept for host in manifest.hosts}
    return {
        "source": source,
        "channel": scope.channel,
        "roles": [
            {"role": name, "version": file.version, "expires": format_instant(file.signed.expires)}
            for name, file in files.items()
        ],
        "scope_version": scope.version,
        "manifest_version": manifest.version,
        "issued": format_instant(verified.issued),
        "age_seconds": int(age_seconds(verified.issued, now)),
        "break_glass": verified.is_break_glass,
        "unpinned": scope.unpinned.value,
        "max_age_seconds": scope.max_age_seconds,
        "hosts": [
            {
                "host": host.pattern,
                "include_subdomains": host.include_subdomains,
                "mode": host.mode.value,
                "until": format_instant(host.until) if host.until else None,
                "accept": [
                    {"type": p.type.value, "at": p.at.value, "digest": format_digest(p.digest)}
                    for p in accepts.get(host.pattern, ())
                ],
                "backup": [format_digest(pin.digest) for pin in host.backup],
            }
            for host in scope.hosts
        ],
        "ignored": [{"host": each.pattern, "why": each.why, "digest": each.digest} for each in verified.table.ignored],
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    rows = [(role["role"], role["version"], role["expires"]) for role in facts["roles"]]
    hosts = [
        (host["host"] + (" (+ subdomains)" if host["include_subdomains"] else ""), host["mode"], kind, digest)
        for host in facts["hosts"]
        for kind, digest in (
            *((f"{pin['type']} {pin['at']}", pin["digest"]) for pin in host["accept"]),
            *(("backup", digest) for digest in host["backup"]),
        )
    ]
    signer = "the security team (break-glass)" if facts["break_glass"] else "automation"
    return [
        f"{facts['source']} verifies.",
        f"Channel {facts['channel']}, scope {facts['scope_version']}, manifest {facts['manifest_version']} ({signer})",
        f"Signed {facts['issued']}, {facts['age_seconds']} seconds ago.",
        "",
        *render_table(("role", "version", "expires"), rows),
        "",
        *(render_table(("host", "mode", "pin", "digest"), hosts) if hosts else ["It protects no host."]),
        *(f"ignored by clients: {each['host']} {each['why']} {each['digest']}" for each in facts["ignored"]),
    ]

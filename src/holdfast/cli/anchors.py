# SPDX-License-Identifier: Apache-2.0
"""``holdfast anchors``: what an app embeds."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from holdfast.cli.command import noun, open_here, verb
from holdfast.cli.tree import Context
from holdfast.errors import StoreError

__all__ = ["command"]

command = noun(help_text="Export what an app embeds.")(lambda: None)


@verb(
    command,
    "export",
    examples=["holdfast anchors export --out app/src/main/assets/holdfast"],
    codes=["0  written", "1  nothing was published yet, or the set protects no host", "2  usage", "3  cannot write"],
)
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where to; made if needed.")
def export(context: Context, out: Path) -> None:
    """Write root.json (the trust anchor), seed.json (the first set) and holdfast.json (where to fetch).

    The same on every platform. Export again for each release of the app: a young seed is a short catch-up.
    """
    _, service = open_here(context)
    files = service.export_anchors()
    for name, data in files.items():
        _replace(out / name, data)
    facts = {"directory": str(out), "files": {name: len(data) for name, data in files.items()}}
    context.output.answer(
        facts,
        lambda: [
            f"{out / 'root.json'}      the trust anchor",
            f"{out / 'seed.json'}      the set that is enforced until the first refresh",
            f"{out / 'holdfast.json'}  the channel, its mirrors, the hosts that the app requires",
        ],
    )


def _replace(path: Path, data: bytes) -> None:
    """Write a file in one step: a build that runs at the same time sees the old one or the new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, text = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        temporary = Path(text)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror}", code="export-unwritable", hint="choose another --out"
        ) from error

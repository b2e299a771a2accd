# SPDX-License-Identifier: Apache-2.0
"""``holdfast init``: the key ceremony."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from holdfast.cli.command import make_passphrases, verb
from holdfast.cli.tree import Context
from holdfast.control.settings import ChannelSettings, ServerSettings, base_path, normalise_mirror
from holdfast.core.document import parse_channel
from holdfast.core.limits import MAX_MAX_AGE_SECONDS, MIN_MAX_AGE_SECONDS
from holdfast.wiring import Founded, found_workspace

__all__ = ["command"]

_DAY: Final = 86_400


@verb(
    None,
    "init",
    examples=[
        "holdfast init com.example.bank/production --mirror https://pins.example.com/",
        "holdfast init com.example.bank/staging --max-age-days 30 --offline-keys /media/usb/keys",
    ],
    codes=[
        "0  the channel exists",
        "1  there is a channel here already",
        "2  usage",
        "3  no passphrase, or nothing can be written here",
    ],
)
@click.argument("channel")
@click.option(
    "--mirror",
    "mirrors",
    multiple=True,
    metavar="URL",
    help="Where apps fetch from; the first one is asked first. Without it: this machine, for a first try.",
)
@click.option(
    "--max-age-days",
    type=click.IntRange(MIN_MAX_AGE_SECONDS // _DAY, MAX_MAX_AGE_SECONDS // _DAY),
    help="Age past which a set refuses instead of accepting. Without it: never.",
)
@click.option(
    "--offline-keys",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write the root and targets keys, such as a mounted medium.",
)
def command(
    context: Context, channel: str, mirrors: tuple[str, ...], max_age_days: int | None, offline_keys: Path | None
) -> None:
    """Hold the key ceremony of a new CHANNEL (<app>/<environment>).

    Makes ECDSA P-256 keys in encrypted files: root (2 of 3) and targets (2 of 3) for the security team, offline; pins,
    snapshot and timestamp for this machine. Signs root 1, and writes holdfast.toml and .holdfast/.

    Passphrases: HOLDFAST_KEY_PASSPHRASE_FILE (and HOLDFAST_OFFLINE_KEY_PASSPHRASE_FILE for root and targets, if they
    are to have another one), or a prompt.
    """
    parse_channel(channel)
    if not mirrors:
        server = ServerSettings()
        mirrors = (f"http://{server.host}:{server.port}/",)
        context.output.warn("no --mirror: apps will ask this machine; set `mirrors` before you ship anchors")
    settings = ChannelSettings(
        name=channel,
        mirrors=tuple(normalise_mirror(url, channel) for url in mirrors),
        max_age_seconds=(max_age_days or 0) * _DAY,
    )
    founded = found_workspace(
        context.directory,
        settings,
        make_passphrases(context.output, confirm=True),
        offline_directory=offline_keys,
        progress=context.output.progress,
    )
    _answer(context, founded, settings)


def _answer(context: Context, founded: Founded, channel: ChannelSettings) -> None:
    facts: dict[str, Any] = {
        "channel": channel.name,
        "mirrors": list(channel.mirrors),
        "path": base_path(channel.name),
        "max_age_seconds": channel.max_age_seconds or None,
        "offline_keys": str(founded.offline_directory),
        "online_keys": str(founded.online_directory),
        "key_files": [str(path) for path in founded.key_files],
    }
    context.output.answer(
        facts,
        lambda: [
            f"Channel {channel.name} is ready.",
            "",
            f"OFFLINE KEYS  {founded.offline_directory}",
            "  root (2 of 3) decides who signs; targets (2 of 3) decides which hosts are protected.",
            "  Move them to media that you keep apart, and mount them only to change hosts or keys.",
            f"ONLINE KEYS   {founded.online_directory}",
            "  pins, snapshot and timestamp: this machine signs routine publications with them.",
            "BACK UP       every key file, its passphrase (apart from it), and .holdfast/state.db at each publication.",
            "              Two lost root keys cannot be replaced: apps would need a release with a new anchor.",
            *_explain_max_age(channel),
            "BACKUP PINS   give every host a second key before you need it:",
            "              holdfast host add HOST --accept CERT.pem --new-backup-key HOST-backup.pem",
        ],
    )


def _explain_max_age(channel: ChannelSettings) -> list[str]:
    if channel.max_age_seconds:
        days = channel.max_age_seconds // _DAY
        return [
            f"MAX AGE       {days} days: a client that is cut off from new signatures for so long refuses to connect."
        ]
    return [
        "MAX AGE       none: the last verified set is enforced for ever. Nobody can switch protection off by blocking",
        "              the manifest; but whoever can block it keeps a revoked key usable for as long as he blocks.",
        "              (max_age_seconds in holdfast.toml sets a limit; past it, a blocked client refuses to connect.)",
    ]

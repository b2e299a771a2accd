# SPDX-License-Identifier: Apache-2.0
"""``holdfast serve``: the published files over HTTP, from memory."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Final

import click

from holdfast.cli.command import open_here, verb
from holdfast.cli.tree import Context
from holdfast.control.service import Service
from holdfast.control.settings import base_path
from holdfast.errors import HoldfastError
from holdfast.server.tree import CachePolicy

__all__ = ["command"]

_log = logging.getLogger(__name__)
_HOUR: Final = 3600.0


@verb(
    None,
    "serve",
    examples=[
        "holdfast serve",
        "holdfast serve --sign               # also signs the timestamp again, every hour",
        "holdfast serve --host 0.0.0.0 --port 8440",
    ],
    codes=["0  stopped by SIGINT or SIGTERM", "2  usage, or the port is taken", "3  nothing to serve, no key"],
)
@click.option("--host", help="Address to listen on (default: [server] host, loopback).")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes a free one (default: [server] port).")
@click.option("--sign", is_flag=True, help="Sign the timestamp again every hour; needs the online keys.")
@click.option("--sign-every", type=click.FloatRange(1, 86_400), default=_HOUR, hidden=True)
def command(context: Context, host: str | None, port: int | None, sign: bool, sign_every: float) -> None:
    """Serve the published files until it is told to stop.

    Reloads by itself when something is published. Plain HTTP is enough: every file is signed or hashed. For the
    public, put nginx or a CDN in front, or hand the public directory to them.
    """
    from holdfast.server.app import bind, create_app, serve  # optional extra: uvicorn comes with [server]

    workspace, service = open_here(context)
    settings = workspace.settings.server
    policy = CachePolicy(settings.max_age_seconds, settings.stale_while_revalidate_seconds)
    app = create_app(workspace.public_directory, policy)
    every: tuple[float, Callable[[], None]] | None = None
    if sign:
        service.sign_timestamp()  # at once: whoever lacks the keys should know it now, not in an hour
        every = (sign_every, lambda: _sign_again(service))
    listener = bind(host or settings.host, settings.port if port is None else port)
    address = listener.getsockname()
    name = f"[{address[0]}]" if ":" in address[0] else address[0]
    url = f"http://{name}:{address[1]}/{base_path(workspace.settings.channel.name)}bundle.json"
    context.output.answer({"url": url, "signs": sign}, lambda: [f"Serving {url}"])
    sys.stdout.flush()
    serve(app, listener, every=every)


def _sign_again(service: Service) -> None:
    """Sign the timestamp; a failure is told, and tried again an hour later: the old one lives for days."""
    try:
        service.sign_timestamp()
    except HoldfastError as error:
        _log.error("could not sign the timestamp again: %s (%s)", error, error.code)  # no traceback

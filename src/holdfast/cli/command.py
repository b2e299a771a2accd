# SPDX-License-Identifier: Apache-2.0
"""What commands have in common: ``--json``, help with exit codes and examples, the workspace, ``--yes``."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import update_wrapper
from pathlib import Path
from typing import Any, Final

import click

from holdfast.cli.output import Output
from holdfast.cli.tree import Context
from holdfast.control.service import Service
from holdfast.core.instant import parse_instant
from holdfast.errors import ConfigError, FormatError, SignerUnavailable
from holdfast.wiring import UNSAFE_FAST_KEYS, Workspace, open_service, open_workspace

__all__ = [
    "INSTANT",
    "MIN_PASSPHRASE_BYTES",
    "make_passphrases",
    "noun",
    "open_here",
    "verb",
    "want_yes",
    "yes_option",
]

MIN_PASSPHRASE_BYTES: Final = 12
_MAX_PASSPHRASE_BYTES: Final = 4096
_ONLINE_VARIABLE: Final = "HOLDFAST_KEY_PASSPHRASE_FILE"
_OFFLINE_VARIABLE: Final = "HOLDFAST_OFFLINE_KEY_PASSPHRASE_FILE"

Body = Callable[..., int | None]


class InstantType(click.ParamType[datetime]):
    """``2026-12-20T00:00:00Z``, or a date alone: its first second, UTC."""

    name = "INSTANT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse, or complain as click does."""
        text = f"{value}T00:00:00Z" if len(str(value)) == 10 else str(value)
        try:
            return parse_instant(text)
        except FormatError as error:
            self.fail(f"{error.message}, or YYYY-MM-DD", param, ctx)


INSTANT: Final = InstantType()


def noun(*, help_text: str) -> Callable[[Callable[[], None]], click.Group]:
    """Make a noun: a group of verbs."""
    return click.group(help=help_text, context_settings={"help_option_names": ["-h", "--help"]})


def verb(
    parent: click.Group | None, name: str, *, examples: Sequence[str], codes: Sequence[str] = ()
) -> Callable[[Body], click.Command]:
    """Make a command from a function that takes :class:`Context` first and returns its exit code (``None`` is 0).

    Args:
        parent: Its noun; ``None`` for a command of its own.
        name: Its verb.
        examples: Lines for the help.
        codes: What its exit codes mean, where that says more than the general rule.
    """
    meanings = codes or ("0  done", "1  refused: nothing was changed", "2  usage", "3  could not tell")
    epilog = _block("EXIT CODES", meanings) + "\n\n" + _block("EXAMPLES", examples)

    def wrap(function: Body) -> click.Command:
        def body(*, as_json: bool, **options: Any) -> int | None:
            context: Context = click.get_current_context().obj
            context.output.as_json = as_json
            return function(context, **options)

        update_wrapper(body, function)
        with_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, on stdout.")(body)
        settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
        make = click.command if parent is None else parent.command
        made: click.Command = make(name, epilog=epilog, context_settings=settings)(with_json)
        return made

    return wrap


def _block(title: str, lines: Iterable[str]) -> str:
    return "\b\n" + title + "\n" + "\n".join(f"  {line}" for line in lines)


def open_here(context: Context) -> tuple[Workspace, Service]:
    """Open the workspace of the current directory."""
    workspace = open_workspace(context.directory)
    service = open_service(workspace, make_passphrases(context.output), progress=context.output.progress)
    return workspace, service


yes_option = click.option("--yes", is_flag=True, help="Do it; without this the plan is printed and nothing happens.")


def want_yes(output: Output, plan: Sequence[str], *, yes: bool) -> None:
    """Print what a destructive verb will do.

    Raises:
        ConfigError: Nobody said ``--yes`` (``needs-yes``).
    """
    for line in plan:
        output.say(line)
    if not yes:
        raise ConfigError("nothing was done yet", code="needs-yes", hint="add --yes if this is what you want")


def make_passphrases(output: Output, *, confirm: bool = False) -> Callable[[str], bytes]:
    """Return what finds the passphrase for ``online`` and ``offline`` keys: a named file, or a prompt.

    Args:
        output: For warnings.
        confirm: Whether new keys are made: then it is asked twice and must be long enough.
    """
    if confirm and os.environ.get(UNSAFE_FAST_KEYS) == "1":
        output.warn(f"{UNSAFE_FAST_KEYS}=1: new keys are as good as unencrypted; for tests only")
    return lambda purpose: _find_passphrase(output, purpose, confirm=confirm)


def _find_passphrase(output: Output, purpose: str, *, confirm: bool) -> bytes:
    variable = _OFFLINE_VARIABLE if purpose == "offline" and _OFFLINE_VARIABLE in os.environ else _ONLINE_VARIABLE
    path = os.environ.get(variable)
    if path is not None:
        passphrase = _read_passphrase(output, Path(path), variable)
    elif sys.stdin is not None and sys.stdin.isatty():
        text = click.prompt(
            f"Passphrase for the {purpose} keys", hide_input=True, confirmation_prompt=confirm, err=True
        )
        passphrase = str(text).encode("utf-8")
    else:
        raise SignerUnavailable(
            f"no passphrase for the {purpose} keys",
            code="passphrase-missing",
            hint=f"name a file in {_ONLINE_VARIABLE} (mode 0600), or run it on a terminal",
        )
    if confirm and len(passphrase) < MIN_PASSPHRASE_BYTES:
        raise ConfigError(
            f"the passphrase for the {purpose} keys is shorter than {MIN_PASSPHRASE_BYTES} bytes",
            code="passphrase-short",
            hint="four random words, or `openssl rand -base64 24`",
        )
    return passphrase


def _read_passphrase(output: Output, path: Path, variable: str) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_PASSPHRASE_BYTES + 1)
    except OSError as error:
        raise SignerUnavailable(
            f"cannot read the passphrase in {path}: {error.strerror}",
            code="passphrase-missing",
            hint=f"{variable} must name a file",
        ) from error
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        output.warn(f"{path} can be read by others: chmod 600 {path}")
    passphrase = data.removesuffix(b"\n").removesuffix(b"\r")
    if not passphrase or len(data) > _MAX_PASSPHRASE_BYTES:
        raise SignerUnavailable(
            f"{path} holds no passphrase", code="passphrase-missing", hint="one line of at most 4096 bytes"
        )
    return passphrase

# SPDX-License-Identifier: Apache-2.0
"""The argument tree. A command's module is imported when the command runs, so that ``holdfast --help`` is quick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import click

from holdfast.cli.output import USAGE, Output
from holdfast.errors import ConfigError

__all__ = ["COMMANDS", "Context", "invoke", "root"]


class CommandRow(NamedTuple):
    """Where a command lives, and its line in the list."""

    module: str
    help: str


COMMANDS: Final[Mapping[str, CommandRow]] = MappingProxyType(
    {
        "init": CommandRow("init", "Hold the key ceremony of a new channel."),
        "host": CommandRow("host", "Choose which hosts are protected, and how strictly."),
        "pin": CommandRow("pin", "Choose which keys a host may show."),
        "publish": CommandRow("publish", "Lint, record, sign and store what was chosen."),
        "anchors": CommandRow("anchors", "Export what an app embeds."),
        "serve": CommandRow("serve", "Serve the published files over HTTP."),
        "verify": CommandRow("verify", "Verify a published set as a client does."),
        "connect": CommandRow("connect", "Say what a pinned client would do at a host, and why."),
        "root": CommandRow("root", "Show and rotate the trust anchor and the signing keys."),
        "manifest": CommandRow("manifest", "Break-glass: speak over automation, and end it."),
        "audit": CommandRow("audit", "Show who changed what."),
        "demo": CommandRow("demo", "Show the whole promise on real TLS, in under 30 seconds."),
    }
)


@dataclass(slots=True)
class Context:
    """What every command gets.

    Attributes:
        directory: Of the workspace.
        output: The mouth.
    """

    directory: Path = field(default_factory=Path)
    output: Output = field(default_factory=lambda: Output(as_json=False))


class LazyGroup(click.Group):
    """A group whose commands are known by name and loaded by need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command; an unknown name is click's business."""
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        # Heavy imports: a command brings the signing library, the HTTP server or the public-suffix list with it.
        module = import_module(f"holdfast.cli.{row.module}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.help) for name, row in COMMANDS.items()])


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nEXIT CODES\n  0 yes or done   1 no   2 usage   3 could not tell\n\n"
    "\b\nEXAMPLES\n"
    "  holdfast init com.example.bank/production --mirror https://pins.example.com/\n"
    "  holdfast host add api.example.com --accept api.pem --new-backup-key api-backup.pem\n"
    "  holdfast publish",
)
@click.option(
    "-C",
    "--directory",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Directory of the channel (default: the current one).",
)
@click.version_option(package_name="holdfast", message="%(version)s")
@click.pass_context
def root(ctx: click.Context, directory: Path) -> None:
    """Dynamic TLS pinning: choose, sign, publish and verify which keys a host may show."""
    ctx.ensure_object(Context)
    ctx.obj.directory = directory


def invoke(arguments: list[str], output: Output) -> int:
    """Run a command; click's own complaints become ``error:`` and ``hint:``."""
    try:
        result = root.main(args=arguments, prog_name="holdfast", standalone_mode=False, obj=Context(output=output))
    except click.exceptions.NoArgsIsHelpError as error:
        output.say(error.format_message())
        return USAGE
    except click.UsageError as error:
        return output.fail(ConfigError(error.format_message(), code="usage", hint=_usage_hint(error)))
    except click.Abort as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error  # click has no other word for Ctrl-C; at a prompt it raises Abort itself
        return output.fail(ConfigError("aborted: nothing was answered", code="aborted"))
    except click.ClickException as error:
        return output.fail(ConfigError(error.format_message(), code="usage"))
    return result if isinstance(result, int) else 0


def _usage_hint(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx is not None else "holdfast"
    return f"`{path} --help` says how it is used"

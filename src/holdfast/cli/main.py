# SPDX-License-Identifier: Apache-2.0
"""The entry point of ``holdfast``: it survives an installation without ``[cli]``, and no traceback leaves it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from holdfast.cli.output import UNKNOWN, Output
from holdfast.errors import HoldfastError

__all__ = ["main", "run"]

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`holdfast audit | head`): there is nobody to say anything to, at the exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line.

    Args:
        arguments: Without the program's name.

    Returns:
        The exit code: 0 yes or done, 1 no, 2 usage, 3 could not tell. Raises nothing.
    """
    try:
        from holdfast.cli.tree import invoke  # optional extra: click comes with [cli]
    except ModuleNotFoundError as error:
        return _say_missing(error)

    output = Output(as_json="--json" in arguments)
    try:
        return invoke(list(arguments), output)
    except HoldfastError as error:
        return output.fail(error)
    except ModuleNotFoundError as error:
        return _say_missing(error)
    except KeyboardInterrupt:
        output.say("error: interrupted")
        return _INTERRUPTED
    except BrokenPipeError:
        return 0
    except Exception as error:  # the last net: a bug is one line too, unless somebody looks for it
        if os.environ.get("HOLDFAST_DEBUG") == "1":
            raise
        message = f"this is a bug in holdfast: {type(error).__name__}: {error}"
        output.fail(HoldfastError(message, code="bug", hint="HOLDFAST_DEBUG=1 shows where; please report it"))
        return UNKNOWN


def _say_missing(error: ModuleNotFoundError) -> int:
    extra = "server" if error.name == "uvicorn" else "cli"
    print(f"error: this command needs {error.name}, which is not installed", file=sys.stderr)
    print(f"hint: pip install 'holdfast[{extra}]'", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()

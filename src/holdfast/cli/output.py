# SPDX-License-Identifier: Apache-2.0
"""What a command says: answers on stdout, talk on stderr, errors as ``error:`` and ``hint:``, and its exit code.

Exit codes: 0 yes or done, 1 no, 2 usage, 3 could not tell. With ``--json`` the answer is one JSON object, and so is a
failure: ``{"error": {"code": ..., "message": ..., "hint": ...}}``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from holdfast.errors import (
    HoldfastError,
    InputError,
    PolicyRefused,
    SignerUnavailable,
    StoreError,
    TransportError,
)

__all__ = ["NO", "UNKNOWN", "USAGE", "YES", "Output", "exit_code_of", "render_table"]

YES: Final = 0
NO: Final = 1
USAGE: Final = 2
UNKNOWN: Final = 3


class Output:
    """The mouth of one command.

    Args:
        as_json: Whether answers are JSON.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def answer(self, facts: Mapping[str, Any], lines: Callable[[], Iterable[str]]) -> None:
        """Print the answer: ``facts`` as one JSON object, or ``lines()`` for people."""
        if self.as_json:
            print(json.dumps(facts, indent=2, ensure_ascii=True))
        else:
            for line in lines():
                print(printable(line))

    def say(self, line: str) -> None:
        """Talk to the person at the terminal."""
        print(printable(line), file=sys.stderr)

    def warn(self, line: str) -> None:
        """Say what the person should not overlook."""
        self.say(f"warning: {line}")

    def progress(self, line: str) -> None:
        """Say what takes its time, on a terminal only."""
        if sys.stderr.isatty():
            self.say(f"... {line}")

    def fail(self, error: HoldfastError) -> int:
        """Print an error; returns its exit code."""
        self.say(f"error: {error.message}")
        findings = error.findings if isinstance(error, PolicyRefused) else ()
        for finding in findings:
            self.say(f"  {finding}")
        if error.hint:
            self.say(f"hint: {error.hint}")
        if self.as_json:
            body: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
            if findings:
                body["findings"] = list(findings)
            print(json.dumps({"error": body}, indent=2, ensure_ascii=True))
        return exit_code_of(error)


def exit_code_of(error: HoldfastError) -> int:
    """Return the exit code of an error: whose fault it is decides."""
    if isinstance(error, InputError):
        return USAGE
    if isinstance(error, StoreError | TransportError | SignerUnavailable):
        return UNKNOWN
    return NO


def printable(line: str) -> str:
    """Escape control characters: what a hostile certificate or server says must not steer the terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)


def render_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lay out a table in columns as wide as their widest cell: digests are never cut, pipes and eyes see the same."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    lines = [[name.upper() for name in headers], *cells]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]

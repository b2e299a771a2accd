# SPDX-License-Identifier: Apache-2.0
"""Finds the code blocks of a Markdown document and runs them as a reader would.

What is to happen with a block stands in an HTML comment right before it, which a reader of the page does not see:

``<!-- runs -->``
    A ``console`` block: each line after ``$ `` is typed into one bash that the whole document shares; the lines that
    follow are what it must print (none: anything, with exit code 0; ``...`` stands for any text in a line, and alone
    on a line for any lines). A ``python`` block: run as a script in the same folder.
    Words may follow: ``exit=1`` (of every command of the block), ``timeout=60`` (seconds a command, 30 by default),
    ``port=8000`` (that number is exchanged for a free port in the rest of the document), ``fresh`` (a new folder and
    a new bash from here on).
``<!-- writes holdfast.toml -->``
    The block is written into that file, below the folder.
``<!-- shown: needs an HSM -->``
    The block is not run, for the reason given.
``<!-- setup ... -->``
    Over several lines: bash that a reader needs not see, run where it stands.

Every block in one of :data:`RUNNABLE` languages must carry one of the first three.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.tools import ROOT, clean_environment, free_port

__all__ = ["RUNNABLE", "Block", "DocumentError", "find_blocks", "run_blocks", "split_sessions"]

RUNNABLE = frozenset({"console", "python", "py", "bash", "sh", "shell"})

_FENCE = re.compile(r"^(?P<indent> {0,3})(?P<fence>`{3,}|~{3,})\s*(?P<language>[\w+-]*)[^`]*$")
_SENTINEL = "\x1e"


class DocumentError(AssertionError):
    """A block did not do what the document says."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block, or one ``setup`` comment (language ``setup``)."""

    path: Path
    line: int
    language: str
    text: str
    verb: str = ""  # "runs", "writes", "shown", "setup", or "" when nothing is said
    words: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """``README.md:12``: where the block starts."""
        path = self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path
        return f"{path}:{self.line}"


def find_blocks(path: Path) -> Iterator[Block]:
    """The blocks of a document, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    marker: tuple[str, tuple[str, ...], dict[str, str]] = ("", (), {})
    index = 0
    while index < len(lines):
        line, start = lines[index], index + 1
        index += 1
        if line.lstrip().startswith("<!--"):
            comment = [line]
            while "-->" not in comment[-1] and index < len(lines):
                comment.append(lines[index])
                index += 1
            body = "\n".join(comment).strip().removeprefix("<!--").removesuffix("-->").strip()
            marker = _parse_marker(body)
            if marker[0] == "setup":
                yield Block(path, start, "setup", body.removeprefix("setup").lstrip(":").strip(), "setup")
                marker = ("", (), {})
        elif opened := _FENCE.match(line):
            text = []
            closing = re.compile(rf"^ {{0,3}}{re.escape(opened['fence'])}\s*$")
            while index < len(lines) and not closing.match(lines[index]):
                text.append(lines[index].removeprefix(opened["indent"]))
                index += 1
            index += 1
            verb, words, options = marker
            yield Block(path, start, opened["language"], "\n".join(text), verb, words, options)
            marker = ("", (), {})
        elif line.strip():
            marker = ("", (), {})


def _parse_marker(body: str) -> tuple[str, tuple[str, ...], dict[str, str]]:
    verb, *rest = body.replace(":", " ", 1).split() or [""]
    if verb not in {"runs", "writes", "shown", "setup"}:
        return "", (), {}
    options = dict(word.split("=", 1) for word in rest if "=" in word) if verb == "runs" else {}
    return verb, tuple(word for word in rest if word not in {f"{k}={v}" for k, v in options.items()}), options


def split_sessions(blocks: list[Block]) -> list[list[Block]]:
    """The runnable blocks, cut where a ``fresh`` one starts."""
    sessions: list[list[Block]] = [[]]
    for block in blocks:
        if block.verb not in {"runs", "writes", "setup"}:
            continue
        if "fresh" in block.words and sessions[-1]:
            sessions.append([])
        sessions[-1].append(block)
    return [session for session in sessions if any(block.verb == "runs" for block in session)]


class _Shell:
    """One bash in one folder, with everything that it started; commands are typed in one after the other."""

    def __init__(self, folder: Path) -> None:
        environment = clean_environment(
            HOME=str(folder), LC_ALL="C.UTF-8", TERM="dumb", NO_COLOR="1", COLUMNS="100", PYTHONPATH=str(ROOT),
            PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            PYTHONDONTWRITEBYTECODE="1",
        )  # fmt: skip
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-s"], cwd=folder, env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def run(self, command: str, *, timeout_seconds: float) -> tuple[int, str]:
        """Type one command; its exit code and everything that it printed."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        # Commands read nothing: what they asked for would be the rest of the document.
        typed = f"{{ {command}\n}} </dev/null\nprintf '{_SENTINEL}%d\\n' \"$?\"\n"
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self.close()

        watchdog = threading.Timer(timeout_seconds, expire)
        watchdog.start()
        said: list[str] = []
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(typed.encode())
                process.stdin.flush()
            for raw in process.stdout:
                text, sentinel, code = raw.decode("utf-8", "replace").partition(_SENTINEL)
                said.append(text)
                if sentinel:
                    return int(code), "".join(said)
        finally:
            watchdog.cancel()
        why = f"took longer than {timeout_seconds:g} s" if expired.is_set() else "ended the shell"
        raise DocumentError(f"$ {command}\n{''.join(said)}\n{why}")

    def close(self) -> None:
        """End the bash and every process that it left behind."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def run_blocks(session: list[Block]) -> None:
    """Run the blocks of one session in a new temporary folder.

    Raises:
        DocumentError: A command failed, or printed something else than the document shows.
    """
    ports: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="holdfast-docs-") as name:
        folder = Path(name)
        shell = _Shell(folder)
        try:
            for number, block in enumerate(session):
                if "port" in block.options:
                    ports.setdefault(block.options["port"], str(free_port()))
                _run_block(shell, folder, replace(block, text=_exchange(block.text, ports)), number)
        finally:
            shell.close()


def _exchange(text: str, ports: dict[str, str]) -> str:
    for shown, real in ports.items():
        text = re.sub(rf"(?<!\d){shown}(?!\d)", real, text)
    return text


def _run_block(shell: _Shell, folder: Path, block: Block, number: int) -> None:
    timeout = float(block.options.get("timeout", 30))
    wanted = int(block.options.get("exit", 0))
    if block.verb == "writes":
        path = folder / block.words[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text + "\n", encoding="utf-8")
        return
    if block.language == "setup":
        commands: list[tuple[str, list[str]]] = [(block.text, [])]
    elif block.language == "console":
        commands = list(_split_commands(block))
    elif block.language in {"python", "py"}:
        script = f".block-{number}.py"
        (folder / script).write_text(block.text + "\n", encoding="utf-8")
        commands = [(f"python {script}", [])]
    else:
        commands = [(block.text, [])]
    for command, expected in commands:
        try:
            code, said = shell.run(command, timeout_seconds=timeout)
        except DocumentError as error:
            raise DocumentError(f"{block.where}: {error}") from error
        if code != wanted:
            raise DocumentError(f"{block.where}: exit code {code}, not {wanted}\n$ {command}\n{said}")
        if expected and not _matches(expected, said):
            shown = "\n".join(expected)
            raise DocumentError(f"{block.where}: prints something else\n$ {command}\n{said}\n--- shown:\n{shown}")


def _split_commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    command: list[str] = []
    expected: list[str] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            if command:
                yield "\n".join(command), expected
            command, expected = [line[2:]], []
        elif command and not expected and command[-1].endswith("\\"):
            command.append(line.removeprefix("> "))
        elif command:
            expected.append(line)
        elif line.strip():
            raise DocumentError(f"{block.where}: a console block starts with '$ '")
    if command:
        yield "\n".join(command), expected


def _matches(expected: list[str], said: str) -> bool:
    def strip(lines: list[str]) -> list[str]:
        return "\n".join(line.rstrip() for line in lines).strip("\n").split("\n")

    parts = [
        r"(?:[^\n]*\n)*?" if line.strip() == "..." else ".*?".join(map(re.escape, line.split("..."))) + "\n"
        for line in strip(expected)
    ]
    actual = "\n".join(strip(said.splitlines())) + "\n"
    return re.fullmatch("".join(parts), actual) is not None

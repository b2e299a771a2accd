# SPDX-License-Identifier: Apache-2.0
"""The code blocks of README.md and docs/ do what the pages say, and every ``make`` target that they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.documents import RUNNABLE, Block, DocumentError, find_blocks, run_blocks, split_sessions
from tests.tools import ROOT, debian_packages, get_tool

PAGES = sorted(
    {*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "spec").rglob("*.md"), *(ROOT / "bench").glob("*.md")}
)
SESSIONS = [
    pytest.param(session, id=next(block.where for block in session if block.verb == "runs"))
    for page in PAGES
    for session in split_sessions(list(find_blocks(page)))
]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("session", SESSIONS)
def test_blocks_run(session: list[Block]) -> None:
    words = {word for block in session for word in block.text.split()}
    for tool in sorted(words & debian_packages().keys()):
        get_tool(tool)
    run_blocks(session)


def test_every_block_says_what_becomes_of_it() -> None:
    silent = [b.where for page in PAGES for b in find_blocks(page) if b.language in RUNNABLE and not b.verb]
    assert not silent, "put <!-- runs -->, <!-- writes FILE --> or <!-- shown: why --> before these blocks"


def test_what_is_only_shown_says_why() -> None:
    silent = [b.where for page in PAGES for b in find_blocks(page) if b.verb == "shown" and not b.words]
    assert not silent


def test_make_targets_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test", "lint", "bench", "conformance", "mutation", "lock", "docs-check", "clean"} <= targets
    named = {
        (str(page.relative_to(ROOT)), target)
        for page in PAGES
        for target in re.findall(r"(?:`|\$ |^)make ([a-z][a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert not {(page, target) for page, target in named if target not in targets}


def test_links_between_the_documents_lead_somewhere() -> None:
    broken = []
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path = target.partition("#")[0]
            if path and not re.match(r"[a-z]+:", target) and not (page.parent / path).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


# ------------------------------------------------------------------------------------- the runner itself


def run_page(folder: Path, text: str) -> None:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    for session in split_sessions(list(find_blocks(page))):
        run_blocks(session)


def block(language: str, text: str, marker: str = "runs") -> str:
    return f"<!-- {marker} -->\n```{language}\n{text}\n```\n\n"


GOOD = {
    "a command that succeeds": block("console", "$ true"),
    "its output": block("console", "$ echo one; echo two\none\ntwo"),
    "any text in a line": block("console", "$ echo took 17 ms\ntook ... ms"),
    "any lines": block("console", "$ seq 9\n1\n...\n8\n9"),
    "a continued command": block("console", "$ echo one \\\n    two\none two"),
    "one shell for all blocks": block("console", "$ export A=1; cd /") + block("console", "$ echo $A $PWD\n1 /"),
    "a file": block("toml", "a = 1", "writes x/a.toml") + block("console", "$ cat x/a.toml\na = 1"),
    "an expected failure": block("console", "$ false", "runs exit=1"),
    "python": block("python", "open('made', 'w').write('yes')") + block("console", "$ cat made\nyes"),
    "setup": "<!-- setup\necho hidden > made\n-->\n" + block("console", "$ cat made\nhidden"),
    "a fresh folder": block("console", "$ touch made") + block("console", "$ ls | wc -l\n0", "runs fresh"),
    "a background process": block("console", "$ sleep 60 &\n$ echo done\ndone"),
    "nothing to read": block("console", "$ cat\n$ echo done\ndone"),
    "no mark, no run": "```console\n$ false\n```\n",
}

BAD = {
    "a command that fails": (block("console", "$ false"), "exit code 1, not 0"),
    "an expected failure that does not come": (block("console", "$ true", "runs exit=1"), "exit code 0, not 1"),
    "another output": (block("console", "$ echo one\ntwo"), "prints something else"),
    "more output": (block("console", "$ echo one; echo two\none"), "prints something else"),
    "less output": (block("console", "$ echo one\none\ntwo"), "prints something else"),
    "a traceback": (block("python", "raise ValueError"), "ValueError"),
    "too slow": (block("console", "$ sleep 9", "runs timeout=0.2"), "took longer than 0.2 s"),
    "the end of the shell": (block("console", "$ exit 0"), "ended the shell"),
    "no prompt": (block("console", "true"), "starts with"),
}


@pytest.mark.parametrize("name", GOOD)
def test_the_runner_accepts(name: str, tmp_path: Path) -> None:
    run_page(tmp_path, GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_the_runner_refuses(name: str, tmp_path: Path) -> None:
    text, message = BAD[name]
    with pytest.raises(DocumentError, match=re.escape(message)):
        run_page(tmp_path, text)


def test_the_runner_exchanges_ports(tmp_path: Path) -> None:
    run_page(tmp_path, block("console", "$ test 8000 -ne 8$((0))00 && echo port 8000\nport 8000", "runs port=8000"))

# SPDX-License-Identifier: Apache-2.0
"""Stories of one client, step by step: what a mirror serves, what the clock says, and what must come of it."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from vectors.making.case import Case
from vectors.making.repository import Publisher, at, compact, manifest_document

_TEXTS: Final[dict[str, str]] = {}


def texts() -> dict[str, str]:
    """All files that any story serves, by name and the first digits of their SHA-256; filled by telling the stories."""
    return dict(sorted(_TEXTS.items()))


def keep(name: str, text: str) -> str:
    """Store a text once and return the name under which vectors refer to it."""
    folder, _, last = name.rpartition("/")
    label = f"{last.partition('.')[2] if folder else last}#{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    _TEXTS[label] = text
    return label


def refer(files: dict[str, str]) -> dict[str, str]:
    """Write served files as references."""
    return {name: keep(name, text) for name, text in files.items()}


class Story:
    """One workflow vector, told step by step.

    Attributes:
        known: What the client knows after the last step, as the writer of the story says.
    """

    def __init__(self, name: str, musts: str, comment: str) -> None:
        self.name, self.musts, self.comment = name, tuple(musts.split()), comment
        self.known: dict[str, Any] = {"root": 1, "timestamp": None, "snapshot": None, "manifest": None}
        self.steps: list[dict[str, Any]] = []
        self.first_error: dict[str, str] | None = None

    def open(
        self,
        anchor: str,
        seed: dict[str, str] | None = None,
        *,
        cache: Any = None,
        refused: tuple[str, str] | None = None,
        dropped: tuple[str, str] | None = None,
        **known: Any,
    ) -> Story:
        """Start the client.

        Args:
            anchor: The embedded root.
            seed: The files of the seed.
            cache: What lies on disk; ``"kept"`` is what the steps before left there.
            refused: Class and code with which the start fails.
            dropped: Class and code with which the cached set is dropped; the start succeeds.
            known: What the client knows then.
        """
        step = {"do": "open", "anchor": keep("root.json", anchor), "seed": None if seed is None else refer(seed)}
        self._expect(step | {"cache": cache}, refused, known)
        if dropped is not None:
            error = {"error": dropped[0], "code": dropped[1]}
            self.steps[-1]["expect"]["dropped"] = error
            self.first_error = self.first_error or error
        return self

    def accepts(self, files: dict[str, str], now: str, **known: Any) -> Story:
        """A refresh that completes."""
        return self._expect({"do": "refresh", "now": now, "serves": refer(files)}, None, known)

    def refuses(self, files: dict[str, str], now: str, code: str, error: str, **known: Any) -> Story:
        """A refresh that fails; ``known`` says what was learned all the same."""
        return self._expect({"do": "refresh", "now": now, "serves": refer(files)}, (error, code), known)

    def _expect(self, step: dict[str, Any], refusal: tuple[str, str] | None, known: dict[str, Any]) -> Story:
        self.known = self.known | known
        error = None if refusal is None else {"error": refusal[0], "code": refusal[1]}
        self.first_error = self.first_error or error
        self.steps.append(step | {"expect": {"error": error, **self.known}})
        return self

    def case(self) -> Case:
        """The vector; it refuses if any step does."""
        expect: dict[str, Any] = {"accept": {}} if self.first_error is None else {"refuse": self.first_error}
        return Case(f"workflow/{self.name}", "workflow", self.musts, self.comment, {"steps": self.steps}, expect)


def first(name: str, musts: str, comment: str, publisher: Publisher) -> Story:
    """A story that begins with a first refresh, of version 1 of everything, at one o'clock of the first day."""
    story = Story(name, musts, comment).open(publisher.published["1.root.json"])
    return story.accepts(publisher.served(), at(hours=1), timestamp=1, snapshot=1, manifest=42)


def base(**changes: Any) -> Publisher:
    """The repository of most stories at its first publication."""
    return Publisher.begin(**changes)


def next_manifest(publisher: Publisher, version: int, **changes: Any) -> Publisher:
    """The next publication: another manifest, and every role above it."""
    publisher.manifest = compact(manifest_document(version, **changes))
    return publisher.publish("pins", "snapshot", "timestamp")

# SPDX-License-Identifier: Apache-2.0
"""One case: what goes in, which rules it tests, and what must come out."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True)
class Case:
    """A vector before it is written.

    Attributes:
        id: Stable and unique.
        kind: Says what ``input`` holds and how it is run (``vectors/README.md``).
        musts: Ids of the rules that it tests.
        comment: What the rule says, in this case.
        input: What goes in.
        expect: ``{"accept": {...}}`` or ``{"refuse": {"error": ..., "code": ...}}``; a workflow has one a step.
    """

    id: str
    kind: str
    musts: tuple[str, ...]
    comment: str
    input: dict[str, Json]
    expect: dict[str, Json] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        """Return the form in which it is written."""
        body = {
            "id": self.id,
            "kind": self.kind,
            "musts": list(self.musts),
            "comment": self.comment,
            "input": self.input,
        }
        return body | {"expect": self.expect} if self.expect else body


class Table:
    """Collects the cases of one kind, and gives them ids."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.cases: list[Case] = []

    def accept(self, name: str, musts: str, comment: str, given: dict[str, Json], /, **values: Json) -> None:
        """Add a case that must be accepted, with these values."""
        self._add(name, musts, comment, given, {"accept": values})

    def refuse(
        self, name: str, musts: str, comment: str, given: dict[str, Json], code: str, error: str | None = None
    ) -> None:
        """Add a case that must be refused, with this code."""
        refusal = {"code": code} if error is None else {"error": error, "code": code}
        self._add(name, musts, comment, given, {"refuse": refusal})

    def _add(self, name: str, musts: str, comment: str, given: dict[str, Json], expect: dict[str, Json]) -> None:
        self.cases.append(Case(f"{self.kind}/{name}", self.kind, tuple(musts.split()), comment, given, expect))


def text(value: str) -> dict[str, Json]:
    """Octets that are UTF-8 text."""
    return {"text": value}


def octets(value: bytes) -> dict[str, Json]:
    """Octets that are no text, or should not be read as one."""
    return {"base64": b64encode(value).decode("ascii")}


def recipe(*parts: tuple[str, int] | str) -> dict[str, Json]:
    """Octets too many to store: texts, each with how often it is repeated."""
    return {
        "recipe": [
            {"repeat": part, "times": 1} if isinstance(part, str) else {"repeat": part[0], "times": part[1]}
            for part in parts
        ]
    }


def document(value: Json) -> dict[str, Json]:
    """Octets of a JSON document whose exact spelling does not matter."""
    return {"json": value}

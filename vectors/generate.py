# SPDX-License-Identifier: Apache-2.0
"""Writes the vectors: ``python -m vectors.generate``; with ``--check`` it only compares them with what lies there.

What it writes is a function of this folder: keys are functions of their names, signatures of key and message.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vectors.cases import (
    attacks,
    bundles,
    canonical,
    certificates,
    documents,
    forms,
    freshness,
    hostnames,
    paths,
    pin_tables,
    reports,
    roles,
    roots,
    searching,
    shapes,
    starting,
    trusting,
    verdicts,
)
from vectors.making import enforcement, story

if TYPE_CHECKING:
    from collections.abc import Callable

    from vectors.making.case import Case


def enforcement_cases() -> list[Case]:
    """From scope and manifest to verdicts."""
    return [*pin_tables.cases(), *paths.cases(), *verdicts.cases()]


def role_cases() -> list[Case]:
    """Files of roles, one at a time."""
    return [*canonical.cases(), *roles.cases(), *shapes.cases(), *roots.cases()]


def workflows() -> list[Case]:
    """All stories; telling them fills the table of texts."""
    return [*trusting.cases(), *searching.cases(), *attacks.cases(), *starting.cases()]


FORMAT: Final = "holdfast-vectors/1"
FOLDER: Final = Path(__file__).parent
# file -> (chapter of spec/, its cases)
FILES: Final[dict[str, tuple[str, Callable[[], list[Case]]]]] = {
    "forms.json": ("forms", forms.cases),
    "hostnames.json": ("validation", hostnames.cases),
    "certificates.json": ("validation", certificates.cases),
    "verdicts.json": ("validation", enforcement_cases),
    "documents.json": ("scope", documents.cases),
    "roles.json": ("trust", role_cases),
    "workflows.json": ("trust", workflows),
    "bundles.json": ("bundle", bundles.cases),
    "freshness.json": ("freshness", freshness.cases),
    "reports.json": ("report", reports.cases),
}


def build(name: str) -> str:
    """Return the text of one vector file."""
    chapter, make = FILES[name]
    cases = make()
    content: dict[str, Any] = {"format": FORMAT, "chapter": chapter}
    if name == "verdicts.json":
        content["certificates"] = {
            label: b64encode(body).decode() for label, body in enforcement.certificates().items()
        }
    rows = [json.dumps(case.as_json(), ensure_ascii=True) for case in cases]
    if name == "workflows.json":
        content["texts"] = story.texts()
    head = json.dumps(content, indent=1, ensure_ascii=True)
    return head[:-2] + ',\n "vectors": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n"


def main(arguments: list[str]) -> int:
    """Write all files, or compare them."""
    stale = []
    for name in FILES:
        text = build(name)
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    print("\n".join(f"{'differs' if '--check' in arguments else 'written'}: {name}" for name in stale) or "up to date")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0
"""Certificates, paths, and pairs of scope and manifest, for cases of verdicts."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from vectors.making import der
from vectors.making.case import Table, document
from vectors.making.der import Blank
from vectors.making.repository import at, manifest_document, scope_document

HOST: Final = "api.example.com"
NOW: Final = at()
CURRENT: Final = "leaf-current ca-one root-a"
CROSSED: Final = "leaf-current ca-one-by-b root-b"
FOREIGN: Final = "leaf-foreign ca-one root-a"
BACKUP: Final = "leaf-backup ca-one root-a"


@cache
def certificates() -> dict[str, bytes]:
    """The certificates of all paths, by name. Two roots cross-sign one intermediate."""
    leaf = Blank(HOST, der.spki_p256("api current"), "CA one", "ca one", host=HOST)
    root, other = (
        Blank("Root A", der.spki_p256("root a"), "Root A", "root a", is_ca=True),
        Blank("Root B", der.spki_p256("root b"), "Root B", "root b", is_ca=True),
    )
    ca = Blank("CA one", der.spki_p256("ca one"), "Root A", "root a", is_ca=True)
    rogue = Blank("Rogue Root", der.spki_p256("rogue root"), "Rogue Root", "rogue root", is_ca=True)
    blanks = {
        "root-a": root,
        "root-b": other,
        "ca-one": ca,
        "ca-one-by-b": ca.but(issuer="Root B", issuer_key="root b"),
        "ca-two": ca.but(subject="CA two", spki=der.spki_p256("ca two")),
        "leaf-current": leaf,
        "leaf-renewed": leaf.but(extra=(der.extension("1.3.6.1.4.1.32473.4", b"renewed"),)),
        "leaf-next": leaf.but(spki=der.spki_p256("api next")),
        "leaf-backup": leaf.but(spki=der.spki_p256("api backup")),
        "leaf-foreign": leaf.but(spki=der.spki_p256("foreign")),
        "leaf-current-by-two": leaf.but(issuer="CA two", issuer_key="ca two"),
        "leaf-backup-by-two": leaf.but(spki=der.spki_p256("api backup"), issuer="CA two", issuer_key="ca two"),
        "leaf-foreign-by-two": leaf.but(spki=der.spki_p256("foreign"), issuer="CA two", issuer_key="ca two"),
        "leaf-rsa-pss": leaf.but(spki=der.spki_rsa_pss("odd rsa")),
        "leaf-rsa-without-null": leaf.but(spki=der.spki_rsa_without_null("odd rsa")),
        "leaf-ec-explicit": leaf.but(spki=der.spki_explicit("odd leaf")),
        "leaf-ec-compressed": leaf.but(spki=der.spki_compressed("odd leaf")),
        "rogue-root": rogue,
        "rogue-leaf": leaf.but(spki=der.spki_p256("mallory"), issuer="Rogue Root", issuer_key="rogue root"),
        "rogue-ca-named-one": ca.but(spki=der.spki_p256("mallory ca"), issuer="Rogue Root", issuer_key="rogue root"),
        "rogue-leaf-by-named-one": leaf.but(spki=der.spki_p256("mallory"), issuer_key="mallory ca"),
    }
    return {name: blank.der() for name, blank in blanks.items()}


def protected(**changes: Any) -> dict[str, Any]:
    """The scope's host of most cases."""
    return {
        "pattern": HOST,
        "include_subdomains": False,
        "mode": "enforce",
        "allow": {"leaf": True, "ca": []},
        **changes,
    }


def entry(*accept: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The manifest's entry of most cases."""
    return {"pattern": HOST, "include_subdomains": False, "accept": list(accept), **changes}


def pair(host: dict[str, Any] | None, one: dict[str, Any] | None, **scope: Any) -> dict[str, Any]:
    """A scope of one host and a manifest of one entry."""
    return {
        "scope": document(scope_document(hosts=[] if host is None else [host], **scope)),
        "manifest": document(manifest_document(hosts=[] if one is None else [one])),
    }


class Verdicts:
    """Writes verdict cases: what is enforced, the path, the answer."""

    def __init__(self) -> None:
        self.table = Table("verdict")

    def add(
        self,
        name: str,
        musts: str,
        comment: str,
        given: dict[str, Any],
        path: str,
        reason: str,
        *,
        allowed: bool,
        **more: Any,
    ) -> None:
        """Add one; ``more`` may hold ``host``, ``now``, ``app``, ``past``, ``served``, ``pattern``, ``enforced``."""
        pattern, enforced = more.pop("pattern", HOST), more.pop("enforced", True)
        source = {**given, "host": HOST, "path": path.split(), "now": NOW, **more}
        if allowed:
            self.table.accept(name, musts, comment, source, reason=reason, pattern=pattern, enforced=enforced)
        else:
            self.table.refuse(name, musts, comment, source, reason, "PinMismatchError")

    def allow(
        self, name: str, musts: str, comment: str, given: dict[str, Any], path: str, reason: str = "pin", **more: Any
    ) -> None:
        """Add a path that is accepted."""
        self.add(name, musts, comment, given, path, reason, allowed=True, **more)

    def deny(
        self,
        name: str,
        musts: str,
        comment: str,
        given: dict[str, Any],
        path: str,
        reason: str = "no-match",
        **more: Any,
    ) -> None:
        """Add one that is refused."""
        self.add(name, musts, comment, given, path, reason, allowed=False, **more)

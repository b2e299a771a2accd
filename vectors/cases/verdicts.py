# SPDX-License-Identifier: Apache-2.0
"""Scope and manifest together (``spec/scope.md``), and the verdict on a path (``spec/validation.md``)."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from vectors.cases.forms import ONES
from vectors.making import der
from vectors.making.case import Case, Table, document
from vectors.making.der import Blank, digest, key_digest
from vectors.making.repository import at, manifest_document, pin, scope_document

HOST: Final = "api.example.com"
NOW: Final = at()


@cache
def certificates() -> dict[str, bytes]:
    """The certificates of all paths, by name. Two roots cross-sign one intermediate."""
    leaf = Blank(HOST, der.spki_p256("api current"), "CA one", "ca one", host=HOST)
    root, other = Blank("Root A", der.spki_p256("root a"), "Root A", "root a", is_ca=True), Blank("Root B", der.spki_p256("root b"), "Root B", "root b", is_ca=True)
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
        "rogue-root": rogue,
        "rogue-leaf": leaf.but(spki=der.spki_p256("mallory"), issuer="Rogue Root", issuer_key="rogue root"),
        "rogue-ca-named-one": ca.but(spki=der.spki_p256("mallory ca"), issuer="Rogue Root", issuer_key="rogue root"),
        "rogue-leaf-by-named-one": leaf.but(spki=der.spki_p256("mallory"), issuer_key="mallory ca"),
    }
    return {name: blank.der() for name, blank in blanks.items()}


def cases() -> list[Case]:
    """All cases of the part."""
    return [*_tables(), *_orders(), *_stuffed(), *_verdicts(), *_modes()]


def protected(**changes: Any) -> dict[str, Any]:
    """The scope's host of most cases."""
    return {"pattern": HOST, "include_subdomains": False, "mode": "enforce", "allow": {"leaf": True, "ca": []}, **changes}


def entry(*accept: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The manifest's entry of most cases."""
    return {"pattern": HOST, "include_subdomains": False, "accept": list(accept), **changes}


def pair(host: dict[str, Any] | None, one: dict[str, Any] | None, **scope: Any) -> dict[str, Any]:
    """A scope of one host and a manifest of one entry."""
    return {
        "scope": document(scope_document(hosts=[] if host is None else [host], **scope)),
        "manifest": document(manifest_document(hosts=[] if one is None else [one])),
    }


def _tables() -> list[Case]:
    table = Table("pin-table")
    current, following, ca_one = key_digest("api current"), key_digest("api next"), key_digest("ca one")
    with_ca = {"leaf": True, "ca": [ca_one]}

    def accept(name: str, musts: str, comment: str, given: dict[str, Any], usable: dict[str, list[str]], *ignored: tuple[str, ...]) -> None:
        rows = [{"pattern": pattern, "why": why, "digest": more[0] if more else ""} for pattern, why, *more in ignored]
        table.accept(name, musts, comment, given, usable=usable, ignored=rows)

    def refuse(name: str, musts: str, comment: str, given: dict[str, Any], code: str = "host-without-pin") -> None:
        table.refuse(name, musts, comment, given, code, "ScopeError")

    both = entry(pin("api current", use="current"), pin("api next", use="next"))
    accept("plain", "SCO-11 SCO-12", "every usable pin counts, whatever its use", pair(protected(), both), {HOST: [current, following]})
    accept("nothing-protected", "SCO-12", "a scope without hosts", pair(None, None), {})

    accept("beyond-the-scope", "SCO-11", "entries beyond the scope are ignored", {
        "scope": document(scope_document(hosts=[protected()])),
        "manifest": document(manifest_document(hosts=[both, entry(pin("mallory")) | {"pattern": "other.example.com"}])),
    }, {HOST: [current, following]}, ("other.example.com", "not-in-scope"))
    wide, exact = entry(pin("mallory"), include_subdomains=True), entry(pin("api current"))
    accept("both-reaches", "SCO-11", "only the entry that repeats include_subdomains counts", {
        "scope": document(scope_document(hosts=[protected()])),
        "manifest": document(manifest_document(hosts=[wide, exact])),
    }, {HOST: [current]}, (HOST, "not-in-scope"))
    refuse("narrower", "SCO-11 SCO-12", "the scope includes subdomains, the entry does not", pair(protected(include_subdomains=True), exact))
    refuse("wider", "SCO-11 SCO-12", "the entry includes subdomains, the scope does not", pair(protected(), wide))
    refuse("other-pattern", "SCO-11 SCO-12", "an entry for a parent domain", pair(protected(), wide | {"pattern": "example.com"}))

    refuse("no-entry", "SCO-12", "a stolen automation key omits the host", pair(protected(), None))
    refuse("empty-entry", "SCO-12", "an entry without pins", pair(protected(), entry()))
    refuse("backup-is-no-pin", "SCO-12", "a backup does not stand in for a pin", pair(protected(backup=[pin("api backup")]), entry()))
    accept("repeats-a-backup", "SCO-12", "but a pin may repeat it", pair(protected(backup=[pin("api backup")]), entry(pin("api backup"))), {HOST: [key_digest("api backup")]})
    unknown = {"type": "spki-sha512", "at": "leaf", "digest": "x"}
    refuse("only-unknown-types", "SCO-12 VAL-14", "pins of unknown type are not usable", pair(protected(), entry(unknown)))
    accept("some-unknown-types", "SCO-12 VAL-14", "beside a known one they do no harm", pair(protected(), entry(unknown, pin("api current"))), {HOST: [current]}, (HOST, "unknown-kind"))
    refuse("report-only-too", "SCO-12", "report-only hosts need a pin too", pair(protected(mode="report-only", until=at(1)), entry()))

    accept("ca-allowed", "SCO-13", "a CA that allow.ca names", pair(protected(allow=with_ca), entry(pin("ca one", "ca"))), {HOST: [ca_one]})
    refuse("ca-not-allowed", "SCO-13", "a stolen automation key pins a CA of its own", pair(protected(), entry(pin("mallory ca", "ca"))))
    accept("ca-not-allowed-beside", "SCO-13", "ignored beside an allowed pin", pair(protected(), entry(pin("api current"), pin("mallory ca", "ca"))),
           {HOST: [current]}, (HOST, "not-allowed", key_digest("mallory ca")))
    refuse("leaf-not-allowed", "SCO-13", "a leaf pin where only CAs are allowed", pair(protected(allow={"leaf": False, "ca": [ca_one]}), entry(pin("api current"))))
    accept("any-both", "SCO-13", "accept-any needs both permissions", pair(protected(allow=with_ca), entry(pin("ca one", "any"))), {HOST: [ca_one]})
    refuse("any-without-leaf", "SCO-13", "the leaf's is missing", pair(protected(allow={"leaf": False, "ca": [ca_one]}), entry(pin("ca one", "any"))))
    refuse("any-without-ca", "SCO-13", "the CA's is missing", pair(protected(), entry(pin("api current", "any"))))
    whole = {"type": "certificate-sha256", "at": "leaf", "digest": ONES}
    accept("certificate-allowed", "SCO-13", "a whole certificate needs allow.leaf", pair(protected(), entry(whole)), {HOST: [ONES]})
    refuse("certificate-not-allowed", "SCO-13", "and has it not", pair(protected(allow={"ca": [ONES]}), entry(whole)))
    refuse("nothing-allowed", "SCO-13 SCO-12", "a scope that allows nothing protects by refusing", pair(protected(allow={}), entry(pin("api current"))))

    refuse("rejected-by-manifest", "SCO-14", "accepted and rejected is not usable", pair(protected(), entry(pin("api current"), reject=[pin("api current")])))
    refuse("rejected-by-scope", "SCO-14", "rejected by the scope", pair(protected(reject=[pin("api current")]), entry(pin("api current"))))
    refuse("rejected-anywhere", "SCO-14", "reject-any names the leaf too", pair(protected(), entry(pin("api current"), reject=[pin("api current", "any")])))
    accept("rejected-beside", "SCO-14", "beside a usable pin it is ignored", pair(protected(), entry(pin("api current"), pin("api next"), reject=[pin("api current")])),
           {HOST: [following]}, (HOST, "rejected", current))
    accept("rejected-elsewhere", "SCO-14", "a reject at ca does not name the leaf", pair(protected(), entry(pin("api current"), reject=[pin("api current", "ca")])), {HOST: [current]})
    refuse("rejected-in-two-parts", "SCO-14", "an any pin whose both positions are rejected, one by each list",
           pair(protected(allow=with_ca, reject=[pin("ca one", "leaf")]), entry(pin("ca one", "any"), reject=[pin("ca one", "ca")])))
    accept("rejected-in-one-part", "SCO-14", "an any pin of which one position is left", pair(protected(allow=with_ca, reject=[pin("ca one", "leaf")]), entry(pin("ca one", "any"))), {HOST: [ca_one]})
    of_other_type = {"type": "certificate-sha256", "at": "leaf", "digest": current}
    accept("rejected-other-type", "SCO-14", "a reject of another type is another pin", pair(protected(), entry(pin("api current"), reject=[of_other_type])), {HOST: [current]})

    good = entry(pin("api current"))
    accept("canary-apart", "SCO-10", "a canary under no pattern", pair(protected(), good, canary={"host": "canary.example.net"}), {HOST: [current]})
    accept("canary-below-exact", "SCO-10", "an exact pattern does not cover what lies below", pair(protected(), good, canary={"host": "canary.api.example.com"}), {HOST: [current]})
    refuse("canary-is-pattern", "SCO-10", "the canary is a protected host", pair(protected(), good, canary={"host": HOST}), "canary-in-scope")
    below = pair(protected(include_subdomains=True), entry(pin("api current"), include_subdomains=True), canary={"host": "canary.api.example.com"})
    refuse("canary-under-pattern", "SCO-10", "the canary lies under a pattern with subdomains", below, "canary-in-scope")
    return table.cases


class Verdicts:
    """Writes verdict cases: what is enforced, the path, the answer."""

    def __init__(self) -> None:
        self.table = Table("verdict")

    def add(self, name: str, musts: str, comment: str, given: dict[str, Any], path: str, reason: str, *, allowed: bool, **more: Any) -> None:
        """Add one; ``more`` may hold ``host``, ``now``, ``app``, ``past``, ``served``, ``pattern``, ``enforced``."""
        pattern, enforced = more.pop("pattern", HOST), more.pop("enforced", True)
        source = {**given, "host": HOST, "path": path.split(), "now": NOW, **more}
        if allowed:
            self.table.accept(name, musts, comment, source, reason=reason, pattern=pattern, enforced=enforced)
        else:
            self.table.refuse(name, musts, comment, source, reason, "PinMismatchError")

    def allow(self, name: str, musts: str, comment: str, given: dict[str, Any], path: str, reason: str = "pin", **more: Any) -> None:
        self.add(name, musts, comment, given, path, reason, allowed=True, **more)

    def deny(self, name: str, musts: str, comment: str, given: dict[str, Any], path: str, reason: str = "no-match", **more: Any) -> None:
        self.add(name, musts, comment, given, path, reason, allowed=False, **more)


CURRENT: Final = "leaf-current ca-one root-a"
CROSSED: Final = "leaf-current ca-one-by-b root-b"
FOREIGN: Final = "leaf-foreign ca-one root-a"
BACKUP: Final = "leaf-backup ca-one root-a"


def _orders() -> list[Case]:
    to = Verdicts()
    ca_one, root_a = key_digest("ca one"), key_digest("root a")
    with_ca = {"leaf": True, "ca": [ca_one, root_a]}
    plain = pair(protected(), entry(pin("api current"), pin("api next")))
    to.allow("leaf", "VAL-17 VAL-21 MAN-6", "the leaf's key is pinned", plain, CURRENT)
    to.allow("leaf-next", "VAL-17 MAN-6", "the next key is accepted before it is current", plain, "leaf-next ca-one root-a")
    to.allow("leaf-renewed", "VAL-17", "a renewed certificate with the same key", plain, "leaf-renewed ca-one root-a")
    to.deny("foreign", "VAL-17 VAL-21", "a key that is not pinned, from the right CA", plain, FOREIGN)
    to.deny("ca-key-as-leaf-pin", "VAL-17", "a leaf pin does not match a CA", pair(protected(), entry(pin("ca one"))), CURRENT)

    by_ca = pair(protected(allow=with_ca), entry(pin("ca one", "ca")))
    to.allow("ca", "VAL-17 SCO-9", "a pinned intermediate: any leaf key under it", by_ca, FOREIGN)
    to.deny("ca-other", "VAL-17", "another intermediate of the same root", by_ca, "leaf-current-by-two ca-two root-a")
    to.deny("ca-same-name", "VAL-17", "an intermediate of the same name with another key", by_ca, "rogue-leaf-by-named-one rogue-ca-named-one rogue-root")
    to.deny("ca-pin-at-leaf", "VAL-17 SCO-9", "a ca pin does not match index 0", by_ca, "ca-one root-a")
    to.allow("root", "VAL-17 VAL-18", "the trust anchor is part of the path", pair(protected(allow=with_ca), entry(pin("root a", "ca"))), FOREIGN)
    anywhere = pair(protected(allow=with_ca), entry(pin("ca one", "any")))
    to.allow("any-at-ca", "VAL-17", "an any pin at a CA", anywhere, FOREIGN)
    to.allow("any-at-leaf", "VAL-17", "an any pin at the leaf", anywhere, "ca-one root-a")
    whole = {"type": "certificate-sha256", "at": "leaf", "digest": digest(certificates()["leaf-current"])}
    by_certificate = pair(protected(), entry(whole))
    to.allow("certificate", "VAL-11 VAL-17", "the whole certificate is pinned", by_certificate, CURRENT)
    to.deny("certificate-renewed", "VAL-11 VAL-17", "the same key in another certificate", by_certificate, "leaf-renewed ca-one root-a")

    cross = pair(protected(allow=with_ca), entry(pin("root a", "ca")))
    to.allow("cross-signed-a", "VAL-18", "the path that the platform built goes to root A", cross, CURRENT)
    to.deny("cross-signed-b", "VAL-18", "the same leaf and intermediate key, validated to root B", cross, CROSSED)
    to.allow("cross-signed-intermediate", "VAL-18", "a pin on the intermediate's key survives the cross-sign", by_ca, CROSSED)

    required = protected(require=[root_a], backup=[pin("api backup")])
    met = pair(required, entry(pin("api current")))
    to.allow("require-met", "VAL-21", "require is met by the anchor", met, CURRENT)
    to.deny("require-unmet", "VAL-21", "the pinned key, but through another root", met, CROSSED, "require")
    to.deny("require-unmet-backup", "VAL-21", "require stands above the backup", met, "leaf-backup ca-one-by-b root-b", "require")
    to.deny("require-by-leaf", "VAL-21 SCO-9", "a leaf does not meet require", pair(protected(require=[key_digest("api current")]), entry(pin("api current"))), CURRENT, "require")
    any_of = pair(protected(require=[key_digest("nobody"), root_a]), entry(pin("api current")))
    to.allow("require-any-suffices", "VAL-21", "one of require suffices", any_of, CURRENT)

    backed = protected(backup=[pin("api backup")])
    to.allow("backup", "VAL-21", "a backup is accepted", pair(backed, entry(pin("api current"))), BACKUP, "backup")
    to.allow("backup-rejected-by-manifest", "VAL-21", "automation cannot reject a backup", pair(backed, entry(pin("api current"), reject=[pin("api backup", "any")])), BACKUP, "backup")
    to.deny("backup-rejected-by-scope", "VAL-21", "the security team can", pair(backed | {"reject": [pin("api backup")]}, entry(pin("api current"))), BACKUP, "scope-reject")
    to.allow("backup-and-pin", "VAL-21", "the backup row comes before the pin row", pair(backed, entry(pin("api backup"))), BACKUP, "backup")
    to.allow("backup-ca", "VAL-21", "a backup may stand at a CA", pair(protected(backup=[pin("ca two", "ca")]), entry(pin("api current"))), "leaf-foreign-by-two ca-two root-a", "backup")
    unknown = protected(backup=[{"type": "spki-sha512", "at": "leaf", "digest": "x"}])
    to.deny("backup-unknown-type", "VAL-21 VAL-14", "a backup of unknown type never matches", pair(unknown, entry(pin("api current"))), BACKUP)

    scope_rejects = protected(allow=with_ca, reject=[pin("ca one", "any")], require=[root_a])
    to.deny("scope-reject-first", "VAL-21", "scope reject comes first, a pinned leaf or not", pair(scope_rejects, entry(pin("api current"))), CURRENT, "scope-reject")
    to.deny("scope-reject-before-require", "VAL-21", "before require", pair(scope_rejects, entry(pin("api current"))), CROSSED, "scope-reject")
    to.deny("manifest-reject", "VAL-21", "manifest reject comes before its accept", pair(protected(), entry(pin("api current"), reject=[pin("ca one", "ca")])), CURRENT, "manifest-reject")
    to.deny("manifest-reject-anywhere", "VAL-21", "reject-any matches the leaf", pair(protected(), entry(pin("api next"), reject=[pin("api current", "any")])), CURRENT, "manifest-reject")
    to.deny("manifest-reject-ca-of-accepted-ca", "VAL-21", "a rejected leaf under an accepted CA", pair(protected(allow=with_ca), entry(pin("ca one", "ca"), reject=[pin("foreign")])), FOREIGN, "manifest-reject")
    to.allow("manifest-reject-elsewhere", "VAL-21", "a reject at the leaf does not match a CA", pair(protected(), entry(pin("api current"), reject=[pin("ca one")])), CURRENT)
    rejected_certificate = {"type": "certificate-sha256", "at": "leaf", "digest": digest(certificates()["leaf-current"])}
    one_revoked = pair(protected(), entry(pin("api current"), reject=[rejected_certificate]))
    to.deny("manifest-reject-certificate", "VAL-21", "one certificate of a pinned key is rejected", one_revoked, CURRENT, "manifest-reject")
    to.allow("manifest-reject-other-certificate", "VAL-21", "its renewal is not", one_revoked, "leaf-renewed ca-one root-a")
    return to.table.cases


def _stuffed() -> list[Case]:
    """What the server presents is not what was validated: ``served`` is there to show it, and is never judged."""
    to = Verdicts()
    with_ca = {"leaf": True, "ca": [key_digest("ca one"), key_digest("root a")]}
    rogue = "rogue-leaf rogue-root"
    comment = "the pinned certificate is appended to the attacker's chain; the validated path does not hold it"
    by_leaf, by_ca = pair(protected(), entry(pin("api current"))), pair(protected(allow=with_ca), entry(pin("ca one", "ca")))
    to.deny("stuffed-leaf-after", "VAL-18", comment, by_leaf, rogue, served=["rogue-leaf", "leaf-current"])
    to.deny("stuffed-ca-after", "VAL-18", comment, by_ca, rogue, served=["rogue-leaf", "ca-one"])
    to.deny("stuffed-root-after", "VAL-18", comment, pair(protected(allow=with_ca), entry(pin("root a", "ca"))), rogue, served=["rogue-leaf", "root-a"])
    to.deny("stuffed-chain", "VAL-18", "a whole genuine chain after the attacker's leaf", by_ca, rogue, served=["rogue-leaf", "ca-one", "root-a", "leaf-current"])
    required = pair(protected(require=[key_digest("root a")]), entry(pin("mallory")))
    to.deny("stuffed-require", "VAL-18", "require is not met by what was merely presented", required, rogue, "require", served=["rogue-leaf", "ca-one", "root-a"])
    to.allow("anchor-not-served", "VAL-18", "the server does not send the root that is pinned", pair(protected(allow=with_ca), entry(pin("root a", "ca"))), CURRENT, served=["leaf-current", "ca-one"])
    rejecting = pair(protected(), entry(pin("api current"), reject=[pin("ca two", "ca")]))
    to.allow("stuffed-reject", "VAL-18", "a rejected certificate that was merely presented does no harm", rejecting, CURRENT, served=["leaf-current", "ca-two", "ca-one"])
    return to.table.cases


def _verdicts() -> list[Case]:
    to = Verdicts()
    plain = pair(protected(), entry(pin("api current")))
    wide = pair(protected(include_subdomains=True), entry(pin("api current"), include_subdomains=True))
    denying = pair(protected(), entry(pin("api current")), unpinned="deny")
    to.allow("host-upper-case", "VAL-4 VAL-21", "API.example.com finds its pins", plain, CURRENT, host="API.Example.COM")
    to.deny("host-upper-case-foreign", "VAL-4 VAL-21", "and refuses as api.example.com does", plain, FOREIGN, host="API.Example.COM")
    to.deny("host-trailing-dot", "VAL-3 VAL-21", "a trailing dot does not escape the pins", plain, FOREIGN, host="api.example.com.")
    to.allow("subdomain", "VAL-8", "a name below a pattern with subdomains", wide, CURRENT, host="eu.api.example.com")
    to.deny("subdomain-foreign", "VAL-8", "is refused like the pattern", wide, FOREIGN, host="eu.api.example.com")
    for name, host in {"non-ascii": "\u00e4pi.example.com", "empty": "", "number": "127.1", "wildcard": "*.example.com"}.items():
        to.deny(f"hostname-{name}", "VAL-21 VAL-1", "a host without a normal form is refused, though unpinned is allow", plain, CURRENT, "hostname-syntax", host=host)
    empty = {"scope": None, "manifest": None}
    to.deny("empty-state", "VAL-21", "no set: every host is refused", empty, CURRENT, "no-pins")
    to.deny("empty-state-other", "VAL-21", "also one that no pattern would match", empty, CURRENT, "no-pins", host="other.example.com")

    canary = pair(protected(), entry(pin("api current")), canary={"host": "canary.example.net"})
    to.deny("canary", "VAL-21", "the canary is refused whatever its path", canary, CURRENT, "canary", host="canary.example.net")
    to.allow("below-canary", "VAL-21", "a name below the canary is another host", canary, CURRENT, "unpinned", host="x.canary.example.net", pattern=None)
    to.allow("unpinned", "VAL-21", "no pattern matches, unpinned allow", plain, FOREIGN, "unpinned", host="other.example.com", pattern=None)
    to.allow("unpinned-below-exact", "VAL-8", "a name below a pattern without subdomains", plain, FOREIGN, "unpinned", host="x.api.example.com", pattern=None)
    to.allow("unpinned-empty-path", "VAL-21", "an unprotected host needs no path", plain, "", "unpinned", host="other.example.com", pattern=None)
    to.deny("unpinned-denied", "VAL-21", "unpinned deny", denying, CURRENT, "unpinned-denied", host="other.example.com")
    to.deny("app-denies", "VAL-22", "the app is stricter than the scope", plain, CURRENT, "unpinned-denied", host="other.example.com", app={"unpinned": "deny"})
    to.deny("app-cannot-relax", "VAL-22", "the app cannot be laxer than the scope", denying, CURRENT, "unpinned-denied", host="other.example.com", app={"unpinned": "allow"})
    app = {"required_hosts": ["pay.example.com"]}
    to.deny("required-dropped", "VAL-21", "a required host that the scope dropped is refused", plain, CURRENT, "required-host-dropped", host="pay.example.com", app=app)
    to.deny("required-dropped-denying", "VAL-21", "this reason comes first", denying, CURRENT, "required-host-dropped", host="pay.example.com", app=app)
    to.allow("required-elsewhere", "VAL-21", "the rest goes on", plain, CURRENT, app=app)
    to.allow("required-covered", "VAL-21", "a required host that a pattern covers", wide, CURRENT, host="eu.api.example.com", app={"required_hosts": ["eu.api.example.com"]})

    to.deny("empty-path", "VAL-20 VAL-21", "no path, no acceptance", plain, "", "empty-path")
    to.deny("empty-path-subdomain", "VAL-20", "for names below too", wide, "", "empty-path", host="eu.api.example.com")
    long = " ".join(["leaf-current", *["ca-one"] * 14, "root-a"])
    to.allow("path-16", "VAL-20", "16 certificates", plain, long)
    to.deny("path-17", "VAL-20", "17 certificates", plain, long + " root-b", "path-too-long")
    to.deny("max-age", "VAL-21 FRE-8", "past max_age_seconds a pinned path is refused", plain, CURRENT, "max-age", past={"max_age": True})
    to.deny("max-age-before-empty-path", "VAL-21", "in this order", plain, "", "max-age", past={"max_age": True})
    to.allow("max-age-unpinned", "VAL-21", "a host that is not protected is not concerned", plain, CURRENT, "unpinned", host="other.example.com", pattern=None, past={"max_age": True})
    return to.table.cases


def _modes() -> list[Case]:
    to = Verdicts()
    watched = protected(mode="report-only", until=at(1), require=[key_digest("root a")], backup=[pin("api backup")], reject=[pin("mallory")])
    given = pair(watched, entry(pin("api current"), reject=[pin("foreign")]))
    relaxed = {"enforced": False}
    to.allow("report-only-pin", "VAL-23", "a pinned path is accepted as ever", given, CURRENT)
    to.allow("report-only-backup", "VAL-23", "so is a backup", given, BACKUP, "backup")
    to.allow("report-only-no-match", "VAL-23", "no match is let pass, and told", given, "leaf-next ca-one root-a", "no-match", **relaxed)
    to.allow("report-only-manifest-reject", "VAL-23", "a manifest's reject is let pass", given, FOREIGN, "manifest-reject", **relaxed)
    to.allow("report-only-require", "VAL-23", "an unmet require is let pass", given, CROSSED, "require", **relaxed)
    rogue = "rogue-leaf rogue-root"
    to.deny("report-only-scope-reject", "VAL-23", "a scope's reject is not", given, rogue, "scope-reject")
    to.deny("report-only-empty-path", "VAL-23 VAL-20", "nor is an empty path", given, "", "empty-path")
    to.deny("report-only-path-too-long", "VAL-23 VAL-20", "nor 17 certificates", given, " ".join(["leaf-next"] * 17), "path-too-long")
    to.deny("report-only-max-age", "VAL-23 FRE-8", "nor a set that is too old", given, CURRENT, "max-age", past={"max_age": True})
    foreign = "leaf-next ca-one root-a"
    to.allow("until-second-before", "VAL-24 FRE-9", "a second before until", given, foreign, "no-match", now=at(1, seconds=-1), **relaxed)
    to.deny("until", "VAL-24 FRE-9", "from until on the host is enforced", given, foreign, now=at(1))
    to.deny("until-seen", "VAL-24 FRE-10", "until has passed once, and the clock was set back", given, foreign, past={"ended": [HOST]})
    to.deny("required-host", "VAL-24", "never for a host that the app requires", given, foreign, app={"required_hosts": [HOST]})
    to.allow("required-other-host", "VAL-24", "another host's requirement does not matter", given, foreign, "no-match", app={"required_hosts": ["other.example.com"]}, **relaxed)
    wide = pair(watched | {"include_subdomains": True}, entry(pin("api current"), include_subdomains=True))
    app = {"required_hosts": ["eu.api.example.com"]}
    to.deny("required-below", "VAL-24", "a required name below a report-only pattern", wide, foreign, host="eu.api.example.com", app=app)
    to.allow("not-required-below", "VAL-24", "its sister is not required", wide, foreign, "no-match", host="us.api.example.com", app=app, **relaxed)
    unknown = pair(protected(mode="observe"), entry(pin("api current")))
    to.deny("unknown-mode", "SCO-6", "an unknown mode is enforced", unknown, FOREIGN)
    return to.table.cases

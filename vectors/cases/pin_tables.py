# SPDX-License-Identifier: Apache-2.0
"""``spec/scope.md``: what scope and manifest make together."""

from __future__ import annotations

from typing import Any

from vectors.cases.forms import ONES
from vectors.making.case import Case, Table, document
from vectors.making.der import key_digest
from vectors.making.enforcement import (
    HOST,
    entry,
    pair,
    protected,
)
from vectors.making.repository import at, manifest_document, pin, scope_document


def cases() -> list[Case]:
    """All cases of the part."""
    return [*_tables()]


def _tables() -> list[Case]:
    table = Table("pin-table")
    current, following, ca_one = key_digest("api current"), key_digest("api next"), key_digest("ca one")
    with_ca = {"leaf": True, "ca": [ca_one]}

    def accept(
        name: str,
        musts: str,
        comment: str,
        given: dict[str, Any],
        usable: dict[str, list[str]],
        *ignored: tuple[str, ...],
    ) -> None:
        rows = [{"pattern": pattern, "why": why, "digest": more[0] if more else ""} for pattern, why, *more in ignored]
        table.accept(name, musts, comment, given, usable=usable, ignored=rows)

    def refuse(name: str, musts: str, comment: str, given: dict[str, Any], code: str = "host-without-pin") -> None:
        table.refuse(name, musts, comment, given, code, "ScopeError")

    both = entry(pin("api current", use="current"), pin("api next", use="next"))
    accept(
        "plain",
        "SCO-11 SCO-12",
        "every usable pin counts, whatever its use",
        pair(protected(), both),
        {HOST: [current, following]},
    )
    accept("nothing-protected", "SCO-12", "a scope without hosts", pair(None, None), {})

    accept(
        "beyond-the-scope",
        "SCO-11",
        "entries beyond the scope are ignored",
        {
            "scope": document(scope_document(hosts=[protected()])),
            "manifest": document(
                manifest_document(hosts=[both, entry(pin("mallory")) | {"pattern": "other.example.com"}])
            ),
        },
        {HOST: [current, following]},
        ("other.example.com", "not-in-scope"),
    )
    wide, exact = entry(pin("mallory"), include_subdomains=True), entry(pin("api current"))
    accept(
        "both-reaches",
        "SCO-11",
        "only the entry that repeats include_subdomains counts",
        {
            "scope": document(scope_document(hosts=[protected()])),
            "manifest": document(manifest_document(hosts=[wide, exact])),
        },
        {HOST: [current]},
        (HOST, "not-in-scope"),
    )
    refuse(
        "narrower",
        "SCO-11 SCO-12",
        "the scope includes subdomains, the entry does not",
        pair(protected(include_subdomains=True), exact),
    )
    refuse("wider", "SCO-11 SCO-12", "the entry includes subdomains, the scope does not", pair(protected(), wide))
    refuse(
        "other-pattern",
        "SCO-11 SCO-12",
        "an entry for a parent domain",
        pair(protected(), wide | {"pattern": "example.com"}),
    )

    refuse("no-entry", "SCO-12", "a stolen automation key omits the host", pair(protected(), None))
    refuse("empty-entry", "SCO-12", "an entry without pins", pair(protected(), entry()))
    refuse(
        "backup-is-no-pin",
        "SCO-12",
        "a backup does not stand in for a pin",
        pair(protected(backup=[pin("api backup")]), entry()),
    )
    accept(
        "repeats-a-backup",
        "SCO-12",
        "but a pin may repeat it",
        pair(protected(backup=[pin("api backup")]), entry(pin("api backup"))),
        {HOST: [key_digest("api backup")]},
    )
    unknown = {"type": "spki-sha512", "at": "leaf", "digest": "x"}
    refuse(
        "only-unknown-types", "SCO-12 VAL-14", "pins of unknown type are not usable", pair(protected(), entry(unknown))
    )
    accept(
        "some-unknown-types",
        "SCO-12 VAL-14",
        "beside a known one they do no harm",
        pair(protected(), entry(unknown, pin("api current"))),
        {HOST: [current]},
        (HOST, "unknown-kind"),
    )
    refuse(
        "report-only-too",
        "SCO-12",
        "report-only hosts need a pin too",
        pair(protected(mode="report-only", until=at(1)), entry()),
    )

    accept(
        "ca-allowed",
        "SCO-13",
        "a CA that allow.ca names",
        pair(protected(allow=with_ca), entry(pin("ca one", "ca"))),
        {HOST: [ca_one]},
    )
    refuse(
        "ca-not-allowed",
        "SCO-13",
        "a stolen automation key pins a CA of its own",
        pair(protected(), entry(pin("mallory ca", "ca"))),
    )
    accept(
        "ca-not-allowed-beside",
        "SCO-13",
        "ignored beside an allowed pin",
        pair(protected(), entry(pin("api current"), pin("mallory ca", "ca"))),
        {HOST: [current]},
        (HOST, "not-allowed", key_digest("mallory ca")),
    )
    refuse(
        "leaf-not-allowed",
        "SCO-13",
        "a leaf pin where only CAs are allowed",
        pair(protected(allow={"leaf": False, "ca": [ca_one]}), entry(pin("api current"))),
    )
    accept(
        "any-both",
        "SCO-13",
        "accept-any needs both permissions",
        pair(protected(allow=with_ca), entry(pin("ca one", "any"))),
        {HOST: [ca_one]},
    )
    refuse(
        "any-without-leaf",
        "SCO-13",
        "the leaf's is missing",
        pair(protected(allow={"leaf": False, "ca": [ca_one]}), entry(pin("ca one", "any"))),
    )
    refuse("any-without-ca", "SCO-13", "the CA's is missing", pair(protected(), entry(pin("api current", "any"))))
    whole = {"type": "certificate-sha256", "at": "leaf", "digest": ONES}
    accept(
        "certificate-allowed",
        "SCO-13",
        "a whole certificate needs allow.leaf",
        pair(protected(), entry(whole)),
        {HOST: [ONES]},
    )
    refuse("certificate-not-allowed", "SCO-13", "and has it not", pair(protected(allow={"ca": [ONES]}), entry(whole)))
    elsewhere = {"type": "certificate-sha256", "at": "ca", "digest": ONES}
    refuse(
        "certificate-elsewhere",
        "VAL-16 SCO-12",
        "a whole certificate at ca never matches, and is no usable pin",
        pair(protected(allow={"leaf": True, "ca": [ONES]}), entry(elsewhere)),
    )
    refuse(
        "nothing-allowed",
        "SCO-13 SCO-12",
        "a scope that allows nothing protects by refusing",
        pair(protected(allow={}), entry(pin("api current"))),
    )

    refuse(
        "rejected-by-manifest",
        "SCO-14",
        "accepted and rejected is not usable",
        pair(protected(), entry(pin("api current"), reject=[pin("api current")])),
    )
    refuse(
        "rejected-by-scope",
        "SCO-14",
        "rejected by the scope",
        pair(protected(reject=[pin("api current")]), entry(pin("api current"))),
    )
    refuse(
        "rejected-anywhere",
        "SCO-14",
        "reject-any names the leaf too",
        pair(protected(), entry(pin("api current"), reject=[pin("api current", "any")])),
    )
    accept(
        "rejected-beside",
        "SCO-14",
        "beside a usable pin it is ignored",
        pair(protected(), entry(pin("api current"), pin("api next"), reject=[pin("api current")])),
        {HOST: [following]},
        (HOST, "rejected", current),
    )
    accept(
        "rejected-elsewhere",
        "SCO-14",
        "a reject at ca does not name the leaf",
        pair(protected(), entry(pin("api current"), reject=[pin("api current", "ca")])),
        {HOST: [current]},
    )
    refuse(
        "rejected-in-two-parts",
        "SCO-14",
        "an any pin whose both positions are rejected, one by each list",
        pair(
            protected(allow=with_ca, reject=[pin("ca one", "leaf")]),
            entry(pin("ca one", "any"), reject=[pin("ca one", "ca")]),
        ),
    )
    accept(
        "rejected-in-one-part",
        "SCO-14",
        "an any pin of which one position is left",
        pair(protected(allow=with_ca, reject=[pin("ca one", "leaf")]), entry(pin("ca one", "any"))),
        {HOST: [ca_one]},
    )
    accept(
        "rejected-in-other-part",
        "SCO-14",
        "an any pin of which the other position is left",
        pair(protected(allow=with_ca), entry(pin("ca one", "any"), reject=[pin("ca one", "ca")])),
        {HOST: [ca_one]},
    )
    of_other_type = {"type": "certificate-sha256", "at": "leaf", "digest": current}
    accept(
        "rejected-other-type",
        "SCO-14",
        "a reject of another type is another pin",
        pair(protected(), entry(pin("api current"), reject=[of_other_type])),
        {HOST: [current]},
    )

    good = entry(pin("api current"))
    accept(
        "canary-apart",
        "SCO-10",
        "a canary under no pattern",
        pair(protected(), good, canary={"host": "canary.example.net"}),
        {HOST: [current]},
    )
    accept(
        "canary-below-exact",
        "SCO-10",
        "an exact pattern does not cover what lies below",
        pair(protected(), good, canary={"host": "canary.api.example.com"}),
        {HOST: [current]},
    )
    refuse(
        "canary-is-pattern",
        "SCO-10",
        "the canary is a protected host",
        pair(protected(), good, canary={"host": HOST}),
        "canary-in-scope",
    )
    below = pair(
        protected(include_subdomains=True),
        entry(pin("api current"), include_subdomains=True),
        canary={"host": "canary.api.example.com"},
    )
    refuse(
        "canary-under-pattern", "SCO-10", "the canary lies under a pattern with subdomains", below, "canary-in-scope"
    )
    return table.cases

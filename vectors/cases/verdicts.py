# SPDX-License-Identifier: Apache-2.0
"""``spec/validation.md``: the verdict, and what report-only lets pass."""

from __future__ import annotations

from vectors.making.case import Case
from vectors.making.der import key_digest
from vectors.making.enforcement import (
    BACKUP,
    CROSSED,
    CURRENT,
    FOREIGN,
    HOST,
    Verdicts,
    entry,
    pair,
    protected,
)
from vectors.making.repository import at, pin


def cases() -> list[Case]:
    """All cases of the part."""
    return [*_verdicts(), *_modes()]


def _verdicts() -> list[Case]:
    to = Verdicts()
    plain = pair(protected(), entry(pin("api current")))
    wide = pair(protected(include_subdomains=True), entry(pin("api current"), include_subdomains=True))
    denying = pair(protected(), entry(pin("api current")), unpinned="deny")
    to.allow(
        "host-upper-case", "VAL-4 VAL-21", "API.example.com finds its pins", plain, CURRENT, host="API.Example.COM"
    )
    to.deny(
        "host-upper-case-foreign",
        "VAL-4 VAL-21",
        "and refuses as api.example.com does",
        plain,
        FOREIGN,
        host="API.Example.COM",
    )
    to.deny(
        "host-trailing-dot",
        "VAL-3 VAL-21",
        "a trailing dot does not escape the pins",
        plain,
        FOREIGN,
        host="api.example.com.",
    )
    to.allow("subdomain", "VAL-8", "a name below a pattern with subdomains", wide, CURRENT, host="eu.api.example.com")
    to.deny("subdomain-foreign", "VAL-8", "is refused like the pattern", wide, FOREIGN, host="eu.api.example.com")
    for name, host in {
        "non-ascii": "\u00e4pi.example.com",
        "empty": "",
        "number": "127.1",
        "wildcard": "*.example.com",
    }.items():
        to.deny(
            f"hostname-{name}",
            "VAL-21 VAL-1",
            "a host without a normal form is refused, though unpinned is allow",
            plain,
            CURRENT,
            "hostname-syntax",
            host=host,
        )
    empty = {"scope": None, "manifest": None}
    to.deny("empty-state", "VAL-21", "no set: every host is refused", empty, CURRENT, "no-pins")
    to.deny(
        "empty-state-other",
        "VAL-21",
        "also one that no pattern would match",
        empty,
        CURRENT,
        "no-pins",
        host="other.example.com",
    )

    canary = pair(protected(), entry(pin("api current")), canary={"host": "canary.example.net"})
    to.deny(
        "canary",
        "VAL-21",
        "the canary is refused whatever its path",
        canary,
        CURRENT,
        "canary",
        host="canary.example.net",
    )
    to.allow(
        "below-canary",
        "VAL-21",
        "a name below the canary is another host",
        canary,
        CURRENT,
        "unpinned",
        host="x.canary.example.net",
        pattern=None,
    )
    to.allow(
        "unpinned",
        "VAL-21",
        "no pattern matches, unpinned allow",
        plain,
        FOREIGN,
        "unpinned",
        host="other.example.com",
        pattern=None,
    )
    to.allow(
        "unpinned-below-exact",
        "VAL-8",
        "a name below a pattern without subdomains",
        plain,
        FOREIGN,
        "unpinned",
        host="x.api.example.com",
        pattern=None,
    )
    to.allow(
        "unpinned-empty-path",
        "VAL-21",
        "an unprotected host needs no path",
        plain,
        "",
        "unpinned",
        host="other.example.com",
        pattern=None,
    )
    to.deny("unpinned-denied", "VAL-21", "unpinned deny", denying, CURRENT, "unpinned-denied", host="other.example.com")
    to.deny(
        "app-denies",
        "VAL-22",
        "the app is stricter than the scope",
        plain,
        CURRENT,
        "unpinned-denied",
        host="other.example.com",
        app={"unpinned": "deny"},
    )
    to.deny(
        "app-cannot-relax",
        "VAL-22",
        "the app cannot be laxer than the scope",
        denying,
        CURRENT,
        "unpinned-denied",
        host="other.example.com",
        app={"unpinned": "allow"},
    )
    to.allow(
        "app-denies-others", "VAL-22", "which does not concern a pinned host", plain, CURRENT, app={"unpinned": "deny"}
    )
    wide_denying = pair(
        protected(include_subdomains=True), entry(pin("api current"), include_subdomains=True), unpinned="deny"
    )
    to.allow("below", "VAL-9", "a suffix on a label boundary", wide_denying, CURRENT, host="eu.api.example.com")
    for host in ("evil-api.example.com", "api.example.com.evil.example", "example.com"):
        comment = "no suffix on a label boundary"
        to.deny(f"not-below-{host}", "VAL-9", comment, wide_denying, CURRENT, "unpinned-denied", host=host)
    app = {"required_hosts": ["pay.example.com"]}
    to.deny(
        "required-dropped",
        "VAL-21",
        "a required host that the scope dropped is refused",
        plain,
        CURRENT,
        "required-host-dropped",
        host="pay.example.com",
        app=app,
    )
    to.deny(
        "required-dropped-denying",
        "VAL-21",
        "this reason comes first",
        denying,
        CURRENT,
        "required-host-dropped",
        host="pay.example.com",
        app=app,
    )
    to.allow("required-elsewhere", "VAL-21", "the rest goes on", plain, CURRENT, app=app)
    to.allow(
        "required-covered",
        "VAL-21",
        "a required host that a pattern covers",
        wide,
        CURRENT,
        host="eu.api.example.com",
        app={"required_hosts": ["eu.api.example.com"]},
    )

    to.deny("empty-path", "VAL-20 VAL-21", "no path, no acceptance", plain, "", "empty-path")
    to.deny("empty-path-subdomain", "VAL-20", "for names below too", wide, "", "empty-path", host="eu.api.example.com")
    long = " ".join(["leaf-current", *["ca-one"] * 14, "root-a"])
    to.allow("path-16", "VAL-20", "16 certificates", plain, long)
    to.deny("path-17", "VAL-20", "17 certificates", plain, long + " root-b", "path-too-long")
    to.deny(
        "max-age",
        "VAL-21 FRE-8",
        "past max_age_seconds a pinned path is refused",
        plain,
        CURRENT,
        "max-age",
        past={"max_age": True},
    )
    to.deny("max-age-before-empty-path", "VAL-21", "in this order", plain, "", "max-age", past={"max_age": True})
    to.allow(
        "max-age-unpinned",
        "VAL-21",
        "a host that is not protected is not concerned",
        plain,
        CURRENT,
        "unpinned",
        host="other.example.com",
        pattern=None,
        past={"max_age": True},
    )
    return to.table.cases


def _modes() -> list[Case]:
    to = Verdicts()
    watched = protected(
        mode="report-only",
        until=at(1),
        require=[key_digest("root a")],
        backup=[pin("api backup")],
        reject=[pin("mallory")],
    )
    given = pair(watched, entry(pin("api current"), reject=[pin("foreign")]))
    relaxed = {"enforced": False}
    to.allow("report-only-pin", "VAL-23", "a pinned path is accepted as ever", given, CURRENT)
    to.allow("report-only-backup", "VAL-23", "so is a backup", given, BACKUP, "backup")
    to.allow(
        "report-only-no-match",
        "VAL-23",
        "no match is let pass, and told",
        given,
        "leaf-next ca-one root-a",
        "no-match",
        **relaxed,
    )
    to.allow(
        "report-only-manifest-reject",
        "VAL-23",
        "a manifest's reject is let pass",
        given,
        FOREIGN,
        "manifest-reject",
        **relaxed,
    )
    to.allow("report-only-require", "VAL-23", "an unmet require is let pass", given, CROSSED, "require", **relaxed)
    rogue = "rogue-leaf rogue-root"
    to.deny("report-only-scope-reject", "VAL-23", "a scope's reject is not", given, rogue, "scope-reject")
    to.deny("report-only-empty-path", "VAL-23 VAL-20", "nor is an empty path", given, "", "empty-path")
    to.deny(
        "report-only-path-too-long",
        "VAL-23 VAL-20",
        "nor 17 certificates",
        given,
        " ".join(["leaf-next"] * 17),
        "path-too-long",
    )
    to.deny(
        "report-only-max-age",
        "VAL-23 FRE-8",
        "nor a set that is too old",
        given,
        CURRENT,
        "max-age",
        past={"max_age": True},
    )
    foreign = "leaf-next ca-one root-a"
    to.allow(
        "until-second-before",
        "VAL-24 FRE-9",
        "a second before until",
        given,
        foreign,
        "no-match",
        now=at(1, seconds=-1),
        **relaxed,
    )
    to.deny("until", "VAL-24 FRE-9", "from until on the host is enforced", given, foreign, now=at(1))
    to.deny(
        "until-seen",
        "VAL-24 FRE-10",
        "until has passed once, and the clock was set back",
        given,
        foreign,
        past={"ended": [HOST]},
    )
    to.deny(
        "required-host",
        "VAL-24",
        "never for a host that the app requires",
        given,
        foreign,
        app={"required_hosts": [HOST]},
    )
    to.allow(
        "required-other-host",
        "VAL-24",
        "another host's requirement does not matter",
        given,
        foreign,
        "no-match",
        app={"required_hosts": ["other.example.com"]},
        **relaxed,
    )
    wide = pair(watched | {"include_subdomains": True}, entry(pin("api current"), include_subdomains=True))
    app = {"required_hosts": ["eu.api.example.com"]}
    to.deny(
        "required-below",
        "VAL-24",
        "a required name below a report-only pattern",
        wide,
        foreign,
        host="eu.api.example.com",
        app=app,
    )
    to.allow(
        "not-required-below",
        "VAL-24",
        "its sister is not required",
        wide,
        foreign,
        "no-match",
        host="us.api.example.com",
        app=app,
        **relaxed,
    )
    unknown = pair(protected(mode="observe"), entry(pin("api current")))
    to.deny("unknown-mode", "SCO-6", "an unknown mode is enforced", unknown, FOREIGN)
    return to.table.cases

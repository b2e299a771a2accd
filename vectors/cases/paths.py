# SPDX-License-Identifier: Apache-2.0
"""``spec/validation.md``: the order of evaluation on a validated path, and why it is the validated one."""

from __future__ import annotations

from vectors.making import der
from vectors.making.case import Case
from vectors.making.der import digest, key_digest
from vectors.making.enforcement import (
    BACKUP,
    CROSSED,
    CURRENT,
    FOREIGN,
    Verdicts,
    certificates,
    entry,
    pair,
    protected,
)
from vectors.making.repository import pin


def cases() -> list[Case]:
    """All cases of the part."""
    return [*_orders(), *_odd_keys(), *_stuffed()]


def _orders() -> list[Case]:
    to = Verdicts()
    ca_one, root_a = key_digest("ca one"), key_digest("root a")
    with_ca = {"leaf": True, "ca": [ca_one, root_a]}
    plain = pair(protected(), entry(pin("api current"), pin("api next")))
    to.allow("leaf", "VAL-17 VAL-21 MAN-6", "the leaf's key is pinned", plain, CURRENT)
    to.allow(
        "leaf-next", "VAL-17 MAN-6", "the next key is accepted before it is current", plain, "leaf-next ca-one root-a"
    )
    to.allow("leaf-renewed", "VAL-17", "a renewed certificate with the same key", plain, "leaf-renewed ca-one root-a")
    to.deny("foreign", "VAL-17 VAL-21", "a key that is not pinned, from the right CA", plain, FOREIGN)
    to.deny(
        "ca-key-as-leaf-pin",
        "VAL-17",
        "a leaf pin does not match a CA",
        pair(protected(), entry(pin("ca one"))),
        CURRENT,
    )

    by_ca = pair(protected(allow=with_ca), entry(pin("ca one", "ca")))
    to.allow("ca", "VAL-17 SCO-9", "a pinned intermediate: any leaf key under it", by_ca, FOREIGN)
    to.deny("ca-other", "VAL-17", "another intermediate of the same root", by_ca, "leaf-current-by-two ca-two root-a")
    to.deny(
        "ca-same-name",
        "VAL-17",
        "an intermediate of the same name with another key",
        by_ca,
        "rogue-leaf-by-named-one rogue-ca-named-one rogue-root",
    )
    to.deny("ca-pin-at-leaf", "VAL-17 SCO-9", "a ca pin does not match index 0", by_ca, "ca-one root-a")
    to.allow(
        "root",
        "VAL-17 VAL-18",
        "the trust anchor is part of the path",
        pair(protected(allow=with_ca), entry(pin("root a", "ca"))),
        FOREIGN,
    )
    anywhere = pair(protected(allow=with_ca), entry(pin("ca one", "any")))
    to.allow("any-at-ca", "VAL-17", "an any pin at a CA", anywhere, FOREIGN)
    to.allow("any-at-leaf", "VAL-17", "an any pin at the leaf", anywhere, "ca-one root-a")
    whole = {"type": "certificate-sha256", "at": "leaf", "digest": digest(certificates()["leaf-current"])}
    by_certificate = pair(protected(), entry(whole))
    to.allow("certificate", "VAL-11 VAL-17", "the whole certificate is pinned", by_certificate, CURRENT)
    to.deny(
        "certificate-renewed",
        "VAL-11 VAL-17",
        "the same key in another certificate",
        by_certificate,
        "leaf-renewed ca-one root-a",
    )

    cross = pair(protected(allow=with_ca), entry(pin("root a", "ca")))
    to.allow("cross-signed-a", "VAL-18", "the path that the platform built goes to root A", cross, CURRENT)
    to.deny("cross-signed-b", "VAL-18", "the same leaf and intermediate key, validated to root B", cross, CROSSED)
    to.allow(
        "cross-signed-intermediate", "VAL-18", "a pin on the intermediate's key survives the cross-sign", by_ca, CROSSED
    )

    required = protected(require=[root_a], backup=[pin("api backup")])
    met = pair(required, entry(pin("api current")))
    to.allow("require-met", "VAL-21", "require is met by the anchor", met, CURRENT)
    to.deny("require-unmet", "VAL-21", "the pinned key, but through another root", met, CROSSED, "require")
    to.deny(
        "require-unmet-backup",
        "VAL-21",
        "require stands above the backup",
        met,
        "leaf-backup ca-one-by-b root-b",
        "require",
    )
    to.deny(
        "require-by-leaf",
        "VAL-21 SCO-9",
        "a leaf does not meet require",
        pair(protected(require=[key_digest("api current")]), entry(pin("api current"))),
        CURRENT,
        "require",
    )
    any_of = pair(protected(require=[key_digest("nobody"), root_a]), entry(pin("api current")))
    to.allow("require-any-suffices", "VAL-21", "one of require suffices", any_of, CURRENT)

    backed = protected(backup=[pin("api backup")])
    to.allow("backup", "VAL-21", "a backup is accepted", pair(backed, entry(pin("api current"))), BACKUP, "backup")
    to.allow(
        "backup-rejected-by-manifest",
        "VAL-21",
        "automation cannot reject a backup",
        pair(backed, entry(pin("api current"), reject=[pin("api backup", "any")])),
        BACKUP,
        "backup",
    )
    to.deny(
        "backup-rejected-by-scope",
        "VAL-21",
        "the security team can",
        pair(backed | {"reject": [pin("api backup")]}, entry(pin("api current"))),
        BACKUP,
        "scope-reject",
    )
    to.allow(
        "backup-and-pin",
        "VAL-21",
        "the backup row comes before the pin row",
        pair(backed, entry(pin("api backup"))),
        BACKUP,
        "backup",
    )
    to.allow(
        "backup-ca",
        "VAL-21",
        "a backup may stand at a CA",
        pair(protected(backup=[pin("ca two", "ca")]), entry(pin("api current"))),
        "leaf-foreign-by-two ca-two root-a",
        "backup",
    )
    unknown = protected(backup=[{"type": "spki-sha512", "at": "leaf", "digest": "x"}])
    to.deny(
        "backup-unknown-type",
        "VAL-21 VAL-14",
        "a backup of unknown type never matches",
        pair(unknown, entry(pin("api current"))),
        BACKUP,
    )

    scope_rejects = protected(allow=with_ca, reject=[pin("ca one", "any")], require=[root_a])
    to.deny(
        "scope-reject-first",
        "VAL-21",
        "scope reject comes first, a pinned leaf or not",
        pair(scope_rejects, entry(pin("api current"))),
        CURRENT,
        "scope-reject",
    )
    to.deny(
        "scope-reject-before-require",
        "VAL-21",
        "before require",
        pair(scope_rejects, entry(pin("api current"))),
        CROSSED,
        "scope-reject",
    )
    to.deny(
        "manifest-reject",
        "VAL-21",
        "manifest reject comes before its accept",
        pair(protected(), entry(pin("api current"), reject=[pin("ca one", "ca")])),
        CURRENT,
        "manifest-reject",
    )
    to.deny(
        "manifest-reject-anywhere",
        "VAL-21",
        "reject-any matches the leaf",
        pair(protected(), entry(pin("api next"), reject=[pin("api current", "any")])),
        CURRENT,
        "manifest-reject",
    )
    to.deny(
        "manifest-reject-ca-of-accepted-ca",
        "VAL-21",
        "a rejected leaf under an accepted CA",
        pair(protected(allow=with_ca), entry(pin("ca one", "ca"), reject=[pin("foreign")])),
        FOREIGN,
        "manifest-reject",
    )
    to.allow(
        "manifest-reject-elsewhere",
        "VAL-21",
        "a reject at the leaf does not match a CA",
        pair(protected(), entry(pin("api current"), reject=[pin("ca one")])),
        CURRENT,
    )
    rejected_certificate = {
        "type": "certificate-sha256",
        "at": "leaf",
        "digest": digest(certificates()["leaf-current"]),
    }
    one_revoked = pair(protected(), entry(pin("api current"), reject=[rejected_certificate]))
    to.deny(
        "manifest-reject-certificate",
        "VAL-21",
        "one certificate of a pinned key is rejected",
        one_revoked,
        CURRENT,
        "manifest-reject",
    )
    to.allow(
        "manifest-reject-other-certificate", "VAL-21", "its renewal is not", one_revoked, "leaf-renewed ca-one root-a"
    )
    return to.table.cases


def _odd_keys() -> list[Case]:
    """Certificates whose key a library writes back in other octets."""
    to = Verdicts()
    usual_rsa, usual_ec = der.spki_rsa("odd rsa"), der.spki_p256("odd leaf")
    for name, stands, written_back in (
        ("rsa-pss", der.spki_rsa_pss("odd rsa"), usual_rsa),
        ("rsa-without-null", der.spki_rsa_without_null("odd rsa"), usual_rsa),
        ("ec-explicit", der.spki_explicit("odd leaf"), usual_ec),
        ("ec-compressed", der.spki_compressed("odd leaf"), usual_ec),
    ):
        path = f"leaf-{name} ca-one root-a"
        right = {"type": "spki-sha256", "at": "leaf", "digest": digest(stands)}
        wrong = right | {"digest": digest(written_back)}
        comment = "the pin is the digest of the key as it stands in the certificate"
        to.allow(f"spki-{name}", "VAL-10 VAL-13", comment, pair(protected(), entry(right)), path)
        comment = "the digest of the same key as a library writes it back matches nothing"
        to.deny(f"spki-{name}-written-back", "VAL-10", comment, pair(protected(), entry(wrong)), path)
    return to.table.cases


def _stuffed() -> list[Case]:
    """What the server presents is not what was validated: ``served`` is there to show it, and is never judged."""
    to = Verdicts()
    with_ca = {"leaf": True, "ca": [key_digest("ca one"), key_digest("root a")]}
    rogue = "rogue-leaf rogue-root"
    comment = "the pinned certificate is appended to the attacker's chain; the validated path does not hold it"
    by_leaf, by_ca = (
        pair(protected(), entry(pin("api current"))),
        pair(protected(allow=with_ca), entry(pin("ca one", "ca"))),
    )
    to.deny("stuffed-leaf-after", "VAL-18", comment, by_leaf, rogue, served=["rogue-leaf", "leaf-current"])
    to.deny("stuffed-ca-after", "VAL-18", comment, by_ca, rogue, served=["rogue-leaf", "ca-one"])
    to.deny(
        "stuffed-root-after",
        "VAL-18",
        comment,
        pair(protected(allow=with_ca), entry(pin("root a", "ca"))),
        rogue,
        served=["rogue-leaf", "root-a"],
    )
    to.deny(
        "stuffed-chain",
        "VAL-18",
        "a whole genuine chain after the attacker's leaf",
        by_ca,
        rogue,
        served=["rogue-leaf", "ca-one", "root-a", "leaf-current"],
    )
    required = pair(protected(require=[key_digest("root a")]), entry(pin("mallory")))
    to.deny(
        "stuffed-require",
        "VAL-18",
        "require is not met by what was merely presented",
        required,
        rogue,
        "require",
        served=["rogue-leaf", "ca-one", "root-a"],
    )
    to.allow(
        "anchor-not-served",
        "VAL-18",
        "the server does not send the root that is pinned",
        pair(protected(allow=with_ca), entry(pin("root a", "ca"))),
        CURRENT,
        served=["leaf-current", "ca-one"],
    )
    rejecting = pair(protected(), entry(pin("api current"), reject=[pin("ca two", "ca")]))
    to.allow(
        "stuffed-reject",
        "VAL-18",
        "a rejected certificate that was merely presented does no harm",
        rejecting,
        CURRENT,
        served=["leaf-current", "ca-two", "ca-one"],
    )
    return to.table.cases

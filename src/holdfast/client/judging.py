# SPDX-License-Identifier: Apache-2.0
"""From DER to a verdict: what :func:`holdfast.core.validation.judge` needs, with what was seen before kept at hand.

This is in every TLS handshake. The fast path is in :meth:`holdfast.client.pin_store.PinStore.judge`: the same host with
the path that was accepted last is a look-up and a comparison of bytes. Here is the rest: digests by certificate, and
what to do when a certificate has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.core.certificate import Certificate, parse_certificate
from holdfast.core.hostname import normalise_hostname
from holdfast.core.scope import Mode, Unpinned
from holdfast.core.validation import ACCEPTING, Reason, Verdict, judge, refuse
from holdfast.errors import CertificateSyntaxError, HostnameSyntaxError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from holdfast.client.view import View
    from holdfast.core.validation import Enforcement

__all__ = ["CertificateCache", "is_enforced", "is_protected", "judge_path"]

_MAX_CERTIFICATES = 512  # leaves come and go; the CAs of an app's hosts are few
_MAX_ADMITTED = 4096


class CertificateCache:
    """Digests of the certificates that were seen lately. Threads may race here: the worst is a digest made twice."""

    def __init__(self) -> None:
        self._by_der: dict[bytes, Certificate] = {}

    def get(self, der: bytes) -> Certificate:
        """Compute the digests of a certificate, once.

        Raises:
            CertificateSyntaxError: It has no SubjectPublicKeyInfo to speak of.
        """
        known = self._by_der.get(der)
        if known is None:
            known = parse_certificate(der)
            if len(self._by_der) >= _MAX_CERTIFICATES:
                self._by_der = {}
            self._by_der[der] = known
        return known


def judge_path(view: View, cache: CertificateCache, host: str, path: Sequence[bytes], *, now: datetime) -> Verdict:
    """Judge a validated path; raises nothing but what is a bug.

    Args:
        view: What is enforced.
        cache: Digests that were seen before.
        host: The name that the TLS stack verified.
        path: DER certificates, leaf first.
        now: Effective now.
    """
    enforcement = view.enforcement
    try:
        certificates = [cache.get(der) for der in path]
    except CertificateSyntaxError:
        verdict = judge(enforcement, host, (), now=now)
        if verdict.allowed:  # a host that nobody protects: its certificates are nobody's business
            return verdict
        return refuse(enforcement, verdict.host, Reason.CERTIFICATE_SYNTAX, verdict.pattern)
    verdict = judge(enforcement, host, certificates, now=now)
    if verdict.allowed and verdict.reason in ACCEPTING:
        # Nothing but a new view can change this verdict: time has no part in it.
        if len(view.admitted) >= _MAX_ADMITTED:
            view.admitted.clear()
        view.admitted[host] = (tuple(path), verdict)
    return verdict


def is_protected(enforcement: Enforcement, host: str) -> bool:
    """Tell whether pins are asked for a host; in doubt (no set, no host name) they are."""
    try:
        name = normalise_hostname(host)
    except HostnameSyntaxError:
        return True
    table = enforcement.table
    if table is None or name == table.canary_host:
        return True
    uncovered = table.find(name) is None
    return not uncovered or name in enforcement.required_hosts or enforcement.unpinned is Unpinned.DENY


def is_enforced(enforcement: Enforcement, host: str) -> bool:
    """Tell whether a host's connections are there because its pins accepted them, and not because nobody looked."""
    try:
        name = normalise_hostname(host)
    except HostnameSyntaxError:
        return False
    pins = None if enforcement.table is None else enforcement.table.find(name)
    if pins is None:
        return False
    return pins.mode is Mode.ENFORCE or pins.pattern in enforcement.ended or name in enforcement.required_hosts

# SPDX-License-Identifier: Apache-2.0
"""A small world of CAs for the TLS tests: what the client trusts, what it pins, and who wants to be trusted.

The client trusts two roots, as every machine trusts many: the genuine one, and another whose CA issues for anybody.
Making keys takes time, so one world serves a whole test session; nothing in it is ever changed.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cache

from holdfast.client.tls.judge import PinJudge
from holdfast.client.tls.ssl_context import PinnedSSLContext, create_default_context
from tests.pki import Authority, Identity
from tests.static_judge import StaticJudge

__all__ = ["HOST", "TLS12", "TLS13", "VERSIONS", "World", "get_world"]

HOST = "localhost"
TLS12 = ssl.TLSVersion.TLSv1_2
TLS13 = ssl.TLSVersion.TLSv1_3
VERSIONS = (TLS12, TLS13)


@dataclass(frozen=True)
class World:
    """Who is who.

    Attributes:
        root, issuing, genuine: The real chain; ``genuine`` is what the real server shows.
        other_root, other_issuing: Another CA that the client's machine trusts.
        mis_issued: A certificate for the same host from that other CA, with the attacker's key.
        stranger: A CA that nobody trusts.
    """

    root: Authority
    issuing: Authority
    genuine: Identity
    other_root: Authority
    other_issuing: Authority
    mis_issued: Identity
    stranger: Authority

    @property
    def trusted(self) -> str:
        """The client's CA store, PEM."""
        return self.root.pem + self.other_root.pem

    def plain_context(self) -> ssl.SSLContext:
        """What the same client would use without pins: the control."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.trusted)
        return context

    def judge(self, *pins: str) -> StaticJudge:
        """A judge that pins the host: to the genuine leaf, unless other digests are given."""
        return StaticJudge({HOST: pins or (self.genuine.pin,)})

    def pinned_context(self, judge: PinJudge | None = None) -> PinnedSSLContext:
        """A pinned context with the same CA store."""
        return create_default_context(judge or self.judge(), cadata=self.trusted)


@cache
def get_world() -> World:
    """Make the world, once."""
    root = Authority.root("Genuine Root")
    issuing = root.intermediate("Genuine Issuing CA")
    other_root = Authority.root("Other Root")
    other_issuing = other_root.intermediate("Other Issuing CA")
    return World(
        root=root,
        issuing=issuing,
        genuine=issuing.leaf(HOST, "127.0.0.1"),
        other_root=other_root,
        other_issuing=other_issuing,
        mis_issued=other_issuing.leaf(HOST, "127.0.0.1"),
        stranger=Authority.root("Stranger"),
    )

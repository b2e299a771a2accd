# SPDX-License-Identifier: Apache-2.0
"""Read as a client would: publisher and client meet here in ``trust``, and nowhere else.

Every publication is verified twice with the verification core of the SDK: in memory before it is recorded (a set that
clients would refuse is never signed into history), and from what lies in the public place after it was stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from holdfast.trust.anchor import parse_anchor
from holdfast.trust.bundle import name_role_file, parse_bundle
from holdfast.trust.loading import load_seed
from holdfast.trust.state import TrustedState, VerifiedManifest
from holdfast.trust.verification import Fetch, refresh

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["fetch_from", "verify_as_new_client", "verify_as_seed", "verify_bundle"]


def fetch_from(read: Callable[[str], bytes | None]) -> Fetch:
    """Turn a reader of files by name into what the verification core asks for."""

    def fetch(name: str, version: int | None, max_bytes: int) -> bytes | None:
        data = read(name if name.startswith("targets/") else name_role_file(name, version))
        return None if data is None or len(data) > max_bytes else data

    return fetch


def verify_as_new_client(root: bytes, read: Callable[[str], bytes | None], *, now: datetime) -> VerifiedManifest:
    """Verify a set as a client does that knows nothing but an embedded root.

    Args:
        root: The embedded root.
        read: Brings a file by its name in a bundle.
        now: Aware UTC.

    Raises:
        TrustError: What a client would refuse, and why.
    """
    outcome = refresh(TrustedState(parse_anchor(root)), fetch_from(read), now=now)
    if outcome.error is not None:
        raise outcome.error
    assert outcome.state.enforced is not None  # a refresh without an error enforces a set
    return outcome.state.enforced


def verify_bundle(
    root: bytes, bundle: bytes, *, now: datetime, beside: Callable[[str], bytes | None] = lambda _name: None
) -> VerifiedManifest:
    """Verify a bundle; files that it does not pack (old roots) are asked of ``beside``."""
    files = parse_bundle(bundle)
    return verify_as_new_client(root, lambda name: files.get(name) or beside(name), now=now)


def verify_as_seed(root: bytes, bundle: bytes) -> VerifiedManifest:
    """Verify a bundle as a client does that was shipped with it: at the bundle's own signing time.

    So an expired timestamp is no fault: what a client enforces does not expire.
    """
    verified = load_seed(parse_anchor(root), parse_bundle(bundle)).enforced
    assert verified is not None  # a seed that loads is a set
    return verified

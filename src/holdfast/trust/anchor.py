# SPDX-License-Identifier: Apache-2.0
"""The trust anchor: the root of the app's own security team, as it was shipped inside the app."""

from __future__ import annotations

from dataclasses import dataclass

from tuf.api.metadata import Root

from holdfast.core.document import parse_channel
from holdfast.core.limits import MAX_ROOT_BYTES
from holdfast.errors import AnchorError, FormatError, TrustError
from holdfast.trust.roles import RoleFile, parse_role, verify_threshold

__all__ = ["TrustAnchor", "parse_anchor"]


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """An embedded root: believed because it was shipped, and signed by its own threshold.

    Attributes:
        root: The root file.
        channel: The channel that it speaks for; ``None`` for a plain TUF repository, then no channel is checked.
    """

    root: RoleFile[Root]
    channel: str | None

    @property
    def version(self) -> int:
        """Version of the embedded root."""
        return self.root.version


def parse_anchor(data: bytes) -> TrustAnchor:
    """Parse and verify an embedded root (TUF 5.2).

    Its expiry is *not* checked: an embedded root may be long expired, as long as a newer one follows from it.

    Args:
        data: The root file, at most 512,000 bytes.

    Raises:
        AnchorError: It is not a root, or not signed by its own threshold.
    """
    try:
        root = parse_role(Root, data, max_bytes=MAX_ROOT_BYTES)
        verify_threshold(root.signed, Root.type, root)
        channel = None if root.channel is None else parse_channel(root.channel)
    except (TrustError, FormatError) as error:
        raise AnchorError(
            f"the embedded root is unusable: {error.message}",
            code="anchor-invalid",
            hint="ship the root.json that `holdfast anchors export` wrote, unchanged",
            role=Root.type,
        ) from error
    return TrustAnchor(root, channel)

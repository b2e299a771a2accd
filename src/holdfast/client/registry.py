# SPDX-License-Identifier: Apache-2.0
"""Who protects which host in this process: two channels that claim one host are a mistake that nobody would notice.

Each would refuse what the other accepts, or worse, the weaker one would be asked. So the second one does not open. This
is the one table that a whole process shares; it holds its stores weakly.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from holdfast.errors import ConfigError

if TYPE_CHECKING:
    from holdfast.core.pin_set import PinTable

__all__ = ["claim_hosts", "release_hosts"]

_lock = threading.Lock()
_claims: WeakKeyDictionary[object, tuple[str, PinTable]] = WeakKeyDictionary()


def claim_hosts(owner: object, channel: str, table: PinTable | None) -> None:
    """Claim the hosts of a channel.

    Args:
        owner: Who claims them; the claim ends with it, or with :func:`release_hosts`.
        channel: Its channel. Several stores of one channel may live side by side.
        table: Its hosts; ``None`` claims nothing.

    Raises:
        ConfigError: A host is claimed by another channel (``host-claimed-twice``).
    """
    if table is None:
        return
    with _lock:
        for other_channel, other in list(_claims.values()):
            host = None if other_channel == channel else _find_overlap(table, other)
            if host is not None:
                raise ConfigError(
                    f"{host} is claimed by {channel} and by {other_channel}",
                    code="host-claimed-twice",
                    hint="one host belongs to one channel; remove it from one of the two scopes",
                )
        _claims[owner] = (channel, table)


def release_hosts(owner: object) -> None:
    """Give up a claim; unknown owners are ignored."""
    with _lock:
        _claims.pop(owner, None)


def _find_overlap(one: PinTable, other: PinTable) -> str | None:
    """Find a host that both tables govern."""
    for mine, theirs in ((one, other), (other, one)):
        for pattern in mine.hosts:
            if theirs.find(pattern) is not None:
                return pattern
    return None

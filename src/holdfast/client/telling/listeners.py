# SPDX-License-Identifier: Apache-2.0
"""Who hears of events. A listener that raises is contained: it must never end a connection or a refresh."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.telemetry.events import Event, Listener

__all__ = ["Listeners"]

_log = logging.getLogger(__name__)


class Listeners:
    """A list of listeners; replaced as a whole, so that one may come or go while an event is handed on."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def add(self, listener: Listener) -> None:
        """Hear every event from now on, in the thread in which it happens: be quick, and wait for no refresh."""
        self._listeners = (*self._listeners, listener)

    def remove(self, listener: Listener) -> None:
        """Hear no more; unknown listeners are ignored."""
        self._listeners = tuple(other for other in self._listeners if other != listener)

    def emit(self, event: Event) -> None:
        """Hand an event to every listener."""
        _log.debug("%s", event)
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001  # whatever somebody else's code raises
                _log.exception("a listener failed on %s", event.name)

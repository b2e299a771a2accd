# SPDX-License-Identifier: Apache-2.0
"""The standard library's own ``SSLContext``, whatever stands under that name in :mod:`ssl` by now.

truststore replaces ``ssl.SSLContext`` by a class that only *wraps* a context, before or after we are imported. Two
things break then: a subclass of the replacement hands its sockets a context that is neither pinned nor exempt, and the
setters of the original, which look their own class up by its name in :mod:`ssl`, call themselves for ever.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final

__all__ = ["StandardSSLContext", "get_check_hostname", "get_verify_mode", "set_options", "set_verify_flags"]

if TYPE_CHECKING:
    from collections.abc import Callable

    _Original = ssl.SSLContext
else:
    _Original = next(base for base in ssl.SSLContext.__mro__ if base.__module__ == "ssl")

# The accessors in C: they know their class, and make no enumeration member of what they read.
_IN_C: Final[dict[str, Any]] = dict(vars(_Original.__base__))
get_verify_mode: Final[Callable[[ssl.SSLContext], int]] = _IN_C["verify_mode"].__get__
get_check_hostname: Final[Callable[[ssl.SSLContext], bool]] = _IN_C["check_hostname"].__get__
set_options: Final[Callable[[ssl.SSLContext, int], None]] = _IN_C["options"].__set__
set_verify_flags: Final[Callable[[ssl.SSLContext, int], None]] = _IN_C["verify_flags"].__set__


class StandardSSLContext(_Original):
    """The standard library's context, with setters that know their own class."""

    if not TYPE_CHECKING:
        minimum_version = property(_Original.minimum_version.fget, _IN_C["minimum_version"].__set__)
        maximum_version = property(_Original.maximum_version.fget, _IN_C["maximum_version"].__set__)
        options = property(_Original.options.fget, set_options)
        verify_flags = property(_Original.verify_flags.fget, set_verify_flags)
        verify_mode = property(_Original.verify_mode.fget, _IN_C["verify_mode"].__set__)

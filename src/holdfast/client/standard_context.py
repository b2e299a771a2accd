# SPDX-License-Identifier: Apache-2.0
"""The standard library's own ``SSLContext``, whatever stands under that name in :mod:`ssl` by now.

truststore replaces ``ssl.SSLContext`` by a class that only *wraps* a context. An app may do that before it imports us;
a subclass of the replacement would hand its sockets a context that is neither pinned nor exempt.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

__all__ = ["StandardSSLContext"]

if TYPE_CHECKING:
    StandardSSLContext = ssl.SSLContext
else:
    StandardSSLContext = next(base for base in ssl.SSLContext.__mro__ if base.__module__ == "ssl")

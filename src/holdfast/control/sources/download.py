# SPDX-License-Identifier: Apache-2.0
"""One file from a URL, within bounds: for ``holdfast verify``, which looks at what the world sees.

Transport trust is not needed: whatever comes back is verified. So there is no pin, and plain http is allowed.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from holdfast.core.limits import MAX_BUNDLE_BYTES
from holdfast.errors import InputError, TransportError

__all__ = ["download", "reader_of"]

_TIMEOUT_SECONDS: Final = 20.0
_NOT_FOUND: Final = frozenset({404, 410})


def download(url: str, *, max_bytes: int = MAX_BUNDLE_BYTES, timeout_seconds: float = _TIMEOUT_SECONDS) -> bytes | None:
    """Fetch a URL.

    Args:
        url: http or https.
        max_bytes: Largest body, before and after decompression.
        timeout_seconds: For connecting and for each read.

    Returns:
        The body; ``None`` if there is no such file (404, 410).

    Raises:
        InputError: It is no http(s) URL (``url-syntax``).
        TransportError: No answer, another status, a body that is too large or broken.
    """
    _check_url(url)
    headers = {"Accept-Encoding": "gzip", "User-Agent": "holdfast-verify"}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # checked: http(s) only
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:  # noqa: S310  # checked: http(s) only
            body: bytes = answer.read(max_bytes + 1)
            encoding = answer.headers.get("Content-Encoding", "identity")
    except urllib.error.HTTPError as error:
        with error:
            if error.code in _NOT_FOUND:
                return None
            raise TransportError(f"{url} answers {error.code} {error.reason}", code="http-status") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise TransportError(f"cannot fetch {url}: {reason}", code="transport") from error
    if encoding == "gzip":
        body = _decompress(body, max_bytes, url)
    elif encoding != "identity":
        raise TransportError(f"{url} answers in the encoding {encoding!r}", code="http-encoding")
    if len(body) > max_bytes:
        raise TransportError(f"{url} sends more than {max_bytes} bytes", code="too-large")
    return body


def reader_of(base_url: str) -> Callable[[str], bytes | None]:
    """Return a reader of the files under a base URL."""
    base = base_url if base_url.endswith("/") else base_url + "/"
    return lambda name: download(base + name)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise InputError(f"{url!r} is no URL: {error}", code="url-syntax") from error
    if not is_usable or not url.isascii() or not url.isprintable() or " " in url:
        raise InputError(f"{url!r} is no http(s) URL", code="url-syntax")


def _decompress(body: bytes, max_bytes: int, url: str) -> bytes:
    """Decompress at most one byte more than allowed: a bomb is not unpacked to be measured."""
    machine = zlib.decompressobj(wbits=31)
    try:
        data = machine.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise TransportError(f"{url} sends broken gzip: {error}", code="http-encoding") from error
    if len(data) <= max_bytes and not machine.eof:
        raise TransportError(f"{url} sends truncated gzip", code="http-encoding")
    return data

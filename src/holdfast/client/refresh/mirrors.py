# SPDX-License-Identifier: Apache-2.0
"""Ask a mirror for what is new: one request up to 50 hosts, two at most above, more only to mend a broken bundle.

A mirror adds no trust. What it says goes into the verification core, and what the core made of it comes out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from holdfast.core.limits import MAX_BUNDLE_BYTES, MAX_TIMESTAMP_BYTES
from holdfast.errors import (
    HoldfastError,
    MetadataError,
    MixAndMatchError,
    RollbackError,
    SignatureError,
    TransportError,
)
from holdfast.trust.bundle import name_role_file, parse_bundle
from holdfast.trust.verification import refresh

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from holdfast.client.refresh.fetcher import Fetcher, Response
    from holdfast.trust.state import TrustedState
    from holdfast.trust.verification import Fetch, Outcome

__all__ = ["FEW_HOSTS", "Attempt", "MirrorOrder", "MirrorSession", "is_older_copy"]

FEW_HOSTS = 50
"""Up to here the bundle is so small that it is asked for at once."""

_ROOT = "root"
_TIMESTAMP = "timestamp"
_BUNDLE_FILE = "bundle.json"
_TIMESTAMP_FILE = "timestamp.json"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What asking one mirror led to.

    Attributes:
        url: What was asked for last.
        state: What is known now; never less than before, and the same object where nothing was served (a 304).
        error: Why there is no complete set from this mirror; ``None`` if there is.
        has_conflict: A timestamp of the known version with other content was seen, and not taken.
        etag: Entity tag of ``url``, worth keeping if there was no error; ``None`` if it is not.
        had_bundle: Whether a bundle was fetched, or said to be unchanged.
    """

    url: str
    state: TrustedState
    error: HoldfastError | None = None
    has_conflict: bool = False
    etag: str | None = None
    had_bundle: bool = False


def is_older_copy(error: HoldfastError | None) -> bool:
    """Tell whether a mirror served a validly signed but lower timestamp: another edge of a CDN, or a replay."""
    return isinstance(error, RollbackError) and error.code == "rollback-timestamp"


class MirrorOrder:
    """Which mirror to ask first: the one whose timestamp was signed last; as configured where nothing is known.

    Args:
        urls: Base addresses, each ending in ``/``.
    """

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._urls = urls
        self._issued: dict[str, float] = {}

    def note(self, url: str, issued: datetime | None) -> None:
        """Remember when the timestamp was signed that a mirror served; ``None``: it served none that verified."""
        if issued is None:
            self._issued.pop(url, None)
        else:
            self._issued[url] = issued.timestamp()

    def ordered(self) -> list[str]:
        """Return the mirrors, the youngest first; ``sorted`` is stable, so ties stay as configured."""
        return sorted(self._urls, key=lambda url: -self._issued.get(url, float("-inf")))


class MirrorSession:
    """One refresh at one mirror.

    Args:
        base_url: Address of the channel there, ending in ``/``.
        fetcher: Brings files.
        etags: URL -> entity tag of what is held.
        now: The device clock, aware UTC.
        deadline: When the whole refresh must be over, of :func:`time.monotonic`.
        timeout_seconds: For one request.
    """

    def __init__(
        self,
        base_url: str,
        fetcher: Fetcher,
        *,
        etags: Mapping[str, str],
        now: datetime,
        deadline: float,
        timeout_seconds: float,
    ) -> None:
        self._base_url = base_url
        self._fetcher = fetcher
        self._etags = etags
        self._now = now
        self._deadline = deadline
        self._timeout_seconds = timeout_seconds

    def ask(self, state: TrustedState, *, bundle_first: bool) -> Attempt:
        """Refresh from this mirror; raises nothing but what is a bug.

        Args:
            state: What is known.
            bundle_first: Ask for the bundle at once; otherwise for the timestamp, and for the bundle only if needed.
        """
        attempt = Attempt(self._base_url + _TIMESTAMP_FILE, state)
        try:
            if not bundle_first:
                attempt = self._ask_timestamp(state)
                if attempt.error is None or is_older_copy(attempt.error):
                    return attempt
            attempt = Attempt(self._base_url + _BUNDLE_FILE, attempt.state)
            return self._ask_bundle(attempt.state)
        except HoldfastError as error:
            return Attempt(attempt.url, attempt.state, error)

    def _ask_timestamp(self, state: TrustedState) -> Attempt:
        """Ask for the timestamp alone; an error other than of transport means that the bundle is needed."""
        url = self._base_url + _TIMESTAMP_FILE
        response = self._get(url, MAX_TIMESTAMP_BYTES, self._etags.get(url))
        if response.status == 304:
            return Attempt(url, state)

        def fetch(name: str, version: int | None, max_bytes: int) -> bytes | None:
            del version, max_bytes
            return response.body if name == _TIMESTAMP else None

        return self._conclude(url, refresh(state, fetch, now=self._now), response.etag)

    def _ask_bundle(self, state: TrustedState) -> Attempt:
        url = self._base_url + _BUNDLE_FILE
        response = self._get(url, MAX_BUNDLE_BYTES, self._etags.get(url))
        if response.status == 304:
            return Attempt(url, state, had_bundle=True)
        files = parse_bundle(response.body)
        outcome = refresh(state, self._fetch_from_bundle(files), now=self._now)
        if _is_inconsistent(outcome.error):
            outcome = refresh(outcome.state, self._fetch_singly(files), now=self._now)
        return self._conclude(url, outcome, response.etag, had_bundle=True)

    def _conclude(self, url: str, outcome: Outcome, etag: str | None, *, had_bundle: bool = False) -> Attempt:
        return Attempt(
            url,
            outcome.state,
            outcome.error,
            has_conflict=outcome.has_conflict,
            etag=None if outcome.has_conflict else etag,  # what was not taken must be served, and told, again
            had_bundle=had_bundle,
        )

    def _fetch_from_bundle(self, files: Mapping[str, bytes]) -> Fetch:
        """Bring files out of a bundle; old roots that no longer fit into it come singly."""
        newest_root = max((_root_version(name) for name in files), default=0)

        def fetch(name: str, version: int | None, max_bytes: int) -> bytes | None:
            data = files.get(_file_name(name, version))
            if data is None and name == _ROOT and version is not None and version < newest_root:
                return self._get_single(name, version, max_bytes)
            return data

        return fetch

    def _fetch_singly(self, files: Mapping[str, bytes]) -> Fetch:
        """Bring the versioned files that a bundle should have held: the repository beside it is the same channel."""
        from_bundle = self._fetch_from_bundle(files)

        def fetch(name: str, version: int | None, max_bytes: int) -> bytes | None:
            if name in {_ROOT, _TIMESTAMP}:
                return from_bundle(name, version, max_bytes)
            return self._get_single(name, version, max_bytes)

        return fetch

    def _get_single(self, name: str, version: int | None, max_bytes: int) -> bytes | None:
        url = self._base_url + quote(_file_name(name, version), safe="/")
        response = self._get(url, max_bytes, None, may_be_missing=True)
        return response.body if response.status == 200 else None

    def _get(self, url: str, max_bytes: int, etag: str | None, *, may_be_missing: bool = False) -> Response:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TransportError("the refresh took too long", code="timeout")
        response = self._fetcher.get(
            url, max_bytes=max_bytes, timeout_seconds=min(left, self._timeout_seconds), etag=etag
        )
        if response.status == 304 and etag is None:
            raise TransportError(f"{url} answered 304 to a request without an ETag", code="http-status")
        if response.status == 404 and not may_be_missing:
            raise TransportError(f"{url} answered 404", code="http-status", hint="is this the channel's base address?")
        return response


def _file_name(name: str, version: int | None) -> str:
    return name if name.startswith("targets/") else name_role_file(name, version)


def _root_version(file_name: str) -> int:
    version, _, rest = file_name.partition(".")
    return int(version) if rest == "root.json" else 0


def _is_inconsistent(error: HoldfastError | None) -> bool:
    """Tell whether a bundle's own files do not fit together, so that the versioned files may yet."""
    return isinstance(error, MixAndMatchError | MetadataError | SignatureError) and error.role not in {
        _ROOT,
        _TIMESTAMP,
    }

# SPDX-License-Identifier: Apache-2.0
"""What an app decides about its client, once: the anchors that it ships and the policies that it compiles in.

A client's configuration may be stricter than the scope, never laxer: it can require hosts and deny the unlisted ones,
and there is no setting that switches a pin off. :func:`load_exported` reads the folder that ``holdfast anchors
export`` wrote.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.core.document import parse_channel
from holdfast.core.hostname import normalise_hostname
from holdfast.core.limits import MAX_BUNDLE_BYTES, MAX_REFRESH_SECONDS, MAX_ROOT_BYTES, MIN_REFRESH_SECONDS
from holdfast.core.strict_json import parse_json
from holdfast.errors import ConfigError, FormatError, HostnameSyntaxError, TransportError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from holdfast.client.clock import Clock
    from holdfast.client.refresh.fetcher import Fetcher

__all__ = ["ANCHORS_FORMAT", "ClientConfig", "load_exported"]

ANCHORS_FORMAT = "holdfast-anchors/1"
_MAX_SETTINGS_BYTES = 256 * 1024
_MAX_MIRRORS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """Everything that a :class:`~holdfast.PinStore` is told; checked once, all errors at once.

    Attributes:
        root: The embedded root: ``root.json`` as it was exported.
        seed: The bundle that was shipped with the app: ``seed.json``. ``None`` only with ``allow_empty_start``.
        channel: The channel that the app means, ``<app>/<environment>``; ``None`` takes the embedded root's.
        mirrors: Base addresses of the channel, at least one; a ``/`` is added. ``http://`` is safe, not private.
        cache_dir: Folder of the cache; ``None`` keeps everything in memory.
        required_hosts: Hosts that the app protects whatever the scope says; a scope that drops one does not open it.
        deny_unpinned: Refuse every host that no pattern covers, even where the scope allows it.
        allow_empty_start: Start without a seed; every host is refused until the first refresh. For tests and servers.
        refresh_on_mismatch: Whether a refused path asks for newer pins before the connection is given up.
        refresh_floor_seconds: Shortest time between refreshes that a manifest may ask for; only tests lower it.
        fetch_timeout_seconds: For one request, everything included.
        cafile: PEM file of CA certificates for the mirrors; ``None`` takes the platform's. Pins play no part there.
        use_environment_proxy: Whether the mirrors are reached through the proxy that the environment names.
        app_version: Said in reports and check-ins; may be empty.
        send_reports: Whether refusals are reported where the scope says, and check-ins sent.
        report_certificates: Whether reports carry the certificates themselves (PEM) beside their digests.
        fetcher: Brings files in the built-in fetcher's place.
        clock: Tells the time in the system's place; for tests.
    """

    root: bytes = field(repr=False)
    seed: bytes | None = field(default=None, repr=False)
    channel: str | None = None
    mirrors: tuple[str, ...] = ()
    cache_dir: Path | None = None
    required_hosts: frozenset[str] = frozenset()
    deny_unpinned: bool = False
    allow_empty_start: bool = False
    refresh_on_mismatch: bool = True
    refresh_floor_seconds: float = MIN_REFRESH_SECONDS
    fetch_timeout_seconds: float = 30.0
    cafile: str | None = None
    use_environment_proxy: bool = True
    app_version: str = ""
    send_reports: bool = True
    report_certificates: bool = False
    fetcher: Fetcher | None = field(default=None, repr=False)
    clock: Clock | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        faults = list(self._find_faults())
        if faults:
            raise ConfigError(
                "; ".join(faults), hint="`holdfast anchors export --out DIR` writes everything that a client needs"
            )
        hosts = frozenset(normalise_hostname(host) for host in self.required_hosts)
        object.__setattr__(self, "required_hosts", hosts)  # frozen: normalised once, here
        mirrors = tuple(dict.fromkeys(mirror.rstrip("/") + "/" for mirror in self.mirrors))
        object.__setattr__(self, "mirrors", mirrors)
        object.__setattr__(self, "cache_dir", None if self.cache_dir is None else Path(self.cache_dir))

    def _find_faults(self) -> Iterable[str]:
        if not self.root:
            yield "there is no embedded root"
        if not self.seed and not self.allow_empty_start:
            yield "there is no seed (without one, nothing could be refused or accepted before the first refresh)"
        yield from _find_address_faults(self.mirrors)
        given: object = self.required_hosts
        if isinstance(given, str):  # a set of its letters would protect nothing
            yield "required_hosts must be a set of hosts, not one text"
        for host in self.required_hosts:
            try:
                normalise_hostname(host)
            except HostnameSyntaxError as error:
                yield f"required_hosts: {error.message}"
        if self.channel is not None:
            try:
                parse_channel(self.channel)
            except FormatError as error:
                yield f"channel: {error.message}"
        if not 0 < self.refresh_floor_seconds <= MAX_REFRESH_SECONDS:
            yield f"refresh_floor_seconds must be above 0 and at most {MAX_REFRESH_SECONDS}"
        if not 0 < self.fetch_timeout_seconds <= 3600:
            yield "fetch_timeout_seconds must be above 0 and at most 3600"
        if len(self.app_version) > 64:
            yield "app_version must be at most 64 characters"


def load_exported(
    folder: str | os.PathLike[str], *, cache_dir: str | os.PathLike[str] | None = None, **settings: Any
) -> ClientConfig:
    """Read the folder that ``holdfast anchors export`` wrote.

    Args:
        folder: Holds ``root.json``, ``seed.json`` and ``holdfast.json``.
        cache_dir: As in :class:`ClientConfig`.
        settings: Other fields of :class:`ClientConfig`; one that is given wins over the folder's, except that
            ``required_hosts`` add to the folder's.

    Raises:
        ConfigError: A file is missing or malformed, or a setting is invalid.
    """
    base = Path(folder)
    exported = _read_settings(base / "holdfast.json")
    required: Any = settings.pop("required_hosts", ())
    if not isinstance(required, str):  # which the configuration refuses
        required = exported["required_hosts"] | frozenset(required)
    seed = settings.pop("seed", None) or _read(base / "seed.json", MAX_BUNDLE_BYTES)
    values = {"channel": exported["channel"], "mirrors": exported["mirrors"], **settings}
    try:
        return ClientConfig(
            root=_read(base / "root.json", MAX_ROOT_BYTES),
            seed=seed,
            required_hosts=required,
            cache_dir=None if cache_dir is None else Path(cache_dir),
            **values,
        )
    except TypeError as error:
        raise ConfigError(f"unknown setting: {error}") from error


def _find_address_faults(mirrors: tuple[str, ...]) -> Iterable[str]:
    from holdfast.client.refresh.fetcher import check_url  # brings `ssl`; not needed by who only reads a configuration

    if not mirrors or len(mirrors) > _MAX_MIRRORS:
        yield f"there must be 1 to {_MAX_MIRRORS} mirrors"
    for mirror in mirrors:
        try:
            parts = check_url(mirror)
        except TransportError as error:
            yield f"mirrors: {error.message}"
            continue
        if parts.query:
            yield f"mirrors: {mirror!r} must have no query"


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror or error}", hint="`holdfast anchors export --out DIR` writes these files"
        ) from error
    if len(data) > max_bytes:
        raise ConfigError(f"{path}: more than {max_bytes} bytes")
    return data


def _read_settings(path: Path) -> dict[str, Any]:
    data = _read(path, _MAX_SETTINGS_BYTES)
    try:
        document = parse_json(data, max_bytes=_MAX_SETTINGS_BYTES)
    except FormatError as error:
        raise ConfigError(f"{path}: {error.message}", code=error.code) from error
    if not isinstance(document, dict) or document.get("format") != ANCHORS_FORMAT:
        raise ConfigError(f"{path}: `format` must read {ANCHORS_FORMAT}")
    channel = document.get("channel")
    if not isinstance(channel, str):
        raise ConfigError(f"{path}: `channel` must be a text")
    mirrors, hosts = (_read_texts(document, name, path) for name in ("mirrors", "required_hosts"))
    return {"channel": channel, "mirrors": tuple(mirrors), "required_hosts": frozenset(hosts)}


def _read_texts(document: dict[str, Any], name: str, path: Path) -> list[str]:
    texts = document.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"{path}: `{name}` must be a list of texts")
    return texts

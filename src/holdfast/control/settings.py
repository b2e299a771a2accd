# SPDX-License-Identifier: Apache-2.0
"""``holdfast.toml``: everything about a channel that is neither a key, nor a host, nor a secret.

Read once; every fault is told at once, by section and field. Relative paths are relative to the file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec

from holdfast.core.document import parse_channel
from holdfast.core.hostname import normalise_hostname
from holdfast.core.limits import (
    DEFAULT_FRESH_SECONDS,
    MAX_FRESH_SECONDS,
    MAX_MAX_AGE_SECONDS,
    MAX_REPORT_URLS,
    MAX_URL_LENGTH,
    MIN_FRESH_SECONDS,
    MIN_MAX_AGE_SECONDS,
)
from holdfast.errors import ConfigError, FormatError, HostnameSyntaxError

__all__ = [
    "CONFIG_NAME",
    "ChannelSettings",
    "LifeSettings",
    "ReportSettings",
    "ServerSettings",
    "Settings",
    "SignerSettings",
    "SinkSettings",
    "StoreSettings",
    "base_path",
    "normalise_mirror",
    "parse_settings",
    "render_settings",
    "resolve",
]

CONFIG_NAME: Final = "holdfast.toml"
_MAX_CONFIG_BYTES: Final = 256 * 1024

Days = Annotated[int, msgspec.Meta(ge=1, le=3650)]
Seconds = Annotated[int, msgspec.Meta(ge=1)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: a typing error in a name is a fault, not a default."""


class ChannelSettings(_Section, frozen=True):
    """``[channel]``: what the scope and the exported anchors say of the channel as a whole.

    Attributes:
        name: ``<app>/<environment>``.
        mirrors: Base URLs under which clients find ``bundle.json``, the first one first.
        required_hosts: Hosts that apps protect even if the scope drops them.
        unpinned: ``allow`` or ``deny``: hosts under no pattern.
        refresh_seconds: How often clients should ask.
        fresh_seconds: Age up to which a set counts as fresh.
        max_age_seconds: Age past which a set refuses; 0: never.
        canary_host: A host that must always be refused; empty: none.
    """

    name: str
    mirrors: tuple[str, ...] = ()
    required_hosts: tuple[str, ...] = ()
    unpinned: Annotated[str, msgspec.Meta(pattern="^(allow|deny)$")] = "allow"
    refresh_seconds: Seconds = 900
    fresh_seconds: Annotated[int, msgspec.Meta(ge=MIN_FRESH_SECONDS, le=MAX_FRESH_SECONDS)] = DEFAULT_FRESH_SECONDS
    max_age_seconds: Annotated[int, msgspec.Meta(ge=0, le=MAX_MAX_AGE_SECONDS)] = 0
    canary_host: str = ""


class ReportSettings(_Section, frozen=True):
    """``[report]``: where clients send reports and check-ins."""

    urls: tuple[Annotated[str, msgspec.Meta(max_length=MAX_URL_LENGTH)], ...] = ()
    sample: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0


class LifeSettings(_Section, frozen=True):
    """``[lives]``: how long a signed role lives."""

    root_days: Days = 730
    targets_days: Days = 365
    pins_days: Days = 30
    snapshot_days: Days = 30
    timestamp_days: Days = 7


class StoreSettings(_Section, frozen=True):
    """``[store]``: the database."""

    path: str = ".holdfast/state.db"


class SignerSettings(_Section, frozen=True):
    """``[signers]``: directories of encrypted key files. The offline one may be on a medium that is mounted rarely."""

    online_directory: str = ".holdfast/keys/online"
    offline_directory: str = ".holdfast/keys/offline"


class SinkSettings(_Section, frozen=True):
    """``[sinks]``: the static directory; the channel's files lie under ``v1/c/<app>/<environment>/`` in it."""

    directory: str = ".holdfast/public"


class ServerSettings(_Section, frozen=True):
    """``[server]``: where ``holdfast serve`` listens, and how long its answers may be cached.

    Attributes:
        host: Address; loopback unless told otherwise.
        port: 0 takes a free one.
        max_age_seconds: ``Cache-Control: max-age`` of the bundle and the timestamp: C of the rotation formulas.
        stale_while_revalidate_seconds: How long an edge may serve its old copy while it asks for a new one.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8440
    max_age_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 30
    stale_while_revalidate_seconds: Annotated[int, msgspec.Meta(ge=0, le=86400)] = 60


class Settings(_Section, frozen=True):
    """The whole file."""

    channel: ChannelSettings
    report: ReportSettings = ReportSettings()
    lives: LifeSettings = LifeSettings()
    store: StoreSettings = StoreSettings()
    signers: SignerSettings = SignerSettings()
    sinks: SinkSettings = SinkSettings()
    server: ServerSettings = ServerSettings()


def parse_settings(data: bytes) -> Settings:
    """Parse and check the file.

    Args:
        data: TOML 1.0, UTF-8, at most 256 KiB.

    Raises:
        ConfigError: ``config-syntax`` (no TOML), or ``config-invalid`` with every fault on a line of its own.
    """
    if len(data) > _MAX_CONFIG_BYTES:
        raise ConfigError(f"{CONFIG_NAME} is larger than {_MAX_CONFIG_BYTES} bytes", code="config-syntax")
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{CONFIG_NAME}: {error}", code="config-syntax", hint="it must be TOML") from error
    faults: list[str] = []
    settings = _convert(Settings, document, faults)
    if settings is not None:
        faults.extend(_find_faults(settings))
    if faults or settings is None:
        raise ConfigError(
            f"{CONFIG_NAME}: " + "; ".join(faults),
            code="config-invalid",
            hint="correct the named fields, then run the command again",
        )
    return settings


def _convert(kind: type[Settings], document: dict[str, Any], faults: list[str]) -> Settings | None:
    """Convert section by section, field by field, so that no fault hides another."""
    sections: dict[str, Any] = {}
    known = {field.name: field for field in msgspec.structs.fields(kind)}
    faults.extend(f"[{name}] is no section of it" for name in document if name not in known)
    for name, field in known.items():
        table = document.get(name, {})
        if not isinstance(table, dict):
            faults.append(f"[{name}] must be a table")
            continue
        before = len(faults)
        values = _convert_fields(name, field.type, table, faults)
        if len(faults) == before:
            sections[name] = field.type(**values)
    return kind(**sections) if not faults else None


def _convert_fields(section: str, kind: Any, table: dict[str, Any], faults: list[str]) -> dict[str, Any]:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    faults.extend(f"[{section}] has no `{name}`" for name in table if name not in fields)
    values = {}
    for name, field in fields.items():
        if name not in table:
            if field.required:
                faults.append(f"[{section}] needs `{name}`")
            continue
        try:
            values[name] = msgspec.convert(table[name], field.type)
        except msgspec.ValidationError as error:
            faults.append(f"[{section}] {name}: {str(error)[0].lower()}{str(error)[1:]}")
    return values


def _find_faults(settings: Settings) -> list[str]:
    """Check what a type cannot say."""
    channel, faults = settings.channel, []
    checks = [("name", parse_channel, (channel.name,)), ("mirrors", _check_url, channel.mirrors)]
    checks.append(("required_hosts", normalise_hostname, channel.required_hosts))
    checks.append(("canary_host", normalise_hostname, (channel.canary_host,) if channel.canary_host else ()))
    for field, check, values in checks:
        for value in values:
            try:
                check(value)
            except (FormatError, HostnameSyntaxError, ConfigError) as error:
                faults.append(f"[channel] {field}: {error}")
    for url in settings.report.urls:
        try:
            _check_url(url)
        except ConfigError as error:
            faults.append(f"[report] urls: {error}")
    if len(settings.report.urls) > MAX_REPORT_URLS:
        faults.append(f"[report] urls: at most {MAX_REPORT_URLS}")
    if 0 < channel.max_age_seconds < MIN_MAX_AGE_SECONDS:
        faults.append(f"[channel] max_age_seconds: 0 (never) or at least {MIN_MAX_AGE_SECONDS} (7 days)")
    return faults


def _check_url(url: str) -> str:
    """Check an http(s) URL that a client can put a file name behind."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise ConfigError(f"{url!r} is not a URL: {error}", code="url-syntax") from error
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in {"https", "http"} or not has_host or parts.query or parts.fragment or not plain:
        raise ConfigError(f"{url!r} is not an http(s) URL without query and fragment", code="url-syntax")
    if parts.username is not None:
        raise ConfigError("a URL with a user name in it would be public", code="url-syntax")
    return url


def base_path(channel: str) -> str:
    """Return where a channel lies under a host: ``v1/c/<app>/<environment>/``."""
    return f"v1/c/{channel}/"


def normalise_mirror(url: str, channel: str) -> str:
    """Turn ``https://pins.example.com`` into the base URL of a channel; a full base URL stays what it is.

    Raises:
        ConfigError: It is no http(s) URL (``url-syntax``).
    """
    _check_url(url)
    base = url if url.endswith("/") else f"{url}/"
    return base if base.endswith(base_path(channel)) else base + base_path(channel)


def render_settings(channel: ChannelSettings, signers: SignerSettings) -> str:
    """Write the file that ``holdfast init`` leaves behind: the values that were chosen, the others as comments."""

    def line(name: str, example: str = "") -> str:
        value, default = getattr(channel, name), _DEFAULTS[name]
        return f"{name} = {_toml(value)}" if value != default else f"# {name} = {example or _toml(default)}"

    return _TEMPLATE.format(
        name=_toml(channel.name),
        mirrors=_toml(channel.mirrors),
        refresh=f"refresh_seconds = {channel.refresh_seconds}",
        max_age=line("max_age_seconds", "2592000"),
        others="\n".join(line(name) for name in ("fresh_seconds", "unpinned", "required_hosts", "canary_host")),
        online=_toml(signers.online_directory),
        offline=_toml(signers.offline_directory),
    )


def _toml(value: str | int | tuple[str, ...]) -> str:
    """Write a value as TOML."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, int):
        return str(value)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ConfigError(f"{value!r} is not UTF-8", code="config-invalid", hint="choose another name")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def resolve(root: Path, path: str) -> Path:
    """Resolve a path of the file against the file's directory."""
    return root / Path(path).expanduser()


_DEFAULTS: Final = {field.name: field.default for field in msgspec.structs.fields(ChannelSettings)}

_TEMPLATE: Final = """\
# The settings of one Holdfast channel. Nothing secret stands here; keys and passphrases live elsewhere.

[channel]
name = {name}
mirrors = {mirrors}  # base URLs that apps fetch from, in order
{refresh}  # how often clients ask
# Without a largest age, the last verified set is enforced for ever: nobody can switch protection off by blocking the
# manifest, but a revoked key stays usable for whoever can block it. With one, a blocked client refuses in the end.
{max_age}
# fresh_seconds: age up to which a set counts as fresh; unpinned: "allow", or "deny" (only listed hosts may be reached);
# required_hosts: hosts that apps protect even if the scope drops them; canary_host: a host that must always be refused.
{others}

# [report]
# urls = []
# sample = 1.0

[lives]
root_days = 730
targets_days = 365
pins_days = 30
snapshot_days = 30
timestamp_days = 7

[store]
path = ".holdfast/state.db"

[signers]
online_directory = {online}
offline_directory = {offline}

[sinks]
directory = ".holdfast/public"

[server]
host = "127.0.0.1"
port = 8440
"""

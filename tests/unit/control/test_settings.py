# SPDX-License-Identifier: Apache-2.0
"""holdfast.toml: what is written is read back, and every fault is told at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.control.settings import (
    ChannelSettings,
    SignerSettings,
    normalise_mirror,
    parse_settings,
    render_settings,
)
from holdfast.errors import ConfigError

CHANNEL = "com.example.bank/production"
MINIMAL = b'[channel]\nname = "com.example.bank/production"\n'


def test_defaults_are_those_of_the_protocol() -> None:
    settings = parse_settings(MINIMAL)
    assert settings.channel.refresh_seconds == 900
    assert settings.channel.unpinned == "allow"
    assert settings.channel.max_age_seconds == 0
    assert (settings.lives.root_days, settings.lives.targets_days) == (730, 365)
    assert (settings.lives.pins_days, settings.lives.snapshot_days, settings.lives.timestamp_days) == (30, 30, 7)
    assert settings.server.host == "127.0.0.1"


@given(
    mirrors=st.lists(st.sampled_from(["https://a.example/", "http://[::1]:8/x/", "https://b.example/é"]), max_size=3),
    required=st.lists(st.sampled_from(["a.example", "b.example"]), max_size=2),
    unpinned=st.sampled_from(["allow", "deny"]),
    refresh=st.integers(1, 10**6),
    fresh=st.integers(60, 366 * 86400),
    max_age=st.one_of(st.just(0), st.integers(7 * 86400, 3650 * 86400)),
    directory=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
)
def test_what_init_writes_is_what_every_command_reads(
    mirrors: list[str], required: list[str], unpinned: str, refresh: int, fresh: int, max_age: int, directory: str
) -> None:
    channel = ChannelSettings(
        name=CHANNEL,
        mirrors=tuple(mirror for mirror in mirrors if mirror.isascii()),
        required_hosts=tuple(required),
        unpinned=unpinned,
        refresh_seconds=refresh,
        fresh_seconds=fresh,
        max_age_seconds=max_age,
    )
    signers = SignerSettings(offline_directory=directory)
    settings = parse_settings(render_settings(channel, signers).encode())
    assert (settings.channel, settings.signers) == (channel, signers)


def test_every_fault_is_told_at_once() -> None:
    text = b"""
unknown = 1
[channel]
name = "no-slash"
mirrors = ["ftp://x.example/", "https://user@x.example/"]
unpinned = "maybe"
refresh_second = 5
max_age_seconds = 60
[lives]
root_days = 0
[server]
port = "80"
[colour]
"""
    with pytest.raises(ConfigError) as raised:
        parse_settings(text)
    for part in ("[unknown]", "[colour]", "`refresh_second`", "unpinned", "root_days", "port"):
        assert part in raised.value.message
    assert raised.value.code == "config-invalid"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('name = "a"', "channel reads"),
        ('name = "a/../b"', "channel reads"),
        ('name = "a/b"\nmirrors = ["ftp://x.example/"]', "not an http(s) URL"),
        ('name = "a/b"\nmirrors = ["https://u:p@x.example/"]', "user name"),
        ('name = "a/b"\nmirrors = ["https://[::1/"]', "not a URL"),
        ('name = "a/b"\nmirrors = ["https://x.example/?a=b"]', "without query"),
        ('name = "a/b"\nmirrors = ["https://x.example:99999/"]', "not a URL"),
        ('name = "a/b"\nrequired_hosts = ["*.example.com"]', "not a host name"),
        ('name = "a/b"\ncanary_host = "a b"', "not a host name"),
        ('name = "a/b"\nmax_age_seconds = 60', "at least 604800"),
        ('name = "a/b"\n[report]\nurls = ["gopher://x"]', "not an http(s) URL"),
        ('name = "a/b"\n[report]\nurls = [' + '"https://1.example",' * 5 + "]", "at most 4"),
        ('name = "a/b"\n[report]\nsample = 2.0', "sample"),
    ],
)
def test_a_fault_names_its_field(line: str, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_settings(f"[channel]\n{line}\n".encode())
    assert says in raised.value.message


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"[channel",
        b"a = 1\na = 2",
        b"[channel]\nname = 1",
        b"channel = 3",
        b"",
        b"x" * 2**19,
        b"a=" + b"[" * 5000,
    ],
    ids=["no-utf8", "no-toml", "twice", "type", "no-table", "empty", "too-large", "deep"],
)
def test_hostile_toml_is_a_config_error(data: bytes) -> None:
    with pytest.raises(ConfigError):
        parse_settings(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_settings_or_a_config_error(data: bytes) -> None:
    try:
        parse_settings(MINIMAL + data)
    except ConfigError:
        return


def test_a_path_that_is_not_utf_8_is_refused_before_anything_is_written() -> None:
    with pytest.raises(ConfigError, match="not UTF-8"):
        render_settings(ChannelSettings(name=CHANNEL), SignerSettings(offline_directory="\udcff"))


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://pins.example.com", f"https://pins.example.com/v1/c/{CHANNEL}/"),
        ("https://pins.example.com/", f"https://pins.example.com/v1/c/{CHANNEL}/"),
        ("https://cdn.example.com/x", f"https://cdn.example.com/x/v1/c/{CHANNEL}/"),
        (f"https://pins.example.com/v1/c/{CHANNEL}/", f"https://pins.example.com/v1/c/{CHANNEL}/"),
        (f"https://pins.example.com/v1/c/{CHANNEL}", f"https://pins.example.com/v1/c/{CHANNEL}/"),
    ],
)
def test_a_mirror_is_a_host_or_a_full_base(url: str, base: str) -> None:
    assert normalise_mirror(url, CHANNEL) == base

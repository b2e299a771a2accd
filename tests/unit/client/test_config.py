# SPDX-License-Identifier: Apache-2.0
"""The configuration: all faults at once, stricter only, and the exported folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.client.config import ClientConfig, load_exported
from holdfast.errors import ConfigError

GOOD: dict[str, Any] = {"root": b"{}", "seed": b"{}", "mirrors": ("https://pins.example.com/v1/c/app/prod/",)}


def refused(**changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        ClientConfig(**(GOOD | changes))
    assert isinstance(caught.value, ValueError)
    return caught.value.message


def test_a_configuration_is_normalised_once() -> None:
    config = ClientConfig(
        **(GOOD | {"mirrors": ("https://a.example/x", "http://b.example/", "https://a.example/x/")}),
        required_hosts=frozenset({"API.Example.COM."}),
        cache_dir="somewhere",  # type: ignore[arg-type]  # what people pass
    )
    assert config.mirrors == ("https://a.example/x/", "http://b.example/")
    assert config.required_hosts == {"api.example.com"}
    assert config.cache_dir == Path("somewhere")


def test_all_faults_are_told_at_once() -> None:
    message = refused(root=b"", seed=None, mirrors=("ftp://x/",), required_hosts=frozenset({"a b"}), channel="nothing")
    for part in ("embedded root", "seed", "mirrors", "required_hosts", "channel"):
        assert part in message


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"mirrors": ()}, "mirrors"),
        ({"mirrors": tuple(f"https://m{i}.example/" for i in range(17))}, "mirrors"),
        ({"mirrors": ("https://a.example/?x=1",)}, "query"),
        ({"required_hosts": "api.example.com"}, "not one text"),
        ({"refresh_floor_seconds": 0}, "refresh_floor_seconds"),
        ({"refresh_floor_seconds": 86_401}, "refresh_floor_seconds"),
        ({"fetch_timeout_seconds": 0}, "fetch_timeout_seconds"),
        ({"app_version": "x" * 65}, "app_version"),
    ],
)
def test_each_fault_is_named(changes: dict[str, Any], part: str) -> None:
    assert part in refused(**changes)


def test_a_seed_may_be_missing_only_on_purpose() -> None:
    assert "seed" in refused(seed=None)
    assert "seed" in refused(seed=b"")
    ClientConfig(**(GOOD | {"seed": None}), allow_empty_start=True)


def test_keys_and_pins_are_not_in_the_text_of_a_configuration() -> None:
    assert "SECRET" not in repr(ClientConfig(**(GOOD | {"root": b"SECRET", "seed": b"SECRET"})))


def write(folder: Path, **changes: Any) -> Path:
    document = {
        "format": "holdfast-anchors/1",
        "channel": "com.example.app/production",
        "mirrors": ["https://pins.example.com/v1/c/com.example.app/production/"],
        "required_hosts": ["api.example.com"],
    }
    (folder / "root.json").write_bytes(b"ROOT")
    (folder / "seed.json").write_bytes(b"SEED")
    (folder / "holdfast.json").write_text(json.dumps(document | changes))
    return folder


def test_an_exported_folder_is_read(tmp_path: Path) -> None:
    config = load_exported(write(tmp_path), cache_dir=tmp_path / "cache", app_version="1.2")
    assert (config.root, config.seed, config.channel) == (b"ROOT", b"SEED", "com.example.app/production")
    assert config.mirrors == ("https://pins.example.com/v1/c/com.example.app/production/",)
    assert config.required_hosts == {"api.example.com"}
    assert (config.cache_dir, config.app_version) == (tmp_path / "cache", "1.2")


def test_settings_win_over_the_folder_but_required_hosts_only_add(tmp_path: Path) -> None:
    config = load_exported(write(tmp_path), mirrors=("http://127.0.0.1:1/",), required_hosts={"pay.example.com"})
    assert config.mirrors == ("http://127.0.0.1:1/",)
    assert config.required_hosts == {"api.example.com", "pay.example.com"}


@pytest.mark.parametrize("missing", ["root.json", "seed.json", "holdfast.json"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    (write(tmp_path) / missing).unlink()
    with pytest.raises(ConfigError, match=missing):
        load_exported(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "holdfast-anchors/2"},
        {"channel": 7},
        {"mirrors": "https://x/"},
        {"mirrors": [1]},
        {"required_hosts": {}},
        {"mirrors": []},
    ],
)
def test_a_malformed_export_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        load_exported(write(tmp_path, **changes))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 1, "format": 2}', "\ufeff{}"])
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    (write(tmp_path) / "holdfast.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"holdfast\.json"):
        load_exported(tmp_path)


def test_oversized_files_are_not_read(tmp_path: Path) -> None:
    (write(tmp_path) / "holdfast.json").write_bytes(b" " * 300_000)
    with pytest.raises(ConfigError, match="more than"):
        load_exported(tmp_path)


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="disable_pins"):
        load_exported(write(tmp_path), disable_pins=True)

# SPDX-License-Identifier: Apache-2.0
"""Attack: a document nested so deep that a recursive parser, or whoever walks its values, falls over.

``test_hostile_transfer`` does it to a bundle; here it is the files in it: unsigned, so that anybody can do it, and
signed, so that a stolen key can.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from holdfast.core.limits import MAX_JSON_DEPTH
from holdfast.errors import MetadataError
from tests.siege import Siege, believed

ROLES = ["root", "timestamp", "snapshot", "targets", "pins"]


def nest(depth: int, *, field: str = "x-note") -> Callable[[bytes], bytes]:
    """Make a change that adds a member to the document whose innermost list lies ``depth`` containers deep."""

    def change(data: bytes) -> bytes:
        text = data.decode().rstrip()
        assert text.endswith("}")
        return f'{text[:-1]},"{field}":{"[" * (depth - 1)}{"]" * (depth - 1)}}}'.encode()

    return change


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("depth", [MAX_JSON_DEPTH + 1, 4_000])
def test_in_a_role(tmp_path: Path, role: str, depth: int) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        name = siege.publish_with(role, nest(depth))
        data = siege.repository.files[name]
        siege.repository.bundle = pack(siege, name, data)  # type: ignore[method-assign]
        siege.refused(store, MetadataError, "json-depth", role, progress=role not in {"root", "timestamp"})
        control(data, depth)
        siege.repository.files[name] = data[: data.rindex(b',"x-note"')] + b"}"
        del siege.repository.bundle
        if role == "root":
            siege.repository.versions["root"] -= 1
            siege.repository.publish_root()
        siege.recovers(store, "third")


def pack(siege: Siege, name: str, data: bytes) -> Callable[[], bytes]:
    """Pack the bundle without reading the deep file."""
    siege.repository.files[name] = data[: data.rindex(b',"x-note"')] + b"}"
    document = json.loads(siege.repository.bundle())
    document["files"][name] = data.decode()
    siege.repository.files[name] = data
    bundle = json.dumps(document).encode()
    return lambda: bundle


def control(data: bytes, depth: int) -> None:
    """A parser without a bound takes the file; or it falls over, with an error that is no error of ours."""
    with suppress(RecursionError) if depth > MAX_JSON_DEPTH + 1 else nullcontext():
        assert "signed" in json.loads(data)


@pytest.mark.parametrize("target", ["manifest", "scope"])
@pytest.mark.parametrize("depth", [MAX_JSON_DEPTH + 1, 100_000])
def test_in_a_target(tmp_path: Path, target: str, depth: int) -> None:
    siege = Siege(tmp_path)
    with siege.settled() as store:
        name = siege.publish_with(target, nest(depth))
        siege.refused(store, MetadataError, "json-depth", f"{target}.json", progress=True)
        if depth == MAX_JSON_DEPTH + 1:
            assert believed(siege.repository.bundle()) == {"evil"}  # the control
        else:
            with pytest.raises(RecursionError):
                json.loads(siege.repository.files[name])
        del siege.repository._target_name
        siege.recovers(store, "third")


@pytest.mark.parametrize("target", ["manifest", "scope"])
def test_at_the_bound_it_is_accepted(tmp_path: Path, target: str) -> None:
    """The bound itself is no refusal, or the tests above would show nothing."""
    siege = Siege(tmp_path)
    with siege.settled() as store:
        siege.publish_with(target, nest(MAX_JSON_DEPTH))
        assert store.refresh().changed
        siege.assert_enforces(store, 3, "evil")
        del siege.repository._target_name
        siege.recovers(store, "third")

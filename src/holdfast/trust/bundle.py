# SPDX-License-Identifier: Apache-2.0
"""The bundle: all files of a channel in one request. It adds no trust; each file in it is signed or hashed.

A bundle is parsed before any signature has been seen, so everything about it is bounded: size, depth, count, the
grammar of the file names (which also become names on a disk and in a URL).
"""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from holdfast.core.limits import MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES
from holdfast.core.strict_json import parse_json
from holdfast.errors import FormatError, MetadataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "BUNDLE_FORMAT",
    "build_bundle",
    "fetch_from",
    "is_role_name",
    "name_role_file",
    "name_target_file",
    "parse_bundle",
]

BUNDLE_FORMAT: Final = "holdfast-bundle/1"

_VERSION = r"[1-9][0-9]{0,15}"
_ROLE = r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?"
_TARGET = r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?"
_ROLE_NAME = re.compile(_ROLE)
_NAME = re.compile(rf"timestamp\.json|{_VERSION}\.{_ROLE}\.json|targets/[0-9a-f]{{64}}\.{_TARGET}")


def is_role_name(role: str) -> bool:
    """Tell whether the files of a role have names that a bundle may carry, a disk may hold and a URL may end in.

    >>> is_role_name("pins-2"), is_role_name("../pins"), is_role_name("7.root")
    (True, False, False)
    """
    return _ROLE_NAME.fullmatch(role) is not None


def name_role_file(role: str, version: int | None) -> str:
    """Name the file of a role: ``7.snapshot.json``; without a version ``timestamp.json``."""
    return f"{role}.json" if version is None else f"{version}.{role}.json"


def name_target_file(sha256_hex: str, target: str) -> str:
    """Name the file of a target: ``targets/<sha256>.scope.json``."""
    return f"targets/{sha256_hex}.{target}"


def parse_bundle(data: bytes) -> Mapping[str, bytes]:
    """Parse a bundle.

    Args:
        data: JSON after decompression, at most 24 MiB.

    Returns:
        File name -> exact bytes. Nothing of it has been verified.

    Raises:
        MetadataError: It is no bundle (``bundle-syntax``, ``bundle-name``, or the ``code`` of the JSON fault).
    """
    try:
        document = parse_json(data, max_bytes=MAX_BUNDLE_BYTES)
    except FormatError as error:
        raise MetadataError(f"bundle: {error.message}", code=error.code, role="bundle") from error
    if not isinstance(document, dict) or document.get("format") != BUNDLE_FORMAT:
        raise MetadataError(f"`format` must read {BUNDLE_FORMAT}", code="bundle-syntax", role="bundle")
    files = document.get("files")
    if not isinstance(files, dict) or len(files) > MAX_BUNDLE_FILES:
        raise MetadataError(
            f"`files` must be an object of at most {MAX_BUNDLE_FILES} files", code="bundle-syntax", role="bundle"
        )
    for name, text in files.items():
        if not _NAME.fullmatch(name):
            raise MetadataError(f"{name[:80]!r} is no file name of a bundle", code="bundle-name", role="bundle")
        if not isinstance(text, str):
            raise MetadataError(f"{name} is not a text", code="bundle-syntax", role="bundle")
    return MappingProxyType({name: text.encode("utf-8") for name, text in files.items()})


def build_bundle(files: Mapping[str, bytes]) -> bytes:
    """Pack files into a bundle, in the order of their names.

    Raises:
        FormatError: A name outside the grammar, a file that is not UTF-8, or too many files (``bundle-syntax``).
    """
    if len(files) > MAX_BUNDLE_FILES:
        raise FormatError(f"more than {MAX_BUNDLE_FILES} files", code="bundle-syntax")
    texts = {}
    for name in sorted(files):
        if not _NAME.fullmatch(name):
            raise FormatError(f"{name!r} is no file name of a bundle", code="bundle-syntax")
        try:
            texts[name] = files[name].decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"{name} is not UTF-8", code="bundle-syntax") from error
    document = {"format": BUNDLE_FORMAT, "files": texts}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def fetch_from(files: Mapping[str, bytes]) -> Callable[[str, int | None, int], bytes | None]:
    """Make a ``Fetch`` that brings files of a bundle."""

    def fetch(name: str, version: int | None, max_bytes: int) -> bytes | None:
        del max_bytes  # what came in a bundle is already here; its verification checks every size again
        return files.get(name if name.startswith("targets/") else name_role_file(name, version))

    return fetch

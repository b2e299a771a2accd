# SPDX-License-Identifier: Apache-2.0
"""Scopes and manifests in a few words, for tests of what reads them."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

__all__ = ["manifest", "manifest_host", "octets", "pin", "scope", "scope_host", "text"]

COMMON = {"channel": "com.example.bank/production", "version": 7, "issued": "2026-11-23T12:00:00Z"}


def octets(document: object) -> bytes:
    """A document as it is served."""
    return json.dumps(document).encode()


def text(word: str) -> str:
    """The digest that stands for a key, base64."""
    return b64encode(sha256(word.encode()).digest()).decode()


def pin(word: str, at: str = "leaf", kind: str = "spki-sha256", **more: Any) -> dict[str, Any]:
    """A pin of the key that a word stands for."""
    return {"type": kind, "at": at, "digest": text(word), **more}


def scope_host(pattern: str = "api.example.com", **changes: Any) -> dict[str, Any]:
    """A protected host: leaf keys allowed, nothing else said."""
    return {"pattern": pattern, "allow": {"leaf": True}, **changes}


def scope(*hosts: Any, **changes: Any) -> dict[str, Any]:
    """A scope of these hosts."""
    return {"format": "holdfast-scope/1", **COMMON, "unpinned": "allow", "hosts": list(hosts), **changes}


def manifest_host(pattern: str = "api.example.com", *accept: Any, **changes: Any) -> dict[str, Any]:
    """The pins of a host: ``key`` unless others are named."""
    return {"pattern": pattern, "accept": list(accept) or [pin("key")], **changes}


def manifest(*hosts: Any, **changes: Any) -> dict[str, Any]:
    """A manifest of these hosts."""
    return {"format": "holdfast-manifest/1", **COMMON, "hosts": list(hosts), **changes}

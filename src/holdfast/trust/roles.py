# SPDX-License-Identifier: Apache-2.0
"""One TUF role file: parsed strictly, and judged by its delegator's keys and threshold (TUF 1.0, 4 and 5).

Two deliberate differences from ``tuf.api.metadata.Metadata.from_bytes``:

* *A key or signature of unknown type is one that never verifies, never a parse error.* Otherwise one new algorithm in
  one root would lock every older client out.
* The signed bytes are the canonical form of what was received, not of what the library understood of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeGuard, TypeVar

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from holdfast.core.instant import parse_instant
from holdfast.core.limits import MAX_PATTERN_CHARACTERS, MAX_ROLE_KEYS
from holdfast.core.strict_json import parse_json
from holdfast.errors import ChannelError, FormatError, FreezeError, MetadataError, SignatureError
from holdfast.trust.canonical_json import encode_canonical
from holdfast.trust.keys import SCHEMES, find_signer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from securesystemslib.signer import Key
    from tuf.api.metadata import Delegations, Role

__all__ = [
    "CHANNEL_FIELD",
    "ISSUED_FIELD",
    "RoleFile",
    "parse_role",
    "verify_channel",
    "verify_not_expired",
    "verify_threshold",
]

CHANNEL_FIELD: Final = "x-holdfast-channel"
ISSUED_FIELD: Final = "x-holdfast-issued"

_HEXADECIMAL: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")  # bytes.fromhex also reads white space
_SPEC_VERSION: Final = re.compile(r"1\.[0-9]+(?:\.[0-9]+)?")
_SHOWN: Final = 200  # characters of a library's complaint: it may quote the whole file

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True, slots=True)
class RoleFile(Generic[T]):
    """A role file that is well formed; who signed it is not known yet.

    Attributes:
        data: Its exact bytes.
        signed: What the library understood of it.
        payload: The bytes that signatures cover.
        signatures: By keyid; only those that have the form of one.
        channel: ``x-holdfast-channel``; ``None`` if it has none.
        issued: ``x-holdfast-issued``; ``None`` if it has none.
    """

    data: bytes
    signed: T
    payload: bytes
    signatures: Mapping[str, bytes]
    channel: str | None
    issued: datetime | None

    @property
    def version(self) -> int:
        """The version of the role."""
        return int(self.signed.version)


def parse_role(kind: type[T], data: bytes, *, max_bytes: int, role: str | None = None) -> RoleFile[T]:
    """Parse a role file.

    Args:
        kind: ``Root``, ``Timestamp``, ``Snapshot`` or ``Targets``.
        data: The file.
        max_bytes: Its largest size.
        role: Its name, for the error; the type's own by default.

    Raises:
        MetadataError: It is not such a file (``metadata-syntax``, ``duplicate-keyid``, or the code of the JSON fault).
    """
    name = role or kind.type
    try:
        document = parse_json(data, max_bytes=max_bytes)
        body = document["signed"]
        payload = encode_canonical(body)
        signatures = _read_signatures(document["signatures"], name)
        channel, issued = body.get(CHANNEL_FIELD), body.get(ISSUED_FIELD)
        if channel is not None and not isinstance(channel, str):
            raise MetadataError(f"{name}: {CHANNEL_FIELD} is not a text", role=name)
        instant = None if issued is None else parse_instant(issued)
        _check_generous(body)
        _drop_unknown_keys(body)
        signed = kind.from_dict(body)
        _check_types(signed)
        return RoleFile(bytes(data), signed, payload, signatures, channel, instant)
    except FormatError as error:
        raise MetadataError(f"{name}: {error.message}", code=error.code, role=name) from error
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        # tuf.api reports malformed input by all of these; nothing but parsing happens in this block.
        raise MetadataError(f"{name}: not {kind.type} metadata: {error!r:.{_SHOWN}}", role=name) from error


def verify_threshold(delegator: Root | Targets, role: str, file: RoleFile[Any]) -> None:
    """Verify that enough distinct keys of the delegated role have signed a file (TUF 5.3.4, 5.4.2, 5.5.2, 5.6.3).

    One key that stands under several keyids counts once.

    Raises:
        SignatureError: Fewer than the threshold (``signature-threshold``), or no such delegation
            (``not-delegated``).
    """
    try:
        delegated = delegator.get_delegated_role(role)
    except ValueError as error:
        raise SignatureError(f"{role} is not delegated", code="not-delegated", role=role) from error
    signers: list[PublicKeyTypes] = []
    for keyid in delegated.keyids:
        key, signature = _find_key(delegator, keyid), file.signatures.get(keyid)
        public = None if key is None or signature is None else find_signer(key, signature, file.payload)
        if public is not None and public not in signers:
            signers.append(public)
            if len(signers) == delegated.threshold:
                return
    raise SignatureError(f"{role} is signed by {len(signers)} of the {delegated.threshold} keys it needs", role=role)


def _find_key(delegator: Root | Targets, keyid: str) -> Key | None:
    holder = delegator if isinstance(delegator, Root) else delegator.delegations
    return None if holder is None else holder.keys.get(keyid)


def verify_channel(file: RoleFile[Any], channel: str | None, role: str) -> None:
    """Verify that a file belongs to the anchor's channel; an anchor without a channel checks none.

    Raises:
        ChannelError: Another channel, or none.
    """
    if channel is not None and file.channel != channel:
        raise ChannelError(f"{role} is of channel {file.channel or '(none)'}, not of {channel}", role=role)


def verify_not_expired(file: RoleFile[Any], now: datetime, role: str) -> None:
    """Verify that a file has not expired: ``now`` is before its ``expires`` (TUF 5.3.10, 5.4.4, 5.5.6, 5.6.5).

    Raises:
        FreezeError: It has.
    """
    if file.signed.is_expired(now):
        raise FreezeError(
            f"{role} version {file.version} expired at {file.signed.expires:%Y-%m-%d %H:%M}Z",
            role=role,
            hint="either the publisher has stopped signing, a mirror is frozen, or the device clock is ahead",
        )


def _read_signatures(entries: Any, role: str) -> dict[str, bytes]:
    """Keep the signatures of known form; one keyid twice is refused (TUF 4.2.1)."""
    if not isinstance(entries, list):
        raise MetadataError(f"{role}: `signatures` is not a list", role=role)
    signatures: dict[str, bytes] = {}
    seen = set()
    for entry in entries:
        keyid = entry.get("keyid") if isinstance(entry, dict) else None
        if not isinstance(keyid, str):
            continue
        if keyid in seen:
            raise MetadataError(f"{role}: two signatures of one keyid", code="duplicate-keyid", role=role)
        seen.add(keyid)
        signature = entry.get("sig")
        if isinstance(signature, str) and _HEXADECIMAL.fullmatch(signature):
            signatures[keyid] = bytes.fromhex(signature)
    return signatures


def _check_generous(body: dict[str, Any]) -> None:
    """Check what the library reads too generously: ``null`` as its own default, 2026-1-2T3:4:5Z, an empty non-list."""
    version, spec_version = body.get("version"), body.get("spec_version")
    if type(version) is not int or version < 1:
        raise ValueError("`version` is not a positive integer")
    if not isinstance(spec_version, str) or not _SPEC_VERSION.fullmatch(spec_version):
        raise ValueError("`spec_version` is not 1.N or 1.N.N")
    parse_instant(body.get("expires"))
    if body.get("_type") == Targets.type and not isinstance(body.get("delegations", {}).get("roles", []), list):
        raise TypeError("`roles` is not a list")


def _drop_unknown_keys(body: dict[str, Any]) -> None:
    """Drop keys that this verifier does not know, from a root's or a delegation's table; their keyids stay listed."""
    for holder in (body, body.get("delegations")):
        keys = holder.get("keys") if isinstance(holder, dict) else None
        if isinstance(keys, dict):
            holder["keys"] = {keyid: key for keyid, key in keys.items() if _is_known(key)}  # type: ignore[index]


def _is_known(key: object) -> bool:
    if not isinstance(key, dict) or not isinstance(key.get("keyval"), dict):
        return False
    kind, scheme, public = key.get("keytype"), key.get("scheme"), key["keyval"].get("public")
    return isinstance(kind, str) and isinstance(scheme, str) and isinstance(public, str) and (kind, scheme) in SCHEMES


def _check_types(signed: Root | Timestamp | Snapshot | Targets) -> None:
    """Check what the library leaves unchecked: JSON can put any type into a version, a threshold or a name."""
    numbers: list[object] = []
    roles: Collection[Role] = ()
    if isinstance(signed, Root):
        roles = signed.roles.values()
    elif isinstance(signed, Timestamp):
        numbers.append(signed.snapshot_meta.version)
    elif isinstance(signed, Snapshot):
        numbers += [meta.version for meta in signed.meta.values()]
    elif signed.delegations is not None:
        roles = _check_delegations(signed.delegations)
    for role in roles:
        numbers.append(role.threshold)
        if not _is_list_of_texts(role.keyids) or len(role.keyids) > MAX_ROLE_KEYS:
            raise ValueError(f"`keyids` is not a list of at most {MAX_ROLE_KEYS} texts")
    if not all(type(number) is int and number >= 1 for number in numbers):
        raise ValueError("a version or a threshold is not a positive integer")


def _check_delegations(delegations: Delegations) -> Collection[Role]:
    """Check names and path patterns, and return the roles: what is left is what all roles have in common."""
    if delegations.roles is None:
        assert delegations.succinct_roles is not None  # the library demands one of the two
        if type(delegations.succinct_roles.bit_length) is not int:
            raise ValueError("`bit_length` is not an integer")
        return [delegations.succinct_roles]
    characters = 0
    for role in delegations.roles.values():
        patterns = role.paths if role.paths is not None else role.path_hash_prefixes
        if not _is_list_of_texts(patterns) or not _is_list_of_texts([role.name]) or type(role.terminating) is not bool:
            raise ValueError("a delegated role has no text for a name, no boolean or no list of texts")
        characters += sum(map(len, patterns)) + len(patterns)
    if characters > MAX_PATTERN_CHARACTERS:
        raise ValueError(f"more than {MAX_PATTERN_CHARACTERS} characters of path patterns")
    return delegations.roles.values()


def _is_list_of_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)

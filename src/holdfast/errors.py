# SPDX-License-Identifier: Apache-2.0
"""The one error tree, cut by what the caller can do about it.

::

    HoldfastError(code, hint)
    |- InputError          your argument or file is invalid        fix the caller (also a ValueError)
    |  |- PinSyntaxError        a pin or a digest
    |  |- HostnameSyntaxError   a host name or a host pattern
    |  |- CertificateSyntaxError  a DER certificate
    |  |- ManifestSyntaxError   the text of a manifest or a scope
    |  |- FormatError           any other document
    |  `- ConfigError           a setting, a flag, a configuration file
    |- TrustError          a peer's data must not be believed      keep the old set, report
    |  |- MetadataError         malformed, or without a field that it must have
    |  |- SignatureError        fewer valid signatures than the threshold
    |  |- RollbackError         a lower version than one already verified
    |  |- FreezeError           expired
    |  |- MixAndMatchError      files that do not belong together
    |  |- ScopeError            a manifest outside its scope, or a scope that contradicts itself
    |  |- ChannelError          another channel's data
    |  `- AnchorError           the embedded root, or a root that does not follow from it
    |- TransportError      could not fetch                         back off, retry; pins stay enforced
    |- StoreError          the cache is unreadable or unwritable   refetch; pins stay enforced
    |- PinMismatchError    the path matches no pin, or a rejected one   abort, report
    `- OperationError      the control plane refused
       |- PolicyRefused         a gate refused the publication (findings)
       |- Conflict              somebody else wrote first
       |- NotFound              no such host, channel, key
       `- SignerUnavailable     a key cannot be used (missing, locked, wrong passphrase)

``code`` is stable kebab-case, the same in every SDK and in ``spec/``. Facts stand in fields; messages are for people.
This module knows no ``ssl``: the error that a TLS client meets is a subclass, made where ``ssl`` is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = [
    "AnchorError",
    "CertificateSyntaxError",
    "ChannelError",
    "ConfigError",
    "Conflict",
    "FormatError",
    "FreezeError",
    "HoldfastError",
    "HostnameSyntaxError",
    "InputError",
    "ManifestSyntaxError",
    "MetadataError",
    "MixAndMatchError",
    "NotFound",
    "OperationError",
    "PinMismatchError",
    "PinSyntaxError",
    "PolicyRefused",
    "RollbackError",
    "ScopeError",
    "SignatureError",
    "SignerUnavailable",
    "StoreError",
    "TransportError",
    "TrustError",
]


class HoldfastError(Exception):
    """Base of every error that Holdfast raises on purpose.

    Args:
        message: One line for people.
        code: Stable kebab-case identifier; each class has a default.
        hint: What the reader may do next; may be empty.
    """

    default_code: ClassVar[str] = "holdfast"

    def __init__(self, message: str, *, code: str | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class InputError(HoldfastError, ValueError):
    """An argument or a file of the caller is invalid."""

    default_code = "input"


class PinSyntaxError(InputError):
    """A pin or a digest is not well formed."""

    default_code = "pin-syntax"


class HostnameSyntaxError(InputError):
    """A host name or a host pattern is not well formed."""

    default_code = "hostname-syntax"


class CertificateSyntaxError(InputError):
    """Bytes are not one DER certificate."""

    default_code = "certificate-syntax"


class ManifestSyntaxError(InputError):
    """The text of a manifest or of a scope is not well formed."""

    default_code = "manifest-syntax"


class FormatError(InputError):
    """A document is not of the format that it claims."""

    default_code = "format"


class ConfigError(InputError):
    """A setting, a flag or a configuration file is invalid."""

    default_code = "config"


class TrustError(HoldfastError):
    """Data of a peer must not be believed; what was enforced stays enforced.

    Args:
        message: One line for people.
        code: Stable kebab-case identifier.
        hint: What the reader may do next.
        role: Name of the TUF role or target that was refused, if there is one.
    """

    default_code = "untrusted"

    def __init__(self, message: str, *, code: str | None = None, hint: str = "", role: str | None = None) -> None:
        super().__init__(message, code=code, hint=hint)
        self.role = role


class MetadataError(TrustError):
    """Metadata is malformed, or lacks a field that it must have."""

    default_code = "metadata-syntax"


class SignatureError(TrustError):
    """Fewer valid signatures of distinct keys than the threshold."""

    default_code = "signature-threshold"


class RollbackError(TrustError):
    """A lower version than one that was already verified.

    Args:
        message: One line for people.
        code: Stable kebab-case identifier.
        hint: What the reader may do next.
        role: Name of the role.
        version: The version that was served.
        known_version: The version that was verified before.
        issued: When the served file was signed, if it says so: the age of the copy.
    """

    default_code = "rollback"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        role: str | None = None,
        version: int = 0,
        known_version: int = 0,
        issued: datetime | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint, role=role)
        self.version = version
        self.known_version = known_version
        self.issued = issued


class FreezeError(TrustError):
    """Metadata has expired."""

    default_code = "expired"


class MixAndMatchError(TrustError):
    """Files that do not belong together: version, length, hash, or one is missing."""

    default_code = "mix-and-match"


class ScopeError(TrustError):
    """A manifest outside its scope, or a scope that contradicts itself."""

    default_code = "scope"


class ChannelError(TrustError):
    """Data of another channel, or of none."""

    default_code = "channel-mismatch"


class AnchorError(TrustError):
    """The embedded root is unusable, or a root does not follow from it."""

    default_code = "anchor"


class TransportError(HoldfastError):
    """A peer could not be reached, or did not answer within the bounds."""

    default_code = "transport"


class StoreError(HoldfastError):
    """The cache on disk is unreadable or unwritable; pins stay enforced from memory."""

    default_code = "store"


class PinMismatchError(HoldfastError):
    """The validated path of a host was refused.

    Args:
        message: One line for people.
        host: Normalised host name, or the raw one where it could not be normalised.
        reason: The verdict's reason, kebab-case (``core.validation.Reason``).
        observed: SPKI SHA-256 digests of the validated path in base64, leaf first; empty if there was no path.
        manifest_version: Version of the enforced manifest, ``None`` if none is enforced.
    """

    default_code = "pin-mismatch"

    def __init__(
        self,
        message: str,
        *,
        host: str,
        reason: str,
        observed: Sequence[str] = (),
        manifest_version: int | None = None,
        code: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.host = host
        self.reason = reason
        self.observed = tuple(observed)
        self.manifest_version = manifest_version


class OperationError(HoldfastError):
    """The control plane refused an operation."""

    default_code = "operation"


class PolicyRefused(OperationError):
    """One or more gates refused a publication; nothing was signed.

    Args:
        message: One line for people.
        findings: What each gate found, one line each.
    """

    default_code = "policy-refused"

    def __init__(self, message: str, *, findings: Sequence[str] = (), code: str | None = None, hint: str = "") -> None:
        super().__init__(message, code=code, hint=hint)
        self.findings = tuple(findings)


class Conflict(OperationError):
    """Somebody else wrote first; read again and decide again."""

    default_code = "conflict"


class NotFound(OperationError):
    """There is no such host, channel or key."""

    default_code = "not-found"


class SignerUnavailable(OperationError):
    """A signing key cannot be used: missing, locked, or a wrong passphrase."""

    default_code = "signer-unavailable"

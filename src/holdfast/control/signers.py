# SPDX-License-Identifier: Apache-2.0
"""Signing keys in encrypted files, and the ring that finds and opens them.

The file is what :mod:`holdfast.control.encrypted_key` writes. Its name carries the role and the start of the keyid
(``root-1.3f2a9c04d1e07b55.pem``): the public metadata says which keyid must sign, the name says in which file it is,
and the opened key is compared with the keyid again.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Key, Signer, SSlibKey

from holdfast.control.encrypted_key import SCRYPT_COST, ScryptCost, encrypt_private_key, is_encrypted_key
from holdfast.errors import Conflict, SignerUnavailable, StoreError

__all__ = [
    "FileKeyRing",
    "KeyFile",
    "KeyRing",
    "Passphrases",
    "generate_key",
    "make_private_directory",
    "write_key_file",
]

_FILE_MODE: Final = 0o600
_DIRECTORY_MODE: Final = 0o700
_KEYID_CHARACTERS: Final = 16
_NAME: Final = re.compile(r"(?P<label>[a-z0-9_-]+)\.(?P<keyid>[0-9a-f]{16})\.pem")
_MAX_KEY_BYTES: Final = 64 * 1024

Passphrases = Callable[[str], bytes]
"""``passphrases(purpose)``: the passphrase for ``online`` or ``offline`` keys; raises ``SignerUnavailable``."""


class KeyRing(Protocol):
    """Whatever can sign: files here, an HSM or a key service elsewhere."""

    def has(self, keyid: str) -> bool:
        """Tell whether it holds a key, without opening it."""
        ...

    def open(self, key: Key) -> Signer:
        """Open a key; :class:`SignerUnavailable` if that is impossible."""
        ...

    def create(self, purpose: str, label: str) -> SSlibKey:
        """Make a key that lasts, and return what is public of it."""
        ...

    def discard(self, keyid: str) -> None:
        """Remove a key that was made a moment ago and that nothing was signed with."""
        ...


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A new key: its file name, the key, what is public of it, and the encrypted bytes."""

    name: str
    private: EllipticCurvePrivateKey = field(repr=False)
    public: SSlibKey
    pem: bytes


def generate_key(label: str, passphrase: bytes, cost: ScryptCost) -> KeyFile:
    """Generate an ECDSA P-256 key under a passphrase.

    Args:
        label: Start of the file name, such as ``root-1``.
        passphrase: Not empty.
        cost: What a guess costs.
    """
    private = generate_private_key(SECP256R1())
    public = SSlibKey.from_crypto(private.public_key())
    name = f"{label}.{public.keyid[:_KEYID_CHARACTERS]}.pem"
    return KeyFile(name, private, public, encrypt_private_key(private, passphrase, cost))


def make_private_directory(path: Path) -> None:
    """Make a directory and what is missing above it, each with mode 0700; ``mkdir -p`` would open the upper ones.

    Raises:
        OSError: As ``mkdir`` does.
    """
    if path.is_dir():
        return
    make_private_directory(path.parent)
    path.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)


def write_key_file(path: Path, pem: bytes) -> None:
    """Write a private key where no file is yet: mode 0600 from the first byte, synced, its directory 0700.

    Raises:
        Conflict: There is a file of that name (``file-exists``): a key is never overwritten.
        StoreError: It could not be written (``key-unwritable``); no part of it stays.
    """
    try:
        make_private_directory(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    except FileExistsError as error:
        raise Conflict(f"{path} exists", code="file-exists", hint="keys are never overwritten: name another") from error
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write {path}: {error.strerror}", code="key-unwritable", hint="free space or fix the permissions"
    )


class FileKeyRing:
    """Keys in the files of some directories; each is opened once and kept for the life of the ring.

    Args:
        directories: Purpose (``online``, ``offline``) and directory, in the order of the search.
        passphrases: Asked at most once a purpose.
        cost: What a guess at the passphrase of a new key costs.
    """

    def __init__(
        self, directories: Sequence[tuple[str, Path]], passphrases: Passphrases, *, cost: ScryptCost = SCRYPT_COST
    ) -> None:
        self._directories = tuple(directories)
        self._passphrases = passphrases
        self._cost = cost
        self._known: dict[str, bytes] = {}
        self._signers: dict[str, Signer] = {}

    def has(self, keyid: str) -> bool:
        """Tell whether there is a file for a key."""
        return keyid in self._signers or self._find(keyid) is not None

    def open(self, key: Key) -> Signer:
        """Open a key.

        Raises:
            SignerUnavailable: No file (``key-missing``), not readable or readable by others (``key-permissions``),
                a wrong passphrase (``key-passphrase``), damaged (``key-damaged``), another key than its name says
                (``key-differs``).
        """
        if key.keyid not in self._signers:
            self._signers[key.keyid] = self._open(key)
        return self._signers[key.keyid]

    def create(self, purpose: str, label: str) -> SSlibKey:
        """Make a key in the directory of a purpose.

        Raises:
            StoreError, SignerUnavailable: It could not be written, or there is no passphrase.
        """
        new = generate_key(label, self._passphrase(purpose), self._cost)
        write_key_file(dict(self._directories)[purpose] / new.name, new.pem)
        self._signers[new.public.keyid] = CryptoSigner(new.private, new.public)
        return new.public

    def find_file(self, keyid: str) -> Path:
        """Return the file of a key.

        Raises:
            SignerUnavailable: There is none (``key-missing``).
        """
        found = self._find(keyid)
        if found is None:
            raise self._missing(keyid)
        return found[1]

    def discard(self, keyid: str) -> None:
        """Remove a key file that was made a moment ago."""
        self._signers.pop(keyid, None)
        found = self._find(keyid)
        if found is not None:
            found[1].unlink(missing_ok=True)

    def _open(self, key: Key) -> Signer:
        found = self._find(key.keyid)
        if found is None:
            raise self._missing(key.keyid)
        purpose, path = found
        signer = CryptoSigner(_decrypt(path, _read_private_file(path), self._passphrase(purpose)))
        if signer.public_key.keyid != key.keyid:
            raise SignerUnavailable(f"{path} holds another key than its name says", code="key-differs")
        return signer

    def _missing(self, keyid: str) -> SignerUnavailable:
        places = ", ".join(str(directory) for _, directory in self._directories)
        return SignerUnavailable(
            f"no key file for keyid {keyid[:_KEYID_CHARACTERS]} in {places}",
            code="key-missing",
            hint="mount or copy back the medium with this key; `holdfast root show` lists which keys sign what",
        )

    def _passphrase(self, purpose: str) -> bytes:
        if purpose not in self._known:
            self._known[purpose] = self._passphrases(purpose)
        return self._known[purpose]

    def _find(self, keyid: str) -> tuple[str, Path] | None:
        for purpose, path in self._files():
            name = _NAME.fullmatch(path.name)
            if name is not None and keyid.startswith(name["keyid"]):
                return purpose, path
        return None

    def _files(self) -> Iterable[tuple[str, Path]]:
        for purpose, directory in self._directories:
            try:
                names = sorted(directory.iterdir())
            except FileNotFoundError:
                continue
            except OSError as error:
                raise SignerUnavailable(f"cannot list {directory}: {error.strerror}", code="key-permissions") from error
            yield from ((purpose, path) for path in names)


def _read_private_file(path: Path) -> bytes:
    """Read a key file that nobody else can read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_KEY_BYTES)
    except OSError as error:
        raise SignerUnavailable(f"cannot read {path}: {error.strerror}", code="key-permissions") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SignerUnavailable(
            f"{path} can be read by others (mode {stat.S_IMODE(mode):04o})",
            code="key-permissions",
            hint=f"chmod 600 {path}, and consider who may have copied it",
        )
    return data


def _decrypt(path: Path, pem: bytes, passphrase: bytes) -> EllipticCurvePrivateKey:
    try:
        private = load_pem_private_key(pem, passphrase)
    except TypeError as error:
        raise SignerUnavailable(
            f"{path} is not encrypted", code="key-damaged", hint="Holdfast opens encrypted keys only"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        # After one wrong passphrase in 256 the padding looks right, and only what lies under it does not.
        if "password" in str(error).lower() or is_encrypted_key(pem):
            raise SignerUnavailable(
                f"wrong passphrase for {path}",
                code="key-passphrase",
                hint="HOLDFAST_KEY_PASSPHRASE_FILE (or HOLDFAST_OFFLINE_KEY_PASSPHRASE_FILE) names another file?",
            ) from error
        raise SignerUnavailable(
            f"{path} is not a key file: {str(error)[:80]}", code="key-damaged", hint="restore it from its backup"
        ) from error
    if not isinstance(private, EllipticCurvePrivateKey):
        raise SignerUnavailable(f"{path} is not an ECDSA key", code="key-damaged")
    return private

# SPDX-License-Identifier: Apache-2.0
"""Encrypted key files: another program opens them, and every way in which one can be unusable is one clear error."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from securesystemslib.signer import Key

from holdfast.control.encrypted_key import SCRYPT_COST, UnsafeFastScryptCost, encrypt_private_key
from holdfast.control.signers import FileKeyRing, generate_key, write_key_file
from holdfast.errors import Conflict, SignerUnavailable, StoreError
from tests.tools import get_tool

PASSPHRASE = "pass phräse".encode()
FAST = UnsafeFastScryptCost()


def make_ring(directory: Path, passphrase: bytes = PASSPHRASE) -> FileKeyRing:
    return FileKeyRing([("online", directory)], lambda _purpose: passphrase, cost=FAST)


def make_key(directory: Path) -> tuple[Key, Path]:
    ring = make_ring(directory)
    key = ring.create("online", "root-1")
    return key, ring.find_file(key.keyid)


def test_a_key_signs_after_it_was_written_and_opened_again(tmp_path: Path) -> None:
    key, _ = make_key(tmp_path / "keys")
    signature = make_ring(tmp_path / "keys").open(key).sign(b"payload")
    key.verify_signature(signature, b"payload")


def test_files_and_directories_are_private_from_the_first_byte(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        _, path = make_key(tmp_path / "keys")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_openssl_opens_a_key_file_at_full_cost(tmp_path: Path) -> None:
    openssl = get_tool("openssl")
    made = generate_key("root-1", b"secret words", SCRYPT_COST)
    path = tmp_path / made.name
    write_key_file(path, made.pem)
    command = [str(openssl), "pkey", "-in", str(path), "-passin", "pass:secret words", "-pubout"]
    shown = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert shown.stdout.decode().strip() == made.public.keyval["public"].strip()
    structure = subprocess.run([openssl, "asn1parse", "-in", path], capture_output=True, check=True, timeout=60).stdout
    assert b"scrypt" in structure
    assert b"aes-256-cbc" in structure


def test_two_encryptions_of_one_key_share_nothing(tmp_path: Path) -> None:
    private = generate_key("x", PASSPHRASE, FAST).private
    assert encrypt_private_key(private, PASSPHRASE, FAST) != encrypt_private_key(private, PASSPHRASE, FAST)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    write_key_file(path, b"first")
    with pytest.raises(Conflict) as raised:
        write_key_file(path, b"second")
    assert raised.value.code == "file-exists"
    assert path.read_bytes() == b"first"


def test_a_key_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left") as raised:
        write_key_file(tmp_path / "key.pem", b"bytes")
    assert raised.value.code == "key-unwritable"
    assert list(tmp_path.iterdir()) == []


def test_the_passphrase_is_asked_once_a_purpose(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask(purpose: str) -> bytes:
        asked.append(purpose)
        return PASSPHRASE

    ring = FileKeyRing([("online", tmp_path / "a"), ("offline", tmp_path / "b")], ask, cost=FAST)
    keys = [ring.create(purpose, "k") for purpose in ("online", "offline", "online")]
    again = FileKeyRing([("online", tmp_path / "a"), ("offline", tmp_path / "b")], ask, cost=FAST)
    for key in keys:
        assert again.has(key.keyid)
    assert asked == ["online", "offline"]
    for key in keys:
        again.open(key)
    assert asked == ["online", "offline", "online", "offline"]


def test_a_discarded_key_is_gone(tmp_path: Path) -> None:
    ring = make_ring(tmp_path)
    key = ring.create("online", "root-1")
    ring.discard(key.keyid)
    assert not ring.has(key.keyid)
    assert list(tmp_path.iterdir()) == []


def remove(path: Path) -> None:
    path.unlink()


def open_to_others(path: Path) -> None:
    path.chmod(0o640)


def garble(path: Path) -> None:
    path.write_bytes(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def leave_unencrypted(path: Path) -> None:
    private = generate_key("x", PASSPHRASE, FAST).private
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def take_another_kind(path: Path) -> None:
    private = generate_rsa(public_exponent=65537, key_size=2048)
    encryption = BestAvailableEncryption(PASSPHRASE)
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))


def take_another_key(path: Path) -> None:
    path.write_bytes(generate_key("x", PASSPHRASE, FAST).pem)


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (remove, "key-missing"),
        (open_to_others, "key-permissions"),
        (garble, "key-damaged"),
        (truncate, "key-damaged"),
        (empty, "key-damaged"),
        (leave_unencrypted, "key-damaged"),
        (take_another_kind, "key-damaged"),
        (take_another_key, "key-differs"),
        (replace_by_directory, "key-permissions"),
    ],
)
def test_an_unusable_key_is_one_clear_error(tmp_path: Path, damage: Callable[[Path], None], code: str) -> None:
    key, path = make_key(tmp_path)
    damage(path)
    with pytest.raises(SignerUnavailable) as raised:
        make_ring(tmp_path).open(key)
    assert raised.value.code == code


def test_a_wrong_passphrase_says_so(tmp_path: Path) -> None:
    key, _ = make_key(tmp_path)
    with pytest.raises(SignerUnavailable, match="wrong passphrase") as raised:
        make_ring(tmp_path, b"another").open(key)
    assert raised.value.code == "key-passphrase"
    assert "HOLDFAST_KEY_PASSPHRASE_FILE" in raised.value.hint


def test_no_wrong_passphrase_makes_a_key_look_damaged(tmp_path: Path) -> None:
    """One in 256 leaves padding that looks right; whoever mistyped must not go and look for a backup."""
    key, _ = make_key(tmp_path)
    for number in range(700):
        with pytest.raises(SignerUnavailable) as raised:
            make_ring(tmp_path, b"wrong %d" % number).open(key)
        assert raised.value.code == "key-passphrase"

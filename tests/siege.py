# SPDX-License-Identifier: Apache-2.0
"""A channel under siege: a client in its legitimate state, real certificates, and what every attack is asked after.

A :class:`Siege` is a :class:`tests.client_world.World` whose host shows real certificate paths. ``settled`` opens a
client that started from manifest 1 (key ``first``) and accepted manifest 2 (key ``second``); ``refused`` runs a refresh
that must fail and asserts that nothing moved: not in memory, not on disk, not in a new process on the same cache.

Nothing here uses ``src`` to make what is served: ``Repository`` signs, ``pki`` issues.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from holdfast.client.pin_store import PinStore
from holdfast.errors import HoldfastError
from holdfast.telemetry.events import RefreshFailed
from tests.client_world import HOST, World
from tests.pki import Authority, Identity
from tests.repository import pin

GENUINE = ("first", "second", "third")
EVIL_WORD = "evil"
WORDS = (*GENUINE, EVIL_WORD)
TOP = 2**53 - 1

_ABOVE = {
    "scope": ("snapshot", "timestamp"),
    "manifest": ("snapshot", "timestamp"),
    "targets": ("snapshot", "timestamp"),
    "pins": ("snapshot", "timestamp"),
    "snapshot": ("timestamp",),
    "timestamp": (),
    "root": (),
}


@cache
def issuer(word: str) -> Authority:
    """The issuing CA: of the genuine certificates, or the one that an attacker made the device trust."""
    name = "Attacker" if word == EVIL_WORD else "Example"
    return _issuer(name)


@cache
def _issuer(name: str) -> Authority:
    return Authority.root(f"{name} Root").intermediate(f"{name} Issuing CA")


@cache
def leaf(word: str) -> Identity:
    """A certificate for the protected host."""
    return issuer(word).leaf(HOST)


def path_of(word: str) -> tuple[bytes, ...]:
    """The validated path of that certificate, DER, leaf first."""
    identity = leaf(word)
    return (identity.der, *(part.public_bytes(Encoding.DER) for part in identity.chain))


def accepted(store: PinStore, host: str = HOST) -> set[str]:
    """Which of the keys a client accepts for a host."""
    return {word for word in WORDS if store.judge(host, path_of(word)).allowed}


def believed(bundle: bytes) -> set[str]:
    """What a client believes that reads the manifest of a bundle and verifies nothing: the control that leaks."""
    files: dict[str, str] = json.loads(bundle)["files"]
    pins = {
        entry["digest"]
        for name, text in files.items()
        if name.endswith(".manifest.json")
        for host in json.loads(text)["hosts"]
        if host["pattern"] == HOST
        for entry in host["accept"]
    }
    return {word for word in WORDS if leaf(word).pin in pins}


class Siege(World):
    """One channel, one protected host, one client."""

    def __init__(self, tmp_path: Path, **scope_fields: Any) -> None:
        super().__init__(tmp_path, **scope_fields)
        self.repository.set_pins(HOST, [leaf("first").pin])

    def choose(self, *words: str) -> None:
        """Let the manifest name these keys, without publishing it."""
        self.repository.set_pins(HOST, [leaf(word).pin for word in words])

    def rotate(self, *words: str) -> None:
        """Publish these keys for the host."""
        self.choose(*words)
        self.publish()

    @contextmanager
    def settled(self, **changes: Any) -> Iterator[PinStore]:
        """A client in its legitimate state: seed with ``first``, then a refresh to ``second``."""
        self.publish_seed()
        self.clock.wait(hours=1)
        self.rotate("second")
        with self.open(**changes) as store:
            assert store.manifest_version == 1
            assert accepted(store) == {"first"}
            result = store.refresh()
            assert (result.error, result.changed) == (None, True)
            self.assert_enforces(store, 2, "second")
            self.clock.wait(hours=1)
            self.repository.now = self.clock.device
            yield store

    # ------------------------------------------------------------- what holds

    def assert_enforces(self, store: PinStore, version: int, *words: str) -> None:
        """A client enforces exactly these keys, the cache holds that set, and a new process starts with it."""
        assert (store.manifest_version, accepted(store)) == (version, set(words))
        assert self.cached_manifest_version() == version
        self._assert_restarts(version, set(words))

    def _assert_restarts(self, version: int | None, words: set[str]) -> None:
        again = PinStore(self.config())
        try:
            assert (again.manifest_version, accepted(again)) == (version, words)
        finally:
            again.close()

    def refused(
        self, store: PinStore, kind: type[HoldfastError], code: str, role: str | None = None, *, progress: bool = False
    ) -> HoldfastError:
        """Refresh, expect this very error, and see that nothing which is enforced has moved.

        Args:
            store: The client under attack.
            kind: The exact class.
            code: The exact code.
            role: Whose file was refused.
            progress: Whether files above it verified, so that the cache may hold newer marks (never another set).
        """
        version, words, generation = store.manifest_version, accepted(store), store.generation
        before, held = self.cache_file.read_bytes(), self.cached()["set"]
        result = store.refresh()
        error = result.error
        assert type(error) is kind, f"{error!r} {getattr(error, 'code', '')}"
        assert (error.code, result.changed, result.manifest_version) == (code, False, version)
        assert role is None or getattr(error, "role", None) == role
        told = self.heard.last(RefreshFailed)
        assert (told.code, told.manifest_version) == (code, version)
        assert (store.manifest_version, accepted(store), store.generation) == (version, words, generation)
        assert self.cached()["set"] == held
        if not progress:
            assert self.cache_file.read_bytes() == before
        self._assert_restarts(version, words)
        return error

    def recovers(self, store: PinStore, *words: str) -> None:
        """The publisher's next publication is accepted and enforced, here, on disk and in a new process."""
        self.clock.wait(hours=1)
        self.mirror.replaced.clear()
        self.rotate(*words)
        result = store.refresh()
        assert (result.error, result.changed) == (None, True)
        version: int = self.repository.manifest["version"]
        self.assert_enforces(store, version, *words)

    @contextmanager
    def newcomer(self, **changes: Any) -> Iterator[PinStore]:
        """A client that knows the embedded root alone: without marks, it believes what an old hand refuses."""
        with self.open(**{"seed": None, "allow_empty_start": True, "cache_dir": None, **changes}) as store:
            yield store

    # ------------------------------------------------------ what is published

    def publish_above(self, role: str) -> None:
        """Publish the roles that name a role's newest file, so that the file itself is all that is wrong."""
        self.repository.now = self.clock.device
        for above in _ABOVE[role]:
            getattr(self.repository, f"publish_{above}")()

    def publish_with(self, role: str, change: Callable[[bytes], bytes]) -> str:
        """Publish everything, one file changed: a role, ``scope`` or ``manifest``.

        The publication is the attacker's: its manifest names his key. Targets are listed as they are after the change,
        and every file that names another names it as it is after the change; only signatures are not made again.

        Returns:
            The name of the changed file.
        """
        repository = self.repository
        self.choose(EVIL_WORD)
        repository.now = self.clock.device
        repository.manifest["version"] += 1
        name = ""
        if role == "root":
            repository.rotate_root()
            name = f"{repository.versions['root']}.root.json"
            repository.files[name] = change(repository.files[name])
        for part in ("targets", "pins", "snapshot", "timestamp"):
            target = {"targets": "scope", "pins": "manifest"}.get(part)
            if role == target:
                name = self._publish_raw(part, role, change)
            else:
                getattr(repository, f"publish_{part}")()
            if role == part:
                name = "timestamp.json" if part == "timestamp" else f"{repository.versions[part]}.{part}.json"
                repository.files[name] = change(repository.files[name])
        return name

    def _publish_raw(self, part: str, role: str, change: Callable[[bytes], bytes]) -> str:
        """Publish a targets role whose target is no longer what ``json.dumps`` writes."""
        repository = self.repository
        held = repository.scope if role == "scope" else repository.manifest
        plain = json.dumps(held).encode()
        data = change(plain)
        name = f"targets/{sha256(data).hexdigest()}.{role}.json"
        getattr(repository, f"publish_{part}")()
        file = f"{repository.versions[part]}.{part}.json"
        targets = json.loads(repository.files[file])["signed"]["targets"]
        targets[f"{role}.json"].update(length=len(data), hashes={"sha256": sha256(data).hexdigest()})
        repository.resign(file, part, targets=targets)
        repository.files[name] = data
        # The bundle finds a scope by the document; this one is listed by its bytes.
        repository._target_name = lambda path, document: (  # type: ignore[method-assign]
            name
            if path == f"{role}.json" and document is held
            else f"targets/{sha256(json.dumps(document).encode()).hexdigest()}.{path}"
        )
        return name


def keep_signatures(count: int) -> Callable[[bytes], bytes]:
    """Make a change that keeps only the first signatures of a role file."""

    def change(data: bytes) -> bytes:
        document = json.loads(data)
        document["signatures"] = document["signatures"][:count]
        return json.dumps(document).encode()

    return change


def evil_pin(at: str = "leaf") -> dict[str, str]:
    """A pin of the attacker: his leaf key, or his CA."""
    return pin(leaf(EVIL_WORD).pin if at == "leaf" else issuer(EVIL_WORD).pin, at)

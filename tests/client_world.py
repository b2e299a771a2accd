# SPDX-License-Identifier: Apache-2.0
"""A client's surroundings, in memory: a clock that a test moves, mirrors of a repository, a listener that remembers.

``Mirror`` implements the fetcher's interface over :class:`tests.repository.Repository`; ``World`` joins the parts, so
that an attack test reads: legitimate state, attack, what is still enforced, what lies on disk, recovery.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from holdfast.client.cache.store import name_cache_file
from holdfast.client.config import ClientConfig
from holdfast.client.pin_store import PinStore
from holdfast.client.refresh.fetcher import Response
from holdfast.core.validation import Verdict
from holdfast.errors import TransportError
from holdfast.telemetry.events import Event
from tests.repository import CHANNEL, EPOCH, Repository, digest_text
from tests.scripted_server import Call, ScriptedServer, answer, serve

BASE = "https://pins.example.com/v1/c/com.example.bank/production/"
HOST = "api.example.com"

E = TypeVar("E", bound=Event)


class FakeClock:
    """A device: one clock that people set, one that only runs."""

    def __init__(self, device: datetime = EPOCH) -> None:
        self.device = device
        self.running = 1000.0

    def now(self) -> datetime:
        return self.device

    def monotonic(self) -> float:
        return self.running

    def wait(self, **duration: float) -> None:
        """Let time pass: both clocks."""
        step = timedelta(**duration)
        self.device += step
        self.running += step.total_seconds()

    def set_device(self, moment: datetime) -> None:
        """Set the device clock; the running clock goes on by the seconds that it takes."""
        self.device = moment
        self.running += 2.0


@dataclass
class Mirror:
    """The fetcher's interface over a repository, with ETags; ``requests`` is what was asked, in order."""

    repository: Repository
    base: str = BASE
    requests: list[str] = field(default_factory=list)
    conditional: list[str | None] = field(default_factory=list)
    posted: list[tuple[str, Any]] = field(default_factory=list)
    replaced: dict[str, bytes | Exception | Response] = field(default_factory=dict)
    is_down: bool = False
    refuses_reports: bool = False

    def get(self, url: str, *, max_bytes: int, timeout_seconds: float, etag: str | None = None) -> Response:
        assert timeout_seconds > 0
        assert url.startswith(self.base), url
        name = url.removeprefix(self.base)
        self.requests.append(name)
        self.conditional.append(etag)
        if self.is_down:
            raise TransportError(f"{url} could not be fetched: down")
        found = self.replaced.get(name)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, Response):
            return found
        data = found if found is not None else self._find(name)
        if data is None:
            return Response(404)
        if len(data) > max_bytes:
            raise TransportError("too much", code="too-large")
        tag = f'"{sha256(data).hexdigest()[:16]}"'
        return Response(304) if etag == tag else Response(200, data, tag)

    def post(self, url: str, body: bytes, *, timeout_seconds: float) -> None:
        assert timeout_seconds > 0
        if self.is_down or self.refuses_reports:
            raise TransportError(f"{url} answered 503", code="http-status")
        self.posted.append((url, json.loads(body)))

    def freeze(self) -> None:
        """Go on serving what is served now, whatever is published."""
        snapshot = dict(self.repository.files)
        bundle = self.repository.bundle()
        self._find = lambda name: bundle if name == "bundle.json" else snapshot.get(name)  # type: ignore[method-assign]

    def _find(self, name: str) -> bytes | None:
        return self.repository.bundle() if name == "bundle.json" else self.repository.files.get(name)


class Mirrors:
    """Several mirrors behind one fetcher, told apart by their base address."""

    def __init__(self, *mirrors: Mirror) -> None:
        self.mirrors = mirrors

    def get(self, url: str, **arguments: Any) -> Response:
        mirror = next(one for one in self.mirrors if url.startswith(one.base))
        return mirror.get(url, **arguments)

    def post(self, url: str, body: bytes, *, timeout_seconds: float) -> None:
        self.mirrors[0].post(url, body, timeout_seconds=timeout_seconds)


class Heard(list[Event]):
    """A listener that remembers."""

    def __call__(self, event: Event) -> None:
        self.append(event)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self if isinstance(event, kind)]

    def last(self, kind: type[E]) -> E:
        found = self.of(kind)
        assert found, f"no {kind.__name__} among {[type(event).__name__ for event in self]}"
        return found[-1]

    def count(self, kind: type[Event]) -> int:  # type: ignore[override]
        return len(self.of(kind))


def fake_certificate(word: str) -> bytes:
    """Make the smallest DER that has a SubjectPublicKeyInfo of its own; ``pin_of`` gives its digest."""
    key = sha256(word.encode()).digest()

    def tlv(tag: int, *parts: bytes) -> bytes:
        body = b"".join(parts)
        assert len(body) < 128
        return bytes((tag, len(body))) + body

    empty = tlv(0x30)
    spki = tlv(0x30, empty, tlv(0x03, b"\0" + key))
    return tlv(0x30, tlv(0x30, tlv(0x02, b"\1"), empty, empty, empty, empty, spki), empty, tlv(0x03, b"\0"))


def pin_of(word: str) -> str:
    """The SPKI digest of ``fake_certificate(word)``, base64."""
    der = fake_certificate(word)
    spki = der[4 + 3 + 8 : 4 + 3 + 8 + 2 + der[4 + 3 + 8 + 1]]
    return digest_text(spki)


def path_of(*words: str) -> tuple[bytes, ...]:
    """A validated path of such certificates, leaf first."""
    return tuple(fake_certificate(word) for word in words)


GOOD = path_of("key-1", "ca")
NEXT = path_of("key-2", "ca")
EVIL = path_of("evil", "evil-ca")


class World:
    """A repository with one protected host, a clock, a mirror, and stores that are opened on them."""

    def __init__(self, tmp_path: Path, *, hosts: int = 1, **scope_fields: Any) -> None:
        self.repository = Repository()
        self.repository.add_host(HOST, [pin_of("key-1")], **scope_fields)
        for number in range(1, hosts):
            self.repository.add_host(f"h{number}.example.com", [pin_of("key-1")])
        self.clock = FakeClock()
        self.mirror = Mirror(self.repository)
        self.heard = Heard()
        self.cache_dir: Path | None = tmp_path / "cache"
        self.seed = b""

    def publish(self) -> None:
        """Publish at the time of the clock."""
        self.repository.now = self.clock.device
        self.repository.publish()

    def publish_seed(self) -> bytes:
        """Publish, and take what was published as the seed of the app."""
        self.publish()
        self.seed = self.repository.bundle()
        return self.seed

    def rotate(self, *words: str) -> None:
        """Publish other keys for the host."""
        self.repository.set_pins(HOST, [pin_of(word) for word in words])
        self.publish()

    def config(self, **changes: Any) -> ClientConfig:
        config = ClientConfig(
            root=self.repository.anchor,
            seed=self.seed or None,
            mirrors=(BASE,),
            cache_dir=self.cache_dir,
            fetcher=self.mirror,
            clock=self.clock,
            allow_empty_start=not self.seed,
        )
        return replace(config, **changes)

    @contextmanager
    def open(self, **changes: Any) -> Iterator[PinStore]:
        """Open a store; no background thread."""
        store = PinStore(self.config(**changes), listener=self.heard)
        try:
            yield store
        finally:
            store.close()

    @property
    def cache_file(self) -> Path:
        assert self.cache_dir is not None
        return self.cache_dir / name_cache_file(CHANNEL)

    def cached(self) -> dict[str, Any]:
        """What lies on disk."""
        document: dict[str, Any] = json.loads(self.cache_file.read_bytes())
        return document

    def cached_manifest_version(self) -> int | None:
        """Version of the manifest of the set on disk; ``None`` if there is no set."""
        held = self.cached()["set"]
        if held is None:
            return None
        texts = [text for name, text in held["files"].items() if name.endswith(".manifest.json")]
        assert len(texts) == 1
        version: int = json.loads(texts[0])["version"]
        return version


def allowed(store: PinStore, path: tuple[bytes, ...], host: str = HOST) -> bool:
    return store.judge(host, path).allowed


def enforces(store: PinStore, *words: str) -> bool:
    """Tell whether exactly the keys ``words`` (of key-1, key-2, key-3) are accepted for the host, and no other key."""
    known = ("key-1", "key-2", "key-3")
    return all(allowed(store, path_of(word, "ca")) == (word in words) for word in known) and not allowed(store, EVIL)


def state(store: PinStore) -> str:
    return store.state.value


def reason(verdict: Verdict) -> str:
    return verdict.reason.value


@contextmanager
def http_mirror(repository: Repository, *, prefix: str = "/v1/") -> Iterator[ScriptedServer]:
    """Serve a repository over real HTTP on a free port of this machine, with ETags."""

    def script(call: Call) -> None:
        name = call.path.removeprefix(prefix)
        data = repository.bundle() if name == "bundle.json" else repository.files.get(name)
        if data is None:
            call.send(answer(404))
            return
        tag = f'"{sha256(data).hexdigest()[:16]}"'
        if call.headers.get("if-none-match") == tag:
            call.send(answer(304, headers={"ETag": tag}))
        else:
            call.send(answer(200, data, {"ETag": tag}))

    with serve(script) as server:
        yield server


Script = Callable[[Call], None]

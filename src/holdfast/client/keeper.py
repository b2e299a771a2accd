# SPDX-License-Identifier: Apache-2.0
"""Keeps one channel's pins: opens seed and cache, takes them through refreshes, notices what time changes.

The order of a refresh is the rule: fetch, verify in memory, persist, swap the view. A failure at any point leaves the
view as it was. One refresh runs at a time (:mod:`holdfast.client.refresh.single_flight` sees to that); readers take
:attr:`Keeper.view` and no lock.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from holdfast.client.cache.channel_cache import ChannelCache
from holdfast.client.knowledge import Knowledge, start
from holdfast.client.refresh.mirrors import FEW_HOSTS, Attempt, MirrorOrder, MirrorSession, is_older_copy
from holdfast.client.refresh.refresh_result import RefreshResult
from holdfast.client.telling.notices import Notices
from holdfast.client.view import Basis, View, build_view
from holdfast.core.freshness import Source, age_seconds, effective_now
from holdfast.core.limits import DEFAULT_FRESH_SECONDS
from holdfast.errors import AnchorError, ConfigError, HoldfastError, RollbackError, TransportError
from holdfast.trust.anchor import TrustAnchor, parse_anchor
from holdfast.trust.loading import needs_root_lookup
from holdfast.trust.state import find_clock_references, is_retired

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from holdfast.client.clock import Clock
    from holdfast.client.config import ClientConfig
    from holdfast.client.refresh.fetcher import Fetcher
    from holdfast.telemetry.events import Event

__all__ = ["Keeper"]

_BUNDLE_EVERY_SECONDS = 86_400.0  # above FEW_HOSTS: a new root would otherwise be seen only with the next change
_ROUND_TIMEOUT_FACTOR = 4  # a whole refresh may take as long as so many requests


class Keeper:
    """Keeps one channel's pins.

    Args:
        config: What the app decided.
        clock: Tells the time.
        fetcher: Brings files.
        emit: Takes events; called without any lock held.

    Raises:
        AnchorError: The embedded root is unusable, or speaks for no channel.
        ConfigError: The app means another channel than the embedded root speaks for.
        TrustError: The seed does not verify.
    """

    def __init__(self, config: ClientConfig, *, clock: Clock, fetcher: Fetcher, emit: Callable[[Event], None]) -> None:
        anchor = parse_anchor(config.root)
        self.channel = _get_channel(anchor, config)
        self._config = config
        self._clock = clock
        self._fetcher = fetcher
        self._notices = Notices(self.channel, clock, emit)
        self._lock = threading.Lock()
        self._order = MirrorOrder(config.mirrors)
        self._bundle_at: float | None = None
        seeded = start(anchor, config.seed)
        self._cache = ChannelCache(config.cache_dir, self.channel, seeded)
        self._known, error = self._cache.load()
        if error is not None:
            self._notices.cache_unreadable(error)
        self.view = self._make_view(self._known, None)
        self._notices.accepted(None, self.view)
        self._notices.changed(None, self.view, told=self._known.passed)

    # ------------------------------------------------------------------ time

    def tick(self) -> View:
        """Notice what has passed; cheap when nothing has.

        Returns:
            The view of now.
        """
        view = self.view
        if not view.is_due(self._clock.now(), self._clock.monotonic()):
            return view
        with self._lock:
            before = self.view
            view = self._swap(self._known)
            known = self._known
        self._notices.changed(before, view, told=before.passed)
        if view.passed != before.passed:
            # In a thread of its own: whoever noticed is in a handshake, and must not wait for a disk.
            with contextlib.suppress(RuntimeError):  # the interpreter is shutting down; the next start notices again
                threading.Thread(target=self._persist, args=(known,), name="holdfast-persist", daemon=True).start()
        return view

    def effective_now(self) -> datetime:
        """Return effective now."""
        return self.view.effective_now(self._clock.now(), self._clock.monotonic())

    def age_seconds(self) -> float | None:
        """Return the age of the enforced set in seconds; ``None`` if there is none."""
        return self.view.age_seconds(self._clock.now(), self._clock.monotonic())

    # --------------------------------------------------------------- refresh

    def refresh(self) -> RefreshResult:
        """Fetch what is new, verify it, keep it, enforce it. One at a time; raises nothing but what is a bug."""
        self.tick()
        known, attempt = self._ask_mirrors(self._known)
        known = self._persist(known)
        with self._lock:
            before = self.view
            view = self._swap(known)
        self._notices.accepted(before, view)
        self._notices.changed(before, view, told=before.passed)
        return self._conclude(attempt, before, view)

    def _conclude(self, attempt: Attempt, before: View, view: View) -> RefreshResult:
        error = attempt.error
        older = is_older_copy(error) and not self._is_alarming(error)
        if error is not None and not older:
            self._notices.refresh_failed(attempt.url, error, view)
        elif view.basis.enforced is before.basis.enforced:
            self._notices.unchanged(attempt.url, view)
        return RefreshResult(
            changed=view.generation != before.generation,
            manifest_version=view.enforcement.manifest_version,
            state=view.state,
            error=None if older else error,
            is_older_copy=older,
        )

    def _ask_mirrors(self, known: Knowledge) -> tuple[Knowledge, Attempt]:
        """Ask one mirror after the other until one has a young timestamp; keep all progress on the way."""
        deadline = time.monotonic() + _ROUND_TIMEOUT_FACTOR * self._config.fetch_timeout_seconds
        best: Attempt | None = None
        for base_url in self._order.ordered():
            session = MirrorSession(
                base_url,
                self._fetcher,
                etags=known.etags,
                now=self._clock.now(),
                deadline=deadline,
                timeout_seconds=self._config.fetch_timeout_seconds,
            )
            attempt = session.ask(known.state, bundle_first=self._wants_bundle(known))
            if attempt.had_bundle:
                self._bundle_at = self._clock.monotonic()
            known = self._take(known, attempt)
            self._order.note(base_url, _issued_by(attempt))
            self._report(attempt, known)
            best = _better(best, attempt)
            if attempt.error is None and self._is_young(known):
                break
        assert best is not None  # a configuration has at least one mirror
        return known, best

    def _take(self, known: Knowledge, attempt: Attempt) -> Knowledge:
        """Take over what an attempt verified."""
        if attempt.state is known.state:
            return known
        state, previous = attempt.state, known.state.enforced
        if attempt.error is not None or state.enforced is None:
            return replace(known, state=state)
        etags = {} if attempt.etag is None else {attempt.url: attempt.etag}
        if previous is not None and previous.timestamp_sha256 == state.enforced.timestamp_sha256:
            etags = {**known.etags, **etags}
            if previous.rank == state.enforced.rank and known.source is not Source.SEED:
                return replace(known, state=replace(state, enforced=previous), etags=MappingProxyType(etags))
        # The time that the expiry of these files was judged by: the floor was the set before this one.
        judged = replace(state, enforced=previous)
        return replace(
            known,
            state=state,
            source=Source.NETWORK,
            accepted_at=effective_now(self._clock.now(), find_clock_references(judged)),
            etags=MappingProxyType(etags),
        )

    def _wants_bundle(self, known: Knowledge) -> bool:
        enforced = known.state.enforced
        if enforced is None or len(enforced.scope.hosts) <= FEW_HOSTS:
            return True
        overdue = self._bundle_at is None or self._clock.monotonic() - self._bundle_at >= _BUNDLE_EVERY_SECONDS
        return overdue or needs_root_lookup(known.state, now=self._clock.now())

    def _is_young(self, known: Knowledge) -> bool:
        enforced = known.state.enforced
        if enforced is None:
            return False
        now = effective_now(self._clock.now(), find_clock_references(known.state))
        return age_seconds(enforced.issued, now) <= enforced.scope.fresh_seconds

    def _is_alarming(self, error: HoldfastError | None) -> bool:
        """Tell whether an older copy is too old for a CDN's edge that lags a little."""
        return not isinstance(error, RollbackError) or error.issued is None or self._copy_age(error) > self._fresh()

    def _copy_age(self, error: RollbackError) -> float:
        now = self.effective_now()
        return age_seconds(error.issued or now, now)

    def _fresh(self) -> int:
        enforced = self.view.basis.enforced
        return DEFAULT_FRESH_SECONDS if enforced is None else enforced.scope.fresh_seconds

    def _report(self, attempt: Attempt, known: Knowledge) -> None:
        error = attempt.error
        if isinstance(error, RollbackError) and is_older_copy(error):
            alarming = self._is_alarming(error)
            self._notices.older_copy(attempt.url, error, age_seconds=self._copy_age(error), alarming=alarming)
        elif attempt.has_conflict and known.state.timestamp is not None:
            self._notices.timestamp_conflict(attempt.url, known.state.timestamp.version)

    # ----------------------------------------------------------------- parts

    def _persist(self, known: Knowledge) -> Knowledge:
        joined, error = self._cache.save(known)
        if error is not None:
            self._notices.cache_unwritable(error)
        return joined

    def _swap(self, known: Knowledge) -> View:
        """Put what is known, and what has passed, into a new view; the lock is held."""
        known = replace(known, passed=known.passed | self._known.passed | self.view.passed)
        view = self._make_view(known, self.view)
        self._known = replace(known, passed=view.passed).keep_what_counts()
        self.view = view
        return view

    def _make_view(self, known: Knowledge, before: View | None) -> View:
        state, config = known.state, self._config
        enforced = state.enforced
        basis = Basis(
            enforced=enforced,
            source=known.source if enforced is not None else None,
            is_retired=enforced is not None and is_retired(enforced, state.root),
            root_version=state.root.version,
            references=find_clock_references(state),
            required_hosts=config.required_hosts,
            deny_unpinned=config.deny_unpinned,
        )
        return build_view(
            basis, before=before, passed=known.passed, device=self._clock.now(), monotonic=self._clock.monotonic()
        )

    def reset_after_fork(self) -> None:
        """Replace the lock, which a thread of the parent process may have held."""
        self._lock = threading.Lock()


def _get_channel(anchor: TrustAnchor, config: ClientConfig) -> str:
    if anchor.channel is None:
        raise AnchorError(
            "the embedded root speaks for no channel",
            code="anchor-without-channel",
            hint="ship the root.json that `holdfast anchors export` wrote",
        )
    if config.channel is not None and config.channel != anchor.channel:
        raise ConfigError(f"the embedded root speaks for {anchor.channel}, and the app means {config.channel}")
    return anchor.channel


def _issued_by(attempt: Attempt) -> datetime | None:
    """Return when the timestamp was signed that a mirror served; ``None`` if it served none that verified."""
    error = attempt.error
    if isinstance(error, RollbackError):
        return error.issued
    timestamp = attempt.state.timestamp
    return None if error is not None or timestamp is None else timestamp.issued


def _better(one: Attempt | None, other: Attempt) -> Attempt:
    """Choose the attempt that tells most: a success, then a refusal (somebody may attack), then the last failure."""

    def rank(attempt: Attempt) -> int:
        if attempt.error is None:
            return 3
        if is_older_copy(attempt.error):
            return 2
        return 0 if isinstance(attempt.error, TransportError) else 1

    return other if one is None or rank(other) >= rank(one) else one

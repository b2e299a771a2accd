# SPDX-License-Identifier: Apache-2.0
"""The face of the SDK: open it, hand it to a TLS context, and let it keep the pins current.

::

    store = holdfast.PinStore.open("anchors/", cache_dir="cache/")
    with store:  # keeps itself current in a background thread
        context = holdfast.create_default_context(store)
        urllib.request.urlopen("https://api.example.com/", context=context)

From the moment at which :meth:`PinStore.open` returns, the seed or the cached set is enforced; no refresh has to have
succeeded. Whatever goes wrong later, the last verified set stays enforced, and listeners hear of it.
"""

from __future__ import annotations

import logging
import math
import os
from typing import TYPE_CHECKING, Any, Self

from holdfast.client.clock import SystemClock
from holdfast.client.config import ClientConfig, load_exported
from holdfast.client.forking import reset_in_children
from holdfast.client.judging import CertificateCache, is_enforced, is_protected, judge_path
from holdfast.client.refresh.fetcher import HttpFetcher
from holdfast.client.refresh.refresh_result import RefreshResult
from holdfast.client.refresh.refresher import Refresher, wait_async
from holdfast.client.registry import claim_hosts, release_hosts
from holdfast.client.telling.listeners import Listeners
from holdfast.client.telling.reporting import Reporter
from holdfast.client.telling.verdicts import VerdictTeller
from holdfast.core.freshness import State, clamp_refresh_seconds
from holdfast.core.limits import MAX_INTEGER
from holdfast.core.validation import Reason, refuse
from holdfast.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from types import TracebackType

    from holdfast.client.self_test.canary import SelfTestResult
    from holdfast.client.view import View
    from holdfast.core.validation import Verdict
    from holdfast.telemetry.events import Event, Listener

__all__ = ["PinStore", "RefreshResult"]

_log = logging.getLogger(__name__)

_DEFAULT_INTERVAL_SECONDS = 900
_MAX_REFUSED = 1024
_LOOK_EVERY_SECONDS = 1.0  # how often a verdict looks whether time has changed anything


class PinStore:
    """The pins of one channel, for one process. Any number of threads and event loops may share it.

    Args:
        config: What the app decided; :func:`holdfast.client.config.load_exported` reads an exported folder.
        listener: Hears every event, from the first one on; see :meth:`add_listener`.

    Raises:
        AnchorError: The embedded root is unusable, or speaks for no channel.
        TrustError: The seed does not verify.
        ConfigError: A setting is invalid, or another store of this process claims one of the hosts.
    """

    def __init__(self, config: ClientConfig, *, listener: Listener | None = None) -> None:
        from holdfast.client.keeper import Keeper  # a heavy import: tuf, at the first verification and not before

        self._config = config
        self._clock = config.clock or SystemClock()
        self._monotonic = self._clock.monotonic
        self._listeners = Listeners()
        if listener is not None:
            self._listeners.add(listener)
        fetcher = config.fetcher or HttpFetcher(
            cafile=config.cafile, use_environment_proxy=config.use_environment_proxy
        )
        self._keeper = Keeper(config, clock=self._clock, fetcher=fetcher, emit=self._listeners.emit)
        self._view = self._keeper.view
        self._certificates = CertificateCache()
        # Host -> generation of its last refusal, and how many refreshes had begun by then.
        self._refused: dict[str, tuple[int, int]] = {}
        self._look_at = 0.0
        #: Moves with every input of a verdict. A plain attribute: each guarded read and write compares it.
        self.generation = self._view.generation
        self._refresher = Refresher(
            self._refresh,
            look=self._look,
            interval_seconds=self._interval_seconds,
            monotonic=self._monotonic,
        )
        self._reporter = Reporter(
            self.channel,
            folder=config.cache_dir,
            fetcher=fetcher,
            clock=self._clock,
            emit=self._listeners.emit,
            view=lambda: self._view,
            app_version=config.app_version,
            certificates=config.report_certificates,
        )
        self._teller = VerdictTeller(
            self.channel,
            clock=self._clock,
            emit=self._listeners.emit,
            reporter=self._reporter if config.send_reports else None,
        )
        claim_hosts(self, self.channel, self._view.enforcement.table)
        reset_in_children(self)

    @classmethod
    def open(
        cls,
        anchors: str | os.PathLike[str] | ClientConfig,
        *,
        listener: Listener | None = None,
        **settings: Any,
    ) -> Self:
        """Open a store from the folder that ``holdfast anchors export`` wrote.

        Args:
            anchors: That folder, or a :class:`~holdfast.client.config.ClientConfig`.
            listener: Hears every event, from the first one on.
            settings: Fields of :class:`~holdfast.client.config.ClientConfig`, such as ``cache_dir``; with a folder.

        Returns:
            A store that enforces the seed or the cached set. Use it in a ``with`` block, or call :meth:`start`, to
            keep it current.

        Raises:
            ConfigError: A file or a setting is invalid, or another store of this process claims one of the hosts.
            AnchorError: The embedded root is unusable.
            TrustError: The seed does not verify.
        """
        if isinstance(anchors, ClientConfig):
            if settings:
                raise TypeError("settings stand in the configuration")
            return cls(anchors, listener=listener)
        return cls(load_exported(anchors, **settings), listener=listener)

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Refresh in a background thread from now on, the first time at once; a second call does nothing."""
        self._refresher.start()

    def close(self) -> None:
        """Stop refreshing. What is enforced stays enforced for connections and contexts that live on."""
        self._refresher.stop()
        release_hosts(self)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._refresher.stop(timeout_seconds=0)  # its thread ends by itself; an event loop waits for none
        release_hosts(self)

    # ------------------------------------------------------------- verdicts

    def judge(self, host: str, path: Sequence[bytes]) -> Verdict:
        """Judge a validated path and emit the events that belong to the verdict.

        Args:
            host: The name that the TLS stack verified, in any spelling.
            path: DER certificates as the TLS stack *validated* them, leaf first; empty is a refusal for a protected
                host.

        Returns:
            The verdict; this method raises nothing.
        """
        view = self._view
        try:
            if self._monotonic() >= self._look_at:
                view = self._look_now()
            known = view.admitted.get(host)
            if known is not None and known[0] == path:
                return known[1]
            return self._judge(view, host, path)
        except Exception:  # noqa: BLE001  # a bug here must refuse, not let pass, and not tear down an event loop
            _log.exception("%s could not be judged", host)
            return refuse(view.enforcement, str(host), Reason.CERTIFICATE_SYNTAX)

    def check(self, host: str, path: Sequence[bytes]) -> Verdict:
        """Judge a validated path for a TLS stack that Holdfast does not wrap (pyOpenSSL, gRPC, a device's own).

        Args:
            host: As in :meth:`judge`. The caller has verified that the leaf is valid for it.
            path: As in :meth:`judge`; never the chain that the server presented.

        Returns:
            The verdict, where it is not a refusal.

        Raises:
            PinMismatchError: The path is refused; also an ``ssl.SSLCertVerificationError``.
        """
        verdict = self.judge(host, path)
        if not verdict.allowed:
            from holdfast.client.tls.verification_error import PinVerificationError  # brings `ssl`

            raise PinVerificationError.from_verdict(verdict)
        return verdict

    def protects(self, host: str) -> bool:
        """Tell whether pins are asked for a host, so that a session must not be resumed; in doubt they are."""
        return is_protected(self._view.enforcement, host)

    def _judge(self, view: View, host: str, path: Sequence[bytes]) -> Verdict:
        now = view.effective_now(self._clock.now(), self._monotonic())
        verdict = judge_path(view, self._certificates, host, path, now=now)
        if verdict.allowed and verdict.enforced:
            return verdict
        if len(self._refused) >= _MAX_REFUSED:
            self._refused.clear()
        self._refused[verdict.host] = (view.generation, self._refresher.started)
        self._teller.tell(view, verdict)
        return verdict

    # ------------------------------------------------------------- refreshing

    def refresh(self, *, timeout_seconds: float | None = None) -> RefreshResult:
        """Refresh now, or wait for the refresh that is under way.

        Args:
            timeout_seconds: How long to wait; ``None``: until its own deadlines end it.

        Returns:
            What it led to, its error included: a refresh that fails changes nothing.

        Raises:
            TimeoutError: It takes longer; it goes on.
        """
        return self._refresher.start_refresh().result(timeout_seconds)

    async def refresh_async(self, *, timeout_seconds: float | None = None) -> RefreshResult:
        """Refresh now without blocking the event loop (asyncio or trio); see :meth:`refresh`."""
        result: RefreshResult = await wait_async(self._refresher.start_refresh(), timeout_seconds)
        return result

    def refresh_on_mismatch(self, host: str, *, timeout_seconds: float) -> bool:
        """Refresh because a path of ``host`` was refused; at most one fetch at a time, and not too often.

        Returns:
            Whether the enforced set changed, so that another look is worth it. Raises nothing.
        """
        if not self._may_refresh(host):
            return False
        generation, started = self._refused.get(host, (self.generation, None))
        if generation != self.generation:
            return True  # it has changed since: somebody else's refresh has come between
        try:
            return self._refresher.on_mismatch(started_before=started, timeout_seconds=timeout_seconds)
        except Exception:  # noqa: BLE001  # in a handshake the answer is the verdict, whatever else goes wrong
            _log.exception("refresh on mismatch failed")
            return False

    async def refresh_on_mismatch_async(self, host: str, *, timeout_seconds: float) -> bool:
        """Do the same without blocking the event loop (asyncio or trio)."""
        if not self._may_refresh(host):
            return False
        generation, started = self._refused.get(host, (self.generation, None))
        if generation != self.generation:
            return True  # as above
        try:
            return await self._refresher.on_mismatch_async(started_before=started, timeout_seconds=timeout_seconds)
        except Exception:  # noqa: BLE001  # as above
            _log.exception("refresh on mismatch failed")
            return False

    def hint(self, manifest_version: int, *, host: str | None = None) -> None:
        """Take note that a server spoke of this manifest version (``Holdfast-Manifest: 43`` in a response).

        Only a server whose path was *accepted under enforcement* may ask for a refresh, and this method sees to it that
        a hostile number costs nothing. Never blocks, never raises.

        Args:
            manifest_version: What the server spoke of; what is no positive integer is ignored.
            host: Whose response it was; a host that no pin is enforced for is not listened to. ``None``: the caller has
                seen to that.
        """
        if type(manifest_version) is not int or not 0 < manifest_version <= MAX_INTEGER:
            return
        if host is not None and not is_enforced(self._view.enforcement, host):
            return
        try:
            self._refresher.hint(manifest_version, known=self._view.enforcement.manifest_version)
        except Exception:  # noqa: BLE001  # a response header must not fail the response
            _log.exception("a hint could not be followed")

    def resumed(self) -> None:
        """Say that the app came back to the foreground, or that the network changed: what failed may work now."""
        self._refresher.resumed()
        self._reporter.resumed()

    def _may_refresh(self, host: str) -> bool:
        """Tell whether a refresh could help: none makes the canary match."""
        table = self._view.enforcement.table
        return self._config.refresh_on_mismatch and (table is None or host != table.canary_host)

    def _refresh(self) -> RefreshResult:
        result = self._keeper.refresh()
        self._adopt(self._keeper.view)
        if result.changed:
            self._claim_again()
        if self._config.send_reports:
            self._reporter.poke()
        return result

    def _claim_again(self) -> None:
        """Claim what a new scope added. A verified set is never refused for it: it would be a hole of our making."""
        try:
            claim_hosts(self, self.channel, self._view.enforcement.table)
        except ConfigError as error:
            _log.error("%s (%s)", error, error.hint)  # a mistake of the two scopes, not of this code

    def _look(self) -> float:
        """Notice what time has changed; tell in how many seconds it will next change something."""
        view = self._look_now()
        if self._config.send_reports:
            self._reporter.poke()
        if view.next_change is None:
            return math.inf
        return (view.next_change - self._keeper.effective_now()).total_seconds()

    def _look_now(self) -> View:
        """Notice what time has changed; at most once a second a verdict pays for it."""
        self._look_at = self._monotonic() + _LOOK_EVERY_SECONDS
        self._adopt(self._keeper.tick())
        return self._view

    def _adopt(self, view: View) -> None:
        # The view first: whoever sees the new generation must not be judged by the old set.
        self._view = view
        self.generation = view.generation

    def _interval_seconds(self) -> float:
        enforced = self._view.basis.enforced
        wanted = _DEFAULT_INTERVAL_SECONDS if enforced is None else enforced.manifest.refresh_seconds
        return clamp_refresh_seconds(wanted, floor=self._config.refresh_floor_seconds)

    # ---------------------------------------------------------------- asking

    @property
    def channel(self) -> str:
        """The channel, ``<app>/<environment>``."""
        return self._keeper.channel

    @property
    def state(self) -> State:
        """EMPTY, SEED, FRESH or STALE; none of them means "no pins"."""
        return self._look_now().state

    @property
    def manifest_version(self) -> int | None:
        """Version of the enforced manifest; ``None`` in state EMPTY."""
        return self._view.enforcement.manifest_version

    @property
    def age_seconds(self) -> float | None:
        """Age of the enforced set: effective now less the moment at which its timestamp was signed."""
        return self._keeper.age_seconds()

    @property
    def effective_now(self) -> datetime:
        """The device clock, or what was verifiably signed if that is later."""
        return self._keeper.effective_now()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The protected patterns, sorted."""
        table = self._view.enforcement.table
        return () if table is None else tuple(sorted(table.hosts))

    @property
    def canary_host(self) -> str | None:
        """The host that must always be refused, if the scope names one."""
        table = self._view.enforcement.table
        return None if table is None else table.canary_host

    @property
    def pending_reports(self) -> int:
        """Number of reports that wait to be delivered."""
        return self._reporter.pending

    def describe(self) -> str:
        """Say in a few lines, for people, what is enforced."""
        from holdfast.client.description import describe_view  # only for people

        view = self._look_now()
        return describe_view(self.channel, view, self.age_seconds)

    # ------------------------------------------------------------ self-test

    def self_test(
        self, *, online: bool = False, port: int = 443, cafile: str | None = None, timeout_seconds: float = 10.0
    ) -> SelfTestResult:
        """See whether a pin that can never match refuses, in this very process.

        Args:
            online: Ask the scope's real canary host instead of one made up in memory.
            port: TCP port of the canary; online.
            cafile: PEM file of CA certificates for the canary; ``None`` takes the platform's; online.
            timeout_seconds: For each of two connections; online.

        Returns:
            What it found: ``passed``, ``failed`` (nothing here can be trusted to refuse) or ``inconclusive``, which is
            no pass. The listeners hear of it too.
        """
        from holdfast.client.self_test.canary import run_self_test  # a heavy import: what it takes to make up a server

        result, event = run_self_test(
            self,
            self.channel,
            self.canary_host,
            at=self._clock.now(),
            online=online,
            port=port,
            cafile=cafile,
            timeout_seconds=timeout_seconds,
        )
        self.emit(event)
        return result

    # ------------------------------------------------------------ listening

    def add_listener(self, listener: Listener) -> None:
        """Hear every event, in the thread in which it happens: be quick, and wait for no refresh there."""
        self._listeners.add(listener)

    def remove_listener(self, listener: Listener) -> None:
        """Hear no more."""
        self._listeners.remove(listener)

    def emit(self, event: Event) -> None:
        """Hand an event to the listeners (for the adapters and the self-test)."""
        self._listeners.emit(event)

    def deliver_reports(self, *, timeout_seconds: float) -> bool:
        """Deliver now what waits.

        Returns:
            Whether nothing waits any more.
        """
        try:
            return self._reporter.start_delivery().result(timeout_seconds)
        except TimeoutError:
            return False

    def reset_after_fork(self) -> None:
        """Start anew in a child process; called by itself after :func:`os.fork`."""
        self._keeper.reset_after_fork()
        self._reporter.reset_after_fork()
        self._refresher.reset_after_fork()

# SPDX-License-Identifier: Apache-2.0
"""What all adapters share: the choice of the context, the one retry, the hint."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

from holdfast.client.tls.adapting import (
    choose_context,
    follow_hint,
    prepare_retry,
    prepare_retry_async,
    refuse_settings,
)
from holdfast.client.tls.ssl_context import PinnedSSLContext
from holdfast.client.tls.verification_error import PinVerificationError
from holdfast.errors import ConfigError
from tests.static_judge import StaticJudge

HOST = "api.example.com"


def refused(**changes: Any) -> PinVerificationError:
    facts: dict[str, Any] = {"host": HOST, "reason": "no-match", "observed": ("bGVhZg==",)}
    return PinVerificationError("refused", **(facts | changes))


def test_the_context_must_be_pinned_by_the_same_store() -> None:
    store = StaticJudge({})
    context = PinnedSSLContext(store)
    assert choose_context(store, context) is context
    assert isinstance(choose_context(store, None), PinnedSSLContext)
    for wrong in (PinnedSSLContext(StaticJudge({})), ssl.create_default_context()):
        with pytest.raises(ConfigError, match="pinned by its own store"):
            choose_context(store, wrong)


def test_settings_that_go_round_the_context_are_refused() -> None:
    refuse_settings({"timeout": 1}, {"verify", "cert"})
    with pytest.raises(ConfigError, match="cert, verify"):
        refuse_settings({"verify": False, "cert": "x", "timeout": 1}, {"verify", "cert"})


CASES = [
    # refusal, method, what a refresh brings, worth a retry, refreshes asked
    (refused(), "POST", True, True, 1),
    (refused(), "GET", False, False, 1),
    (refused(refreshed=True), "GET", True, False, 0),  # a blocking socket has tried already
    (refused(observed=()), "GET", True, False, 0),  # no path: a newer set would not help
    (refused(live=True), "GET", True, True, 0),  # the connection has ended, the next one may be admitted
    (refused(live=True), "get", True, True, 0),
    (refused(live=True), "POST", True, False, 0),  # the server may have seen a part of it
    (ValueError("something else"), "GET", True, False, 0),
]


@pytest.mark.parametrize(("error", "method", "brings", "worth", "asked"), CASES)
def test_the_one_retry(error: BaseException, method: str, brings: bool, worth: bool, asked: int) -> None:
    for asynchronous in (False, True):
        store = StaticJudge({HOST: ["x"]}, refreshed={HOST: ["y"]} if brings else None)
        if asynchronous:
            assert asyncio.run(prepare_retry_async(store, error, method=method, timeout_seconds=2.0)) is worth
        else:
            assert prepare_retry(store, error, method=method, timeout_seconds=2.0) is worth
        assert store.refreshes == [1.6] * asked, "a refresh stays below the request's own time-out"


def test_without_a_timeout_the_refresh_has_one_of_its_own() -> None:
    for timeout in (None, 0, 0.0):
        store = StaticJudge({HOST: ["x"]})
        prepare_retry(store, refused(), method="GET", timeout_seconds=timeout)
        assert store.refreshes == [10.0]


@pytest.mark.parametrize("value", ["43", " 43 ", "0043"])
def test_a_hint_is_followed(value: str) -> None:
    store = StaticJudge({HOST: ["x"]})
    follow_hint(store, "https", "API.example.com.", value)
    assert store.hints == [43]


@pytest.mark.parametrize(
    ("scheme", "host", "value"),
    [
        ("https", HOST, None),
        ("https", None, "43"),
        ("http", HOST, "43"),  # nobody was admitted there
        ("https", "other.example.com", "43"),
        ("https", HOST, ""),
        ("https", HOST, "-43"),
        ("https", HOST, "4.3"),
        ("https", HOST, "\u0664\u0663"),
        ("https", HOST, "1" * 17),
    ],
)
def test_a_hint_is_ignored(scheme: str, host: str | None, value: str | None) -> None:
    store = StaticJudge({HOST: ["x"]})
    follow_hint(store, scheme, host, value)
    assert store.hints == []

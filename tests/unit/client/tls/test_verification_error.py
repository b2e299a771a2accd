# SPDX-License-Identifier: Apache-2.0
"""The refusal: of two families, safe to print, to pickle and to raise again; and the way back to it."""

from __future__ import annotations

import copy
import pickle
import ssl
import traceback
import urllib.error

import aiohttp
import httpx
import pytest
import requests
import urllib3.exceptions

import holdfast
from holdfast.client.tls.verification_error import PinVerificationError, pin_error
from holdfast.core.certificate import Certificate
from holdfast.core.validation import Reason, Verdict
from holdfast.errors import HoldfastError, PinMismatchError


def make_error(**changes: object) -> PinVerificationError:
    facts: dict[str, object] = {
        "host": "api.example.com",
        "reason": "no-match",
        "observed": ("bGVhZg==", "Y2E="),
        "manifest_version": 42,
        "hint": "look there",
    }
    return PinVerificationError("refused", **(facts | changes))  # type: ignore[arg-type]


def test_it_belongs_to_both_families() -> None:
    error = make_error()
    assert isinstance(error, PinMismatchError)
    assert isinstance(error, HoldfastError)
    assert isinstance(error, ssl.SSLCertVerificationError)
    assert isinstance(error, ssl.CertificateError)
    assert isinstance(error, OSError)
    assert holdfast.PinVerificationError is PinVerificationError


def test_it_carries_what_clients_of_ssl_look_at() -> None:
    error = make_error()
    assert (error.errno, error.strerror, error.args) == (ssl.SSL_ERROR_SSL, "refused", ("refused",))
    assert (error.verify_code, error.verify_message, error.library) == (50, "refused", "HOLDFAST")
    assert (error.code, error.reason, error.host, error.hint) == (
        "pin-mismatch", "no-match", "api.example.com", "look there",
    )  # fmt: skip
    assert str(error) == "refused"
    assert "refused" in repr(error)
    assert "PinVerificationError: refused" in "".join(traceback.format_exception(error))


def facts(error: PinVerificationError) -> tuple[object, ...]:
    return (
        type(error), error.message, error.host, error.reason, error.observed, error.manifest_version, error.live,
        error.refreshed, error.hint, error.errno, str(error),
    )  # fmt: skip


@pytest.mark.parametrize("live", [False, True])
def test_it_can_be_pickled_copied_and_raised_again(live: bool) -> None:
    error = make_error(live=live, refreshed=not live)
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error), error.again()):
        assert other is not error
        assert facts(other) == facts(error)


def test_a_verdict_tells_its_facts() -> None:
    leaf = Certificate(b"\1" * 32, b"\2" * 32, b"der")
    verdict = Verdict(False, Reason.NO_MATCH, "api.example.com", "api.example.com", 42, path=(leaf,))
    error = PinVerificationError.from_verdict(verdict, refreshed=True)
    assert error.host == "api.example.com"
    assert error.reason == "no-match"
    assert error.observed == verdict.observed
    assert error.manifest_version == 42
    assert error.refreshed
    assert not error.live
    assert error.hint
    assert str(error) == "api.example.com is refused by manifest 42: no-match"
    exact = PinVerificationError.from_verdict(verdict, reason=Reason.SESSION_RESUMED, live=True)
    assert (exact.reason, exact.live) == ("session-resumed", True)
    nobody = PinVerificationError.from_verdict(Verdict(False, Reason.NO_PINS, ""))
    assert str(nobody) == "a nameless host is refused by no manifest: no-pins"


# ------------------------------------------------------------------------------------------------------------ pin_error


def chained(outer: BaseException, inner: BaseException, *, explicit: bool = True) -> BaseException:
    try:
        try:
            raise inner
        except BaseException as error:
            if explicit:
                raise outer from error
            raise outer  # noqa: B904 - the implicit context is what is tested
    except BaseException as error:
        return error


def test_pin_error_finds_the_refusal_wherever_clients_put_it() -> None:
    ours = make_error()
    key = aiohttp.client_reqrep.ConnectionKey("h", 443, True, True, None, None, None)
    pool = urllib3.HTTPSConnectionPool("h")
    caused = ValueError("its context is another")
    caused.__cause__, caused.__context__ = ours, RuntimeError("x")
    wrapped: list[BaseException] = [
        caused,
        ours,
        chained(httpx.ConnectError("x"), chained(ValueError("y"), ours)),
        chained(RuntimeError("x"), ours, explicit=False),
        urllib.error.URLError(ours),
        urllib3.exceptions.SSLError(ours),
        urllib3.exceptions.MaxRetryError(pool, "/", urllib3.exceptions.SSLError(ours)),
        requests.exceptions.SSLError(urllib3.exceptions.MaxRetryError(pool, "/", urllib3.exceptions.SSLError(ours))),
        aiohttp.ClientConnectorCertificateError(key, ours),
        ExceptionGroup("several", [ValueError("x"), ExceptionGroup("more", [ours])]),
        OSError(1, ours),
    ]
    for error in wrapped:
        assert pin_error(error) is ours, repr(error)


def test_pin_error_says_nothing_about_other_errors() -> None:
    loop = ValueError("a")
    loop.__context__ = RuntimeError("b")
    loop.__context__.__context__ = loop
    assert pin_error(loop) is None
    assert pin_error(None) is None
    assert pin_error(ssl.SSLCertVerificationError(1, "expired")) is None
    assert holdfast.pin_error is pin_error


def test_pin_error_survives_hostile_exceptions() -> None:
    class Hostile(Exception):
        @property
        def reason(self) -> str:
            raise RuntimeError("no")

    assert pin_error(Hostile()) is None
    assert isinstance(pin_error(chained(Hostile(), make_error())), PinVerificationError)


def test_pin_error_finds_a_mismatch_without_ssl() -> None:
    plain = PinMismatchError("x", host="h", reason="no-match")
    assert pin_error(chained(ValueError(), plain)) is plain

# SPDX-License-Identifier: Apache-2.0
"""Attack: a library that shares the context switches validation off on it, for itself and for everybody.

urllib3 does so at each connection: ``verify=False`` and ``assert_hostname`` become assignments to the shared context.
An attacker with any certificate for any name then waits for the next connection of anybody.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import urllib3

from holdfast.adapters.requests import PinningAdapter
from holdfast.errors import ConfigError
from tests.tls_attack import App, assert_attack_fails, assert_reached, open_app, unverified_context
from tests.tls_clients import HEADERS, ContextAdapter
from tests.tls_servers import TLSServer
from tests.tls_world import HOST, get_world


def by_urllib3(**settings: object) -> Callable[[App, str], None]:
    def weaken(app: App, url: str) -> None:
        with urllib3.PoolManager(ssl_context=app.context, retries=False, **settings) as pool:  # type: ignore[arg-type]
            pool.request("GET", url, headers=HEADERS)

    return weaken


def by_requests(app: App, url: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", ContextAdapter(app.context))
        session.get(url, headers=HEADERS, verify=False)


def by_our_adapter(app: App, url: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", PinningAdapter(app.store, context=app.context))
        session.get(url, headers=HEADERS, verify=False)


def by_assignment(app: App, url: str) -> None:
    app.context.check_hostname = False


WAYS_TO_WEAKEN: dict[str, Callable[[App, str], None]] = {
    "urllib3-cert-none": by_urllib3(cert_reqs="CERT_NONE"),
    "urllib3-assert-hostname": by_urllib3(assert_hostname="other.example.com"),
    "urllib3-no-hostname": by_urllib3(assert_hostname=False),
    "urllib3-fingerprint": by_urllib3(assert_fingerprint="00" * 32),
    "requests-verify-false": by_requests,
    "our-adapter-verify-false": by_our_adapter,
    "assignment": by_assignment,
}


@pytest.mark.parametrize("way", WAYS_TO_WEAKEN)
def test_the_context_refuses_and_stays_strict(tmp_path: Path, way: str) -> None:
    world = get_world()
    unvalidated = world.stranger.leaf("anything.example.com", key=world.genuine.key)
    with open_app(tmp_path) as app, TLSServer(unvalidated) as attacker:
        assert_reached(app, world.genuine)
        with pytest.raises(ConfigError):
            WAYS_TO_WEAKEN[way](app, f"https://{HOST}:{attacker.port}/")
        assert attacker.application_bytes == 0
        assert app.context.verify_mode == ssl.CERT_REQUIRED
        assert app.context.check_hostname is True
        # Everybody else is as safe as before, even from somebody with the *pinned key* and no valid certificate.
        assert_attack_fails(app, unvalidated, control=unverified_context(), reason=None)


@pytest.mark.parametrize("switch", ["verify_mode", "check_hostname"])
def test_a_context_that_was_weakened_beneath_the_setters_reaches_nobody(tmp_path: Path, switch: str) -> None:
    """The last line: what OpenSSL did not validate is no path, whoever managed to switch it off."""
    world = get_world()
    with open_app(tmp_path) as app, TLSServer(world.genuine) as server:
        assert_reached(app, world.genuine)
        in_c = vars(ssl.SSLContext.__base__)
        in_c["check_hostname"].__set__(app.context, False)
        if switch == "verify_mode":
            in_c["verify_mode"].__set__(app.context, ssl.CERT_NONE)
        with urllib3.PoolManager(retries=False) as pool:
            pool.connection_pool_kw["ssl_context"] = app.context
            with pytest.raises((urllib3.exceptions.SSLError, ConfigError)):
                pool.request("GET", f"https://{HOST}:{server.port}/", headers=HEADERS)
        with pytest.raises(ssl.SSLCertVerificationError, match="not-validated"):
            assert_reached(app, world.genuine)
        assert server.application_bytes == 0

# SPDX-License-Identifier: Apache-2.0
"""The context: what it starts with, and that nobody who shares it can weaken it."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
import requests.adapters
import urllib3

import holdfast
from holdfast.client.tls.bio_socket import BioPinnedSSLSocket
from holdfast.client.tls.pinned_socket import PinnedSSLObject, PinnedSSLSocket
from holdfast.client.tls.ssl_context import PinnedSSLContext, create_default_context
from holdfast.errors import ConfigError
from tests.pki import CLIENT_AUTH
from tests.static_judge import StaticJudge
from tests.tls_clients import ContextAdapter
from tests.tls_servers import TLSServer
from tests.tls_world import HOST, get_world
from tests.tools import clean_environment

PARTIAL_CHAIN = ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN


def connect(context: PinnedSSLContext, server: TLSServer) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    return context.wrap_socket(plain, server_hostname=HOST)


@pytest.fixture
def context() -> PinnedSSLContext:
    return get_world().pinned_context()


def test_it_starts_strict(context: PinnedSSLContext) -> None:
    assert context.protocol == ssl.PROTOCOL_TLS_CLIENT
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname is True
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.Options.OP_NO_RENEGOTIATION
    assert not context.verify_flags & PARTIAL_CHAIN
    assert bool(context.verify_flags & ssl.VerifyFlags.VERIFY_X509_STRICT) is (sys.version_info >= (3, 13))
    assert context.sslsocket_class is PinnedSSLSocket
    assert context.sslobject_class is PinnedSSLObject


def test_it_is_what_the_package_exports() -> None:
    assert holdfast.PinnedSSLContext is PinnedSSLContext
    assert holdfast.create_default_context is create_default_context


@pytest.mark.parametrize("mode", [ssl.CERT_NONE, ssl.CERT_OPTIONAL, 0, 1])
def test_verify_mode_cannot_be_weakened(context: PinnedSSLContext, mode: Any) -> None:
    with pytest.raises(ConfigError, match="CERT_REQUIRED"):
        context.verify_mode = mode
    context.verify_mode = ssl.CERT_REQUIRED
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_check_hostname_cannot_be_switched_off(context: PinnedSSLContext) -> None:
    with pytest.raises(ConfigError, match="check_hostname"):
        context.check_hostname = False
    context.check_hostname = True
    assert context.check_hostname is True


def test_a_partial_chain_and_renegotiation_cannot_be_switched_on(context: PinnedSSLContext) -> None:
    context.verify_flags |= PARTIAL_CHAIN | ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    assert not context.verify_flags & PARTIAL_CHAIN
    assert context.verify_flags & ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    context.options = ssl.Options.OP_NO_TICKET
    assert context.options & ssl.Options.OP_NO_RENEGOTIATION
    assert context.options & ssl.Options.OP_NO_TICKET


def test_pre_shared_keys_are_refused(context: PinnedSSLContext) -> None:
    with pytest.raises(ConfigError, match="pre-shared"):
        context.set_psk_client_callback(lambda hint: (None, b"key"))
    context.set_psk_client_callback(None)


def test_it_serves_nobody(context: PinnedSSLContext) -> None:
    with socket.socket() as plain, pytest.raises(ConfigError, match="clients"):
        context.wrap_socket(plain, server_side=True)
    with pytest.raises(ConfigError, match="clients"):
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)


def test_a_name_is_wanted(context: PinnedSSLContext) -> None:
    with socket.socket() as plain, pytest.raises(ValueError, match="server_hostname"):
        context.wrap_socket(plain)


def test_ca_certificates_are_loaded_as_in_the_standard_library(tmp_path: Path) -> None:
    world = get_world()
    judge = world.judge()
    bundle = tmp_path / "ca.pem"
    bundle.write_text(world.trusted)
    assert create_default_context(judge, cadata=world.trusted).cert_store_stats()["x509_ca"] == 2
    assert create_default_context(judge, cafile=str(bundle)).cert_store_stats()["x509_ca"] == 2
    assert create_default_context(judge, capath=str(tmp_path)).cert_store_stats()["x509_ca"] == 0
    code = (
        "from tests.static_judge import StaticJudge; import holdfast; "
        "print(holdfast.create_default_context(StaticJudge({})).cert_store_stats()['x509_ca'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(SSL_CERT_FILE=str(bundle), SSL_CERT_DIR=str(tmp_path)),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "2", "the platform's store, which the environment may name"


@pytest.mark.parametrize(
    "arguments",
    [{"cafile": "/no/such/file.pem"}, {"cadata": "no PEM at all"}, {"cadata": b"\x30\x03no"}, {"cadata": "ümlaut"}],
    ids=["missing", "no-pem", "no-der", "not-ascii"],
)
def test_bad_ca_certificates_are_one_clear_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="cannot load CA certificates") as caught:
        create_default_context(StaticJudge({}), **arguments)
    assert caught.value.hint


def test_an_empty_ca_file_is_an_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(ConfigError):
        create_default_context(StaticJudge({}), cafile=str(empty))


def test_the_environment_logs_no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert get_world().pinned_context().keylog_filename is None


def test_loading_a_client_certificate_chooses_the_socket_that_waits(context: PinnedSSLContext) -> None:
    world = get_world()
    client = world.issuing.leaf("client", usage=[CLIENT_AUTH])
    with TLSServer(world.genuine) as server:
        with connect(context, server) as tls:
            assert type(tls) is PinnedSSLSocket
        client.load_into(context)
        client.load_into(context)  # a second time changes nothing
        with connect(context, server) as tls:
            assert type(tls) is BioPinnedSSLSocket


# ----------------------------------------------------------------------------------------- what clients do to a context


def test_urllib3_cannot_weaken_a_shared_context(context: PinnedSSLContext) -> None:
    world = get_world()
    with TLSServer(world.genuine) as server:
        url = f"https://{HOST}:{server.port}/"
        for setting in ({"cert_reqs": "CERT_NONE"}, {"assert_hostname": False}, {"assert_fingerprint": "00" * 32}):
            pool = urllib3.PoolManager(ssl_context=context, retries=False, **setting)
            with pool, pytest.raises(ConfigError):
                pool.request("GET", url)
        assert server.application_bytes == 0
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname is True


def test_a_control_urllib3_does_weaken_a_plain_context() -> None:
    world = get_world()
    plain = world.plain_context()
    pool = urllib3.PoolManager(ssl_context=plain, retries=False, assert_hostname=False)
    with TLSServer(world.genuine) as server, pool:
        pool.request("GET", f"https://{HOST}:{server.port}/")
    assert plain.check_hostname is False


def test_requests_with_verify_false_is_refused(context: PinnedSSLContext) -> None:
    """Also with an adapter that somebody wrote by hand."""
    world = get_world()
    with TLSServer(world.mis_issued) as attacker, requests.Session() as session:
        session.trust_env = False
        session.mount("https://", ContextAdapter(context))
        with pytest.raises(ConfigError):
            session.get(f"https://{HOST}:{attacker.port}/", verify=False)
        assert attacker.application_bytes == 0


# ------------------------------------------------------------------------------------------------- truststore before us


def test_it_is_the_standard_context_even_where_truststore_came_first() -> None:
    code = """
import truststore
truststore.inject_into_ssl()
import ssl
from holdfast.client.tls.exempt_context import create_exempt_context, is_exempt
from holdfast.client.tls.ssl_context import PinnedSSLContext
from tests.tls_world import get_world
from tests.tls_clients import by_http_client
from tests.tls_servers import TLSServer
from holdfast import PinVerificationError
world = get_world()
assert type(ssl.create_default_context()).__module__.startswith("truststore")
assert not any(base.__module__.startswith("truststore") for base in PinnedSSLContext.__mro__)
exempt = create_exempt_context()
for context in (exempt, world.pinned_context()):  # the standard library's own setters would recurse for ever
    context.options |= ssl.OP_NO_TICKET
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.maximum_version = context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    assert context.options & ssl.OP_NO_TICKET and context.verify_flags & ssl.VERIFY_X509_STRICT
assert is_exempt(exempt.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="x").context)
with TLSServer(world.mis_issued) as attacker:
    try:
        by_http_client(world.pinned_context(), attacker.port)
    except PinVerificationError:
        print("refused", attacker.application_bytes)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["refused", "0"], done.stderr

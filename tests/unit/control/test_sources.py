# SPDX-License-Identifier: Apache-2.0
"""Keys from files, and what addresses show: digests as OpenSSL computes them, and one clear error for the rest."""

from __future__ import annotations

import base64
import gzip
import hashlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from holdfast.control.sources.download import download, reader_of
from holdfast.control.sources.key_files import (
    covers,
    key_from_certificate,
    key_from_csr,
    key_from_key_file,
    key_from_unknown,
    read_input_file,
)
from holdfast.control.sources.probe import Endpoint, parse_endpoint, probe_address, resolve_addresses
from holdfast.errors import HoldfastError, HostnameSyntaxError, InputError, TransportError
from tests.pki import Authority, Identity, Key, make_key, spki_pin
from tests.tls_servers import TLSServer
from tests.tools import free_port, get_tool

ROOT = Authority.root("Example Root")
LEAF = ROOT.intermediate("Example Issuing CA").leaf("api.example.com", "192.0.2.1")


def never() -> bytes:
    raise AssertionError("nobody should be asked for a passphrase")


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def make_csr(key: Key) -> x509.CertificateSigningRequest:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api.example.com")])
    names = x509.SubjectAlternativeName([x509.DNSName("api.example.com")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256())


# ------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048"])
def test_one_key_has_one_digest_in_every_form(kind: str) -> None:
    key = make_key(kind)
    leaf, csr = ROOT.leaf("api.example.com", key=key), make_csr(key)
    public = key.public_key()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
    traditional = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"pw"))
    forms: dict[str, bytes] = {
        "certificate": key_from_certificate(leaf.pem.encode()).spki_sha256,
        "certificate, DER": key_from_certificate(leaf.der).spki_sha256,
        "csr": key_from_csr(csr.public_bytes(Encoding.PEM)).spki_sha256,
        "csr, DER": key_from_csr(csr.public_bytes(Encoding.DER)).spki_sha256,
        "private": key_from_key_file(leaf.key_pem.encode(), never).spki_sha256,
        "private, encrypted": key_from_key_file(private, lambda: b"pw").spki_sha256,
        "private, traditional": key_from_key_file(traditional, lambda: b"pw").spki_sha256,
    }
    for encoding in (Encoding.PEM, Encoding.DER):
        data = public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
        forms[f"public {encoding}"] = key_from_key_file(data, never).spki_sha256
        forms[f"unknown public {encoding}"] = key_from_unknown(data, never).spki_sha256
    for form in (leaf.pem.encode(), leaf.der, csr.public_bytes(Encoding.PEM), csr.public_bytes(Encoding.DER), private):
        forms[f"unknown {form[:30]!r}"] = key_from_unknown(form, lambda: b"pw").spki_sha256
    assert {b64(digest) for digest in forms.values()} == {spki_pin(key)}


def test_the_digest_is_the_one_that_openssl_computes(tmp_path: Path) -> None:
    path = tmp_path / "leaf.pem"
    path.write_text(LEAF.pem)
    openssl = str(get_tool("openssl"))
    pem = subprocess.run([openssl, "x509", "-in", str(path), "-noout", "-pubkey"], capture_output=True, check=True)
    der = subprocess.run(
        [openssl, "pkey", "-pubin", "-outform", "DER"], input=pem.stdout, capture_output=True, check=True
    )
    assert key_from_certificate(path.read_bytes()).spki_sha256 == hashlib.sha256(der.stdout).digest()


def test_of_a_chain_the_first_counts_and_is_remarked() -> None:
    key = key_from_certificate(LEAF.chain_pem.encode())
    assert b64(key.spki_sha256) == LEAF.pin
    assert key.certificate_sha256 is not None
    assert b64(key.certificate_sha256) == LEAF.certificate_digest
    assert key.notes == ("it holds 2 certificates; the first one counts",)
    assert set(key.names) == {"api.example.com", "192.0.2.1"}


def test_text_around_a_pem_block_is_ignored() -> None:
    text = f"subject=CN = api\r\n{LEAF.pem.replace(chr(10), chr(13) + chr(10))}\r\ntrailer"
    assert b64(key_from_certificate(text.encode()).spki_sha256) == LEAF.pin


def test_a_request_that_its_key_did_not_sign_is_refused() -> None:
    der = bytearray(make_csr(make_key()).public_bytes(Encoding.DER))
    der[-1] ^= 1
    with pytest.raises(InputError) as raised:
        key_from_csr(bytes(der))
    assert raised.value.code in {"csr-signature", "csr-syntax"}


PKCS1 = make_key("rsa2048").public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"\x30\x82",
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
        LEAF.der[:100],
        LEAF.der + b"\x00",
        PKCS1,
    ],
    ids=range(11),
)
@pytest.mark.parametrize(
    "take",
    [
        key_from_certificate,
        key_from_csr,
        lambda data: key_from_key_file(data, lambda: b"pw"),
        lambda data: key_from_unknown(data, lambda: b"pw"),
    ],
    ids=["certificate", "csr", "key", "unknown"],
)
def test_garbage_is_an_input_error(take: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(InputError):
        take(data)


@given(st.binary(max_size=300) | st.binary(max_size=50).map(lambda data: LEAF.der[: len(data) * 10] + data))
def test_any_bytes_are_a_key_or_an_input_error(data: bytes) -> None:
    try:
        key_from_unknown(data, lambda: b"pw")
    except InputError:
        return


def test_a_wrong_passphrase_of_a_server_key_says_so() -> None:
    pem = make_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"right"))
    with pytest.raises(InputError) as raised:
        key_from_key_file(pem, lambda: b"wrong")
    assert raised.value.code == "key-passphrase"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: None, "file-unreadable"),
        (lambda path: path.mkdir(), "file-unreadable"),
        (lambda path: path.write_bytes(b""), "file-size"),
        (lambda path: path.write_bytes(bytes(2**20 + 1)), "file-size"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_input_error(tmp_path: Path, make: Callable[[Path], None], code: str) -> None:
    path = tmp_path / "file"
    make(path)
    with pytest.raises(InputError) as raised:
        read_input_file(path)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("names", "host", "is_covered"),
    [
        (("api.example.com",), "api.example.com", True),
        (("API.example.com.",), "api.example.com", True),
        (("*.example.com",), "api.example.com", True),
        (("*.example.com",), "a.api.example.com", False),
        (("www.example.com", "ä.example"), "api.example.com", False),
        ((), "api.example.com", False),
    ],
)
def test_which_hosts_a_certificate_is_for(names: tuple[str, ...], host: str, is_covered: bool) -> None:
    assert covers(names, host) is is_covered


# ------------------------------------------------------------------------------------------------------ probes


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("https://API.example.com/", Endpoint("api.example.com", 443)),
        ("https://api.example.com:8443/x?y", Endpoint("api.example.com", 8443)),
        ("api.example.com:8443", Endpoint("api.example.com", 8443)),
        ("api.example.com.", Endpoint("api.example.com", 443)),
        ("https://[2001:db8::1]:8443/", Endpoint("2001:db8::1", 8443)),
        ("192.0.2.1", Endpoint("192.0.2.1", 443)),
    ],
)
def test_an_endpoint_is_read_from_what_people_paste(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint
    assert parse_endpoint(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://a.example/",
        "https://",
        "https://u:p@x.example/",
        "https://x:99999/",
        "https://[::1",
        "bücher.example",
    ],
)
def test_an_endpoint_that_is_none_is_an_input_error(text: str) -> None:
    with pytest.raises((InputError, HostnameSyntaxError)):
        parse_endpoint(text)


@contextmanager
def server_of(identity: Identity) -> Iterator[int]:
    with TLSServer(identity) as server:
        yield server.port


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(ROOT.pem)
    return path


def test_the_validated_path_is_seen_root_included(ca_file: Path) -> None:
    leaf = ROOT.intermediate("Issuing").leaf("localhost")
    with server_of(leaf) as port:
        seen = probe_address(Endpoint("localhost", port), "127.0.0.1", ca_file=ca_file, timeout_seconds=5)
    assert seen.is_validated
    assert [b64(each.spki_sha256) for each in seen.path] == [leaf.pin, spki_pin(leaf.chain[0]), ROOT.pin]


@pytest.mark.parametrize("fault", ["another CA", "another name", "expired"])
def test_what_does_not_validate_is_shown_and_marked(ca_file: Path, fault: str) -> None:
    leaf = {
        "another CA": Authority.root("Rogue").leaf("localhost"),
        "another name": ROOT.leaf("other.example"),
        "expired": ROOT.leaf("localhost", days=(-30, -1)),
    }[fault]
    with server_of(leaf) as port:
        seen = probe_address(Endpoint("localhost", port), "127.0.0.1", ca_file=ca_file, timeout_seconds=5)
    assert not seen.is_validated
    assert seen.is_reachable
    assert seen.fault
    assert b64(seen.path[0].spki_sha256) == leaf.pin


def test_nobody_at_home_is_part_of_the_answer(ca_file: Path) -> None:
    seen = probe_address(Endpoint("localhost", free_port()), "127.0.0.1", ca_file=ca_file, timeout_seconds=2)
    assert (seen.is_reachable, seen.path) == (False, ())
    assert "refused" in seen.fault


def test_somebody_who_never_answers_is_left_in_time(ca_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint("localhost", silent.getsockname()[1])
        seen = probe_address(endpoint, "127.0.0.1", ca_file=ca_file, timeout_seconds=0.3)
    assert not seen.is_reachable
    assert "time" in seen.fault


def test_every_address_is_found_once() -> None:
    assert "127.0.0.1" in resolve_addresses(Endpoint("localhost", 443))
    assert resolve_addresses(Endpoint("127.0.0.1", 443)) == ["127.0.0.1"]


def test_cas_that_are_none_are_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing")
    with pytest.raises(InputError) as raised:
        probe_address(Endpoint("localhost", 1), "127.0.0.1", ca_file=path)
    assert raised.value.code == "ca-file"


# --------------------------------------------------------------------------------------------------- downloads


ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/plain": (200, {}, b"hello"),
    "/gzip": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"hello")),
    "/bomb": (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(2_000_000))),
    "/truncated": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"hello" * 100)[:-9]),
    "/no-gzip": (200, {"Content-Encoding": "gzip"}, b"hello"),
    "/br": (200, {"Content-Encoding": "br"}, b"hello"),
    "/large": (200, {}, bytes(2_000)),
    "/error": (503, {}, b""),
    "/gone": (410, {}, b""),
    "/file": (302, {"Location": "file:///etc/hostname"}, b""),
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, headers, body = ANSWERS.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the name that http.server gives it
        pass


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_a_file_is_fetched_as_it_is_and_compressed(base: str) -> None:
    assert download(base + "plain") == b"hello"
    assert download(base + "gzip") == b"hello"
    assert download(base + "missing") is None
    assert download(base + "gone") is None
    assert reader_of(base.rstrip("/"))("plain") == b"hello"


@pytest.mark.parametrize("name", ["bomb", "truncated", "no-gzip", "br", "large", "error", "file"])
def test_a_bad_answer_is_a_transport_error(base: str, name: str) -> None:
    with pytest.raises(TransportError):
        download(base + name, max_bytes=1_000)


def test_nobody_there_is_a_transport_error() -> None:
    with pytest.raises(TransportError):
        download(f"http://127.0.0.1:{free_port()}/bundle.json", timeout_seconds=2)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x/", "https://", "http://[::1/", "https://x y/", "https://é/"]
)
def test_a_url_that_is_none_is_an_input_error(url: str) -> None:
    with pytest.raises(HoldfastError) as raised:
        download(url)
    assert raised.value.code == "url-syntax"

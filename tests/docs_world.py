# SPDX-License-Identifier: Apache-2.0
"""The world around a document: what a reader has and a test has not, a back end with a name and a CA that is trusted.

``python -m tests.docs_world HOST`` makes ``.world/`` in the current folder, and leaves a TLS server running that
answers for ``HOST``:

* ``ca.pem``, ``api.pem``, ``api.key``: a CA, and the back end's certificate; ``next.pem``, ``next.key``: its renewal
  with a new key. The server shows what ``live.pem`` and ``live.key`` hold, at each connection;
* ``passphrase``: for key files;
* ``sitecustomize.py``: sends ``HOST`` and its port 443 to that server, for every Python with ``.world`` on its path.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

from tests.pki import Authority

_WORLD = Path(".world")
_SITECUSTOMIZE = """\
import socket

_getaddrinfo, _connect = socket.getaddrinfo, socket.socket.connect


def getaddrinfo(host, *more, **named):
    known = host in ({host!r}, {host!r}.encode())
    return _getaddrinfo("127.0.0.1" if known else host, *more, **named)


def connect(self, address):
    return _connect(self, ("127.0.0.1", {port}) if address == ("127.0.0.1", 443) else address)


socket.getaddrinfo, socket.socket.connect = getaddrinfo, connect
"""
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"


def make_world(host: str) -> None:
    """Make the files, start the server in a process of its own, and return once it listens."""
    _WORLD.mkdir()
    root = Authority.root("Example Root")
    issuing = root.intermediate("Example Issuing CA")
    (_WORLD / "ca.pem").write_text(root.pem)
    for name in ("api", "next"):
        issuing.leaf(host).write(_WORLD, name)
    for suffix in ("pem", "key"):
        shutil.copy(_WORLD / f"api.{suffix}", _WORLD / f"live.{suffix}")
    (_WORLD / "passphrase").write_text(secrets.token_urlsafe(24) + "\n")
    server = subprocess.Popen([sys.executable, "-m", "tests.docs_world", "--serve"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    port = int(server.stdout.readline())
    (_WORLD / "sitecustomize.py").write_text(_SITECUSTOMIZE.format(host=host, port=port))


def serve() -> None:
    """Answer every connection with the certificate that lies there at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_WORLD / "live.pem", _WORLD / "live.key")
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(65536)
            tls.sendall(_ANSWER)
    except OSError:
        connection.close()


if __name__ == "__main__":
    serve() if sys.argv[1] == "--serve" else make_world(sys.argv[1])

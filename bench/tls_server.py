# SPDX-License-Identifier: Apache-2.0
"""The TLS server that clients are measured against: a process of its own, so that its work is not theirs.

``python -m bench.tls_server CHAIN KEY [CHAIN KEY ...]`` prints one port a key and serves until its input ends. After
the handshake it takes commands of nine bytes: ``D`` and a number (send so many bytes), ``U`` and a number (take so many
and answer with one byte); or it waits for the client to leave.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["COMMAND", "DOWNLOAD", "UPLOAD", "run_server"]

DOWNLOAD, UPLOAD = b"D", b"U"
COMMAND = 9  # bytes: a letter, and a number of eight bytes, most significant first
_PIECE = 256 * 1024


@contextlib.contextmanager
def run_server(identities: Sequence[tuple[Path, Path]]) -> Iterator[list[int]]:
    """Run the server.

    Args:
        identities: Chain and key files, PEM.

    Yields:
        A loopback port for each identity.
    """
    words = [str(path) for identity in identities for path in identity]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.tls_server", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_talk, args=(connection, context), daemon=True).start()


def _talk(connection: socket.socket, context: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError), connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(connection, server_side=True) as tls:
            while command := _receive(tls, COMMAND):
                size = int.from_bytes(command[1:], "big")
                if command[:1] == DOWNLOAD:
                    _send(tls, size)
                else:
                    _take(tls, size)
                    tls.sendall(b"!")


def _receive(tls: ssl.SSLSocket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = tls.recv(size - len(data))
        if not piece:
            return b""
        data += piece
    return data


def _send(tls: ssl.SSLSocket, size: int) -> None:
    piece = memoryview(bytes(_PIECE))
    while size:
        part = piece[: min(size, _PIECE)]
        tls.sendall(part)
        size -= len(part)


def _take(tls: ssl.SSLSocket, size: int) -> None:
    buffer = bytearray(_PIECE)
    while size:
        count = tls.recv_into(buffer, min(size, _PIECE))
        if not count:
            raise OSError("the client left in the middle of an upload")
        size -= count


def main(words: Sequence[str]) -> None:
    """Serve until standard input ends."""
    ports = []
    for chain, key in zip(words[::2], words[1::2], strict=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        ports.append(listener.getsockname()[1])
        threading.Thread(target=_serve, args=(listener, context), daemon=True).start()
    print(json.dumps(ports), flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main(sys.argv[1:])

# SPDX-License-Identifier: Apache-2.0
"""nginx from Debian as it stands in front of real back ends: its certificate is swapped by a reload, under load.

Every request is a line of its access log: under which certificate, on which connection, asked for what. So a test can
count exactly, on the server's side, what clients say that they did.
"""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.pki import Identity
from tests.tools import clean_environment, free_port, get_tool, wait_until

__all__ = ["LoggedRequest", "Nginx"]

_CONFIG = """
daemon off;
{user}
worker_processes 2;
worker_shutdown_timeout 5s;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    default_type application/json;
    log_format counted '$status {label} $connection $connection_requests $request_uri';

    server {{
        listen 127.0.0.1:{tls_port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        access_log {folder}/access.log counted;
        location / {{ return 200 "hello from {label}\\n"; }}
        location /ws {{
            proxy_pass http://127.0.0.1:{upstream_port};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }}
    }}
    server {{
        listen 127.0.0.1:{http_port};
        access_log {folder}/files.log counted;
        root {public};
    }}
}}
"""


@dataclass(frozen=True)
class LoggedRequest:
    """One request as nginx saw it.

    Attributes:
        status: Of the answer.
        label: Which certificate was configured.
        connection: Number of the connection.
        nth: Its how-manieth request on that connection, from 1.
        path: What was asked for.
    """

    status: int
    label: str
    connection: int
    nth: int
    path: str


class Nginx:
    """nginx with TLS on one port (``/`` answers, ``/ws`` leads to an upstream) and a static directory on another.

    Args:
        folder: For configuration, keys and logs.
        public: The directory that is served over plain HTTP.
        upstream_port: Where WebSockets lead.
    """

    def __init__(self, folder: Path, *, public: Path, upstream_port: int = 9) -> None:
        self._program = get_tool("nginx")
        self._folder = folder
        self._public = public
        self._upstream_port = upstream_port
        self.port, self.http_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)

    def start(self, label: str, identity: Identity) -> Self:
        """Start with a certificate; returns when it listens."""
        self._configure(label, identity)
        self._process = subprocess.Popen(
            [self._program, "-p", self._folder, "-e", self._folder / "error.log", "-c", self._folder / "nginx.conf"],
            env=clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: len(self._workers()) == 2, what="nginx to start: " + self._read("error.log"))
        return self

    def swap(self, label: str, identity: Identity) -> None:
        """Show another certificate: configure it, reload, and wait until no worker of before is left."""
        assert self._process is not None
        before = self._workers()
        self._configure(label, identity)
        self._process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(self._workers()) == 2 and not before & self._workers(), what="nginx to reload")

    def stop(self) -> None:
        """Stop at once."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def read_requests(self) -> list[LoggedRequest]:
        """Read what the TLS side has logged so far."""
        lines = (line.split(" ", 4) for line in self._read("access.log").splitlines())
        return [LoggedRequest(int(s), label, int(c), int(n), path) for s, label, c, n, path in lines]

    def count_files_served(self) -> int:
        """Count the requests for static files so far."""
        return len(self._read("files.log").splitlines())

    def _configure(self, label: str, identity: Identity) -> None:
        certificate, key = identity.write(self._folder / "tls", label)
        text = _CONFIG.format(
            user="user root;" if os.getuid() == 0 else "",
            folder=self._folder,
            label=label,
            tls_port=self.port,
            http_port=self.http_port,
            certificate=certificate,
            key=key,
            upstream_port=self._upstream_port,
            public=self._public,
        )
        (self._folder / "nginx.conf").write_text(text, encoding="utf-8")

    def _workers(self) -> set[int]:
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return {int(child) for child in children.read_text().split()} if children.exists() else set()

    def _read(self, name: str) -> str:
        path = self._folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

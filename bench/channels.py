# SPDX-License-Identifier: Apache-2.0
"""Channels of a given size, as a publisher would have them: each host with a current, a next and a backup key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.repository import Repository, digest_text, pin

__all__ = ["build_channel", "name_host"]


def name_host(number: int) -> str:
    """Name a host; every fifth covers its subdomains too."""
    return f"service-{number}.example.com"


def build_channel(hosts: int, *, pins: dict[str, list[str]] | None = None) -> Repository:
    """Make a repository in memory and publish once.

    Args:
        hosts: How many hosts of :func:`name_host` it protects.
        pins: Further hosts with the digests (base64) of their leaf keys.
    """
    repository = Repository(now=datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10))
    for number in range(hosts):
        name = name_host(number)
        repository.add_host(
            name,
            [digest_text(f"{name} current"), digest_text(f"{name} next")],
            include_subdomains=number % 5 == 0,
            backup=[pin(digest_text(f"{name} backup"))],
        )
    for name, digests in (pins or {}).items():
        repository.add_host(name, digests, backup=[pin(digest_text(f"{name} backup"))])
    repository.publish()
    return repository

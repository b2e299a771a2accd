# SPDX-License-Identifier: Apache-2.0
"""Bounds of everything that is parsed before, or without, a signature. Normative: the tables of ``spec/``."""

from __future__ import annotations

from typing import Final

# JSON
MAX_JSON_DEPTH: Final = 16  # containers within containers; ours need six
MAX_JSON_VALUES: Final = 500_000  # counted by the separators `,` `[` `{` outside strings; 8 MiB of pins have fewer
MAX_INTEGER: Final = 2**53 - 1  # what every JSON implementation reads exactly

# Files, in bytes after decompression
MAX_ROOT_BYTES: Final = 512_000
MAX_TIMESTAMP_BYTES: Final = 16_384
MAX_SNAPSHOT_BYTES: Final = 2_000_000
MAX_TARGETS_BYTES: Final = 5_000_000
MAX_SCOPE_BYTES: Final = 8 * 1024 * 1024
MAX_MANIFEST_BYTES: Final = 8 * 1024 * 1024
MAX_BUNDLE_BYTES: Final = 24 * 1024 * 1024  # scope and manifest of 10,000 hosts, quoted as JSON strings
MAX_BUNDLE_FILES: Final = 640
PACKED_ROOTS_BYTES: Final = 256 * 1024  # a publisher packs old roots into the bundle up to this size

# Trust
MAX_ROOT_ROTATIONS: Final = 256  # new roots followed in one refresh; the next refresh goes on from there
MAX_DELEGATIONS: Final = 32  # roles visited in one search for a target
MAX_ROLE_KEYS: Final = 64  # keyids of one role: each costs a verification
MAX_PATTERN_CHARACTERS: Final = 65_536  # all path patterns of one role file: each is compiled
MAX_FILE_HASHES: Final = 8  # of one file: each reads the whole of it

# Scope and manifest
MAX_HOSTS: Final = 10_000
MAX_PINS: Final = 64  # in one list of one host
MAX_CA_DIGESTS: Final = 256  # in `allow.ca` or `require` of one host
MAX_CHANNEL_LENGTH: Final = 128
MAX_LABEL_TEXT: Final = 256  # `use` and `reason`: for people
MAX_REPORT_URLS: Final = 4
MAX_URL_LENGTH: Final = 2048
MAX_REPORT_ONLY_SECONDS: Final = 90 * 86_400
MIN_MAX_AGE_SECONDS: Final = 7 * 86_400
MAX_MAX_AGE_SECONDS: Final = 3650 * 86_400
DEFAULT_FRESH_SECONDS: Final = 86_400
MIN_FRESH_SECONDS: Final = 60
MAX_FRESH_SECONDS: Final = 366 * 86_400
MIN_REFRESH_SECONDS: Final = 60
MAX_REFRESH_SECONDS: Final = 86_400

# Certificates
MAX_CERTIFICATE_BYTES: Final = 64 * 1024
MAX_PATH_LENGTH: Final = 16

# Host names (RFC 1035, 2.3.4)
MAX_HOSTNAME_LENGTH: Final = 253
MAX_LABEL_LENGTH: Final = 63

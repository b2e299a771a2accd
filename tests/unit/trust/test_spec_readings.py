# SPDX-License-Identifier: Apache-2.0
"""Where the code once read the design otherwise than ``spec/`` does; each has its vectors too."""

from __future__ import annotations

import pytest

from holdfast.core.strict_json import parse_json
from holdfast.errors import FormatError
from holdfast.trust.canonical_json import check_profile


def test_what_a_publisher_signs_fits_into_a_file_that_clients_read() -> None:
    deepest = parse_json(b"[" * 15 + b"]" * 15, max_bytes=100)
    check_profile(deepest)
    parse_json(b'{"signed":' + b"[" * 15 + b"]" * 15 + b"}", max_bytes=100)
    with pytest.raises(FormatError, match="nested"):
        check_profile([deepest])

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run every test. Usage: test.sh BIN [pytest words]
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1
shift
exec "$bin/python" -m pytest -q "$@"

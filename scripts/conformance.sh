#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run theupdateframework/tuf-conformance against holdfast-conformance. Usage: conformance.sh BIN SUITE [pytest words]
# The suite is somebody else's code and no part of this repository: it is run from the checkout that one has.
set -euo pipefail
bin=$(cd "$1" && pwd)
suite=${2:-}
shift 2

if [ -z "$suite" ] || [ ! -d "$suite/tuf_conformance" ]; then
    printf 'error: no TUF conformance suite at "%s"\n' "$suite" >&2
    printf 'hint: clone theupdateframework/tuf-conformance, then: make conformance SUITE=path/to/tuf-conformance\n' >&2
    exit 2
fi
suite=$(cd "$suite" && pwd)
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
# Its own configuration, not ours; nothing is written into the checkout.
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$suite "$bin/python" -m pytest -p no:randomly -p no:cacheprovider -p no:asyncio \
    -c /dev/null --rootdir "$suite" --confcutdir "$suite" "$suite/tuf_conformance" --entrypoint "$bin/holdfast-conformance" "$@"

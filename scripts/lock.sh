#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Make the hashed locks again. Usage: lock.sh BIN [--upgrade | --upgrade-package NAME]
# The locks hold for CPython 3.11 and later on every platform, and name no index and no machine.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1
shift

compile() {
    local output=$1
    shift
    printf '\033[1m==>\033[0m %s\n' "$output"
    "$bin/uv" pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url \
        --no-emit-find-links --no-annotate --custom-compile-command 'make lock' --output-file "$output" "$@"
}

# All that the tests need first; the demo's packages are then held to the same versions: one .venv serves both.
compile requirements/dev.txt pyproject.toml --extra all --group build --group test --group lint --group tools "$@"
compile requirements/demo.txt pyproject.toml --extra cli --extra server --group build --constraints requirements/dev.txt "$@"
compile requirements/mitmproxy.txt requirements/mitmproxy.in --overrides requirements/mitmproxy-overrides.in "$@"

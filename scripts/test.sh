#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run every test, in two halves: the pure rooms under coverage, which must be complete, and then everything else, which
# opens sockets and measures time and so runs without a tracer. Usage: test.sh BIN [pytest words]
set -uo pipefail
cd "$(dirname "$0")/.."
bin=$1
shift

# Words mean that somebody looks for something: one plain run.
[ $# -eq 0 ] || exec "$bin/python" -m pytest -q "$@"

pure=()
for suite in tests/unit/core tests/unit/trust tests/property tests/vectors; do
    [ ! -d "$suite" ] || pure+=("$suite")
done
failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

printf '\033[1m==>\033[0m %s\n' "core/ and trust/, under coverage: every branch must be reached"
COVERAGE_FILE=$folder/coverage "$bin/python" -m pytest -q --numprocesses=2 --cov=holdfast.core --cov=holdfast.trust \
    --cov-report=term-missing:skip-covered --cov-fail-under=100 "${pure[@]}" || failed=1

printf '\033[1m==>\033[0m %s\n' "everything else"
"$bin/python" -m pytest -q "${pure[@]/#/--ignore=}" || failed=1

if [ "$failed" != 0 ]; then
    printf 'error: at least one of the two halves failed: see above\n' >&2
fi
exit "$failed"

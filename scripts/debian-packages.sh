#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install the Debian packages that the full test run needs, when that is possible; otherwise name what is missing.
# The list stands in requirements/debian.txt: one "package tool" a line. Exits 0 either way: a test that lacks its
# tool says so itself, and fails under HOLDFAST_REQUIRE_ALL=1.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

missing=()
while read -r package tool _; do
    case $package in '' | '#'*) continue ;; esac
    command -v "$tool" >/dev/null || missing+=("$package")
done <requirements/debian.txt
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    printf '\033[1m==>\033[0m %s\n' "not installed: ${missing[*]}; the tests that need them are skipped, and named at the end"
    printf 'hint: sudo apt-get install %s\n' "${missing[*]}" >&2
    exit 0
fi

printf '\033[1m==>\033[0m %s\n' "running as root: installing Debian packages for the tests: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# The tests start their own servers: none is to be started by the installation.
policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
log=$(mktemp)
if ! { apt-get -qq update && apt-get -qq install --no-install-recommends -y "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    printf 'error: Debian packages could not be installed: %s\n' "${missing[*]}" >&2
    printf 'hint: apt-get update && apt-get install %s\n' "${missing[*]}" >&2
fi
rm -f "$log"

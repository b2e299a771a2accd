#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Make a virtual environment from the first CPython of 3.11 or later that is found.
# Usage: make-venv.sh FOLDER            (PYTHON=/path/to/python chooses one)
set -euo pipefail

folder=$1
minimum='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        # A name may exist and still not run (a pyenv shim without a version behind it): only a run counts.
        if "$candidate" -c "$minimum" >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

python=$(find_python) || fail "no Python of 3.11 or later was found${PYTHON:+ (PYTHON=$PYTHON)}" \
    "install one (Debian 12: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12 ..."

if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    # Debian splits the standard library: venv without python3-venv makes an environment that has no pip.
    package=$("$python" -c 'import sys; print("python3-venv python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        printf '\033[1m==>\033[0m %s\n' "running as root: installing Debian's python3-venv, which $python needs to make an environment"
        export DEBIAN_FRONTEND=noninteractive
        apt-get -qq update >/dev/null
        # shellcheck disable=SC2086  # two names: the metapackage, and the one of this very version
        apt-get -qq install --no-install-recommends -y $package >/dev/null 2>&1 ||
            apt-get -qq install --no-install-recommends -y python3-venv >/dev/null
    fi
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || fail \
        "$python cannot make virtual environments: its ensurepip is not installed" \
        "on Debian: sudo apt-get install python3-venv; or name another Python: make PYTHON=/path/to/python3.12 ..."
fi

printf '\033[1m==>\033[0m %s\n' "making $folder with $("$python" --version) ($python)"
"$python" -m venv --clear "$folder"

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0

# Functions of the scripts in this directory; source this file.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() {
    echo "==> $*" >&2
}

die() {
    echo "error: $*" >&2
    exit 1
}

# pbr gets the version from git. Git refuses to read a checkout of another owner
# unless it is a safe directory, and has no data in an unpacked archive.
let_pbr_find_a_version() {
    local count=${GIT_CONFIG_COUNT:-0}
    export "GIT_CONFIG_KEY_$count=safe.directory"
    export "GIT_CONFIG_VALUE_$count=$checkout"
    export GIT_CONFIG_COUNT=$((count + 1))
    if ! git -C "$checkout" rev-parse --quiet --verify HEAD &> /dev/null; then
        export PBR_VERSION=${PBR_VERSION:-0.0.0}
    fi
}

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Install Debian packages: install_packages NAME...
# Do not start their servers, which would listen on all interfaces.
install_packages() (
    command -v apt-get > /dev/null ||
        die "install these packages (Debian names): $*"
    [[ $EUID -eq 0 ]] || command -v sudo > /dev/null ||
        die "packages are missing; as root: apt-get install $*"
    say "Installing system packages: $*"
    policy=/usr/sbin/policy-rc.d
    if [[ -e $policy ]]; then
        as_root mv "$policy" "$policy.saved"
        trap 'as_root mv "$policy.saved" "$policy"' EXIT
    else
        trap 'as_root rm -f "$policy"' EXIT
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" > /dev/null
    as_root chmod +x "$policy"
    as_root apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "$@" > /dev/null
)

# Print the name of a Python that is recent enough and can create virtual
# environments.
find_python() {
    local name check
    check='import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'
    for name in python3.13 python3.12 python3.11 python3; do
        if "$name" -c "$check" &> /dev/null; then
            echo "$name"
            return
        fi
    done
    return 1
}

# Create a virtual environment: make_venv DIRECTORY PROFILES PIP_ARGUMENT...
# Install the system packages of profiles of bindep.txt and the Python packages
# of the arguments of pip. Does nothing if nothing has changed.
make_venv() {
    local venv=$1 profiles wanted missing python
    read -ra profiles <<< "$2"
    shift 2
    wanted=$(echo "$checkout" "$@" | cat - "$checkout"/{bindep.txt,setup.cfg} \
        "$checkout"/{pyproject.toml,{,test-,tools/stack-}requirements.txt} \
        "$checkout/benchmarks/requirements.txt" |
        sha256sum)
    if ! "$venv/bin/python" -m pip --version &> /dev/null; then
        python=$(find_python) || {
            install_packages python3-venv
            python=$(find_python) || die 'Python 3.11 or newer is needed'
        }
        say "Creating a virtual environment: $venv"
        "$python" -m venv --clear "$venv"
    fi
    if [[ $(cat "$venv/installed" 2> /dev/null) == "$wanted" ]]; then
        return
    fi
    "$venv/bin/python" -m pip install --quiet bindep
    missing=$("$venv/bin/python" -m bindep --brief \
        --file "$checkout/bindep.txt" "${profiles[@]}") || {
        [[ $missing ]] || die 'bindep failed'
        # shellcheck disable=SC2086
        install_packages $missing
    }
    say "Installing Python packages into $venv, which takes a minute"
    "$venv/bin/python" -m pip install --quiet "$@"
    echo "$wanted" > "$venv/installed"
}

# Create the virtual environment of the other OpenStack services, unless
# ENERGY_METER_STACK_VENV names one, and export that variable.
make_stack_venv() {
    [[ -z ${ENERGY_METER_STACK_VENV:-} ]] || return 0
    export ENERGY_METER_STACK_VENV=$checkout/.venv-stack
    make_venv "$ENERGY_METER_STACK_VENV" test \
        --requirement "$checkout/tools/stack-requirements.txt" \
        --editable "$checkout"
}

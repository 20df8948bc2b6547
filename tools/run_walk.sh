#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Walk through the documentation as a newcomer does: make a fresh Debian 12,
# boot it, and run the commands of a page there, one after the other.
#
#   tools/run_walk.sh [PAGE]
#
# The page is doc/source/install/walk.rst unless another is named. Needs root,
# 3 GB of space and a quarter of an hour, and installs what else it needs. The
# machine has no network but its loopback; apt and pip reach theirs through a
# proxy. It ends with the walk.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

page=${1:-$checkout/doc/source/install/walk.rst}
minutes=60
work=$(mktemp --directory)
machine=$work/machine
pids=()

clean_up() {
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid" 2> /dev/null || true
    done
    wait
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT

# Apt and pip of the machine talk to a socket in $work/proxy, behind which is
# a proxy on this host's loopback address.
start_proxy() {
    local port
    port=$(python3 -c 'import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1])')
    mkdir "$work/proxy"
    printf '%s\n' "Port $port" 'Listen 127.0.0.1' 'Allow 127.0.0.1' \
        'Timeout 600' 'LogLevel Critical' > "$work/tinyproxy.conf"
    tinyproxy -d -c "$work/tinyproxy.conf" > "$work/tinyproxy.log" &
    pids+=($!)
    socat "UNIX-LISTEN:$work/proxy/socket,fork,mode=666" \
        "TCP:127.0.0.1:$port" &
    pids+=($!)
}

make_machine() {
    say 'Making a fresh Debian 12'
    debootstrap --variant=minbase --include=ca-certificates,dbus,systemd-sysv \
        bookworm "$machine" > "$work/debootstrap.log" ||
        die "debootstrap failed: $(tail -n 3 "$work/debootstrap.log")"
    echo controller > "$machine/etc/hostname"
    # As Debian's installer writes it.
    printf '%s\n' '127.0.0.1 localhost' '127.0.1.1 controller' \
        > "$machine/etc/hosts"
    # To tell afterwards what went wrong.
    mkdir --parents "$machine/var/log/journal"
    # It lives for minutes: nothing has to outlast a loss of power.
    echo force-unsafe-io > "$machine/etc/dpkg/dpkg.cfg.d/walk"
}

# The way to packages: where this host takes them from, and our own.
connect_machine() {
    say 'Building the wheel of what is committed'
    let_pbr_find_a_version
    git clone --quiet "$checkout" "$work/source"
    "$(find_python)" -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet docutils
    "$work/venv/bin/pip" wheel --quiet --no-deps \
        --wheel-dir "$machine/var/lib/walk" "$work/source"
    cp /etc/ssl/certs/ca-certificates.crt "$machine/etc/ssl/certs/"
    echo 'Acquire::http::Proxy "http://127.0.0.1:3128";' \
        > "$machine/etc/apt/apt.conf.d/walk"
    {
        echo '[global]'
        echo 'proxy = http://127.0.0.1:3128'
        echo 'find-links = /var/lib/walk'
        echo 'cert = /etc/ssl/certs/ca-certificates.crt'
        "$work/venv/bin/pip" config list | sed --quiet \
            "s/^\(global\|:env:\)\.index-url='\(.*\)'$/index-url = \2/p" |
            head --lines=1
    } > "$machine/etc/pip.conf"
    cat > "$machine/etc/systemd/system/walk-proxy.socket" << 'EOF'
[Socket]
ListenStream=127.0.0.1:3128
EOF
    cat > "$machine/etc/systemd/system/walk-proxy.service" << 'EOF'
[Service]
ExecStart=/lib/systemd/systemd-socket-proxyd /run/walk-proxy/socket
EOF
}

# The machine ends when the script does, with its exit status.
prepare_walk() {
    "$work/venv/bin/python" "$checkout/tools/walk.py" "$page" \
        > "$machine/root/walk.sh"
    cat > "$machine/etc/systemd/system/walk.service" << EOF
[Unit]
Requires=walk-proxy.socket
After=walk-proxy.socket systemd-user-sessions.service
SuccessAction=exit
FailureAction=exit

[Service]
Environment=HOME=/root
WorkingDirectory=/root
ExecStart=/bin/bash /root/walk.sh
StandardOutput=file:/var/log/walk.log
StandardError=inherit
RuntimeMaxSec=${minutes}min

[Install]
WantedBy=multi-user.target
EOF
    systemctl --quiet --root="$machine" enable walk.service
}

walk() {
    local status=0 begin=$SECONDS
    say 'Walking'
    touch "$machine/var/log/walk.log"
    tail --follow --lines=+1 "$machine/var/log/walk.log" &
    pids+=($!)
    systemd-nspawn --quiet --keep-unit --register=no --private-network \
        --bind="$work/proxy:/run/walk-proxy" --directory="$machine" \
        --boot --console=pipe < /dev/null > "$work/console.log" ||
        status=$?
    [[ $status -eq 0 ]] ||
        journalctl --directory="$machine/var/log/journal" --lines=100
    say "Ended with status $status after $((SECONDS - begin)) s"
    return $status
}

[[ $EUID -eq 0 ]] || die 'only root can boot a machine'
missing=()
for pair in debootstrap systemd-nspawn:systemd-container tinyproxy socat; do
    command -v "${pair%:*}" > /dev/null || missing+=("${pair#*:}")
done
[[ ${#missing[@]} -eq 0 ]] || install_packages "${missing[@]}"
make_machine
connect_machine
start_proxy
prepare_walk
walk

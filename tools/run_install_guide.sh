#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Execute the end-to-end installation guide: boot a new Debian 12 in a
# container and run the commands of the page there, in order.
#
#   tools/run_install_guide.sh [PAGE]
#
# PAGE is doc/source/install/guide.rst by default; ansible.rst in the same
# directory is another. Needs root, 3 GB of disk space and a quarter of an hour;
# installs the programs that it needs. The container has only a loopback
# interface: apt and pip use a proxy. It is removed at the end.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

page=${1:-$checkout/doc/source/install/guide.rst}
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

# apt and pip in the container connect to a socket in $work/proxy, which leads
# to a proxy on the host's loopback address.
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
    say 'Creating a new Debian 12'
    debootstrap --variant=minbase --include=ca-certificates,dbus,systemd-sysv \
        bookworm "$machine" > "$work/debootstrap.log" ||
        die "debootstrap failed: $(tail -n 3 "$work/debootstrap.log")"
    echo controller > "$machine/etc/hostname"
    # As Debian's installer writes it.
    printf '%s\n' '127.0.0.1 localhost' '127.0.1.1 controller' \
        > "$machine/etc/hosts"
    # Keep the journal for the error report.
    mkdir --parents "$machine/var/log/journal"
    # The container lives for minutes and need not survive a power failure.
    echo force-unsafe-io > "$machine/etc/dpkg/dpkg.cfg.d/install-guide"
}

# Let the container install packages from the host's sources, and our wheel.
connect_machine() {
    say 'Building a wheel of the last commit'
    let_pbr_find_a_version
    git clone --quiet "$checkout" "$work/source"
    "$(find_python)" -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet docutils
    "$work/venv/bin/pip" wheel --quiet --no-deps \
        --wheel-dir "$machine/var/lib/wheels" "$work/source"
    cp /etc/ssl/certs/ca-certificates.crt "$machine/etc/ssl/certs/"
    echo 'Acquire::http::Proxy "http://127.0.0.1:3128";' \
        > "$machine/etc/apt/apt.conf.d/install-guide"
    {
        echo '[global]'
        echo 'proxy = http://127.0.0.1:3128'
        echo 'find-links = /var/lib/wheels'
        echo 'cert = /etc/ssl/certs/ca-certificates.crt'
        "$work/venv/bin/pip" config list | sed --quiet \
            "s/^\(global\|:env:\)\.index-url='\(.*\)'$/index-url = \2/p" |
            head --lines=1
    } > "$machine/etc/pip.conf"
    cat > "$machine/etc/systemd/system/install-guide-proxy.socket" << 'EOF'
[Socket]
ListenStream=127.0.0.1:3128
EOF
    cat > "$machine/etc/systemd/system/install-guide-proxy.service" << 'EOF'
[Service]
ExecStart=/lib/systemd/systemd-socket-proxyd /run/install-guide-proxy/socket
EOF
}

# The container stops when the script ends, with the script's exit status.
prepare_guide() {
    "$work/venv/bin/python" "$checkout/tools/install_guide.py" "$page" \
        > "$machine/root/install-guide.sh"
    cat > "$machine/etc/systemd/system/install-guide.service" << EOF
[Unit]
Requires=install-guide-proxy.socket
After=install-guide-proxy.socket systemd-user-sessions.service
SuccessAction=exit
FailureAction=exit

[Service]
Environment=HOME=/root
WorkingDirectory=/root
ExecStart=/bin/bash /root/install-guide.sh
StandardOutput=file:/var/log/install-guide.log
StandardError=inherit
RuntimeMaxSec=${minutes}min

[Install]
WantedBy=multi-user.target
EOF
    systemctl --quiet --root="$machine" enable install-guide.service
}

run_guide() {
    local status=0 begin=$SECONDS
    say 'Running the installation guide'
    touch "$machine/var/log/install-guide.log"
    tail --follow --lines=+1 "$machine/var/log/install-guide.log" &
    pids+=($!)
    systemd-nspawn --quiet --keep-unit --register=no --private-network \
        --bind="$work/proxy:/run/install-guide-proxy" --directory="$machine" \
        --boot --console=pipe < /dev/null > "$work/console.log" ||
        status=$?
    [[ $status -eq 0 ]] ||
        journalctl --directory="$machine/var/log/journal" --lines=100
    say "Finished with status $status after $((SECONDS - begin)) s"
    return $status
}

[[ $EUID -eq 0 ]] || die 'only root can boot a container'
missing=()
for pair in debootstrap systemd-nspawn:systemd-container tinyproxy socat; do
    command -v "${pair%:*}" > /dev/null || missing+=("${pair#*:}")
done
[[ ${#missing[@]} -eq 0 ]] || install_packages "${missing[@]}"
make_machine
connect_machine
start_proxy
prepare_guide
run_guide

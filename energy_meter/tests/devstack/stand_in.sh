#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Stand-in for DevStack: each call of a function in functions.txt, and each
# command that changes the machine, is logged as a line in $LOG. Files that
# DevStack writes, and the plugin reads or removes, are below $ROOT.
#
#   stand_in.sh MODE [PHASE...]
#
# The environment has LOG, ROOT, ENABLED_SERVICES and the variables of
# local.conf.

set -o errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Variables of DevStack that the plugin reads.
export DEST=$ROOT/opt/stack
export DATA_DIR=$DEST/data
export PATH=${BIN_DIR:+$BIN_DIR:}$DATA_DIR/venv/bin:$PATH
export ENERGY_METER_CONF_DIR=$ROOT/etc/energy_meter
export CEILOMETER_CONF_DIR=$ROOT/etc/ceilometer
export STACK_USER=stack REGION_NAME=RegionOne SERVICE_TIMEOUT=60
export SERVICE_HOST=192.0.2.10 SERVICE_PROTOCOL=http
export ENABLE_DEBUG_LOG_LEVEL=True
export DATABASE_HOST=127.0.0.1 DATABASE_USER=root
export MYSQL_SERVICE_NAME=${MYSQL_SERVICE_NAME:-mysql}

function record {
    local word line=""
    for word in "$@"; do
        if [[ -z $word || $word == *[[:space:]]* ]]; then
            word="'$word'"
        fi
        line+=" ${word//$ROOT/}"
    done
    echo "${line# }" >> "$LOG"
}

# Define every function of DevStack; some are redefined below.
while read -r name _ question; do
    if [[ $name == "#" ]]; then
        continue
    elif [[ $question == "?" ]]; then
        eval "function $name { do_$name \"\$@\"; }"
    else
        eval "function do_$name { :; }"
        eval "function $name { record $name \"\$@\"; do_$name \"\$@\"; }"
    fi
done < "$here/functions.txt"

function sudo {
    record sudo "$@"
    # There is no user stack here.
    "${@/#stack/$(id -un)}"
}

function do_apache_site_config_for {
    echo "$ROOT/etc/apache2/sites-available/$1.conf"
}

function do_configure_keystone_authtoken_middleware {
    local section=${3:-keystone_authtoken}
    do_iniset "$1" "$section" auth_type password
    do_iniset "$1" "$section" auth_url http://192.0.2.10/identity
    do_iniset "$1" "$section" username "$2"
    do_iniset "$1" "$section" password secret-of-the-services
}

function do_database_connection_url {
    if do_is_service_enabled postgresql; then
        echo "${BASE_SQL_CONN:-postgresql://root:pass@127.0.0.1}/$1?client_\
encoding=utf8"
    else
        echo "${BASE_SQL_CONN:-mysql+pymysql://root:pass@127.0.0.1}/$1?charset=\
utf8&plugin=dbcounter"
    fi
}

function do_die {
    echo "[ERROR] ${*:2}" >&2
    exit 1
}

function do_enable_service {
    local service
    for service in "$@"; do
        if [[ ,$DISABLED_SERVICES, != *,$service,* ]]; then
            ENABLED_SERVICES+=,$service
        fi
    done
}

function do_generate_hex_string {
    head -c "$1" /dev/zero | tr '\0' x
}

function do_get_python_exec_prefix {
    echo "${BIN_DIR:-$DATA_DIR/venv/bin}"
}

function do_iniset {
    if ! grep -qxsF "[$2]" "$1"; then
        echo "[$2]" >> "$1"
    fi
    sed -i -e "/^\[$2\]\$/,/^\[/{/^$3 = /d}" -e "/^\[$2\]\$/a $3 = $4" "$1"
}

function do_iniset_rpc_backend {
    do_iniset "$2" "$3" transport_url \
        "${TRANSPORT_URL:-rabbit://stackrabbit:pass@192.0.2.10:5672/$4}"
}

function do_is_service_enabled {
    local service
    for service in "$@"; do
        if [[ ,$ENABLED_SERVICES, == *,$service,* ]]; then
            return 0
        elif type "is_${service}_enabled" &> /dev/null; then
            "is_${service}_enabled" && return 0
        fi
    done
    return 1
}

function do_remove_uwsgi_config {
    rm -f "$1"
}

function do_run_process {
    if do_is_service_enabled "$1"; then
        echo "$2" > "$ROOT/etc/systemd/$1"
    fi
}

function do_setup_logging {
    do_iniset "$1" DEFAULT logging_exception_prefix "ERROR %(name)s"
}

function do_stop_process {
    if do_is_service_enabled "$1"; then
        rm -f "$ROOT/etc/systemd/$1"
    fi
}

function do_write_uwsgi_config {
    do_iniset "$1" uwsgi module "$2"
    do_iniset "$1" uwsgi master true
    do_iniset "$1" uwsgi die-on-term true
    do_iniset "$1" uwsgi enable-threads true
    do_iniset "$1" uwsgi lazy-apps true
    do_iniset "$1" uwsgi socket "$ROOT/$5.socket"
    echo "ProxyPass \"$3\"" > "$(do_apache_site_config_for "$5")"
}

echo "== settings" >> "$LOG"
# shellcheck source=devstack/override-defaults
source "$DEST/energy_meter/devstack/override-defaults"
# shellcheck source=devstack/settings
source "$DEST/energy_meter/devstack/settings"
if [[ $TRACE == True ]]; then
    set -o xtrace
fi
mode=$1
shift
for phase in "${@:-}"; do
    echo "== $mode${phase:+ $phase}" >> "$LOG"
    # DevStack also skips an empty phase.
    # shellcheck source=devstack/plugin.sh
    source "$DEST/energy_meter/devstack/plugin.sh" "$mode" ${phase:+"$phase"}
done

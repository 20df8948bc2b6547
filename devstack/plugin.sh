#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# The DevStack plugin: installs, configures, starts, stops and removes
# energy_meter. DevStack sources it once for each of its phases:
#
#   source plugin.sh stack pre-install|install|post-config|extra|test-config
#   source plugin.sh unstack|clean

ENERGY_METER_BIN_DIR=$(get_python_exec_prefix)

# DevStack asks this for `is_service_enabled energy_meter`.
function is_energy_meter_enabled {
    [[ ,$ENABLED_SERVICES =~ ,energy-(agent|collector|api|rrd) ]]
}

function energy_meter_url {
    local protocol=$SERVICE_PROTOCOL
    if is_service_enabled tls-proxy; then
        protocol=https
    fi
    echo "$protocol://$SERVICE_HOST/energy"
}

# Print the database of this node: mariadb, postgresql, sqlite, or none.
function energy_meter_database {
    if ! is_service_enabled energy-collector energy-api; then
        echo none
    elif [[ -n "$ENERGY_METER_DATABASE" ]]; then
        echo "$ENERGY_METER_DATABASE"
    elif is_service_enabled postgresql; then
        echo postgresql
    elif is_service_enabled mysql && [[ $MYSQL_SERVICE_NAME == mariadb ]]; then
        echo mariadb
    else
        echo sqlite
    fi
}

# Check the settings before anything is installed.
function check_energy_meter {
    local database service
    database=$(energy_meter_database)
    case $database in
        none)
            ;;
        sqlite)
            echo_summary "energy_meter stores its data in SQLite"
            ;;
        mariadb|postgresql)
            service=${database/mariadb/mysql}
            if ! is_service_enabled "$service"; then
                die $LINENO "ENERGY_METER_DATABASE is $database, but the" \
                    "service $service is not enabled"
            fi
            ;;
        *)
            die $LINENO "ENERGY_METER_DATABASE must be mariadb, postgresql" \
                "or sqlite, not $database"
            ;;
    esac
    if [[ -n $ENERGY_METER_WATTMETERS && ! -r $ENERGY_METER_WATTMETERS ]]; then
        die $LINENO "ENERGY_METER_WATTMETERS must be a readable file or" \
            "directory, not $ENERGY_METER_WATTMETERS"
    fi
}

function install_energy_meter {
    local extras=()
    case $(energy_meter_database) in
        mariadb) extras+=(mysql) ;;
        postgresql) extras+=(postgresql) ;;
    esac
    if is_service_enabled energy-rrd; then
        extras+=(rrd)
    fi
    if is_service_enabled energy-api; then
        install_apache_uwsgi
    fi
    # Ceilometer runs in the same environment and finds the pollsters there.
    setup_develop "$ENERGY_METER_DIR" "$(IFS=,; echo "${extras[*]}")"
}

# Print the URL of the database. DevStack's URL lacks the driver, or names
# another, and has parameters that energy_meter does not accept.
function _energy_meter_connection {
    local database url
    database=$(energy_meter_database)
    if [[ $database == sqlite ]]; then
        echo "sqlite:///$ENERGY_METER_STATE_PATH/energy_meter.sqlite"
        return
    fi
    url=$(database_connection_url energy_meter)
    url=${url#*://}
    url=${url%%\?*}
    case $database in
        mariadb) echo "mysql+pymysql://$url?charset=utf8mb4" ;;
        postgresql) echo "postgresql+psycopg://$url" ;;
    esac
}

# Run a function without tracing, to keep its secrets out of DevStack's log.
function _energy_meter_quietly {
    local xtrace
    xtrace=$(set +o | grep xtrace)
    set +o xtrace
    "$@"
    $xtrace
}

function _energy_meter_set_connection {
    iniset "$ENERGY_METER_CONF" database connection \
        "$(_energy_meter_connection)"
}

function _energy_meter_set_secrets {
    iniset "$ENERGY_METER_CONF" bus secrets \
        "${ENERGY_METER_BUS_SECRETS:-$(generate_hex_string 32)}"
}

function _energy_meter_configure_bus {
    if is_service_enabled rabbit; then
        rpc_backend_add_vhost energy_meter
    fi
    iniset_rpc_backend energy_meter "$ENERGY_METER_CONF" DEFAULT energy_meter
    _energy_meter_quietly _energy_meter_set_secrets
}

function _energy_meter_configure_wattmeters {
    if [[ -n "$ENERGY_METER_DUMMY_PROBES" ]]; then
        iniset "$ENERGY_METER_CONF" wattmeter:dummy driver dummy
        iniset "$ENERGY_METER_CONF" wattmeter:dummy probes \
            "$ENERGY_METER_DUMMY_PROBES"
    fi
    rm -rf "$ENERGY_METER_METERS_DIR"
    install -d -m 700 "$ENERGY_METER_METERS_DIR"
    if [[ -d $ENERGY_METER_WATTMETERS ]]; then
        install -m 600 "$ENERGY_METER_WATTMETERS"/*.conf \
            "$ENERGY_METER_METERS_DIR"
    elif [[ -n "$ENERGY_METER_WATTMETERS" ]]; then
        install -m 600 "$ENERGY_METER_WATTMETERS" \
            "$ENERGY_METER_METERS_DIR/wattmeters.conf"
    fi
}

function _energy_meter_configure_api {
    configure_keystone_authtoken_middleware "$ENERGY_METER_CONF" energy_meter
    if is_service_enabled tls-proxy; then
        iniset "$ENERGY_METER_CONF" oslo_middleware \
            enable_proxy_headers_parsing True
    fi
    write_uwsgi_config "$ENERGY_METER_UWSGI_CONF" \
        energy_meter.wsgi.api:application /energy "" energy-api
    iniset "$ENERGY_METER_UWSGI_CONF" uwsgi env \
        "OS_ENERGY_METER_CONFIG_FILES=$ENERGY_METER_CONF"
}

# Let the pages read energy from the API, as the same service user.
function _energy_meter_configure_pages {
    configure_keystone_authtoken_middleware "$ENERGY_METER_CONF" \
        energy_meter energy_api
    iniset "$ENERGY_METER_CONF" energy_api region_name "$REGION_NAME"
}

# Edit Ceilometer's files: _energy_meter_ceilometer add|remove
function _energy_meter_ceilometer {
    local file
    for file in polling.yaml pipeline.yaml; do
        python3 "$ENERGY_METER_DIR/etc/ceilometer/parts.py" "$1" \
            "$ENERGY_METER_DIR/etc/ceilometer/$file" \
            "$CEILOMETER_CONF_DIR/$file"
    done
}

function _energy_meter_configure_ceilometer {
    if [[ ! -e $CEILOMETER_CONF_DIR/polling.yaml ]]; then
        die $LINENO "In local.conf, enable_plugin ceilometer must come" \
            "before that of energy_meter"
    fi
    _energy_meter_ceilometer add
    cp "$ENERGY_METER_DIR/etc/ceilometer/gnocchi_resources.yaml" \
        "$CEILOMETER_CONF_DIR/energy_meter_gnocchi_resources.yaml"
}

function configure_energy_meter {
    sudo install -d -o "$STACK_USER" -m 750 "$ENERGY_METER_CONF_DIR"
    rm -f "$ENERGY_METER_CONF"
    iniset "$ENERGY_METER_CONF" DEFAULT debug "$ENABLE_DEBUG_LOG_LEVEL"
    iniset "$ENERGY_METER_CONF" DEFAULT state_path "$ENERGY_METER_STATE_PATH"
    setup_logging "$ENERGY_METER_CONF"
    _energy_meter_configure_bus
    if [[ $(energy_meter_database) != none ]]; then
        _energy_meter_quietly _energy_meter_set_connection
    fi
    _energy_meter_configure_wattmeters
    if is_service_enabled energy-api; then
        _energy_meter_configure_api
        if is_service_enabled energy-rrd; then
            _energy_meter_configure_pages
        fi
    fi
    if is_service_enabled ceilometer-acentral; then
        _energy_meter_configure_ceilometer
    fi
}

function _energy_meter_create_accounts {
    local url
    url=$(energy_meter_url)
    create_service_user energy_meter
    get_or_create_service energy_meter energy "Power and energy of wattmeters"
    get_or_create_endpoint energy "$REGION_NAME" "$url" "$url" "$url"
}

# Start with an empty database and without old registers and graphs.
function init_energy_meter {
    sudo rm -rf "$ENERGY_METER_STATE_PATH"
    sudo install -d -o "$STACK_USER" -m 750 "$ENERGY_METER_STATE_PATH"
    case $(energy_meter_database) in
        mariadb|postgresql) recreate_database energy_meter ;;
    esac
    if [[ $(energy_meter_database) != none ]]; then
        "$ENERGY_METER_BIN_DIR/energy-meter-manage" \
            --config-file "$ENERGY_METER_CONF" db sync
    fi
    if is_service_enabled energy-api; then
        _energy_meter_create_accounts
    fi
    if is_service_enabled gnocchi-api; then
        OS_CLOUD=devstack-admin "$ENERGY_METER_BIN_DIR/energy-meter-manage" \
            --config-file "$ENERGY_METER_CONF" gnocchi setup
    fi
}

# Print the command of a service.
function _energy_meter_command {
    echo "$ENERGY_METER_BIN_DIR/$1 --config-file $ENERGY_METER_CONF" \
        "--config-dir $ENERGY_METER_METERS_DIR"
}

function start_energy_meter {
    local uwsgi
    if is_service_enabled energy-agent; then
        # Fail here, with the reason, if a wattmeter is not configured properly.
        $(_energy_meter_command energy-meter-agent) --check
    fi
    run_process energy-collector \
        "$(_energy_meter_command energy-meter-collector)"
    run_process energy-rrd "$(_energy_meter_command energy-meter-rrd)"
    run_process energy-agent "$(_energy_meter_command energy-meter-agent)"
    if is_service_enabled energy-api; then
        uwsgi=$(which uwsgi)
        run_process energy-api "$uwsgi --procname-prefix energy-api \
--ini $ENERGY_METER_UWSGI_CONF"
        echo "Waiting for energy-api to start..."
        if ! wait_for_service "$SERVICE_TIMEOUT" "$(energy_meter_url)"; then
            die $LINENO "energy-api did not start"
        fi
    fi
}

function stop_energy_meter {
    local service
    for service in energy-agent energy-rrd energy-collector energy-api; do
        stop_process $service
    done
}

# The servers may be stopped already if clean.sh removes them as well.
function _energy_meter_cleanup_servers {
    local drop="DROP DATABASE IF EXISTS energy_meter"
    case $(energy_meter_database) in
        mariadb)
            mysql -e "$drop" || echo "MariaDB does not respond"
            ;;
        postgresql)
            psql -h "$DATABASE_HOST" -U "$DATABASE_USER" -w -d template1 \
                -c "$drop" || echo "PostgreSQL does not respond"
            ;;
    esac
    if is_service_enabled rabbit; then
        sudo rabbitmqctl delete_vhost energy_meter ||
            echo "RabbitMQ does not respond or has no vhost energy_meter"
    fi
}

function cleanup_energy_meter {
    _energy_meter_cleanup_servers
    if [[ -e $ENERGY_METER_UWSGI_CONF ]]; then
        remove_uwsgi_config "$ENERGY_METER_UWSGI_CONF" energy-api
        sudo rm -f "$(apache_site_config_for energy-api)"
    fi
    # Ceilometer's plugin may have removed its directory already.
    if is_service_enabled ceilometer-acentral &&
            [[ -e $CEILOMETER_CONF_DIR/polling.yaml ]]; then
        _energy_meter_ceilometer remove
        rm -f "$CEILOMETER_CONF_DIR/energy_meter_gnocchi_resources.yaml"
    fi
    sudo rm -rf "$ENERGY_METER_CONF_DIR" "$ENERGY_METER_STATE_PATH"
}

if is_service_enabled energy_meter; then
    case "$*" in
        "stack pre-install")
            check_energy_meter
            ;;
        "stack install")
            echo_summary "Installing energy_meter"
            install_energy_meter
            ;;
        "stack post-config")
            echo_summary "Configuring energy_meter"
            configure_energy_meter
            ;;
        "stack extra")
            echo_summary "Starting energy_meter"
            init_energy_meter
            start_energy_meter
            ;;
        unstack)
            stop_energy_meter
            ;;
        clean)
            cleanup_energy_meter
            ;;
    esac
fi

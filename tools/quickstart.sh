#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Install energy_meter in this checkout and run agent, collector, API and graphs
# in one process; see --help.

set -euo pipefail

usage() {
    local lines
    mapfile -t lines << 'END'
usage: tools/quickstart.sh [OPTION...]

Install energy_meter into .venv in this checkout, and run agent, collector, API
and graphs in one process, with a simulated rack unless wattmeters are
configured.

  --config-file PATH, --config-dir DIR
                    configuration of wattmeters
  --state-path DIR  directory of the data, ~/.local/share/energy_meter by
                    default
  --debug           log in detail
  --help, -h        show this text; nothing is installed

All options: .venv/bin/energy-meter-standalone --help, once it is installed.
END
    printf '%s\n' "${lines[@]}"
}

for argument in "$@"; do
    if [[ $argument == --help || $argument == -h ]]; then
        usage
        exit
    fi
done

# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

let_pbr_find_a_version
make_venv "$checkout/.venv" default --editable "${checkout}[rrd]"
exec "$checkout/.venv/bin/energy-meter-standalone" "$@"

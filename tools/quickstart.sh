#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Install energy_meter in this checkout and run agent, collector, API and graphs
# in one process, with dummy wattmeters unless others are configured.
#
#   tools/quickstart.sh [OPTION...]
#
# The options are those of energy-meter-standalone; see its --help.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

let_pbr_find_a_version
make_venv "$checkout/.venv" default --editable "${checkout}[rrd]"
exec "$checkout/.venv/bin/energy-meter-standalone" "$@"

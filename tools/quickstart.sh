#!/bin/bash
# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

# Install energy_meter into this checkout and run it: agent, collector, API and
# graphs in one process, with dummy wattmeters unless configured otherwise.
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

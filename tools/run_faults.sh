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

# Install what the fault harness needs, let faults strike a whole installation
# one after another, and show what each of them cost.
#
#   tools/run_faults.sh [ARGUMENT...]
#
# With --help it tells its arguments. Some faults need root: they cut networks
# and fill disks, all of their own making.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

let_pbr_find_a_version
venv=$checkout/.venv-test
make_venv "$venv" test --requirement "$checkout/test-requirements.txt" \
    --editable "${checkout}[mysql,postgresql,rrd]"
cd "$checkout"
exec "$venv/bin/python" -m energy_meter.tests.faults "$@"

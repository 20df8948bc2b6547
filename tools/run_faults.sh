#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

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

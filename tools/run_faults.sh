#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Install the dependencies of the fault harness, inject faults into a complete
# installation one after another, and print the cost of each.
#
#   tools/run_faults.sh [ARGUMENT...]
#
# Use --help to list the arguments. Some faults need root, to cut their own
# network links and to fill their own file systems.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

let_pbr_find_a_version
venv=$checkout/.venv-test
make_venv "$venv" test --requirement "$checkout/test-requirements.txt" \
    --editable "${checkout}[mysql,postgresql,rrd]"
cd "$checkout"
exec "$venv/bin/python" -m energy_meter.tests.faults "$@"

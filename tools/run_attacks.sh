#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Install the dependencies of the attacks, attack the services on the loopback
# interface one after another, and print what each attack cost.
#
#   tools/run_attacks.sh [ARGUMENT...]
#
# Use --help to list the arguments.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

let_pbr_find_a_version
venv=$checkout/.venv-test
make_venv "$venv" test --requirement "$checkout/test-requirements.txt" \
    --editable "${checkout}[mysql,postgresql,rrd]"
cd "$checkout"
exec "$venv/bin/python" -m energy_meter.tests.attacks "$@"

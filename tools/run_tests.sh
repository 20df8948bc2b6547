#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Install what the tests need, run them, and say how many passed.
#
#   tools/run_tests.sh [REGULAR_EXPRESSION]
#
# The expression selects tests by name. With CI=true a skipped test is a
# failure. ENERGY_METER_STACK_VENV names a virtual environment that has the
# other OpenStack services already.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

let_pbr_find_a_version
venv=$checkout/.venv-test
make_venv "$venv" test --requirement "$checkout/test-requirements.txt" \
    --editable "${checkout}[mysql,postgresql,rrd]"
if [[ -z ${ENERGY_METER_STACK_VENV:-} ]]; then
    export ENERGY_METER_STACK_VENV=$checkout/.venv-stack
    make_venv "$ENERGY_METER_STACK_VENV" test \
        --requirement "$checkout/tools/stack-requirements.txt" \
        --editable "$checkout"
fi

say 'Running the tests'
cd "$checkout"
export PATH="$venv/bin:$PATH"
# What a test prints and logs is shown if it fails.
export OS_STDOUT_CAPTURE=1 OS_STDERR_CAPTURE=1 OS_LOG_CAPTURE=1
export OS_TEST_TIMEOUT=${OS_TEST_TIMEOUT:-300}
# If no test runs, there must be no last run to count, either.
rm -rf .stestr
status=0
stestr run --concurrency 2 --suppress-attachments "$@" || status=$?
stestr last --subunit | python tools/count_tests.py || status=$?
exit $status

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Install the dependencies of the tests, run them, and print how many passed.
#
#   tools/run_tests.sh [REGULAR_EXPRESSION]
#
# The expression selects tests by name; without one, the coverage is reported
# and checked as well. With CI=true, a skipped test is a
# failure. ENERGY_METER_STACK_VENV names an existing virtual environment with
# the other OpenStack services.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

let_pbr_find_a_version
venv=$checkout/.venv-test
make_venv "$venv" test --requirement "$checkout/test-requirements.txt" \
    --editable "${checkout}[mysql,postgresql,rrd]"
make_stack_venv

say 'Running the tests'
cd "$checkout"
export PATH="$venv/bin:$PATH"
# Show the output and the log of a test if it fails.
export OS_STDOUT_CAPTURE=1 OS_STDERR_CAPTURE=1 OS_LOG_CAPTURE=1
export OS_TEST_TIMEOUT=${OS_TEST_TIMEOUT:-300}
# Without this, the results of an earlier run are counted if no test runs.
rm -rf .stestr
status=0
# One more than the processors of the machines that run them: workers often
# wait for a service, and stestr cannot balance them without earlier results.
run=(stestr run --concurrency 3 --suppress-attachments)
if [[ $# -eq 0 ]]; then
    # pyproject.toml has the coverage that all tests must reach.
    coverage erase
    PYTHON='coverage run' "${run[@]}" || status=$?
    coverage combine --quiet
    coverage report || status=$?
else
    "${run[@]}" "$@" || status=$?
fi
stestr last --subunit | python tools/count_tests.py || status=$?
exit $status

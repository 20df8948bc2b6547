#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Install what the benchmarks compare energy_meter with, run them one after
# another, and print one table.
#
#   tools/run_benchmarks.sh [NAME...]
#
# Without names, all of them run, and the tables of the documentation are
# written again: doc/source/admin/performance.inc and performance.json, and the
# files of growth. With names, only these run, and results that earlier runs
# left in .benchmarks are kept. The exit status is not 0 if a claim does not
# hold, or a benchmark fails.
# ENERGY_METER_STACK_VENV names an existing virtual environment with the other
# OpenStack services, ENERGY_METER_BENCHMARK_VENV one with the packages of
# benchmarks/requirements.txt and of the tests.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

# In the order of the table. The other one, growth, has tables of its own.
all=(ingest steady api_requests ipmi_readings snmp_readings rrd_points graphs
    accuracy startup)
results=$checkout/.benchmarks

names=("$@")
[[ $# -gt 0 ]] || names=("${all[@]}" growth)
for name in "${names[@]}"; do
    [[ " ${all[*]} growth " == *" $name "* ]] ||
        die "no benchmark is named $name; there are: ${all[*]} growth"
    [[ -e $checkout/benchmarks/$name.py ||
        -e $checkout/benchmarks/$name/__main__.py ]] ||
        die "the module benchmarks.$name is missing"
done

let_pbr_find_a_version
venv=${ENERGY_METER_BENCHMARK_VENV:-}
if [[ -z $venv ]]; then
    venv=$checkout/.venv-benchmarks
    make_venv "$venv" 'test benchmarks' \
        --requirement "$checkout/test-requirements.txt" \
        --requirement "$checkout/benchmarks/requirements.txt" \
        --editable "${checkout}[mysql,postgresql,rrd]"
fi
make_stack_venv

cd "$checkout"
export PATH="$venv/bin:$PATH" PYTHONPATH="$checkout"
mkdir -p "$results"
status=0
for name in "${names[@]}"; do
    say "Running benchmarks.$name"
    # A benchmark that fails leaves no result, not that of an earlier run.
    rm -f "$results/$name.json"
    python -m "benchmarks.$name" --json "$results/$name.json" || {
        say "benchmarks.$name failed, or one of its claims"
        status=1
    }
done

if [[ " ${names[*]} " == *' growth '* && -e $results/growth.json ]]; then
    python -m benchmarks.growth.report "$results/growth.json" doc/source/admin
fi
[[ ${names[*]} != growth ]] || exit $status

found=()
for name in "${all[@]}"; do
    [[ ! -e $results/$name.json ]] || found+=("$results/$name.json")
done
[[ ${#found[@]} -gt 0 ]] || die 'no benchmark has left a result'
report=(python -m benchmarks.report)
if [[ ${#found[@]} -eq ${#all[@]} ]]; then
    report+=(--json doc/source/admin/performance.json
        --rst doc/source/admin/performance.inc)
else
    say 'Some results are missing, so the documentation is not written'
fi
"${report[@]}" "${found[@]}" || status=1
exit $status

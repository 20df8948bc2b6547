#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Fuzz the parser of messages and the merging of measurements.
#
#   tools/run_fuzz.sh [SECONDS]
#
# SECONDS, 600 by default, is the time for all targets together. Inputs that
# increase the coverage are kept in .fuzz for the next run. The first input that
# breaks a target ends its run: it is kept in .fuzz as well, and the exit status
# is not 0. ENERGY_METER_FUZZ_VENV names an existing virtual environment with
# Atheris, Hypothesis and the package.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

targets=(bills envelopes)
seconds=$((${1:-600} / ${#targets[@]}))
venv=${ENERGY_METER_FUZZ_VENV:-}
if [[ -z $venv ]]; then
    let_pbr_find_a_version
    venv=$checkout/.venv-fuzz
    make_venv "$venv" default 'atheris>=3.0.0' 'hypothesis>=6.100' \
        --editable "$checkout"
fi

cd "$checkout"
status=0
for target in "${targets[@]}"; do
    say "Fuzzing $target for $seconds s"
    mkdir -p ".fuzz/$target"
    # Exceeding the memory, or the time for one input, is a finding as well.
    nice "$venv/bin/python" -W ignore -m energy_meter.tests.fuzz.run \
        "$target" -max_total_time="$seconds" -rss_limit_mb=512 -timeout=10 \
        -max_len=4096 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix=".fuzz/$target-" ".fuzz/$target" || status=1
done
exit $status

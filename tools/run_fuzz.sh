#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Fuzz what reads messages, and what merges measurements.
#
#   tools/run_fuzz.sh [SECONDS]
#
# SECONDS, 600 by default, is the time for all targets together. Inputs that
# showed something new are kept in .fuzz, for the next time. The first input
# that breaks a target ends its run: it is kept there too, and the exit status
# is not 0. ENERGY_METER_FUZZ_VENV names a virtual environment that has
# Atheris, Hypothesis and the package already.

set -euo pipefail
# shellcheck source=tools/functions.sh
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

targets=(envelopes merges tables)
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
    # More memory, or more seconds for one input, is a finding too.
    nice "$venv/bin/python" -W ignore -m energy_meter.tests.fuzz.run \
        "$target" -max_total_time="$seconds" -rss_limit_mb=512 -timeout=10 \
        -max_len=4096 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix=".fuzz/$target-" ".fuzz/$target" || status=1
done
exit $status

# SPDX-License-Identifier: Apache-2.0

"""Short run of the fuzzing targets with random inputs.

tools/run_fuzz.sh runs them for minutes, guided by code coverage.
"""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.tests.fuzz import envelopes
from energy_meter.tests.fuzz import merges

inputs = strategies.randoms(use_true_random=False).map(
    lambda random: random.randbytes(random.randint(0, 600))
)


class TargetsTest(base.BaseTestCase):
    def test_seeds_pass(self):
        for seed in envelopes.seeds():
            envelopes.run(seed)
        for seed in merges.seeds():
            merges.run(seed)
            merges.run_tables(seed)

    @hypothesis.given(inputs)
    def test_envelopes_are_decoded_or_rejected(self, data):
        envelopes.run(data)

    @hypothesis.given(inputs)
    def test_accounts_are_correct(self, data):
        merges.run(data)

    @hypothesis.settings(max_examples=10, deadline=None)
    @hypothesis.given(inputs)
    def test_tables_match_accounts(self, data):
        merges.run_tables(data)

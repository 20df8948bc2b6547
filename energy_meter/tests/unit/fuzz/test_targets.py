# SPDX-License-Identifier: Apache-2.0

"""Short run of the fuzzing targets with random inputs.

tools/run_fuzz.sh runs them for minutes, guided by code coverage.
"""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.tests.fuzz import bills
from energy_meter.tests.fuzz import envelopes

inputs = strategies.randoms(use_true_random=False).map(
    lambda random: random.randbytes(random.randint(0, 600))
)


class TargetsTest(base.BaseTestCase):
    def test_seeds_pass(self):
        for seed in envelopes.seeds():
            envelopes.run(seed)
        for seed in bills.seeds():
            bills.run(seed)

    @hypothesis.given(inputs)
    def test_envelopes_are_decoded_or_rejected(self, data):
        envelopes.run(data)

    @hypothesis.given(inputs)
    def test_bills_are_correct(self, data):
        bills.run(data)

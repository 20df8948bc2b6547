# SPDX-License-Identifier: Apache-2.0

"""The targets of the fuzzer, for a moment and without it.

tools/run_fuzz.sh runs them for minutes, led by what code is reached.
"""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.tests.fuzz import envelopes
from energy_meter.tests.fuzz import merges

inputs = strategies.randoms(use_true_random=False).map(
    lambda chance: chance.randbytes(chance.randint(0, 600))
)


class TargetsTest(base.BaseTestCase):
    def test_seeds_break_nothing(self):
        for seed in envelopes.seeds():
            envelopes.try_one(seed)
        for seed in merges.seeds():
            merges.try_one(seed)
            merges.try_tables(seed)

    @hypothesis.given(inputs)
    def test_envelopes_are_read_or_rejected(self, data):
        envelopes.try_one(data)

    @hypothesis.given(inputs)
    def test_accounts_stay_right(self, data):
        merges.try_one(data)

    @hypothesis.settings(max_examples=10, deadline=None)
    @hypothesis.given(inputs)
    def test_tables_say_what_accounts_say(self, data):
        merges.try_tables(data)

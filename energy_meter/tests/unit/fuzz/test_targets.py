# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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

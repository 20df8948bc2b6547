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

"""Policies: all rules are documented."""

from oslo_policy import policy
from oslotest import base

from energy_meter import policies


class PoliciesTest(base.BaseTestCase):
    def test_rules_have_names_of_their_own(self):
        names = [rule.name for rule in policies.list_rules()]

        self.assertEqual(sorted(set(names)), sorted(names))

    def test_rules_say_what_they_are_about(self):
        for rule in policies.list_rules():
            self.assertTrue(rule.description)
            if ':' in rule.name:
                self.assertIsInstance(rule, policy.DocumentedRuleDefault)
                self.assertTrue(rule.operations)

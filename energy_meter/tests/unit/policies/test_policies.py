# SPDX-License-Identifier: Apache-2.0

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

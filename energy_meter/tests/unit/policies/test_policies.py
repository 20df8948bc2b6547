# SPDX-License-Identifier: Apache-2.0

"""Tests for the default policies."""

from oslo_policy import policy
from oslotest import base

from energy_meter import policies


class PoliciesTest(base.BaseTestCase):
    def test_names_are_unique(self):
        names = [rule.name for rule in policies.list_rules()]

        self.assertEqual(sorted(set(names)), sorted(names))

    def test_rules_are_documented(self):
        for rule in policies.list_rules():
            self.assertTrue(rule.description)
            if ':' in rule.name:
                self.assertIsInstance(rule, policy.DocumentedRuleDefault)
                self.assertTrue(rule.operations)

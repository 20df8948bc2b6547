# SPDX-License-Identifier: Apache-2.0

"""Totals: all power, nothing counted twice."""

from oslotest import base

from energy_meter.api import totals
from energy_meter.tests.unit.api import test_exposition

SCOPES = ['node', 'outlet', 'cpu-package']


def probe(name, host, scope='node', parts=()):
    return test_exposition.STATE._replace(
        id=name, host=host, scope=scope, parts=parts
    )


class TotalsTest(base.BaseTestCase):
    def assert_counted(self, names, *states):
        self.assertEqual(set(names.split()), totals.counted(states, SCOPES))

    def test_every_host_counts(self):
        self.assert_counted(
            'a b', probe('a', 'n1'), probe('b', 'n2', 'outlet')
        )

    def test_the_first_scope_of_a_host_counts(self):
        self.assert_counted(
            'bmc',
            probe('cpu', 'n1', 'cpu-package'),
            probe('bmc', 'n1'),
            probe('pdu', 'n1', 'outlet'),
        )

    def test_all_probes_of_the_scope_count(self):
        self.assert_counted(
            'a b',
            probe('a', 'n1', 'outlet'),
            probe('b', 'n1', 'outlet'),
            probe('cpu', 'n1', 'cpu-package'),
        )

    def test_a_scope_that_is_not_listed_comes_last(self):
        self.assert_counted(
            'cpu',
            probe('x', 'n1', 'battery'),
            probe('cpu', 'n1', 'cpu-package'),
        )
        self.assert_counted('x', probe('x', 'n1', 'battery'))

    def test_a_sum_counts_instead_of_its_parts(self):
        self.assert_counted(
            'total',
            probe('total', 'n1', parts=('a', 'b')),
            probe('a', 'n1', 'outlet'),
            probe('b', 'pdu', 'outlet'),
        )

    def test_a_sum_goes_before_other_probes_of_its_host(self):
        self.assert_counted(
            'total',
            probe('total', 'n1', parts=('a',)),
            probe('a', 'n1', 'outlet'),
            probe('bmc', 'n1'),
        )

    def test_nothing(self):
        self.assert_counted('')

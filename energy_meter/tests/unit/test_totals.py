# SPDX-License-Identifier: Apache-2.0

"""Totals include all power, and no energy twice."""

from oslotest import base

from energy_meter import totals

SCOPES = ['node', 'outlet', 'cpu-package']


def probe(name, host, scope='node', parts=()):
    return totals.Candidate(name, host, scope, parts)


class TotalsTest(base.BaseTestCase):
    def assert_selected(self, names, *candidates):
        self.assertEqual(set(names.split()), totals.select(candidates, SCOPES))

    def test_probes_of_all_hosts_are_selected(self):
        self.assert_selected(
            'a b', probe('a', 'n1'), probe('b', 'n2', 'outlet')
        )

    def test_first_scope_of_host_is_selected(self):
        self.assert_selected(
            'bmc',
            probe('cpu', 'n1', 'cpu-package'),
            probe('bmc', 'n1'),
            probe('pdu', 'n1', 'outlet'),
        )

    def test_all_probes_of_selected_scope_are_selected(self):
        self.assert_selected(
            'a b',
            probe('a', 'n1', 'outlet'),
            probe('b', 'n1', 'outlet'),
            probe('cpu', 'n1', 'cpu-package'),
        )

    def test_unlisted_scope_comes_last(self):
        self.assert_selected(
            'cpu',
            probe('x', 'n1', 'battery'),
            probe('cpu', 'n1', 'cpu-package'),
        )
        self.assert_selected('x', probe('x', 'n1', 'battery'))

    def test_sum_probe_replaces_its_parts(self):
        self.assert_selected(
            'total',
            probe('total', 'n1', parts=('a', 'b')),
            probe('a', 'n1', 'outlet'),
            probe('b', 'pdu', 'outlet'),
        )

    def test_sum_probe_precedes_other_probes_of_its_host(self):
        self.assert_selected(
            'total',
            probe('total', 'n1', parts=('a',)),
            probe('a', 'n1', 'outlet'),
            probe('bmc', 'n1'),
        )

    def test_stale_scope_is_replaced_by_newer_one(self):
        bmc = totals.Candidate('bmc', 'n1', 'node', timestamp=1000.0)
        for timestamp, selected in ((4600.0, 'bmc'), (4601.0, 'pdu')):
            self.assert_selected(
                selected,
                bmc,
                totals.Candidate('pdu', 'n1', 'outlet', timestamp=timestamp),
            )

    def test_no_candidates_yield_an_empty_selection(self):
        self.assert_selected('')

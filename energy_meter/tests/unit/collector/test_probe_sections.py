# SPDX-License-Identifier: Apache-2.0


"""What the ``[probe:...]`` sections tell the collectors."""

import fixtures
from oslo_config import cfg
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter.collector import probe_sections
from energy_meter.db import sums


class SectionsTestCase(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())

    def load(self, *lines: str) -> probe_sections.Told:
        conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(conf)
        conf(
            [
                '--config-file',
                *self.create_tempfiles([('probes', '\n'.join(lines))]),
            ]
        )
        return probe_sections.load(conf)


class SumsTest(SectionsTestCase):
    def load(self, *lines: str) -> list[sums.Sum]:
        return super().load(*lines).sums

    def test_sum_is_of_a_host_of_its_own_name_unless_told(self):
        self.assertEqual(
            [
                sums.Sum('node', 'node', frozenset({'a', 'b'})),
                sums.Sum('other', 'host', frozenset({'c'})),
            ],
            self.load(
                '[probe:node]',
                'sum = a, b',
                '[probe:other]',
                'sum = c',
                'host = host',
            ),
        )

    def test_probe_without_a_sum_is_none(self):
        self.assertEqual(
            [],
            self.load(
                '[probe:p]',
                'max_watts = 100',
                '[wattmeter:w]',
                'driver = dummy',
            ),
        )

    def test_sum_of_nothing_is_told_and_left_out(self):
        found = self.load('[probe:empty]', 'sum =', '[probe:node]', 'sum = a')
        self.assertEqual(['node'], [item.id for item in found])
        self.assertIn('[probe:empty] sum: expected', self.log.output)

    def test_unknown_option_is_told_and_the_sum_left_out(self):
        self.assertEqual([], self.load('[probe:node]', 'sum = a', 'hosts = x'))
        self.assertIn('[probe:node] hosts: unknown option', self.log.output)

    def test_sum_of_a_sum_is_told_and_left_out(self):
        found = self.load(
            '[probe:rack]', 'sum = node, c', '[probe:node]', 'sum = a, b'
        )
        self.assertEqual(['node'], [item.id for item in found])
        self.assertIn('Probe rack is the sum of node', self.log.output)


class ProjectsTest(SectionsTestCase):
    def test_probes_and_sums_may_have_a_project(self):
        told = self.load(
            '[probe:a]',
            'project_id = p1',
            '[probe:node]',
            'sum = b, c',
            'project_id = p2',
            '[probe:d]',
            'scope = psu',
        )

        self.assertEqual({'a': 'p1', 'node': 'p2'}, told.projects)
        self.assertEqual(['node'], [item.id for item in told.sums])

    def test_project_without_an_id_is_told_and_left_out(self):
        told = self.load(
            '[probe:a]', 'project_id =', '[probe:b]', 'project_id = p'
        )

        self.assertEqual({'b': 'p'}, told.projects)
        self.assertIn('[probe:a] project_id: expected the id', self.log.output)

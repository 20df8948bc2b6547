# SPDX-License-Identifier: Apache-2.0

"""Settings of the collectors in the ``[probe:...]`` sections."""

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

    def load(self, *lines: str) -> probe_sections.ProbeSettings:
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

    def test_host_of_a_sum_defaults_to_its_id(self):
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

    def test_sections_without_a_sum_are_ignored(self):
        self.assertEqual(
            [],
            self.load(
                '[probe:p]',
                'max_watts = 100',
                '[wattmeter:w]',
                'driver = dummy',
            ),
        )

    def test_sum_without_parts_is_logged_and_skipped(self):
        totals = self.load('[probe:empty]', 'sum =', '[probe:node]', 'sum = a')
        self.assertEqual(['node'], [total.id for total in totals])
        self.assertIn('[probe:empty] sum: expected', self.log.output)

    def test_sum_with_an_unknown_option_is_logged_and_skipped(self):
        self.assertEqual([], self.load('[probe:node]', 'sum = a', 'hosts = x'))
        self.assertIn('[probe:node] hosts: unknown option', self.log.output)

    def test_sum_of_a_sum_is_logged_and_skipped(self):
        totals = self.load(
            '[probe:rack]', 'sum = node, c', '[probe:node]', 'sum = a, b'
        )
        self.assertEqual(['node'], [total.id for total in totals])
        self.assertIn('Skipping sum rack: its part node', self.log.output)


class ProjectsTest(SectionsTestCase):
    def test_probes_and_sums_can_have_a_project(self):
        settings = self.load(
            '[probe:a]',
            'project_id = p1',
            '[probe:node]',
            'sum = b, c',
            'project_id = p2',
            '[probe:d]',
            'scope = psu',
        )

        self.assertEqual({'a': 'p1', 'node': 'p2'}, settings.projects)
        self.assertEqual(['node'], [total.id for total in settings.sums])

    def test_empty_project_id_is_logged_and_skipped(self):
        settings = self.load(
            '[probe:a]', 'project_id =', '[probe:b]', 'project_id = p'
        )

        self.assertEqual({'b': 'p'}, settings.projects)
        self.assertIn('[probe:a] project_id: expected the ID', self.log.output)

    def test_misspelled_project_id_is_logged(self):
        self.load('[probe:p]', 'projekt_id = a')

        self.assertIn('[probe:p] projekt_id: unknown option', self.log.output)


class MaxWattsTest(SectionsTestCase):
    def test_limits_of_probes_are_read(self):
        settings = self.load(
            '[probe:a]', 'max_watts = 400', '[probe:b]', 'project_id = p'
        )

        self.assertEqual({'a': 400.0}, settings.max_watts)

    def test_invalid_limit_is_logged_and_skipped(self):
        for text in ('', '0', 'nan', 'inf', 'many'):
            settings = self.load('[probe:a]', f'max_watts = {text}')

            self.assertEqual({}, settings.max_watts)
            self.assertIn('[probe:a] max_watts: ', self.log.output)

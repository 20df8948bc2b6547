# SPDX-License-Identifier: Apache-2.0

"""Exposition: whatever a probe is like, Prometheus reads it."""

import hypothesis
from hypothesis import strategies
from oslotest import base
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from energy_meter.api import exposition
from energy_meter.db import probes

TEXT = 'text/plain;version=0.0.4'
OPENMETRICS = 'application/openmetrics-text;version=1.0.0'

STATE = probes.ProbeState(
    id='a',
    timestamp=1700000000.5,
    kwh=1.25,
    watts=173.0,
    scope='node',
    host='node-41',
    wattmeter='rack1-bmc41',
    driver='ipmi',
    coverage=0.999,
    project_id=None,
)
LABELS = {
    'probe': 'a',
    'host': 'node-41',
    'scope': 'node',
    'wattmeter': 'rack1-bmc41',
    'driver': 'ipmi',
}

#: What the collector lets in as an id.
names = strategies.text(min_size=1, max_size=20).filter(str.isprintable)
states = strategies.builds(
    probes.ProbeState,
    id=names,
    host=names,
    wattmeter=names,
    scope=strategies.just('outlet'),
    driver=names,
    timestamp=strategies.floats(0, 1e11),
    kwh=strategies.floats(0, 1e12),
    watts=strategies.none() | strategies.floats(-1e6, 1e6),
    coverage=strategies.floats(0, 1),
    project_id=strategies.none(),
)


def read(accept, *shown, counted=()):
    """Give the samples that a server of Prometheus reads, by name."""
    body, content_type = exposition.render(shown, counted, accept)
    parse = (
        openmetrics_parser if 'openmetrics' in content_type else parser
    ).text_string_to_metric_families
    return {
        sample.name.removeprefix('energy_meter_probe_'): [
            (one.labels, one.value) for one in family.samples
        ]
        for family in parse(body.decode())
        for sample in family.samples
    }


class ExpositionTest(base.BaseTestCase):
    def test_all_that_is_measured(self):
        for accept in TEXT, OPENMETRICS:
            self.assertEqual(
                {
                    'power_watts': [(LABELS, 173.0)],
                    'energy_joules_total': [(LABELS, 4_500_000.0)],
                    'measured_timestamp_seconds': [(LABELS, 1700000000.5)],
                    'coverage_ratio': [(LABELS, 0.999)],
                    'counted': [(LABELS, 1.0)],
                },
                read(accept, STATE, counted={'a'}),
            )

    def test_power_that_is_not_known_is_left_out(self):
        found = read(TEXT, STATE._replace(watts=None))

        self.assertNotIn('power_watts', found)
        self.assertIn('energy_joules_total', found)

    def test_the_client_chooses_the_format(self):
        for accept, content_type in (
            ('', 'text/plain; version=0.0.4; charset=utf-8'),
            ('*/*', 'text/plain; version=0.0.4; charset=utf-8'),
            ('text/html', 'text/plain; version=0.0.4; charset=utf-8'),
            (
                f'{OPENMETRICS},{TEXT};q=0.5',
                'application/openmetrics-text; version=1.0.0',
            ),
        ):
            found = exposition.render([STATE], (), accept)[1]

            self.assertTrue(found.startswith(content_type), found)

    def test_an_empty_installation(self):
        for accept in TEXT, OPENMETRICS:
            self.assertEqual({}, read(accept))

    @hypothesis.given(state=states)
    def test_every_label_and_value_is_read_as_it_was(self, state):
        labels = {
            'probe': state.id,
            'host': state.host,
            'scope': state.scope,
            'wattmeter': state.wattmeter,
            'driver': state.driver,
        }
        for accept in TEXT, OPENMETRICS:
            found = read(accept, state)

            self.assertEqual(
                [(labels, state.kwh * 3.6e6)], found['energy_joules_total']
            )
            self.assertEqual(
                [] if state.watts is None else [(labels, state.watts)],
                found.get('power_watts', []),
            )

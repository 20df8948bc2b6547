# SPDX-License-Identifier: Apache-2.0

"""Tests for the exposition of probes, with the parsers of Prometheus."""

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
    millijoules=4_500_000_000,
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

#: Ids that the collector accepts.
names = strategies.text(min_size=1, max_size=20).filter(str.isprintable)
states = strategies.builds(
    probes.ProbeState,
    id=names,
    host=names,
    wattmeter=names,
    scope=strategies.just('outlet'),
    driver=names,
    timestamp=strategies.floats(0, 1e11),
    millijoules=strategies.integers(0, 2**62),
    watts=strategies.none() | strategies.floats(-1e6, 1e6),
    coverage=strategies.floats(0, 1),
    project_id=strategies.none(),
)


def read(accept, *probe_states, included=()):
    """Return the labels and values of all samples, by name."""
    body, content_type = exposition.render(probe_states, included, accept)
    parse = (
        openmetrics_parser if 'openmetrics' in content_type else parser
    ).text_string_to_metric_families
    return {
        sample.name.removeprefix('energy_meter_probe_'): [
            (member.labels, member.value) for member in family.samples
        ]
        for family in parse(body.decode())
        for sample in family.samples
    }


class ExpositionTest(base.BaseTestCase):
    def test_all_metrics_are_rendered(self):
        for accept in TEXT, OPENMETRICS:
            self.assertEqual(
                {
                    'power_watts': [(LABELS, 173.0)],
                    'energy_joules_total': [(LABELS, 4_500_000.0)],
                    'last_measurement_timestamp_seconds': [
                        (LABELS, 1700000000.5)
                    ],
                    'coverage_ratio': [(LABELS, 0.999)],
                    'included': [(LABELS, 1.0)],
                },
                read(accept, STATE, included={'a'}),
            )

    def test_unknown_power_is_omitted(self):
        samples = read(TEXT, STATE._replace(watts=None))

        self.assertNotIn('power_watts', samples)
        self.assertIn('energy_joules_total', samples)

    def test_accept_header_selects_format(self):
        for accept, content_type in (
            ('', 'text/plain; version=0.0.4; charset=utf-8'),
            ('*/*', 'text/plain; version=0.0.4; charset=utf-8'),
            ('text/html', 'text/plain; version=0.0.4; charset=utf-8'),
            (
                f'{OPENMETRICS},{TEXT};q=0.5',
                'application/openmetrics-text; version=1.0.0',
            ),
        ):
            actual = exposition.render([STATE], (), accept)[1]

            self.assertTrue(actual.startswith(content_type), actual)

    def test_no_probes_render_no_samples(self):
        for accept in TEXT, OPENMETRICS:
            self.assertEqual({}, read(accept))

    @hypothesis.given(state=states)
    def test_labels_and_values_survive_parsing(self, state):
        labels = {
            'probe': state.id,
            'host': state.host,
            'scope': state.scope,
            'wattmeter': state.wattmeter,
            'driver': state.driver,
        }
        for accept in TEXT, OPENMETRICS:
            samples = read(accept, state)

            self.assertEqual(
                [(labels, state.millijoules / 1000)],
                samples['energy_joules_total'],
            )
            self.assertEqual(
                [] if state.watts is None else [(labels, state.watts)],
                samples.get('power_watts', []),
            )

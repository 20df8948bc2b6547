# SPDX-License-Identifier: Apache-2.0

"""Tests for the files in etc/ceilometer, loaded by Ceilometer."""

import pathlib

from ceilometer import service
from ceilometer.pipeline import sample as sample_pipeline
from ceilometer.polling import manager as polling_manager
from ceilometer.publisher import gnocchi as publisher
from oslotest import base
import yaml

from energy_meter.clients import gnocchi
from energy_meter.pollsters import instance
from energy_meter.pollsters import probe

ETC = pathlib.Path(__file__).parents[4] / 'etc' / 'ceilometer'

PROBE = [probe.EnergyPollster.meter, probe.PowerPollster.meter]
INSTANCE = [instance.EnergyPollster.meter, instance.PowerPollster.meter]
METERS = [*PROBE, *INSTANCE]


def load(name):
    return yaml.safe_load((ETC / name).read_text())


class SampleFilesTest(base.BaseTestCase):
    def test_each_polling_source_matches_its_meters_only(self):
        sources = [
            polling_manager.PollingSource(source)
            for source in load('polling.yaml')['sources']
        ]

        self.assertEqual(
            [PROBE, INSTANCE],
            [[*filter(source.support_meter, METERS)] for source in sources],
        )
        for source in sources:
            self.assertFalse(source.support_meter('power.state'))

    def test_pipeline_routes_meters_to_sink(self):
        pipeline = load('pipeline.yaml')
        (source,) = map(sample_pipeline.SampleSource, pipeline['sources'])

        self.assertEqual(METERS, [*filter(source.support_meter, METERS)])
        self.assertEqual(
            [sink['name'] for sink in pipeline['sinks']], source.sinks
        )

    def test_catch_all_source_can_exclude_meters(self):
        source = sample_pipeline.SampleSource(
            {
                'name': 'meter_source',
                'meters': ['*', *(f'!{meter}' for meter in METERS)],
                'sinks': ['meter_sink'],
            }
        )

        self.assertEqual([], [*filter(source.support_meter, METERS)])
        self.assertTrue(source.support_meter('cpu'))

    def test_resource_type_and_policies_equal_setup(self):
        conf = service.prepare_service([], [])
        resources, policies = publisher.GnocchiPublisher._load_definitions(
            conf, None, str(ETC / 'gnocchi_resources.yaml')
        )

        self.assertEqual([], policies)
        policy = {
            'energy': gnocchi.ENERGY_POLICY,
            'power': gnocchi.POWER_POLICY,
        }
        self.assertEqual(
            {
                gnocchi.RESOURCE_TYPE: policy,
                'instance': {
                    f'instance.{meter}': name for meter, name in policy.items()
                },
            },
            {
                definition.cfg['resource_type']: {
                    meter: metric['archive_policy_name']
                    for meter, metric in definition.metrics.items()
                }
                for definition in resources
            },
        )

    def test_attributes_are_read_from_sample_metadata(self):
        metadata = {'scope': 'node', 'host': 'h', 'wattmeter': 'm'}
        sample = probe.MeasuredSample(
            name='energy',
            type='cumulative',
            unit='kWh',
            volume=1.0,
            user_id=None,
            project_id=None,
            resource_id='p',
            resource_metadata=metadata,
        )
        conf = service.prepare_service([], [])
        (definition, _), _ = publisher.GnocchiPublisher._load_definitions(
            conf, None, str(ETC / 'gnocchi_resources.yaml')
        )

        self.assertEqual(metadata, definition.sample_attributes(sample))

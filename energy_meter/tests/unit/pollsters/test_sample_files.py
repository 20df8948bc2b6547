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
from energy_meter.pollsters import probe

ETC = pathlib.Path(__file__).parents[4] / 'etc' / 'ceilometer'

METERS = [probe.EnergyPollster.meter, probe.PowerPollster.meter]


def load(name):
    return yaml.safe_load((ETC / name).read_text())


class SampleFilesTest(base.BaseTestCase):
    def test_polling_source_matches_meters_only(self):
        (source,) = map(
            polling_manager.PollingSource, load('polling.yaml')['sources']
        )

        self.assertEqual([True, True], [*map(source.support_meter, METERS)])
        self.assertFalse(source.support_meter('power.state'))

    def test_pipeline_routes_meters_to_sink(self):
        pipeline = load('pipeline.yaml')
        (source,) = map(sample_pipeline.SampleSource, pipeline['sources'])

        self.assertEqual([True, True], [*map(source.support_meter, METERS)])
        self.assertEqual(
            [sink['name'] for sink in pipeline['sinks']], source.sinks
        )

    def test_catch_all_source_can_exclude_meters(self):
        source = sample_pipeline.SampleSource(
            {
                'name': 'meter_source',
                'meters': ['*', '!energy', '!power'],
                'sinks': ['meter_sink'],
            }
        )

        self.assertEqual([False, False], [*map(source.support_meter, METERS)])
        self.assertTrue(source.support_meter('cpu'))

    def test_resource_type_and_policies_equal_setup(self):
        conf = service.prepare_service([], [])
        resources, policies = publisher.GnocchiPublisher._load_definitions(
            conf, None, str(ETC / 'gnocchi_resources.yaml')
        )

        (definition,) = resources
        self.assertEqual([], policies)
        self.assertEqual(
            gnocchi.RESOURCE_TYPE, definition.cfg['resource_type']
        )
        self.assertEqual(
            {'energy': gnocchi.ENERGY_POLICY, 'power': gnocchi.POWER_POLICY},
            {
                meter: metric['archive_policy_name']
                for meter, metric in definition.metrics.items()
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
        (definition,), _ = publisher.GnocchiPublisher._load_definitions(
            conf, None, str(ETC / 'gnocchi_resources.yaml')
        )

        self.assertEqual(metadata, definition.sample_attributes(sample))

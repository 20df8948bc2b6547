# SPDX-License-Identifier: Apache-2.0

"""Test of the pages' access to a real API behind a real Keystone."""

import datetime

import fixtures
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter.clients import usage
from energy_meter.rrd.energy import source
from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import keystone


class EnergySourceTest(base.BaseTestCase):
    def test_energy_is_read_as_the_user_of_the_installation_guide(self):
        # Given an API with the energy of one probe
        identity = services.shared(keystone.Keystone)
        directory = self.useFixture(fixtures.TempDir())
        server = self.useFixture(
            api.API(identity, f'sqlite:///{directory.join("db.sqlite")}')
        )
        server.meter('a', 1700000000.5, kwh=1.25, watts=173.0, elapsed=60.0)

        # When the pages read it by the options of the guide
        conf = energy_meter_conf.load(
            ['--config-file', server.configuration_file], 'energy-meter-rrd'
        )
        reader = source.connect(conf)
        now = datetime.datetime.now(datetime.UTC)
        since = now - datetime.timedelta(hours=1)
        found = reader.of_probe(usage.Query(since, now), 'a')

        # Then they have all of it
        self.assertEqual(
            [4_500_000_000], [each.millijoules for each in found.intervals]
        )

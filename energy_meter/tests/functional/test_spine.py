# SPDX-License-Identifier: Apache-2.0

"""Test of all services, from a BMC to Ceilometer."""

import itertools

import fixtures
from oslo_utils import timeutils
from oslotest import base as test_base

from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import ceilometer
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import ipmi_sim
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import rabbitmq

PROBE = 'node-41.domain.tld'
JOULES_PER_KWH = 3.6e6


class SpineTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bmc = self.useFixture(ipmi_sim.IPMISim())
        identity = base.shared(keystone.Keystone)
        bus = base.shared(rabbitmq.RabbitMQ).add_vhost()
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        database = f'sqlite:///{directory}/energy_meter.sqlite'
        self.useFixture(api.API(identity, database))
        configuration = commands.Configuration(
            directory,
            DEFAULT={'transport_url': bus},
            database={'connection': database},
        )
        configuration.set(
            'wattmeter:rack1-bmc41',
            driver='ipmi',
            probes=PROBE,
            # Not a divisor of Ceilometer's interval of two seconds.
            interval=0.7,
            host='127.0.0.1',
            port=self.bmc.port,
            username=ipmi_sim.USER,
            password=self.bmc.password,
        )
        self.agent = self.useFixture(commands.agent(configuration))
        self.useFixture(commands.collector(configuration))
        self.ceilometer = self.useFixture(ceilometer.Ceilometer(identity, bus))

    def samples(self, meter: str) -> list[tuple[float, float]]:
        """Return the timestamps and volumes of the published samples."""
        return [
            (
                timeutils.parse_isotime(sample['timestamp']).timestamp(),
                sample['volume'],
            )
            for sample in self.ceilometer.samples()
            if (sample['name'], sample['resource_id']) == (meter, PROBE)
        ]

    def wait_for_power(self, watts: float, number: int = 1) -> None:
        base.wait_for(
            lambda: (
                [volume for _, volume in self.samples('power')[-number:]]
                == [watts] * number
            ),
            60,
            f'{number} samples of {watts} W',
        )

    def test_power_of_bmc_becomes_power_and_energy_in_ceilometer(self):
        self.wait_for_power(200, number=4)

        # With the time of polling instead of the timestamp of the measurement,
        # samples would be off by up to 0.7 s.
        samples = self.samples('energy')
        for (start, first_kwh), (end, second_kwh) in itertools.pairwise(
            samples
        ):
            seconds = (second_kwh - first_kwh) * JOULES_PER_KWH / 200
            self.assertAlmostEqual(end - start, seconds, delta=0.05)

        self.bmc.set_value(300)
        self.wait_for_power(300)
        self.assertNotIn(self.bmc.password, self.agent.output())

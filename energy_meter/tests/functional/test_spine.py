# SPDX-License-Identifier: Apache-2.0

"""From a BMC to Ceilometer, every part a process of its own."""

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
            # Not in step with Ceilometer, which polls every two seconds.
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
        """Give time and volume of the samples that Ceilometer published."""
        return [
            (
                timeutils.parse_isotime(item['timestamp']).timestamp(),
                item['volume'],
            )
            for item in self.ceilometer.samples()
            if (item['name'], item['resource_id']) == (meter, PROBE)
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

    def test_watts_of_a_bmc_become_power_and_energy_in_ceilometer(self):
        self.wait_for_power(200, number=4)

        # A sample whose time were that of the polling, and not its own,
        # would show its energy up to 0.7 s too early or too late.
        samples = self.samples('energy')
        for (before, first), (after, second) in zip(
            samples, samples[1:], strict=False
        ):
            seconds = (second - first) * JOULES_PER_KWH / 200
            self.assertAlmostEqual(after - before, seconds, delta=0.05)

        self.bmc.set_value(300)
        self.wait_for_power(300)
        self.assertNotIn(self.bmc.password, self.agent.output())

# SPDX-License-Identifier: Apache-2.0


"""energy-meter-rrd with a real agent, collector and RabbitMQ."""

import fixtures
from oslotest import base as test_base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.rrd import archive
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import rabbitmq

PATIENCE = 60
WATTS = 250.0


class RecorderTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        broker = base.shared(rabbitmq.RabbitMQ)
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self.database = f'sqlite:///{directory}/db.sqlite'
        self.configuration = commands.Configuration(
            directory,
            DEFAULT={'transport_url': broker.add_vhost()},
            database={'connection': self.database},
            rrd={'flush_interval': 0.5, 'port': base.free_port()},
        )
        self.configuration.add_dummy(
            'rack',
            'node-1',
            'a/b',
            min_watts=WATTS,
            max_watts=WATTS,
            energy='counter',
        )
        self.configuration.run('energy-meter-manage', 'db', 'sync')
        # Queues are made by their readers: the agent comes last.
        self.useFixture(commands.collector(self.configuration))
        self.recorder = self.useFixture(
            commands.Command(
                self.configuration, 'energy-meter-rrd', 'Reading the bus'
            )
        )
        self.agent = self.useFixture(commands.agent(self.configuration))
        self.archive = archive.Archive(
            energy_meter_conf.load(
                ['--config-file', str(self.configuration.path)], 'test'
            )
        )

    def watts(self, probe='node-1'):
        """Give the power of the last minute, as far as it is written."""
        try:
            watts = self.archive.series('minute', probe).watts
        except exception.UnknownProbe:
            return []
        known = [
            place for place, value in enumerate(watts) if value is not None
        ]
        return (
            [
                None if value is None else round(value, 2)
                for value in watts[known[0] : known[-1] + 1]
            ]
            if known
            else []
        )

    def await_seconds(self, number):
        """Wait until so many seconds of power are in the archive."""
        base.wait_for(
            lambda: len(self.watts()) >= number,
            PATIENCE,
            f'{number} s in the archive',
        )

    def test_energy_is_that_of_the_registers(self):
        self.await_seconds(10)
        self.agent.stop()
        registers = commands.energy(self.database)
        base.wait_for(
            lambda: len(self.watts()) > self.metered() - 2,
            PATIENCE,
            'all is written',
        )
        for probe in ('node-1', 'a/b'):
            kwh = self.archive.series('minute', probe).figures.kwh
            self.assertAlmostEqual(
                registers[probe] / 3.6e9, kwh, delta=2 * WATTS / 3.6e6
            )
            self.assertEqual({WATTS}, set(self.watts(probe)))

    def metered(self):
        """Tell for how many seconds the collector knows the energy."""
        return commands.energy(self.database)['node-1'] / 1000 / WATTS

    def test_restart_leaves_no_gap(self):
        self.await_seconds(5)
        self.recorder.stop()
        metered = self.metered()
        base.wait_for(
            lambda: self.metered() > metered + 2,
            PATIENCE,
            'two seconds are metered meanwhile',
        )
        self.recorder.start()
        self.await_seconds(12)
        self.assertEqual({WATTS}, set(self.watts()))

    def test_kill_leaves_no_gap(self):
        self.await_seconds(5)
        self.recorder.kill()
        self.recorder.start()
        self.await_seconds(12)
        self.assertEqual({WATTS}, set(self.watts()))

    def test_second_one_on_the_same_directory_ends(self):
        self.configuration.set('rrd', port=base.free_port())
        self.assertIn(
            'is in use by another process',
            self.configuration.refusal('energy-meter-rrd'),
        )

# SPDX-License-Identifier: Apache-2.0

"""Tests of energy-meter-rrd with a real agent, collector and RabbitMQ."""

import functools

import fixtures
from oslotest import base as test_base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.rrd.reading import archive
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import rabbitmq

TIMEOUT_S = 60
WATTS = 250.0


class RRDTest(test_base.BaseTestCase):
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
        # Readers declare the queues, so start the agent last.
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
        """Return the power of the last minute, from first to last known."""
        try:
            watts = self.archive.series('minute', probe).watts
        except exception.ProbeNotFound:
            return []
        known = [
            place for place, value in enumerate(watts) if value is not None
        ]
        if not known:
            return []
        # A mean of less than a second is exact to 0.1 %: messages contain
        # times in ms.
        return [
            None if value is None else round(value)
            for value in watts[known[0] : known[-1] + 1]
        ]

    def wait_for_seconds(self, count):
        """Wait until the archive has this many seconds of power."""
        base.wait_for(
            lambda: len(self.watts()) >= count,
            TIMEOUT_S,
            f'{count} s in the archive',
        )

    def test_energy_equals_registers(self):
        self.wait_for_seconds(10)
        self.agent.stop()
        for probe in ('node-1', 'a/b'):
            base.wait_for(
                functools.partial(self.is_complete, probe),
                TIMEOUT_S,
                'all measurements in the archive and in the database',
            )
            self.assertEqual({WATTS}, set(self.watts(probe)))

    def is_complete(self, probe):
        """Return whether archive and register have the same energy."""
        kwh = self.archive.series('minute', probe).figures.kwh
        registered = commands.energy(self.database)[probe] / 3.6e9
        return abs(kwh - registered) <= 2 * WATTS / 3.6e6

    def metered_seconds(self):
        """Return the seconds of energy that the collector has stored."""
        return commands.energy(self.database)['node-1'] / 1000 / WATTS

    def test_restart_leaves_no_gap(self):
        self.wait_for_seconds(5)
        self.recorder.stop()
        before = self.metered_seconds()
        base.wait_for(
            lambda: self.metered_seconds() > before + 2,
            TIMEOUT_S,
            'two more seconds in the database',
        )
        self.recorder.start()
        self.wait_for_seconds(12)
        self.assertEqual({WATTS}, set(self.watts()))

    def test_kill_leaves_no_gap(self):
        self.wait_for_seconds(5)
        self.recorder.kill()
        self.recorder.start()
        self.wait_for_seconds(12)
        self.assertEqual({WATTS}, set(self.watts()))

    def test_second_process_on_same_directory_exits(self):
        self.configuration.set('rrd', port=base.free_port())
        self.assertIn(
            'is in use by another process',
            self.configuration.refusal('energy-meter-rrd'),
        )

# SPDX-License-Identifier: Apache-2.0

"""Agents and collectors of different releases, side by side."""

import signal

from energy_meter.bus import envelope
from energy_meter.tests.functional import test_status
from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.services import agent_state
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import rabbitmq
from energy_meter.tests.functional.upgrades import releases


def run_as(
    service: commands.Command, release: releases.Release | None = None
) -> None:
    """Restart a service as that of a release, by default of this one."""
    service.stop()
    service.env = release.environment if release else {}
    service.start()


class UpgradeTestCase(metering.MeteringTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.url = base.shared(rabbitmq.RabbitMQ).add_vhost()

    def start_agent(
        self, url: str, release: releases.Release | None = None
    ) -> commands.Command:
        agent = self.make_agent(url)
        agent.env = release.environment if release else {}
        return self.useFixture(agent)

    def make_collector(self, url: str) -> commands.Command:
        collector = super().make_collector(url)
        # The registers of an agent that restarts are contested for a moment.
        collector.configuration.set('collector', settle_interval=0.2)
        return collector

    def check_chain(self, length: int) -> None:
        """Check that each register of a probe follows the one before."""
        chain = sorted(
            (
                latest
                for latest in agent_state.saved(
                    self.agent_configuration.directory / 'state'
                ).values()
                if latest.probe.id == 'desk-1'
            ),
            key=lambda latest: latest.timestamp,
        )
        self.assertEqual(length, len(chain))
        self.assertEqual(
            [None, *(latest.register.id for latest in chain[:-1])],
            [latest.after and latest.after.register for latest in chain],
        )


class OlderTest(UpgradeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.older = base.shared(releases.Older)

    def check_release(self, service: commands.Command) -> None:
        """Check that a service was started as that of the older release."""
        self.assertIn(
            f'Starting {service.name} {self.older.version}', service.output()
        )

    def test_older_agent_is_upgraded_and_downgraded(self):
        # Given an older agent that meters without a broker and is killed,
        agent = self.start_agent('rabbit://127.0.0.1:1/', self.older)
        self.wait_for_readings(1)
        agent.kill()
        self.check_release(agent)

        # when it is upgraded, with a broker and a current collector,
        self.agent_configuration.set('DEFAULT', transport_url=self.url)
        self.useFixture(self.make_collector(self.url))
        run_as(agent)

        # then the energy of both releases is billed.
        self.wait_until_billed()

        # When it is downgraded, and announces all marks again,
        agent.argv.append('--announce')
        run_as(agent, self.older)
        self.wait_for_readings(1)

        # then all energy is billed once, and each release continued the
        # registers of the one before.
        self.check_energy(agent)
        self.check_chain(3)
        for damage in ('corrupt', 'damaged'):
            self.assertNotIn(damage, agent.output())

    def test_older_collector_bills_a_current_agent(self):
        # Given a collector of the older release with its own database,
        configuration = self.configure(
            self.url, database={'connection': self.database}
        )
        self.older.run(configuration, 'energy-meter-manage', 'db', 'sync')
        collector = commands.collector(configuration)
        collector.env = self.older.environment
        self.useFixture(collector)
        self.check_release(collector)

        # when a current agent meters,
        agent = self.start_agent(self.url)
        self.wait_until_billed()

        # then its energy is billed.
        self.check_energy(agent)


class NewerTest(UpgradeTestCase):
    def test_newer_agent_is_refused_until_the_collector_is_upgraded(self):
        # Given a current collector,
        newer = base.shared(releases.Newer)
        collector = self.useFixture(self.make_collector(self.url))

        # when an agent with a newer message format meters, and restarts,
        agent = self.start_agent(self.url, newer)
        self.wait_for_readings(1)
        run_as(agent, newer)

        # then the collector logs and counts what it refuses.
        self.wait_until_refused(collector)
        self.assertEqual(0, self.billed())

        # When the collector and its schema are upgraded,
        collector.stop()
        newer.run(collector.configuration, 'energy-meter-manage', 'db', 'sync')
        run_as(collector, newer)

        # then registers that are open are billed,
        base.wait_for(lambda: self.billed() > 0, 60, 'energy is billed')

        # and all energy once, as soon as the agent announces its marks.
        agent.argv.append('--announce')
        run_as(agent, newer)
        self.wait_until_billed()
        self.check_energy(agent)

    def wait_until_refused(self, collector: commands.Command) -> None:
        expected = f'version {envelope.VERSION + 1} of agent'
        base.wait_for(
            lambda: expected in collector.output(), 30, 'a line in the log'
        )
        # The collector saves its counters at this signal.
        collector.signal(signal.SIGHUP)
        base.wait_for(
            lambda: 'unknown_version' in self.rejections(collector),
            30,
            'the status reports it',
        )

    def rejections(self, collector: commands.Command) -> str:
        """Return what the status reports about rejected messages."""
        return test_status.run_check(
            'Rejected messages',
            '--config-file',
            collector.configuration.path,
        )['details']

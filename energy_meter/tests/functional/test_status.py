# SPDX-License-Identifier: Apache-2.0

"""What energy-meter-status says of the real Keystone and RabbitMQ."""

import json
import pathlib
import subprocess
import typing

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import rabbitmq


def run_check(
    title: str, *options: str | pathlib.Path
) -> dict[str, typing.Any]:
    """Run all checks and give what came of one."""
    done = subprocess.run(
        [
            commands.script('energy-meter-status'),
            *options,
            'upgrade',
            'check',
            '--json',
        ],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    (found,) = (
        check
        for check in json.loads(done.stdout)['checks']
        if check['check'] == title
    )
    return found


class KeystoneTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.api = self.useFixture(
            api.API(
                base.shared(keystone.Keystone),
                f'sqlite:///{self.directory}/db',
            )
        )

    def check(self, *files: pathlib.Path) -> dict[str, typing.Any]:
        """Give what is said of Keystone where the API is configured.

        :param files: configure it differently.
        """
        return run_check(
            'Keystone and the endpoint of the API',
            *self.api.argv[1:],
            *(word for file in files for word in ('--config-file', file)),
        )

    def test_the_endpoint_answers(self):
        self.assertEqual(0, self.check()['result'])

    def test_nobody_answers_at_the_endpoint(self):
        self.api.stop()

        found = self.check()

        self.assertEqual(2, found['result'])
        self.assertIn('Does energy-meter-api run there?', found['details'])

    def test_a_wrong_password(self):
        other = self.directory / 'other.conf'
        other.write_text('[keystone_authtoken]\npassword = mistaken\n')

        found = self.check(other)

        self.assertEqual(2, found['result'])
        self.assertIn('does not let us in (Unauthorized)', found['details'])
        self.assertNotIn('mistaken', found['details'])


class QueuesTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.broker = base.shared(rabbitmq.RabbitMQ)
        self.configuration = commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={'transport_url': self.broker.add_vhost()},
        )

    def check(self) -> dict[str, typing.Any]:
        return run_check(
            'Buses and their queues', '--config-file', self.configuration.path
        )

    def test_a_bus_that_nobody_used(self):
        self.assertEqual(0, self.check()['result'])

    def test_a_queue_that_nobody_reads(self):
        self.configuration.add_dummy('desk', 'desk-1')
        self.useFixture(commands.agent(self.configuration))

        found = base.wait_for(
            lambda: (lambda now: now if now['result'] else None)(self.check()),
            60,
            'the queue is told',
        )

        self.assertEqual(1, found['result'])
        self.assertIn(
            'Nobody reads queue energy_meter.info of rabbit://',
            found['details'],
        )
        self.assertNotIn('guest', found['details'])

    def test_a_bus_that_is_away(self):
        self.configuration.set(
            'DEFAULT',
            transport_url=f'rabbit://user:hush@127.0.0.1:{base.free_port()}/',
        )

        found = self.check()

        self.assertEqual(2, found['result'])
        self.assertIn('Connection refused', found['details'])
        self.assertNotIn('hush', found['details'])

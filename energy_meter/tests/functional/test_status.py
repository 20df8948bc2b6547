# SPDX-License-Identifier: Apache-2.0

"""energy-meter-status with real Keystone and RabbitMQ servers."""

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
    """Run all checks and return the result of one."""
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
    (result,) = (
        check
        for check in json.loads(done.stdout)['checks']
        if check['check'] == title
    )
    return result


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
        """Return the result for Keystone with the API's configuration.

        :param files: configuration files that override parts of it.
        """
        return run_check(
            'Keystone and API endpoints',
            *self.api.argv[1:],
            *(
                argument
                for file in files
                for argument in ('--config-file', file)
            ),
        )

    def test_responding_endpoint_passes(self):
        self.assertEqual(0, self.check()['result'])

    def test_unreachable_endpoint_fails(self):
        self.api.stop()

        result = self.check()

        self.assertEqual(2, result['result'])
        self.assertIn(
            'Check that energy-meter-api runs there', result['details']
        )

    def test_wrong_password_fails(self):
        other = self.directory / 'other.conf'
        other.write_text('[keystone_authtoken]\npassword = mistaken\n')

        result = self.check(other)

        self.assertEqual(2, result['result'])
        self.assertIn(
            'Cannot log in to Keystone (Unauthorized)', result['details']
        )
        self.assertNotIn('mistaken', result['details'])


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
            'Bus queues', '--config-file', self.configuration.path
        )

    def test_unused_bus_passes(self):
        self.assertEqual(0, self.check()['result'])

    def test_queue_without_consumers_is_a_warning(self):
        self.configuration.add_dummy('desk', 'desk-1')
        self.useFixture(commands.agent(self.configuration))

        def check() -> dict[str, typing.Any] | None:
            result = self.check()
            return result if result['result'] else None

        result = base.wait_for(check, 60, 'the queue is reported')

        self.assertEqual(1, result['result'])
        self.assertIn(
            'No consumers for queue energy_meter.info of rabbit://',
            result['details'],
        )
        self.assertNotIn('guest', result['details'])

    def test_unavailable_bus_fails(self):
        self.configuration.set(
            'DEFAULT',
            transport_url=f'rabbit://user:hidden@127.0.0.1:{base.free_port()}/',
        )

        result = self.check()

        self.assertEqual(2, result['result'])
        self.assertIn('Connection refused', result['details'])
        self.assertNotIn('hidden', result['details'])

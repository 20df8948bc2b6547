# SPDX-License-Identifier: Apache-2.0

"""Tests for the documented alarms, with a real Aodh and Gnocchi."""

import datetime
import json
import os
import pathlib
import re
import uuid

from oslotest import base as test_base

from energy_meter.clients import gnocchi as gnocchi_setup
from energy_meter.tests.functional.services import aodh
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import gnocchi
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import stack

PAGE = stack.CHECKOUT / 'doc' / 'source' / 'admin' / 'aodh.rst'
COMMAND = re.compile(
    r'^   \$ ((?:PROBE=|openstack alarm create)(?:.*\\\n)*.*)$', re.MULTILINE
)
URL = 'http://127.0.0.1:8080'
PROBE = 'node-41'
MINUTE = datetime.timedelta(minutes=1)


class AlarmTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.identity = base.shared(keystone.Keystone)
        self.gnocchi = base.shared(gnocchi.Gnocchi)
        gnocchi_setup.setup(self.identity.connect(), report=lambda line: None)
        self.aodh = base.shared(aodh.Aodh)
        self.receiver = self.useFixture(
            http.HTTPServer(lambda request: http.Answer())
        )
        # Unique, because Gnocchi is shared with other tests.
        self.probe = f'probe-{uuid.uuid4().hex}'
        self.instance = str(uuid.uuid4())
        self.store_instance_power(60.0)

    def store_power(self, watts, minutes):
        """Store measures of the power at these minutes from now in Gnocchi."""
        resource = (
            self.gnocchi.client()
            .post(
                '/v1/resource/energy_probe',
                json={
                    'id': self.probe,
                    'scope': 'node',
                    'host': self.probe,
                    'wattmeter': 'meter',
                    'metrics': {
                        'power': {
                            'archive_policy_name': gnocchi_setup.POWER_POLICY
                        }
                    },
                },
            )
            .json()
        )
        self.addCleanup(
            self.gnocchi.client().delete,
            f'/v1/resource/energy_probe/{resource["id"]}',
        )
        now = datetime.datetime.now(datetime.UTC)
        self.gnocchi.client().post(
            f'/v1/metric/{resource["metrics"]["power"]}/measures',
            json=[
                {
                    'timestamp': (now + minute * MINUTE).isoformat(),
                    'value': watts,
                }
                for minute in minutes
            ],
        )

    def store_instance_power(self, watts):
        """Store the mean power of an instance on the last day in Gnocchi."""
        client = self.gnocchi.client()
        metric = {'archive_policy_name': gnocchi_setup.POWER_POLICY}
        resource = self.gnocchi.create_instance(
            self.instance, metrics={'instance.power': metric}
        )
        self.addCleanup(
            client.delete, f'/v1/resource/instance/{self.instance}'
        )
        now = datetime.datetime.now(datetime.UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        client.post(
            f'/v1/metric/{resource["metrics"]["instance.power"]}/measures',
            json=[
                {
                    'timestamp': (midnight - MINUTE).isoformat(),
                    'value': watts,
                }
            ],
        )

    def run_commands(self):
        """Run the documented commands for the test's probe and receiver."""
        commands = COMMAND.findall(PAGE.read_text(encoding='utf-8'))
        script = '\n'.join(['set -e', *commands])
        programs = pathlib.Path(stack.program('openstack')).parent
        base.run(
            [
                'bash',
                '-c',
                script.replace(URL, self.receiver.url).replace(
                    PROBE, self.probe
                ),
            ],
            timeout=120,
            env={
                **self.identity.environment(),
                'INSTANCE': self.instance,
                'PATH': f'{programs}:{os.environ["PATH"]}',
            },
        )
        for alarm in self.aodh.client().get('/v2/alarms').json():
            self.addCleanup(self.aodh.delete, alarm['alarm_id'])

    def received(self):
        """Return the path, alarm, and states of the received requests."""
        notifications = [
            (request.path, json.loads(request.body))
            for request in self.receiver.requests
        ]
        return {
            (path, body['alarm_name'], body['previous'], body['current'])
            for path, body in notifications
        }

    def wait_for(self, *expected):
        base.wait_for(
            lambda: {*expected} <= self.received(),
            60,
            f'the notifications {expected}',
        )

    def test_excessive_power_raises_alarm(self):
        # Into the future, because the commands take time.
        self.store_power(700.0, range(-3, 4))

        self.run_commands()

        self.wait_for(
            ('/power', f'{self.probe}-power', 'ok', 'alarm'),
            ('/power', 'any-node-power', 'insufficient data', 'alarm'),
        )

    def test_power_of_an_instance_raises_alarm(self):
        self.store_power(500.0, range(-3, 4))

        self.run_commands()

        self.wait_for(
            ('/power', 'web-1-power', 'insufficient data', 'alarm'),
        )

    def test_missing_measures_raise_insufficient_data(self):
        self.store_power(500.0, range(-13, -9))

        self.run_commands()

        self.wait_for(
            ('/silent', f'{self.probe}-power', 'ok', 'insufficient data')
        )

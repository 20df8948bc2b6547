# SPDX-License-Identifier: Apache-2.0

"""The alarms of the documentation, in a real Aodh with a real Gnocchi."""

import datetime
import json
import os
import pathlib
import re
import uuid

from oslotest import base as test_base

from energy_meter import gnocchi as gnocchi_setup
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
        gnocchi_setup.setup(self.identity.connect(), say=lambda line: None)
        self.aodh = base.shared(aodh.Aodh)
        self.receiver = self.useFixture(
            http.HTTPServer(lambda request: http.Answer())
        )
        # Gnocchi is shared with tests that may have the page's probe, too.
        self.probe = f'probe-{uuid.uuid4().hex}'

    def measure(self, watts, minutes):
        """Give Gnocchi the power of the probe at these minutes from now."""
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

    def type_commands(self):
        """Type what the page says, but for the probe and the receiver."""
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
                'PATH': f'{programs}:{os.environ["PATH"]}',
            },
        )
        for alarm in self.aodh.client().get('/v2/alarms').json():
            self.addCleanup(self.aodh.delete, alarm['alarm_id'])

    def received(self):
        """Give path, alarm and states of what was received."""
        found = [
            (request.path, json.loads(request.body))
            for request in self.receiver.requests
        ]
        return {
            (path, body['alarm_name'], body['previous'], body['current'])
            for path, body in found
        }

    def wait_for(self, *expected):
        base.wait_for(
            lambda: {*expected} <= self.received(),
            60,
            f'{expected} are received',
        )

    def test_too_much_power_is_told(self):
        # It goes on while the commands are typed.
        self.measure(700.0, range(-3, 4))

        self.type_commands()

        self.wait_for(
            ('/power', f'{self.probe}-power', 'ok', 'alarm'),
            ('/power', 'any-node-power', 'insufficient data', 'alarm'),
        )

    def test_silence_is_told(self):
        self.measure(500.0, range(-13, -9))

        self.type_commands()

        self.wait_for(
            ('/silent', f'{self.probe}-power', 'ok', 'insufficient data')
        )

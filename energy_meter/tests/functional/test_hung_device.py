# SPDX-License-Identifier: Apache-2.0

"""Devices that hang their driver, which the agent abandons."""

import socket
import threading
import typing

import fixtures
from oslotest import base

from energy_meter.agent import metrics
from energy_meter.agent import supervisor
from energy_meter.agent import wattmeter
from energy_meter.drivers import base as drivers_base
from energy_meter.drivers import http_json
from energy_meter.drivers.redfish import driver as redfish
from energy_meter.telemetry import counters
from energy_meter.tests import drivers

TIMEOUT_S = 30.0

#: So short that a driver hangs as soon as its request has arrived.
INTERVAL_S = 1e-6


class HungDeviceTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger('energy_meter'))
        self.supervisor = supervisor.Supervisor(
            self.fail,
            self.fail,
            hang_timeout=0.0,
            max_backoff=TIMEOUT_S,
            counts=counters.Counters(metrics.COUNTERS),
        )
        self.addCleanup(self.supervisor.stop)
        self.device = socket.create_server(('127.0.0.1', 0))
        self.device.settimeout(TIMEOUT_S)
        self.addCleanup(self.device.close)

    def start(
        self,
        name: str,
        driver: type[drivers_base.Driver],
        **changes: typing.Any,
    ) -> threading.Thread:
        """Read the device with a timeout that is too long."""
        port = self.device.getsockname()[1]
        options = vars(
            drivers.make(
                driver,
                url=f'http://127.0.0.1:{port}',
                timeout=3600.0,
                **changes,
            ).options
        )
        options['interval'] = INTERVAL_S
        self.supervisor.start_added(
            [wattmeter.Wattmeter(name, driver, options, ('p',), ())]
        )
        (thread,) = (
            thread
            for thread in threading.enumerate()
            if thread.name == f'wattmeter {name}'
        )
        return thread

    def accept_request(self) -> socket.socket:
        connection, _ = self.device.accept()
        self.addCleanup(connection.close)
        connection.settimeout(TIMEOUT_S)
        self.assertTrue(connection.recv(65536).startswith(b'GET '))
        return connection

    def assert_abandoned(
        self, driver: type[drivers_base.Driver], **changes: typing.Any
    ) -> None:
        # Given a driver whose request is not answered,
        name = driver.__name__
        thread = self.start(name, driver, **changes)
        connection = self.accept_request()

        # when the agent abandons it,
        self.supervisor.check()

        # then its connection ends, and its thread too, with no other error.
        self.assertEqual(b'', connection.recv(1))
        thread.join(TIMEOUT_S)
        self.assertFalse(thread.is_alive())
        self.assertIn(
            f'Driver of wattmeter {name} hung for 0 s; abandoning its thread',
            self.log.output,
        )
        self.assertNotIn('cannot be', self.log.output)

    def test_request_of_an_abandoned_http_driver_ends(self):
        self.assert_abandoned(http_json.HTTPJSON, watts_path='watts')

    def test_request_of_an_abandoned_redfish_driver_ends(self):
        self.assert_abandoned(redfish.Redfish)

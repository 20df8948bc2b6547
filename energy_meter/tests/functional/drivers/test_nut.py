# SPDX-License-Identifier: Apache-2.0

"""UPSes of a real upsd with dummy-ups drivers."""

import logging
import typing

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.nut import driver
from energy_meter.drivers.nut import session
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import descriptors
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import nut

TIMEOUT_S = 30

RACK = {
    'ups.status': 'OL',
    'ups.realpower': '412',
    'ups.power': '500',
    'ups.realpower.nominal': '3000',
    'output.voltage': '230.1',
    'output.current': '2.2',
    'outlet.1.realpower': '100.5',
    'outlet.2.power': '46',
}
WITHOUT_WATTS = {'ups.status': 'OL', 'ups.power': '500', 'ups.load': '20'}


class NUTTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))

    def serve(self, **upses: nut.Variables | None) -> nut.Upsd:
        return self.useFixture(nut.Upsd(upses))

    def make(
        self, server: typing.Any, *probes: str | None, **options: typing.Any
    ) -> driver.NUT:
        meter = drivers.make(
            driver.NUT,
            *probes,
            **{'host': '127.0.0.1', 'port': server.port, 'timeout': 5.0}
            | options,
        )
        self.addCleanup(meter.close)
        return meter

    def connect(
        self, server: typing.Any, *probes: str | None, **options: typing.Any
    ) -> driver.NUT:
        meter = self.make(server, *probes, **options)
        meter.open()
        return meter

    def read(
        self, server: nut.Upsd, *probes: str | None, **options: typing.Any
    ) -> dict[str, measurement.Reading]:
        meter = self.connect(server, *probes, **options)
        return {reading.probe: reading for reading in meter.read()}

    def error_text(self, meter: driver.NUT) -> str:
        return str(self.assertRaises(exception.DriverError, meter.read))

    def wait_for_reading(self, meter: driver.NUT, count: int) -> None:
        services.wait_for(
            lambda: len(list(meter.read())) == count,
            TIMEOUT_S,
            f'{count} readings',
        )


class PowerTest(NUTTest):
    def test_watts_of_ups_are_read(self):
        server = self.serve(rack=RACK)

        readings = self.read(server, 'node')

        self.assertEqual(
            {
                'node': measurement.Reading(
                    'node', 412.0, volts=230.1, amperes=2.2
                )
            },
            readings,
        )
        self.assertEqual('', self.log.output)

    def test_upsc_shows_same_watts(self):
        server = self.serve(rack=RACK)
        meter = self.connect(server, 'node')
        server.set('rack', 'ups.realpower', '433.5')

        (reading,) = meter.read()

        self.assertEqual(
            reading.watts, float(server.get('rack', 'ups.realpower'))
        )
        self.assertEqual(433.5, reading.watts)

    def test_outlets_are_read(self):
        server = self.serve(rack=RACK)

        readings = self.read(
            server,
            'a',
            'b',
            channels=['rack:1', 'rack:2'],
            power_factor=0.5,
        )

        self.assertEqual(
            {'a': 100.5, 'b': 23.0},
            {probe: reading.watts for probe, reading in readings.items()},
        )

    def test_voltamperes_need_a_power_factor(self):
        meter = self.connect(self.serve(rack=WITHOUT_WATTS), 'node')

        self.assertIn(
            'no ups.realpower; set power_factor to estimate it from ups.power',
            self.error_text(meter),
        )

    def test_estimate_from_voltamperes_is_logged_once(self):
        meter = self.connect(
            self.serve(rack=WITHOUT_WATTS), 'node', power_factor=0.9
        )

        watts = [reading.watts for _ in range(3) for reading in meter.read()]

        self.assertEqual([450.0] * 3, watts)
        self.assertEqual(
            'probe node: its power is ups.power x power_factor 0.9, '
            'an estimate\n',
            self.log.output,
        )

    def test_estimate_from_voltage_and_current(self):
        server = self.serve(
            rack={'output.voltage': '230', 'output.current': '2'}
        )

        readings = self.read(server, 'node', power_factor=0.5)

        self.assertEqual(230.0, readings['node'].watts)
        self.assertIn('output.voltage x output.current', self.log.output)

    def test_one_of_three_phases_is_not_the_power(self):
        meter = self.connect(
            self.serve(
                rack={
                    'output.voltage': '230',
                    'output.current': '2',
                    'output.phases': '3',
                }
            ),
            'node',
            power_factor=0.5,
        )

        self.assertIn('no volt-amperes', self.error_text(meter))

    def test_invalid_number_is_not_replaced_by_an_estimate(self):
        meter = self.connect(
            self.serve(rack={**RACK, 'ups.realpower': '1,200'}),
            'node',
            power_factor=0.9,
        )

        self.assertIn(
            "ups.realpower: '1,200' is not a number", self.error_text(meter)
        )

    def test_file_descriptors_above_1023_work(self):
        server = self.serve(rack=RACK)
        self.useFixture(descriptors.Descriptors())

        self.assertEqual(412.0, self.read(server, 'node')['node'].watts)


class ChannelsTest(NUTTest):
    def test_all_upses_are_channels(self):
        server = self.serve(rack=RACK, lab=WITHOUT_WATTS)

        meter = self.connect(server)

        self.assertEqual(
            [('1', 'rack'), ('2', 'lab')],
            [(channel.index, channel.name) for channel in meter.channels()],
        )

    def test_probes_are_in_the_order_of_upsd(self):
        server = self.serve(rack=RACK, lab={'ups.realpower': '7'})

        readings = self.read(server, None, 'lab-node')

        self.assertEqual(7.0, readings.pop('lab-node').watts)
        self.assertEqual({}, readings)

    def test_ups_without_place_in_probes_is_an_error(self):
        server = self.serve(rack=RACK, lab=RACK)

        error = self.assertRaises(
            exception.DriverError, self.connect, server, 'node'
        )

        self.assertIn('has 2 channels (rack, lab)', str(error))


class FailuresTest(NUTTest):
    def test_failed_ups_costs_only_its_probe(self):
        server = self.serve(
            rack=RACK, dead=None, waiting={**RACK, 'ups.status': 'WAIT'}
        )

        readings = self.read(
            server,
            'dead-node',
            'waiting-node',
            'missing-node',
            'node',
            channels=['dead', 'waiting', 'missing', 'rack'],
        )

        self.assertEqual(['node'], list(readings))
        for name, reason in (
            ('dead', 'its driver does not run (DRIVER-NOT-CONNECTED)'),
            ('waiting', 'its driver has no data (ups.status WAIT)'),
            ('missing', 'upsd has no UPS of this name (UNKNOWN-UPS)'),
        ):
            self.assertIn(
                f'probe {name}-node: {name}@127.0.0.1:{server.port} did not '
                f'answer: {reason}',
                self.log.output,
            )

    def test_stale_data_is_not_a_reading(self):
        server = self.useFixture(
            nut.Upsd({'rack': RACK, 'lab': RACK}, max_age=2)
        )
        meter = self.connect(server, 'node', 'lab-node')
        self.wait_for_reading(meter, 2)
        server.drivers['rack'].pause()

        self.wait_for_reading(meter, 1)

        self.assertIn('its data is stale (DATA-STALE)', self.log.output)
        server.drivers['rack'].resume()
        self.wait_for_reading(meter, 2)
        self.assertIn('probe node can be read again', self.log.output)

    def test_restarted_driver_is_read_again(self):
        server = self.serve(rack=RACK, lab=RACK)
        meter = self.connect(server, 'node', 'lab-node')
        server.drivers['rack'].stop()

        self.wait_for_reading(meter, 1)

        server.drivers['rack'].start()
        self.wait_for_reading(meter, 2)
        self.assertIn('probe node can be read again', self.log.output)

    def test_restarted_upsd_is_read_again(self):
        server = self.serve(rack=RACK)
        meter = self.connect(server, 'node')
        server.stop()

        self.assertIn('did not answer', self.error_text(meter))
        server.start()

        self.assertEqual([412.0], [reading.watts for reading in meter.read()])

    def test_missing_upsd_is_an_error(self):
        server = self.serve(rack=RACK)
        server.stop()

        error = self.assertRaises(
            exception.DeviceUnreachable, self.connect, server, 'node'
        )

        self.assertIn('Connection refused', str(error))

    def test_hung_upsd_costs_one_timeout(self):
        server = self.serve(rack=RACK, lab=RACK)
        meter = self.connect(server, 'node', 'lab-node', timeout=1.0)
        server.pause()

        self.assertEqual(
            f'127.0.0.1:{server.port} did not answer: no response within 1 s',
            self.error_text(meter),
        )
        server.resume()
        self.assertEqual(2, len(list(meter.read())))

    def test_idle_connection_is_replaced(self):
        server = self.serve(rack=RACK)
        meter = self.connect(server, 'node')
        self.patch(session, 'MAX_IDLE_S', -1.0)

        self.assertEqual(1, len(list(meter.read())))
        self.assertEqual(1, len(list(meter.read())))


class UserTest(NUTTest):
    def test_user_is_logged_in(self):
        server = self.serve(rack=RACK)
        meter = self.connect(
            server, 'node', username=nut.USER, password=nut.PASSWORD
        )

        # Only this command lets upsd check the password.
        meter._session._confirm('LOGIN', 'rack')

        self.assertEqual(1, len(list(meter.read())))

    def test_wrong_password_is_an_error_if_upsd_checks_it(self):
        server = self.serve(rack=RACK)
        meter = self.connect(
            server, 'node', username=nut.USER, password='wr0ng'
        )

        error = self.assertRaises(
            exception.AuthenticationFailed,
            meter._session._confirm,
            'LOGIN',
            'rack',
        )

        self.assertNotIn('wr0ng', str(error))
        # To read variables, upsd does not require a user.
        self.assertEqual(1, len(list(meter.read())))


class TLSTest(NUTTest):
    def setUp(self):
        super().setUp()
        self.authority = self.useFixture(http.Authority())

    def serve_tls(self, host: str = '127.0.0.1') -> nut.Upsd:
        services.require('certutil', 'pk12util')
        return self.useFixture(
            nut.Upsd({'rack': RACK}, certificate=self.authority.issue(host))
        )

    def connect_error(self, server: nut.Upsd, **options: typing.Any) -> str:
        return str(
            self.assertRaises(
                exception.DriverError,
                self.connect,
                server,
                'node',
                tls=True,
                username=nut.USER,
                password=nut.PASSWORD,
                **options,
            )
        )

    def test_configured_ca_is_trusted(self):
        server = self.serve_tls()

        readings = self.read(
            server,
            'node',
            tls=True,
            ca_file=self.authority.file,
            username=nut.USER,
            password=nut.PASSWORD,
        )

        self.assertEqual(412.0, readings['node'].watts)

    def test_unknown_ca_is_an_error(self):
        self.assertIn(
            'CERTIFICATE_VERIFY_FAILED', self.connect_error(self.serve_tls())
        )

    def test_certificate_of_another_host_is_an_error(self):
        server = self.serve_tls('upsd.example.org')

        self.assertIn(
            'CERTIFICATE_VERIFY_FAILED',
            self.connect_error(server, ca_file=self.authority.file),
        )

    def test_missing_ca_file_is_an_error(self):
        self.assertIn(
            'ca_file = /nowhere',
            self.connect_error(self.serve(rack=RACK), ca_file='/nowhere'),
        )

    def test_upsd_without_tls_is_an_error(self):
        self.assertIn(
            'STARTTLS: upsd returned FEATURE-NOT-CONFIGURED',
            self.connect_error(self.serve(rack=RACK)),
        )

# SPDX-License-Identifier: Apache-2.0

"""Tests of the IPMI driver against ipmi_sim of OpenIPMI."""

import collections.abc
from concurrent import futures
import contextlib
import logging
import pathlib
import resource
import select
import socket
import threading
import typing

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.ipmi import driver as ipmi_driver
from energy_meter.drivers.ipmi import preference
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import ipmi_sim

#: Maximum time to wait for a response; responses are slow on a busy machine.
TIMEOUT_S = 10.0

#: The same for BMCs that do not respond.
SHORT_TIMEOUT_S = 1.0

DELL, FUJITSU = 674, 10368


class LossyNetwork(fixtures.Fixture):
    """UDP relay that drops or duplicates packets.

    :param port: port of the BMC on 127.0.0.1.
    :ivar dropped_requests: number of requests to drop.
    :ivar dropped_responses: number of responses to drop.
    :ivar duplicates_responses: whether to send each response twice.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self.dropped_requests = 0
        self.dropped_responses = 0
        self.duplicates_responses = False
        self._bmc_port = port

    def _setUp(self) -> None:
        self._inside, self._outside = (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)
        )
        self.addCleanup(self._inside.close)
        self.addCleanup(self._outside.close)
        self._inside.bind(('127.0.0.1', 0))
        self._outside.connect(('127.0.0.1', self._bmc_port))
        self.port = self._inside.getsockname()[1]
        self._stopping = threading.Event()
        thread = threading.Thread(target=self._relay)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._stopping.set)

    def _relay(self) -> None:
        client = None
        while not self._stopping.is_set():
            ready, _, _ = select.select(
                [self._inside, self._outside], [], [], 0.1
            )
            if self._inside in ready:
                packet, client = self._inside.recvfrom(3000)
                if self.dropped_requests:
                    self.dropped_requests -= 1
                else:
                    self._outside.send(packet)
            if self._outside in ready:
                packet = self._outside.recv(3000)
                if self.dropped_responses:
                    self.dropped_responses -= 1
                    continue
                for _ in range(1 + self.duplicates_responses):
                    self._inside.sendto(packet, client)


class Clock(fixtures.Fixture):
    """Monotonic clock of the driver's comparison of sources.

    :ivar seconds: time, which the test advances.
    """

    def _setUp(self) -> None:
        self.seconds = 1000.0
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.drivers.ipmi.preference.time', self
            )
        )

    def monotonic(self) -> float:
        return self.seconds


class IPMITestCase(base.BaseTestCase):
    def start(
        self, *sensors: ipmi_sim.Sensor, **details: typing.Any
    ) -> ipmi_sim.IPMISim:
        return self.useFixture(ipmi_sim.IPMISim(*sensors, **details))

    def make(
        self, bmc: ipmi_sim.IPMISim, *probes: str, **options: typing.Any
    ) -> ipmi_driver.IPMI:
        options = {
            'host': bmc.address,
            'port': bmc.port,
            'username': ipmi_sim.USER,
            'password': bmc.password,
            'timeout': TIMEOUT_S,
        } | options
        driver = drivers.make(
            ipmi_driver.IPMI, *(probes or ['node']), **options
        )
        self.addCleanup(driver.close)
        return driver

    def open(
        self, bmc: ipmi_sim.IPMISim, *probes: str, **options: typing.Any
    ) -> ipmi_driver.IPMI:
        driver = self.make(bmc, *probes, **options)
        driver.open()
        return driver

    def read(
        self, bmc: ipmi_sim.IPMISim, *probes: str, **options: typing.Any
    ) -> list[measurement.Reading]:
        return list(self.open(bmc, *probes, **options).read())

    def expire_sessions(self) -> None:
        """Make drivers log in again before the next reading."""
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.drivers.ipmi.session._MAX_IDLE_S', 0.0
            )
        )

    def assertWatts(
        self, expected: list[float | None], driver: ipmi_driver.IPMI
    ) -> None:
        self.assertEqual(
            expected, [reading.watts for reading in driver.read()]
        )


class SensorTest(IPMITestCase):
    def test_changed_power_is_read(self):
        bmc = self.start(ipmi_sim.Sensor(value=200))
        driver = self.open(bmc)
        self.assertWatts([200.0], driver)

        bmc.set_value(304)

        self.assertWatts([304.0], driver)

    def test_unavailable_sensor_yields_no_reading(self):
        bmc = self.start(ipmi_sim.Sensor(value=200))
        driver = self.open(bmc)

        bmc.set_available(False)
        self.assertWatts([], driver)

        bmc.set_available(True)
        self.assertWatts([200.0], driver)

    def test_initially_unavailable_sensor_is_read_later(self):
        bmc = self.start(ipmi_sim.Sensor(value=200, available=False))
        driver = self.open(bmc)
        self.assertWatts([], driver)

        bmc.set_available(True)

        self.assertWatts([200.0], driver)

    def test_only_watts_sensor_is_found(self):
        bmc = self.start(
            ipmi_sim.Sensor('Inlet', 20, unit='degrees_C'),
            ipmi_sim.Sensor('ME Pwr', 900, owner=0x2C),
            ipmi_sim.Sensor('Pwr', 200),
        )

        (reading,) = self.read(bmc)

        self.assertEqual(('node', 200.0), (reading.probe, reading.watts))

    def test_several_sensors_without_option_are_rejected(self):
        bmc = self.start(
            ipmi_sim.Sensor('PSU1', 96), ipmi_sim.Sensor('PSU2', 104)
        )
        driver = self.make(bmc)

        error = self.assertRaises(exception.ProtocolError, driver.open)

        self.assertIn(
            'available for the sensor option: PSU1, PSU2', str(error)
        )

    def test_sensors_are_assigned_to_probes(self):
        bmc = self.start(
            ipmi_sim.Sensor('PSU1', 96), ipmi_sim.Sensor('PSU2', 104)
        )

        readings = self.read(bmc, 'b', 'a', sensor=['PSU2', 'PSU1'])

        self.assertEqual(
            [('b', 104.0), ('a', 96.0)],
            [(reading.probe, reading.watts) for reading in readings],
        )

    def test_sensors_are_listed_again_after_relogin(self):
        # Given a BMC whose first sensor is that of the machine
        bmc = self.start(ipmi_sim.Sensor('Pwr Consumption', 200))
        driver = self.open(bmc)
        self.assertWatts([200.0], driver)

        # when an update of its firmware renumbers the sensors, and the
        # session was idle for longer than the BMC keeps it
        bmc.replace_sensors(
            ipmi_sim.Sensor('Fan 1', 12, unit='RPM'),
            ipmi_sim.Sensor('Pwr Consumption', 204),
        )
        self.expire_sessions()

        # then the driver does not read the fan
        self.assertWatts([204.0], driver)

    def test_named_sensors_are_found_again_after_relogin(self):
        bmc = self.start(
            ipmi_sim.Sensor('PSU1', 96), ipmi_sim.Sensor('PSU2', 104)
        )
        driver = self.open(bmc, 'a', 'b', sensor=['PSU1', 'PSU2'])
        self.assertWatts([96.0, 104.0], driver)

        bmc.replace_sensors(
            ipmi_sim.Sensor('Fan 1', 12, unit='RPM'),
            ipmi_sim.Sensor('PSU2', 108),
            ipmi_sim.Sensor('PSU1', 100),
        )
        self.expire_sessions()

        self.assertWatts([100.0, 108.0], driver)

    def test_sensor_that_disappeared_costs_only_its_probe(self):
        bmc = self.start(
            ipmi_sim.Sensor('PSU1', 96), ipmi_sim.Sensor('PSU2', 104)
        )
        driver = self.open(bmc, 'a', 'b', sensor=['PSU1', 'PSU2'])

        bmc.replace_sensors(ipmi_sim.Sensor('PSU2', 108))
        self.expire_sessions()

        self.assertEqual(
            [('b', 108.0)],
            [(reading.probe, reading.watts) for reading in driver.read()],
        )

    def test_failing_sensor_costs_only_its_probe(self):
        # Given a BMC that returns completion code 0xcc for one sensor
        bmc = self.start(
            ipmi_sim.Sensor('PSU1', 96, exists=False),
            ipmi_sim.Sensor('PSU2', 104),
        )
        log = self.useFixture(fixtures.FakeLogger())

        readings = self.read(bmc, 'a', 'b', sensor=['PSU1', 'PSU2'])

        self.assertEqual(
            [('b', 104.0)],
            [(reading.probe, reading.watts) for reading in readings],
        )
        self.assertIn('probe a: BMC', log.output)
        self.assertIn('0xcc', log.output)

    def test_sensors_of_parts_are_not_taken_for_machine(self):
        for name, entity in (
            ('CPU Power', 'system_board'),
            ('PSU1 Power', 'system_board'),
            ('Power', 'processor'),
            ('Power', 'power_supply'),
        ):
            bmc = self.start(ipmi_sim.Sensor(name, 40, entity=entity))
            for source in ('auto', 'sensor'):
                driver = self.make(bmc, source=source)

                error = self.assertRaises(exception.ProtocolError, driver.open)

                self.assertIn(
                    'expected one Watts sensor of the whole machine, found '
                    f'0; available for the sensor option: {name}',
                    str(error),
                )

    def test_machine_sensor_is_found_between_sensors_of_parts(self):
        bmc = self.start(
            ipmi_sim.Sensor('PSU1 Power', 80, entity='power_supply'),
            ipmi_sim.Sensor('PSU2 Power', 72, entity='power_supply'),
            ipmi_sim.Sensor('Total Power', 152),
        )

        (reading,) = self.read(bmc)

        self.assertEqual(('node', 152.0), (reading.probe, reading.watts))

    def test_total_power_of_fujitsu_is_preferred_to_output(self):
        sensors = (
            ipmi_sim.Sensor('PSU1 Power', 80, entity='power_supply'),
            ipmi_sim.Sensor('Total Power', 160),
            ipmi_sim.Sensor('Total Power Out', 148),
        )
        bmc = self.start(*sensors, manufacturer=FUJITSU)

        (reading,) = self.read(bmc)

        self.assertEqual(('node', 160.0), (reading.probe, reading.watts))
        self.assertRaises(
            exception.ProtocolError, self.make(self.start(*sensors)).open
        )

    def test_ipv6_and_kg_are_supported(self):
        bmc = self.start(address='::1', key='key-of-the-BMC')

        (reading,) = self.read(bmc, kg='key-of-the-BMC')

        self.assertEqual(200.0, reading.watts)

    def test_user_level_is_sufficient_for_sensors(self):
        bmc = self.start()

        (reading,) = self.read(bmc, username='reader', privilege='user')

        self.assertEqual(200.0, reading.watts)


class CommandTest(IPMITestCase):
    def test_dcmi_is_preferred_to_sensor(self):
        bmc = self.start(commands=True)
        bmc.add_dcmi_response(301)
        driver = self.open(bmc)
        self.assertWatts([301], driver)

        bmc.add_dcmi_response(302)

        self.assertWatts([302], driver)

    def test_inactive_dcmi_yields_no_reading(self):
        bmc = self.start(commands=True)
        bmc.add_dcmi_response(301)
        driver = self.open(bmc, source='dcmi')

        bmc.add_dcmi_response(301, active=False)
        self.assertWatts([], driver)

        bmc.add_dcmi_response(302)
        self.assertWatts([302], driver)

    def test_dcmi_that_becomes_active_replaces_sensor(self):
        # Given DCMI that is inactive at login
        clock = self.useFixture(Clock())
        bmc = self.start(commands=True)
        bmc.add_dcmi_response(301, active=False)
        driver = self.open(bmc)
        self.assertWatts([200.0], driver)

        # when it becomes active, then it is read after the interval
        bmc.add_dcmi_response(301)
        clock.seconds += preference.COMPARISON_INTERVAL_S - 1
        self.assertWatts([200.0], driver)
        clock.seconds += 1
        self.assertWatts([301], driver)

        # and when it becomes inactive again, then the sensor is read
        bmc.add_dcmi_response(301, active=False)
        self.assertWatts([200.0], driver)

    def test_zero_dcmi_is_replaced_by_sensor_with_power(self):
        clock = self.useFixture(Clock())
        bmc = self.start(ipmi_sim.Sensor(value=0), commands=True)
        bmc.add_dcmi_response(0)
        driver = self.open(bmc)
        self.assertWatts([0], driver)

        bmc.set_value(200)
        clock.seconds += preference.COMPARISON_INTERVAL_S
        self.assertWatts([200.0], driver)

        bmc.add_dcmi_response(301)
        clock.seconds += preference.COMPARISON_INTERVAL_S
        self.assertWatts([301], driver)

    def test_inactive_dcmi_does_not_yield_to_cpu_sensor(self):
        bmc = self.start(ipmi_sim.Sensor('CPU Power', 40), commands=True)
        bmc.add_dcmi_response(301, active=False)
        driver = self.open(bmc)
        self.assertWatts([], driver)

        bmc.add_dcmi_response(301)

        self.assertWatts([301], driver)

    def test_dcmi_state_can_be_ignored(self):
        # Given OpenBMC that does not report its measurement as active
        bmc = self.start(commands=True)
        bmc.add_dcmi_response(319, active=False)

        (reading,) = self.read(bmc, dcmi_ignore_state=True)

        self.assertEqual(319, reading.watts)

    def test_without_dcmi_sensor_is_read(self):
        bmc = self.start(commands=True)

        (reading,) = self.read(bmc)

        self.assertEqual(200.0, reading.watts)

    def test_dell_power_and_energy_are_read(self):
        bmc = self.start(manufacturer=DELL, commands=True)
        bmc.add_dell_responses(watts=260, watt_hours=123_456)
        driver = self.open(bmc)

        (before,) = driver.read()
        bmc.add_dell_responses(watts=261, watt_hours=123_457)
        (after,) = driver.read()

        self.assertEqual(
            [(260, 123_456), (261, 123_457)],
            [(reading.watts, reading.ticks) for reading in (before, after)],
        )
        self.assertEqual(3600.0, after.counter.resolution)

    def test_aem_energy_is_read(self):
        for vendor in (0x4A66, 0x4F4D):
            for has_ac in (True, False):
                bmc = self.start(commands=True)
                bmc.add_aem_responses(987_654_321_987, vendor, has_ac)

                (reading,) = self.read(bmc)

                self.assertEqual(
                    (200.0, 987_654_321_987), (reading.watts, reading.ticks)
                )
                self.assertEqual(0.001, reading.counter.resolution)


class ErrorTest(IPMITestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))

    def assertFails(
        self,
        error_type: type[Exception],
        function: collections.abc.Callable[..., object],
        *args: object,
    ) -> str:
        """Check the error, and that the password is not in text or log."""
        text = str(self.assertRaises(error_type, function, *args))
        self.assertNotIn(ipmi_sim.PASSWORD, text + self.log.output)
        return text

    def test_wrong_password_is_rejected(self):
        bmc = self.start()
        wrong = self.make(bmc, password='not ' + ipmi_sim.PASSWORD)

        text = self.assertFails(exception.AuthenticationFailed, wrong.open)

        self.assertIn('Incorrect password', text)
        self.assertWatts([200.0], self.open(bmc))

    def test_unknown_user_is_rejected(self):
        wrong = self.make(self.start(), username='unknown')

        text = self.assertFails(exception.AuthenticationFailed, wrong.open)

        self.assertIn('user unknown', text)

    def test_wrong_key_is_rejected(self):
        bmc = self.start(key='key-of-the-BMC')

        for kg in (None, '0x1234'):
            self.assertFails(
                exception.AuthenticationFailed, self.make(bmc, kg=kg).open
            )

    def test_changed_password_is_required_at_next_login(self):
        # Given an open session, and then a changed password
        bmc = self.start()
        driver = self.open(bmc)
        old = bmc.password
        bmc.set_password('an0ther-secret')
        self.assertWatts([200.0], driver)

        # when the session is closed
        driver.close()

        # then only the new password is accepted
        self.assertFails(
            exception.AuthenticationFailed, self.make(bmc, password=old).open
        )
        self.assertWatts([200.0], self.open(bmc))

    def test_insufficient_privilege_is_reported(self):
        bmc = self.start(commands=True)
        bmc.add_dcmi_response(301)
        driver = self.make(
            bmc, username='reader', privilege='user', source='dcmi'
        )

        text = self.assertFails(exception.ProtocolError, driver.open)

        self.assertIn('Insufficient privilege', text)

    def test_stopped_bmc_is_unreachable(self):
        bmc = self.start()
        bmc.kill()
        driver = self.make(bmc, timeout=SHORT_TIMEOUT_S)

        self.assertFails(exception.DeviceUnreachable, driver.open)

    def test_restarted_bmc_is_read_again(self):
        bmc = self.start()
        driver = self.open(bmc, timeout=SHORT_TIMEOUT_S)
        for watts in (204, 208, 212):
            # Given a BMC that fails during a reading, and then at login
            bmc.set_value(watts)
            bmc.kill()
            self.assertFails(exception.DeviceUnreachable, list, driver.read())
            driver.close()
            self.assertFails(
                exception.DeviceUnreachable,
                self.make(bmc, timeout=SHORT_TIMEOUT_S).open,
            )

            # when it is restarted
            bmc.start()

            # then a new session in the same process can read it
            driver = self.open(bmc, timeout=SHORT_TIMEOUT_S)
            self.assertWatts([float(watts)], driver)

    def test_restart_between_readings_raises(self):
        bmc = self.start()
        driver = self.open(bmc, timeout=SHORT_TIMEOUT_S)
        bmc.kill()
        bmc.start()

        self.assertFails(exception.DeviceUnreachable, list, driver.read())
        driver.close()
        self.assertWatts([200.0], self.open(bmc))

    def test_idle_session_is_replaced(self):
        # Given a BMC that has dropped the session
        bmc = self.start()
        driver = self.open(bmc)
        bmc.kill()
        bmc.start()

        # when the session was idle for longer than the maximum
        self.expire_sessions()

        # then the driver logs in again
        self.assertWatts([200.0], driver)

    def test_lost_and_duplicate_packets_are_tolerated(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.drivers.ipmi.session._RETRANSMIT_S', 0.1
            )
        )
        bmc = self.start()
        network = self.useFixture(LossyNetwork(bmc.port))
        driver = self.open(bmc, port=network.port)

        network.dropped_requests = 2
        self.assertWatts([200.0], driver)

        network.dropped_responses = 2
        self.assertWatts([200.0], driver)

        network.duplicates_responses = True
        for watts in (204, 208, 212):
            bmc.set_value(watts)
            self.assertWatts([float(watts)], driver)


class ManyTest(IPMITestCase):
    def test_many_bmcs_are_read_concurrently(self):
        # Given sessions with many BMCs, each with another power
        watts = range(200, 280, 4)
        stopped = {3, 11}
        bmcs = [self.start(ipmi_sim.Sensor(value=value)) for value in watts]
        meters = [
            self.make(
                bmc,
                timeout=(SHORT_TIMEOUT_S if number in stopped else TIMEOUT_S),
            )
            for number, bmc in enumerate(bmcs)
        ]
        with futures.ThreadPoolExecutor(len(bmcs)) as pool:
            list(pool.map(ipmi_driver.IPMI.open, meters))

            # when all are read concurrently, and two have been stopped
            for number in stopped:
                bmcs[number].kill()
            results = [pool.submit(self.read_often, meter) for meter in meters]

        # then the readings of the others are complete and correct
        for number, result in enumerate(results):
            if number in stopped:
                self.assertIsInstance(
                    result.exception(), exception.DeviceUnreachable
                )
            else:
                self.assertEqual([watts[number]] * 50, result.result())

    def read_often(self, driver: ipmi_driver.IPMI) -> list[float | None]:
        return [reading.watts for _ in range(50) for reading in driver.read()]

    def test_file_descriptors_above_1023_are_supported(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(
            resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard)
        )
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        bmc = self.start()
        with contextlib.ExitStack() as stack:
            for _ in range(1100):
                stack.enter_context(socket.socket())

            (reading,) = self.read(bmc)

        self.assertEqual(200.0, reading.watts)

    def test_closed_sessions_release_descriptors(self):
        bmc = self.start()
        descriptors = pathlib.Path('/proc/self/fd')
        before = len(list(descriptors.iterdir()))

        # More sessions than the simulator supports concurrently
        for _ in range(70):
            driver = self.open(bmc)
            self.assertWatts([200.0], driver)
            driver.close()

        self.assertEqual(before, len(list(descriptors.iterdir())))

# SPDX-License-Identifier: Apache-2.0

"""The ipmi driver against OpenIPMI's simulated BMCs."""

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
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import ipmi_sim

#: Seconds in which a BMC must answer: on a busy machine it may take a while.
PATIENCE = 10.0

#: The same where the BMC is known to be silent.
SHORT_PATIENCE = 1.0

DELL = 674


class LossyNetwork(fixtures.Fixture):
    """Carries UDP packets to a BMC, and loses or repeats some of them.

    :param port: The BMC's, on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        #: How many of the next packets to and from the BMC are lost.
        self.lose_requests = 0
        self.lose_answers = 0
        #: Each answer arrives twice.
        self.repeat_answers = False
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
        self._ending = threading.Event()
        thread = threading.Thread(target=self._carry)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._ending.set)

    def _carry(self) -> None:
        client = None
        while not self._ending.is_set():
            ready, _, _ = select.select(
                [self._inside, self._outside], [], [], 0.1
            )
            if self._inside in ready:
                packet, client = self._inside.recvfrom(3000)
                if self.lose_requests:
                    self.lose_requests -= 1
                else:
                    self._outside.send(packet)
            if self._outside in ready:
                packet = self._outside.recv(3000)
                if self.lose_answers:
                    self.lose_answers -= 1
                    continue
                for _ in range(1 + self.repeat_answers):
                    self._inside.sendto(packet, client)


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
            'timeout': PATIENCE,
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

    def assertWatts(
        self, expected: list[float | None], driver: ipmi_driver.IPMI
    ) -> None:
        self.assertEqual(
            expected, [reading.watts for reading in driver.read()]
        )


class SensorTest(IPMITestCase):
    def test_watts_follow_the_bmc(self):
        bmc = self.start(ipmi_sim.Sensor(value=200))
        driver = self.open(bmc)
        self.assertWatts([200.0], driver)

        bmc.set_value(304)

        self.assertWatts([304.0], driver)

    def test_na_is_no_reading_until_it_ends(self):
        bmc = self.start(ipmi_sim.Sensor(value=200))
        driver = self.open(bmc)

        bmc.set_available(False)
        self.assertWatts([], driver)

        bmc.set_available(True)
        self.assertWatts([200.0], driver)

    def test_a_bmc_that_starts_with_na_is_read_when_it_ends(self):
        bmc = self.start(ipmi_sim.Sensor(value=200, available=False))
        driver = self.open(bmc)
        self.assertWatts([], driver)

        bmc.set_available(True)

        self.assertWatts([200.0], driver)

    def test_the_only_sensor_of_watts_is_found_among_others(self):
        bmc = self.start(
            ipmi_sim.Sensor('Inlet', 20, unit='degrees_C'),
            ipmi_sim.Sensor('ME Pwr', 900, owner=0x2C),
            ipmi_sim.Sensor('Pwr', 200),
        )

        (reading,) = self.read(bmc)

        self.assertEqual(('node', 200.0), (reading.probe, reading.watts))

    def test_of_several_sensors_one_must_be_named(self):
        bmc = self.start(
            ipmi_sim.Sensor('PSU1', 96), ipmi_sim.Sensor('PSU2', 104)
        )
        driver = self.make(bmc)

        error = self.assertRaises(exception.ProtocolError, driver.open)

        self.assertIn('name one of: PSU1, PSU2', str(error))

    def test_sensors_may_be_probes_of_their_own(self):
        bmc = self.start(
            ipmi_sim.Sensor('PSU1', 96), ipmi_sim.Sensor('PSU2', 104)
        )

        readings = self.read(bmc, 'b', 'a', sensor=['PSU2', 'PSU1'])

        self.assertEqual(
            [('b', 104.0), ('a', 96.0)],
            [(item.probe, item.watts) for item in readings],
        )

    def test_ipv6_and_kg(self):
        bmc = self.start(address='::1', key='key-of-the-BMC')

        (reading,) = self.read(bmc, kg='key-of-the-BMC')

        self.assertEqual(200.0, reading.watts)

    def test_user_level_is_enough(self):
        bmc = self.start()

        (reading,) = self.read(bmc, username='reader', privilege='user')

        self.assertEqual(200.0, reading.watts)


class CommandTest(IPMITestCase):
    def test_dcmi_comes_before_the_sensor(self):
        bmc = self.start(commands=True)
        bmc.answer_dcmi(301)
        driver = self.open(bmc)
        self.assertWatts([301], driver)

        bmc.answer_dcmi(302)

        self.assertWatts([302], driver)

    def test_inactive_dcmi_is_no_reading(self):
        bmc = self.start(commands=True)
        bmc.answer_dcmi(301)
        driver = self.open(bmc, source='dcmi')

        bmc.answer_dcmi(301, active=False)
        self.assertWatts([], driver)

        bmc.answer_dcmi(302)
        self.assertWatts([302], driver)

    def test_without_dcmi_the_sensor_is_read(self):
        bmc = self.start(commands=True)

        (reading,) = self.read(bmc)

        self.assertEqual(200.0, reading.watts)

    def test_dell_shows_power_and_energy(self):
        bmc = self.start(manufacturer=DELL, commands=True)
        bmc.answer_dell(watts=260, watt_hours=123_456)
        driver = self.open(bmc)

        (before,) = driver.read()
        bmc.answer_dell(watts=261, watt_hours=123_457)
        (after,) = driver.read()

        self.assertEqual(
            [(260, 123_456), (261, 123_457)],
            [(item.watts, item.ticks) for item in (before, after)],
        )
        self.assertEqual(3600.0, after.counter.resolution)

    def test_aem_counts_millijoules(self):
        for maker in (0x4A66, 0x4F4D):
            for at_ac in (True, False):
                bmc = self.start(commands=True)
                bmc.answer_aem(987_654_321_987, maker, at_ac)

                (reading,) = self.read(bmc)

                self.assertEqual(
                    (200.0, 987_654_321_987), (reading.watts, reading.ticks)
                )
                self.assertEqual(0.001, reading.counter.resolution)


class TroubleTest(IPMITestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))

    def assertFails(
        self,
        error: type[Exception],
        call: collections.abc.Callable[..., object],
        *args: object,
    ) -> str:
        """Check that it fails so, and keeps the password to itself."""
        text = str(self.assertRaises(error, call, *args))
        self.assertNotIn(ipmi_sim.PASSWORD, text + self.log.output)
        return text

    def test_a_wrong_password_is_refused_until_it_is_corrected(self):
        bmc = self.start()
        wrong = self.make(bmc, password='not ' + ipmi_sim.PASSWORD)

        text = self.assertFails(exception.AuthenticationFailed, wrong.open)

        self.assertIn('Incorrect password', text)
        self.assertWatts([200.0], self.open(bmc))

    def test_an_unknown_user_is_refused(self):
        wrong = self.make(self.start(), username='nobody')

        text = self.assertFails(exception.AuthenticationFailed, wrong.open)

        self.assertIn('user nobody', text)

    def test_a_wrong_key_is_refused(self):
        bmc = self.start(key='key-of-the-BMC')

        for kg in (None, '0x1234'):
            self.assertFails(
                exception.AuthenticationFailed, self.make(bmc, kg=kg).open
            )

    def test_a_changed_password_is_noticed_at_the_next_login(self):
        # Given a BMC that is read, and whose password is changed
        bmc = self.start()
        driver = self.open(bmc)
        old = bmc.password
        bmc.set_password('an0ther-secret')
        self.assertWatts([200.0], driver)

        # when it is logged in to again
        driver.close()

        # then the old password is refused, and the new one is not
        self.assertFails(
            exception.AuthenticationFailed, self.make(bmc, password=old).open
        )
        self.assertWatts([200.0], self.open(bmc))

    def test_privilege_for_dcmi_is_asked_for(self):
        bmc = self.start(commands=True)
        bmc.answer_dcmi(301)
        driver = self.make(
            bmc, username='reader', privilege='user', source='dcmi'
        )

        text = self.assertFails(exception.ProtocolError, driver.open)

        self.assertIn('Insufficient privilege', text)

    def test_a_bmc_that_is_not_there_is_unreachable(self):
        bmc = self.start()
        bmc.kill()
        driver = self.make(bmc, timeout=SHORT_PATIENCE)

        self.assertFails(exception.DeviceUnreachable, driver.open)

    def test_a_bmc_that_comes_back_is_read_again(self):
        bmc = self.start()
        driver = self.open(bmc, timeout=SHORT_PATIENCE)
        for watts in (204, 208, 212):
            # Given a BMC that is lost while it is read, and then at login
            bmc.set_value(watts)
            bmc.kill()
            self.assertFails(exception.DeviceUnreachable, list, driver.read())
            driver.close()
            self.assertFails(
                exception.DeviceUnreachable,
                self.make(bmc, timeout=SHORT_PATIENCE).open,
            )

            # when it comes back
            bmc.start()

            # then a new session in the same process reads it
            driver = self.open(bmc, timeout=SHORT_PATIENCE)
            self.assertWatts([float(watts)], driver)

    def test_a_bmc_that_restarts_between_readings_is_an_error(self):
        bmc = self.start()
        driver = self.open(bmc, timeout=SHORT_PATIENCE)
        bmc.kill()
        bmc.start()

        self.assertFails(exception.DeviceUnreachable, list, driver.read())
        driver.close()
        self.assertWatts([200.0], self.open(bmc))

    def test_a_session_that_was_idle_too_long_is_replaced(self):
        # Given a BMC that has forgotten the session in a long pause
        bmc = self.start()
        driver = self.open(bmc)
        bmc.kill()
        bmc.start()

        # when the driver knows how long it was
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.drivers.ipmi.session._IDLE', 0.0
            )
        )

        # then it logs in anew rather than failing
        self.assertWatts([200.0], driver)

    def test_lost_and_repeated_packets_do_no_harm(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.drivers.ipmi.session._REPEAT', 0.1
            )
        )
        bmc = self.start()
        network = self.useFixture(LossyNetwork(bmc.port))
        driver = self.open(bmc, port=network.port)

        network.lose_requests = 2
        self.assertWatts([200.0], driver)

        network.lose_answers = 2
        self.assertWatts([200.0], driver)

        network.repeat_answers = True
        for watts in (204, 208, 212):
            bmc.set_value(watts)
            self.assertWatts([float(watts)], driver)


class ManyTest(IPMITestCase):
    def test_each_of_many_bmcs_is_read_by_its_own_thread(self):
        # Given many BMCs, each with watts of its own, that are logged in to
        # at once
        watts = range(200, 280, 4)
        lost = {3, 11}
        bmcs = [self.start(ipmi_sim.Sensor(value=value)) for value in watts]
        meters = [
            self.make(
                bmc, timeout=(SHORT_PATIENCE if number in lost else PATIENCE)
            )
            for number, bmc in enumerate(bmcs)
        ]
        with futures.ThreadPoolExecutor(len(bmcs)) as pool:
            list(pool.map(ipmi_driver.IPMI.open, meters))

            # when all are read at once, and two are lost
            for number in lost:
                bmcs[number].kill()
            results = [pool.submit(self.read_often, meter) for meter in meters]

        # then the others' readings are complete, and nobody else's
        for number, result in enumerate(results):
            if number in lost:
                self.assertIsInstance(
                    result.exception(), exception.DeviceUnreachable
                )
            else:
                self.assertEqual([watts[number]] * 50, result.result())

    def read_often(self, driver: ipmi_driver.IPMI) -> list[float | None]:
        return [reading.watts for _ in range(50) for reading in driver.read()]

    def test_file_descriptors_above_1023_work(self):
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

    def test_sessions_do_not_pile_up(self):
        bmc = self.start()
        descriptors = pathlib.Path('/proc/self/fd')
        before = len(list(descriptors.iterdir()))

        # More than the simulator has room for at the same time
        for _ in range(70):
            driver = self.open(bmc)
            self.assertWatts([200.0], driver)
            driver.close()

        self.assertEqual(before, len(list(descriptors.iterdir())))

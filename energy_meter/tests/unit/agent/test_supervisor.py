# SPDX-License-Identifier: Apache-2.0

"""Every wattmeter has one worker; one that hangs is replaced."""

import threading
import types

import fixtures
from oslotest import base

from energy_meter import counters
from energy_meter import measurement
from energy_meter.agent import supervisor
from energy_meter.agent import wattmeter
from energy_meter.agent import worker
from energy_meter.drivers import base as drivers_base

PATIENCE = 20.0


class Device:
    """A device that answers at once, or holds up whoever asks."""

    def __init__(self):
        self.lock = threading.Condition()
        self.hangs = False
        self.asking = 0
        self.opened = 0

    def open(self):
        with self.lock:
            self.opened += 1
            self.lock.notify_all()

    def ask(self):
        with self.lock:
            self.asking += 1
            self.lock.notify_all()
            self.lock.wait_for(lambda: not self.hangs, PATIENCE)
            self.asking -= 1

    def set(self, hangs):
        with self.lock:
            self.hangs = hangs
            self.lock.notify_all()

    def wait_until(self, condition):
        with self.lock:
            assert self.lock.wait_for(condition, PATIENCE)


class Driver(drivers_base.PolledDriver):
    def open(self):
        self.options.device.open()

    def read(self):
        self.options.device.ask()
        return [measurement.Reading(probe, 1.0) for probe in self.probes]


class SupervisorTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(supervisor.__name__))
        self.useFixture(fixtures.MockPatchObject(worker, '_FIRST_PAUSE', 0.0))
        self.devices = []
        self.taken = []
        self.arrived = threading.Condition()
        self.supervisor = supervisor.Supervisor(
            self.take, self.fail, 60.0, 1.0, counters.Counters()
        )
        self.addCleanup(self.end)

    def end(self):
        self.supervisor.stop()
        for device in self.devices:
            device.set(hangs=False)

    def take(self, readings):
        with self.arrived:
            self.taken += [reading.probe for reading in readings]
            self.arrived.notify_all()

    def wait_for_reading(self, probe):
        with self.arrived:
            self.taken.clear()
            self.assertTrue(
                self.arrived.wait_for(lambda: probe in self.taken, PATIENCE)
            )

    def make(self, name, probe='p', interval=0.001, hangs=False):
        device = Device()
        device.hangs = hangs
        self.devices.append(device)
        return wattmeter.Wattmeter(
            name,
            Driver,
            {'interval': interval, 'device': device},
            (probe,),
            (),
        )

    def check_later(self, seconds):
        """Check as if so much time had passed."""
        real = supervisor.time.monotonic
        with fixtures.MockPatchObject(
            supervisor,
            'time',
            types.SimpleNamespace(monotonic=lambda: real() + seconds),
        ):
            self.supervisor.check()

    def hang(self, name='m'):
        """Engage a wattmeter whose driver hangs."""
        item = self.make(name, hangs=True)
        self.supervisor.engage([item])
        device = item.options['device']
        device.wait_until(lambda: device.asking == 1)
        return item, device

    def test_wattmeters_are_read_beside_one_another(self):
        self.supervisor.engage([self.make('m', 'p'), self.make('n', 'q')])

        self.wait_for_reading('p')
        self.wait_for_reading('q')

    def test_one_that_hangs_does_not_keep_the_others(self):
        self.hang()

        self.supervisor.engage([self.make('n', 'q')])

        self.wait_for_reading('q')

    def test_a_wattmeter_that_is_read_already_is_left_alone(self):
        item = self.make('m')
        self.supervisor.engage([item])

        self.supervisor.retire([item])
        self.supervisor.engage([item])

        self.wait_for_reading('p')
        self.assertEqual(1, item.options['device'].opened)

    def test_a_wattmeter_that_is_not_wanted_is_not_read_any_longer(self):
        gone, kept = self.make('m', 'p'), self.make('n', 'q')
        self.supervisor.engage([gone, kept])
        self.wait_for_reading('p')
        threads = [
            item
            for item in threading.enumerate()
            if item.name == 'wattmeter m'
        ]

        self.supervisor.retire([kept])
        for thread in threads:
            thread.join(PATIENCE)
            self.assertFalse(thread.is_alive())

        self.wait_for_reading('q')
        self.assertNotIn('p', self.taken)

    def test_a_wattmeter_that_changed_is_read_as_it_is_now(self):
        self.supervisor.engage([self.make('m', 'p')])
        self.wait_for_reading('p')
        changed = self.make('m', 'q')

        self.supervisor.retire([changed])
        self.supervisor.engage([changed])

        self.wait_for_reading('q')

    def test_a_driver_that_comes_back_is_not_given_up(self):
        item = self.make('m', interval=1e6)
        self.supervisor.engage([item])
        device = item.options['device']
        device.wait_until(lambda: device.opened)

        self.check_later(59.0)

        self.assertEqual(
            '', self.log.output.replace('Reading wattmeter m\n', '')
        )

    def test_a_driver_that_hangs_is_given_up(self):
        item, device = self.hang()

        self.check_later(61.0)

        device.wait_until(lambda: device.asking == 2)
        self.assertEqual(2, device.opened)
        self.assertIn(
            'The driver of wattmeter m has not come back for 61 s '
            'and is given up',
            self.log.output,
        )

    def test_a_successor_reads_when_the_device_comes_back(self):
        item, device = self.hang()
        self.check_later(61.0)
        device.wait_until(lambda: device.asking == 2)

        device.set(hangs=False)

        self.wait_for_reading('p')
        self.assertEqual(2, device.opened)

    def test_a_slow_meter_has_three_intervals(self):
        item = self.make('m', interval=100.0, hangs=True)
        self.useFixture(
            fixtures.MockPatchObject(worker.random, 'random', lambda: 0.0)
        )
        self.supervisor.engage([item])
        device = item.options['device']
        device.wait_until(lambda: device.asking == 1)

        self.check_later(290.0)
        self.assertEqual(1, device.opened)

        self.check_later(301.0)
        device.wait_until(lambda: device.opened == 2)

    def test_at_most_three_given_up_threads_hang(self):
        item, device = self.hang()
        for asking in (2, 3, 4):
            self.check_later(61.0)
            device.wait_until(lambda wanted=asking: device.asking == wanted)

        self.check_later(61.0)
        self.check_later(61.0)

        self.assertEqual((4, 4), (device.asking, device.opened))

        # When they come back there is room for others.
        device.set(hangs=False)
        self.wait_for_reading('p')

    def test_those_of_one_wattmeter_leave_room_for_those_of_another(self):
        _, device = self.hang()
        for asking in (2, 3, 4):
            self.check_later(61.0)
            device.wait_until(lambda wanted=asking: device.asking == wanted)
        _, other = self.hang('n')

        self.check_later(61.0)

        other.wait_until(lambda: other.asking == 2)

    def test_nothing_is_read_after_the_end(self):
        item = self.make('m')
        self.supervisor.engage([item])
        self.wait_for_reading('p')
        threads = [
            item
            for item in threading.enumerate()
            if item.name == 'wattmeter m'
        ]

        self.supervisor.stop()
        for thread in threads:
            thread.join(PATIENCE)

        self.assertFalse(any(thread.is_alive() for thread in threads))

# SPDX-License-Identifier: Apache-2.0

"""Each wattmeter has one worker; a worker that hangs is replaced."""

import threading
import types

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import metrics
from energy_meter.agent import probes
from energy_meter.agent import supervisor
from energy_meter.agent import wattmeter
from energy_meter.agent import worker
from energy_meter.drivers import base as drivers_base
from energy_meter.telemetry import counters

TIMEOUT_S = 20.0


class Device:
    """Device that answers at once, or blocks its driver."""

    def __init__(self):
        self.lock = threading.Condition()
        self.hangs = False
        self.pending_reads = 0
        self.opened = self.closed = self.aborted = 0
        self.abort_error = None

    def open(self):
        with self.lock:
            self.opened += 1
            self.lock.notify_all()

    def read(self):
        with self.lock:
            self.pending_reads += 1
            self.lock.notify_all()
            self.lock.wait_for(lambda: not self.hangs, TIMEOUT_S)
            self.pending_reads -= 1

    def close(self):
        with self.lock:
            self.closed += 1
            self.lock.notify_all()

    def abort(self):
        self.aborted += 1
        if self.abort_error is not None:
            raise self.abort_error
        self.set(hangs=False)

    def set(self, hangs):
        with self.lock:
            self.hangs = hangs
            self.lock.notify_all()

    def wait_until(self, condition):
        with self.lock:
            assert self.lock.wait_for(condition, TIMEOUT_S)


class Driver(drivers_base.Driver):
    def open(self):
        self.options.device.open()

    def read(self):
        self.options.device.read()
        return [measurement.Reading(probe, 1.0) for probe in self.probes]


class AbortableDriver(Driver):
    def close(self):
        self.options.device.close()

    def abort(self):
        self.options.device.abort()


class ListingDriver(AbortableDriver):
    def open(self):
        """Hang until the driver is aborted."""
        self.options.device.read()
        raise exception.DriverError('the driver was aborted')


class SupervisorTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger('energy_meter'))
        self.useFixture(
            fixtures.MockPatchObject(worker, 'INITIAL_BACKOFF_S', 0.0)
        )
        self.devices = []
        self.received = []
        self.arrived = threading.Condition()
        self.counters = counters.Counters(metrics.COUNTERS)
        self.supervisor = supervisor.Supervisor(
            self.receive,
            self.fail,
            60.0,
            1.0,
            self.counters,
        )
        self.addCleanup(self.end)

    def end(self):
        self.supervisor.stop()
        for device in self.devices:
            device.set(hangs=False)

    def receive(self, readings):
        with self.arrived:
            self.received += [reading.probe for reading in readings]
            self.arrived.notify_all()

    def wait_for_reading(self, probe):
        with self.arrived:
            self.received.clear()
            self.assertTrue(
                self.arrived.wait_for(
                    lambda: probe in self.received, TIMEOUT_S
                )
            )

    def make(
        self, name, probe='p', interval=0.001, hangs=False, driver=Driver
    ):
        device = Device()
        device.hangs = hangs
        self.devices.append(device)
        return wattmeter.Wattmeter(
            name,
            driver,
            {'interval': interval, 'device': device},
            (probe,),
            (),
        )

    def check_later(self, seconds):
        """Check with the clock advanced by these seconds."""
        real = supervisor.time.monotonic
        with fixtures.MockPatchObject(
            supervisor,
            'time',
            types.SimpleNamespace(monotonic=lambda: real() + seconds),
        ):
            self.supervisor.check()

    def start_hung(self, name='m', driver=Driver, **changes):
        """Start a wattmeter whose driver hangs."""
        started = self.make(name, hangs=True, driver=driver)
        started = started._replace(**changes)
        self.supervisor.start_added([started])
        device = started.options['device']
        device.wait_until(lambda: device.pending_reads == 1)
        return device

    def test_wattmeters_are_read_concurrently(self):
        self.supervisor.start_added([self.make('m', 'p'), self.make('n', 'q')])

        self.wait_for_reading('p')
        self.wait_for_reading('q')

    def test_hangs_are_counted_from_zero(self):
        self.supervisor.start_added([self.make('m', 'p')])

        self.assertEqual(0, self.counters.totals()['driver_hangs (m)'])

    def test_hung_driver_does_not_block_other_wattmeters(self):
        self.start_hung()

        self.supervisor.start_added([self.make('n', 'q')])

        self.wait_for_reading('q')

    def test_unchanged_wattmeter_keeps_its_worker(self):
        started = self.make('m')
        self.supervisor.start_added([started])

        self.supervisor.stop_removed([started])
        self.supervisor.start_added([started])

        self.wait_for_reading('p')
        self.assertEqual(1, started.options['device'].opened)

    def test_worker_of_removed_wattmeter_is_stopped(self):
        removed, kept = self.make('m', 'p'), self.make('n', 'q')
        self.supervisor.start_added([removed, kept])
        self.wait_for_reading('p')
        threads = [
            thread
            for thread in threading.enumerate()
            if thread.name == 'wattmeter m'
        ]

        self.supervisor.stop_removed([kept])
        for thread in threads:
            thread.join(TIMEOUT_S)
            self.assertFalse(thread.is_alive())

        self.wait_for_reading('q')
        self.assertNotIn('p', self.received)

    def test_changed_wattmeter_gets_a_new_worker(self):
        self.supervisor.start_added([self.make('m', 'p')])
        self.wait_for_reading('p')
        changed = self.make('m', 'q')

        self.supervisor.stop_removed([changed])
        self.supervisor.start_added([changed])

        self.wait_for_reading('q')

    def test_driver_within_timeout_is_not_abandoned(self):
        started = self.make('m', interval=1e6)
        self.supervisor.start_added([started])
        device = started.options['device']
        device.wait_until(lambda: device.opened)

        self.check_later(59.0)

        self.assertEqual(
            '', self.log.output.replace('Reading wattmeter m\n', '')
        )

    def test_hung_driver_is_abandoned(self):
        device = self.start_hung()

        self.check_later(61.0)

        device.wait_until(lambda: device.pending_reads == 2)
        self.assertEqual(2, device.opened)
        self.assertIn(
            'Driver of wattmeter m hung for 61 s; abandoning its thread',
            self.log.output,
        )

    def test_replacement_reads_when_device_recovers(self):
        device = self.start_hung()
        self.check_later(61.0)
        device.wait_until(lambda: device.pending_reads == 2)

        device.set(hangs=False)

        self.wait_for_reading('p')
        self.assertEqual(2, device.opened)

    def test_hung_driver_is_aborted_and_closed_once(self):
        device = self.start_hung(driver=AbortableDriver)

        self.check_later(61.0)

        # The driver of the replacement remains open.
        device.wait_until(lambda: (device.opened, device.closed) == (2, 1))
        self.wait_for_reading('p')
        self.assertEqual((1, 1), (device.aborted, device.closed))

    def test_error_of_an_abort_costs_only_a_warning(self):
        device = self.start_hung(driver=AbortableDriver)
        device.abort_error = OSError('bad file descriptor')

        self.check_later(61.0)

        device.wait_until(lambda: device.pending_reads == 2)
        self.assertIn(
            'Driver of wattmeter m cannot be aborted: OSError: bad file '
            'descriptor',
            self.log.output,
        )

    def test_driver_that_hangs_while_it_lists_channels_is_aborted(self):
        device = self.start_hung(
            driver=ListingDriver,
            pattern=probes.Pattern('p-{channel}', None, {}),
        )

        self.check_later(61.0)

        device.wait_until(lambda: device.closed)
        self.assertEqual(1, device.aborted)

    def test_driver_that_works_is_not_aborted(self):
        started = self.make('m', driver=AbortableDriver)
        self.supervisor.start_added([started])
        self.wait_for_reading('p')

        self.supervisor.stop_removed([])

        device = started.options['device']
        device.wait_until(lambda: device.closed)
        self.assertEqual(0, device.aborted)

    def test_timeout_is_at_least_three_intervals(self):
        started = self.make('m', interval=100.0, hangs=True)
        self.useFixture(
            fixtures.MockPatchObject(worker.random, 'random', lambda: 0.0)
        )
        self.supervisor.start_added([started])
        device = started.options['device']
        device.wait_until(lambda: device.pending_reads == 1)

        self.check_later(290.0)
        self.assertEqual(1, device.opened)

        self.check_later(301.0)
        device.wait_until(lambda: device.opened == 2)

    def test_at_most_three_threads_are_abandoned(self):
        device = self.start_hung()
        for count in (2, 3, 4):
            self.check_later(61.0)
            device.wait_until(
                lambda expected=count: device.pending_reads == expected
            )

        self.check_later(61.0)
        self.check_later(61.0)

        self.assertEqual((4, 4), (device.pending_reads, device.opened))

        # When they return, the worker can be replaced again.
        device.set(hangs=False)
        self.wait_for_reading('p')

    def test_limit_of_abandoned_threads_is_per_wattmeter(self):
        device = self.start_hung()
        for count in (2, 3, 4):
            self.check_later(61.0)
            device.wait_until(
                lambda expected=count: device.pending_reads == expected
            )
        other = self.start_hung('n')

        self.check_later(61.0)

        other.wait_until(lambda: other.pending_reads == 2)

    def test_nothing_is_read_after_stop(self):
        started = self.make('m')
        self.supervisor.start_added([started])
        self.wait_for_reading('p')
        threads = [
            thread
            for thread in threading.enumerate()
            if thread.name == 'wattmeter m'
        ]

        self.supervisor.stop()
        for thread in threads:
            thread.join(TIMEOUT_S)

        self.assertFalse(any(thread.is_alive() for thread in threads))

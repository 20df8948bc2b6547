# SPDX-License-Identifier: Apache-2.0

"""Single reading of each wattmeter, for commissioning."""

import threading

from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import metering
from energy_meter.agent import oneshot
from energy_meter.agent import probes
from energy_meter.agent import wattmeter
from energy_meter.drivers import base as drivers_base

TIMEOUT_S = 20.0


class Polled(drivers_base.Driver):
    def open(self):
        self.options.calls.append('open')

    def close(self):
        self.options.calls.append('close')

    def read(self):
        return self.options.show()


class SelfPaced(Polled):
    self_paced = True


class WithChannels(Polled):
    def channels(self):
        return drivers_base.number(['left', 'right'])


class Unclosable(Polled):
    def close(self):
        raise ZeroDivisionError('on close')


class UnclosableWithChannels(WithChannels, Unclosable):
    pass


class OneshotTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.calls = []

    def make(self, show, *probes, driver=Polled, name='m'):
        """Return a wattmeter whose driver reads by calling a function."""
        settings = [
            metering.Settings(
                measurement.Probe(
                    probe, 'outlet', probe, name, 'scripted', 'a'
                ),
                500.0,
                60.0,
                'auto',
                {},
            )
            for probe in probes
        ]
        return wattmeter.Wattmeter(
            name,
            driver,
            {
                'driver': 'scripted',
                'interval': 1.0,
                'show': show,
                'calls': self.calls,
            },
            probes,
            tuple(settings),
        )

    def read(self, *wattmeters, timeout=TIMEOUT_S):
        return [
            result
            for batch in oneshot.read(wattmeters, timeout)
            for result in batch
        ]

    def fail_with(self, error):
        def show():
            raise error

        return show

    def test_every_probe_has_a_result(self):
        readings = [
            measurement.Reading(probe, watts)
            for probe, watts in (('q', 2.0), ('p', 1.0))
        ]
        for driver in (Polled, SelfPaced):
            results = self.read(
                self.make(lambda: readings, 'p', 'q', driver=driver)
            )

            self.assertEqual(
                [
                    oneshot.Result(
                        'm', 'scripted', 'p', 'outlet', readings[1], None
                    ),
                    oneshot.Result(
                        'm', 'scripted', 'q', 'outlet', readings[0], None
                    ),
                ],
                results,
            )

    def test_self_paced_driver_is_read_until_every_probe_has_a_reading(self):
        probes = iter('pq')

        results = self.read(
            self.make(
                lambda: [measurement.Reading(next(probes), 1.0)],
                'p',
                'q',
                driver=SelfPaced,
            )
        )

        # A third read would be an error.
        self.assertEqual([None, None], [result.error for result in results])

    def test_probe_without_reading_is_an_error(self):
        _, result = self.read(
            self.make(lambda: [measurement.Reading('p', 1.0)], 'p', 'q')
        )

        self.assertEqual(
            ('q', None, 'shows no value'),
            (result.probe, result.reading, result.error),
        )

    def test_self_paced_driver_is_read_for_half_the_timeout(self):
        first, second = self.read(
            self.make(
                lambda: [measurement.Reading('p', 1.0)],
                'p',
                'q',
                driver=SelfPaced,
            ),
            timeout=0.2,
        )

        self.assertEqual((None, 'shows no value'), (first.error, second.error))

    def test_invalid_reading_is_returned_with_its_violation(self):
        (result,) = self.read(
            self.make(lambda: [measurement.Reading('p', 900.0)], 'p')
        )

        self.assertEqual(900.0, result.reading.watts)
        self.assertIn('more than max_watts = 500', result.error)

    def test_failed_wattmeter_is_one_result(self):
        for error, text in (
            (exception.DriverError(reason='no answer'), 'no answer'),
            (ZeroDivisionError('by zero'), 'ZeroDivisionError: by zero'),
        ):
            for driver in (Polled, SelfPaced):
                results = self.read(
                    self.make(self.fail_with(error), 'p', 'q', driver=driver)
                )

                self.assertEqual(
                    [oneshot.Result('m', 'scripted', '-', '-', None, text)],
                    results,
                )

    def test_failed_wattmeter_is_closed(self):
        self.read(self.make(self.fail_with(OSError()), 'p'))

        self.assertEqual(['open', 'close'], self.calls)

    def test_error_of_close_costs_no_reading(self):
        results = self.read(
            self.make(
                lambda: [measurement.Reading('p', 1.0)], 'p', driver=Unclosable
            ),
            self.make(lambda: [measurement.Reading('q', 2.0)], 'q'),
        )

        self.assertEqual(
            [('p', 1.0, None), ('q', 2.0, None)],
            sorted(
                (result.probe, result.reading.watts, result.error)
                for result in results
            ),
        )

    def test_error_of_close_does_not_hide_the_error_of_reading(self):
        (result,) = self.read(
            self.make(
                self.fail_with(exception.DriverError(reason='no answer')),
                'p',
                driver=Unclosable,
            )
        )

        self.assertEqual('no answer', result.error)

    def test_hanging_wattmeter_does_not_delay_others(self):
        released = threading.Event()
        self.addCleanup(released.set)

        def hang():
            released.wait(TIMEOUT_S)
            return []

        results = self.read(
            self.make(hang, 'p', name='hangs'),
            self.make(lambda: [measurement.Reading('q', 1.0)], 'q'),
            timeout=1.0,
        )

        self.assertEqual(
            [('m', 'q', None), ('hangs', '-', 'no answer within 1 s')],
            [
                (result.wattmeter, result.probe, result.error)
                for result in results
            ],
        )

    def test_channels_of_a_pattern_are_read(self):
        common = metering.Settings(
            measurement.Probe('', 'outlet', '', 'm', 'scripted', 'a'),
            500.0,
            60.0,
            'auto',
            {},
        )
        for driver in (WithChannels, UnclosableWithChannels):
            unresolved = self.make(
                lambda: [
                    measurement.Reading('m-1', 1.0),
                    measurement.Reading('m-2', 2.0),
                ],
                driver=driver,
            )

            results = self.read(
                unresolved._replace(
                    pattern=probes.Pattern('{wattmeter}-{channel}', common, {})
                )
            )

            self.assertEqual(
                [('m-1', 1.0), ('m-2', 2.0)],
                [(result.probe, result.reading.watts) for result in results],
            )

    def test_without_wattmeters_there_are_no_results(self):
        self.assertEqual([], self.read())

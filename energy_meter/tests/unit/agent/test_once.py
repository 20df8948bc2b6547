# SPDX-License-Identifier: Apache-2.0

"""Whoever puts up a rack sees what each outlet shows, or why not."""

import threading

from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import ledger
from energy_meter.agent import once
from energy_meter.agent import wattmeter
from energy_meter.drivers import base as drivers_base

PATIENCE = 20.0


class Scripted(drivers_base.Driver):
    def open(self):
        self.options.calls.append('open')

    def close(self):
        self.options.calls.append('close')


class Polled(Scripted, drivers_base.PolledDriver):
    def read(self):
        return self.options.show()


class Streaming(Scripted, drivers_base.StreamingDriver):
    def stream(self):
        while True:
            yield None
            yield from self.options.show()


class Telling(Polled):
    def outlets(self):
        return drivers_base.number(['left', 'right'])


class OnceTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.calls = []

    def make(self, show, *probes, driver=Polled, name='m'):
        """Make a wattmeter that shows what a function tells."""
        settings = [
            ledger.Settings(
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

    def read(self, *items, timeout=PATIENCE):
        return [
            result
            for results in once.read(items, timeout)
            for result in results
        ]

    def fail_with(self, error):
        def show():
            raise error

        return show

    def test_every_probe_shows_its_reading(self):
        readings = [
            measurement.Reading(probe, watts)
            for probe, watts in (('q', 2.0), ('p', 1.0))
        ]
        for driver in (Polled, Streaming):
            found = self.read(
                self.make(lambda: readings, 'p', 'q', driver=driver)
            )

            self.assertEqual(
                [
                    once.Result(
                        'm', 'scripted', 'p', 'outlet', readings[1], None
                    ),
                    once.Result(
                        'm', 'scripted', 'q', 'outlet', readings[0], None
                    ),
                ],
                found,
            )

    def test_a_stream_is_followed_until_every_probe_has_shown(self):
        shown = iter('pq')

        found = self.read(
            self.make(
                lambda: [measurement.Reading(next(shown), 1.0)],
                'p',
                'q',
                driver=Streaming,
            )
        )

        # A third look would end in an error.
        self.assertEqual([None, None], [result.error for result in found])

    def test_a_probe_that_shows_nothing_is_told(self):
        _, result = self.read(
            self.make(lambda: [measurement.Reading('p', 1.0)], 'p', 'q')
        )

        self.assertEqual(
            ('q', None, 'shows no value'),
            (result.probe, result.reading, result.error),
        )

    def test_a_stream_is_followed_for_half_the_time(self):
        first, second = self.read(
            self.make(
                lambda: [measurement.Reading('p', 1.0)],
                'p',
                'q',
                driver=Streaming,
            ),
            timeout=0.2,
        )

        self.assertEqual((None, 'shows no value'), (first.error, second.error))

    def test_a_doubtful_reading_is_told_with_its_doubt(self):
        (result,) = self.read(
            self.make(lambda: [measurement.Reading('p', 900.0)], 'p')
        )

        self.assertEqual(900.0, result.reading.watts)
        self.assertIn('more than max_watts = 500', result.error)

    def test_a_wattmeter_that_fails_is_one_result(self):
        for error, text in (
            (exception.DriverError(reason='no answer'), 'no answer'),
            (ZeroDivisionError('by zero'), 'ZeroDivisionError: by zero'),
        ):
            for driver in (Polled, Streaming):
                found = self.read(
                    self.make(self.fail_with(error), 'p', 'q', driver=driver)
                )

                self.assertEqual(
                    [once.Result('m', 'scripted', '-', '-', None, text)], found
                )

    def test_a_failed_wattmeter_is_closed(self):
        self.read(self.make(self.fail_with(OSError()), 'p'))

        self.assertEqual(['open', 'close'], self.calls)

    def test_one_that_hangs_does_not_keep_the_others(self):
        released = threading.Event()
        self.addCleanup(released.set)

        def hang():
            released.wait(PATIENCE)
            return []

        found = self.read(
            self.make(hang, 'p', name='hangs'),
            self.make(lambda: [measurement.Reading('q', 1.0)], 'q'),
            timeout=1.0,
        )

        self.assertEqual(
            [('m', 'q', None), ('hangs', '-', 'no answer within 1 s')],
            [
                (result.wattmeter, result.probe, result.error)
                for result in found
            ],
        )

    def test_outlets_that_a_wattmeter_tells_are_read(self):
        item = self.make(
            lambda: [
                measurement.Reading('m-1', 1.0),
                measurement.Reading('m-2', 2.0),
            ],
            driver=Telling,
        )
        common = ledger.Settings(
            measurement.Probe('', 'outlet', '', 'm', 'scripted', 'a'),
            500.0,
            60.0,
            'auto',
            {},
        )

        found = self.read(
            item._replace(
                pattern=wattmeter.Pattern('{wattmeter}-{outlet}', common, {})
            )
        )

        self.assertEqual(
            [('m-1', 1.0), ('m-2', 2.0)],
            [(result.probe, result.reading.watts) for result in found],
        )

    def test_no_wattmeters_are_no_results(self):
        self.assertEqual([], self.read())

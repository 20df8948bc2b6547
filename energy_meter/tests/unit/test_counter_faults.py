# SPDX-License-Identifier: Apache-2.0

"""Faults of energy counters that once were billed as energy."""

import typing

from oslotest import base

from energy_meter import accumulator
from energy_meter import measurement
from energy_meter.drivers import base as drivers_base

KWH = 3.6e6
MAX_GAP = 60.0
#: Default maximum power of an outlet and of a processor, in watts.
OUTLET = drivers_base.MAX_WATTS['outlet']
INLET = drivers_base.MAX_WATTS['inlet']
PROCESSOR = drivers_base.MAX_WATTS['cpu-package']

KILOWATT_HOURS = measurement.Counter(joules_per_tick=KWH)
WATT_HOURS = measurement.Counter(joules_per_tick=3600.0)
TENTHS = measurement.Counter(joules_per_tick=360.0)
SHORT = measurement.Counter(joules_per_tick=3600.0, rollover=2**16)
#: Range of a real RAPL zone, 262 kJ.
RAPL = measurement.Counter(joules_per_tick=1e-6, rollover=262_143_328_850)


class Total(typing.NamedTuple):
    kwh: float
    hours: float


class Meter:
    """A load of 250 W whose counter is read every ten seconds."""

    INTERVAL = 10.0

    def __init__(self, counter, max_watts, energy='auto', watts=250.0):
        first = measurement.Reading('p', watts, 0, counter)
        self._accumulator = accumulator.make_accumulator(
            first, energy, max_watts, MAX_GAP
        )
        self._counter = counter
        self._watts = watts
        self.now = 0.0
        self.joules = self.seconds = 0.0

    @property
    def total(self):
        return Total(self.joules / KWH, self.seconds / 3600)

    def read(self, ticks, watts=None):
        delta = self._accumulator.add(
            measurement.Reading('p', watts, ticks, self._counter), self.now
        )
        self.joules += delta.joules
        self.seconds += delta.seconds

    def run(self, hours, show, watts=250.0, shows_power=True):
        """Meter a load for some hours.

        :param show: function from the energy of the load since the start of
            this run, in joules, to the value that the counter shows.
        """
        begin = self.now
        for i in range(1, round(hours * 3600 / self.INTERVAL) + 1):
            self.now = begin + i * self.INTERVAL
            self.read(
                int(show(watts * (self.now - begin))),
                watts if shows_power else None,
            )


class UnitSwitchTest(base.BaseTestCase):
    """A wattmeter is switched to another unit of energy while it is read."""

    def test_watt_hours_shown_as_kilowatt_hours_are_not_billed(self):
        # Given a counter of kilowatt hours that is read for an hour at 250 W,
        meter = Meter(KILOWATT_HOURS, OUTLET)
        meter.run(1, lambda joules: 5.2 + joules / KWH)
        self.assertAlmostEqual(0.25, meter.total.kwh, places=2)

        # when it shows watt hours during the next 23 hours,
        meter.run(23, lambda joules: 5450 + joules / 3600)

        # then not 5,748 kWh are billed for the 6 kWh used, but only what
        # power can fill of one step, and the 23 hours are not metered.
        self.assertLessEqual(meter.total.kwh, 1.25)
        self.assertAlmostEqual(1.0, meter.total.hours, places=2)

    def test_counter_without_power_is_limited_by_max_watts(self):
        meter = Meter(KILOWATT_HOURS, OUTLET)
        meter.run(1, lambda joules: 5.2 + joules / KWH, shows_power=False)

        meter.run(23, lambda joules: 5450 + joules / 3600, shows_power=False)

        self.assertEqual(0.0, meter.total.kwh)
        self.assertAlmostEqual(1.0, meter.total.hours, places=2)

    def test_budget_does_not_accumulate(self):
        # Given a counter of kilowatt hours, metered for a week at 250 W,
        meter = Meter(KILOWATT_HOURS, OUTLET)
        meter.run(168, lambda joules: 5 + joules / KWH, shows_power=False)
        before = meter.total.kwh

        # when it continues in watt hours without a jump,
        meter.run(4, lambda joules: 47 + joules / 3600, shows_power=False)

        # then it is not billed for what it did not use before.
        self.assertLess(meter.total.kwh - before, 3.0)

    def test_unit_of_a_tenth_is_detected_by_power(self):
        # 2.5 kW is below the maximum of an outlet; only power shows that the
        # counter is wrong.
        meter = Meter(WATT_HOURS, OUTLET)
        meter.run(1, lambda joules: 5200 + joules / 3600)

        meter.run(23, lambda joules: 54_500 + joules / 360)

        self.assertAlmostEqual(0.25, meter.total.kwh, places=2)
        self.assertAlmostEqual(1.0, meter.total.hours, places=2)

    def test_kilowatt_hours_shown_as_watt_hours_are_not_metered(self):
        meter = Meter(WATT_HOURS, OUTLET)
        meter.run(1, lambda joules: 5200 + joules / 3600)

        meter.run(23, lambda joules: 5.45 + joules / KWH)

        self.assertAlmostEqual(0.25, meter.total.kwh, places=2)
        self.assertAlmostEqual(1.0, meter.total.hours, places=1)

    def test_wrong_unit_from_the_beginning_is_not_billed(self):
        meter = Meter(WATT_HOURS, OUTLET)

        meter.run(24, lambda joules: joules / 360)

        self.assertLess(meter.total.kwh, 0.01)
        self.assertLess(meter.total.hours, 0.1)

    def test_old_value_is_not_resumed_after_weeks_of_another_unit(self):
        # After 45 days the jump itself would be less than max_watts.
        meter = Meter(WATT_HOURS, OUTLET)
        meter.run(1, lambda joules: 520 + joules / 3600)
        meter.INTERVAL = 600.0

        meter.run(24 * 45, lambda joules: 5200 + joules / 36)

        self.assertAlmostEqual(0.25, meter.total.kwh, places=1)

    def test_metering_continues_after_the_unit_is_switched_back(self):
        meter = Meter(WATT_HOURS, OUTLET)
        meter.run(1, lambda joules: 5200 + joules / 3600)
        meter.run(1, lambda joules: 54_500 + joules / 360)

        meter.run(1, lambda joules: 5700 + joules / 3600)

        self.assertAlmostEqual(0.5, meter.total.kwh, delta=0.01)
        self.assertAlmostEqual(2.0, meter.total.hours, delta=0.05)


class ReplacementTest(base.BaseTestCase):
    """A wattmeter is replaced by one whose counter is higher."""

    def test_used_pdu_after_ten_minutes_is_not_billed(self):
        for max_watts in (OUTLET, INLET):
            # Given a PDU that is metered for an hour at 250 W,
            meter = Meter(WATT_HOURS, max_watts)
            meter.run(1, lambda joules: 1000 + joules / 3600)

            # when a used PDU is put in after ten minutes,
            meter.now += 600
            meter.run(1, lambda joules: 11_000 + joules / 3600)

            # then not 10.25 kWh are billed for the 0.54 kWh used, and the
            # ten minutes are not metered.
            self.assertAlmostEqual(0.5, meter.total.kwh, places=2)
            self.assertAlmostEqual(2.0, meter.total.hours, delta=0.01)

    def test_used_pdu_is_not_billed_however_long_the_outlet_was_idle(self):
        # Given an outlet that uses nothing for a week,
        meter = Meter(WATT_HOURS, OUTLET)
        meter.INTERVAL = 60.0
        meter.run(24 * 7, lambda joules: 1000, watts=0.0)

        # when the next reading comes from a used PDU,
        meter.run(1, lambda joules: 11_000 + joules / 3600)

        # then its earlier energy is not billed.
        self.assertAlmostEqual(0.25, meter.total.kwh, delta=0.01)


class StepTest(base.BaseTestCase):
    """A counter moves in larger steps than its driver declares."""

    def test_undeclared_steps_are_billed_at_most_one_step_late(self):
        for shows_power in (True, False):
            # Given a counter of watt hours that moves by 1 kWh at a time,
            meter = Meter(WATT_HOURS, OUTLET)

            # when it is read for two days at 250 W,
            meter.run(
                48,
                lambda joules: joules // KWH * 1000,
                shows_power=shows_power,
            )

            # then its steps are billed.
            self.assertAlmostEqual(12.0, meter.total.kwh, delta=1.001)
            self.assertAlmostEqual(48.0, meter.total.hours, delta=4.1)


class ResetTest(base.BaseTestCase):
    """A counter is reset whose value could also have rolled over."""

    def test_reset_of_a_short_counter_is_not_a_rollover(self):
        # Given a counter of 16 bits close to its end, on an idle outlet,
        meter = Meter(SHORT, OUTLET)
        meter.run(1, lambda joules: 60_000, watts=0.0)

        # when it is reset while it is restarted for five minutes,
        meter.now += 300
        meter.run(1, lambda joules: joules / 3600)

        # then the 5.5 kWh up to its rollover are not billed.
        self.assertAlmostEqual(0.25, meter.total.kwh, delta=0.01)
        self.assertAlmostEqual(2.0, meter.total.hours, delta=0.01)

    def test_rollover_of_a_short_counter_is_billed(self):
        meter = Meter(SHORT, OUTLET)

        meter.run(1, lambda joules: (65_400 + joules / 3600) % 2**16)

        self.assertAlmostEqual(0.25, meter.total.kwh, places=2)
        self.assertAlmostEqual(1.0, meter.total.hours, places=2)


class AmbiguousRolloverTest(base.BaseTestCase):
    """A counter can roll over more than once between two readings."""

    def run_processor(self, interval, hours=2):
        meter = Meter(RAPL, PROCESSOR)
        meter.INTERVAL = interval
        meter.read(0)
        meter.run(
            hours,
            lambda joules: joules * 1e6 % RAPL.rollover,
            watts=200.0,
            shows_power=False,
        )
        return meter.total

    def test_zone_unread_for_an_hour_is_not_metered(self):
        # Not 0.109 of 0.400 kWh with a coverage of 1.00.
        self.assertEqual((0.0, 0.0), self.run_processor(3600.0))

    def test_zone_read_every_four_minutes_is_billed(self):
        total = self.run_processor(240.0)

        self.assertAlmostEqual(0.4, total.kwh, places=6)
        self.assertAlmostEqual(2.0, total.hours, places=6)

    def test_zone_is_billed_again_after_a_gap(self):
        meter = Meter(RAPL, PROCESSOR)
        for begin in (0.0, 7200.0):
            meter.now = begin
            meter.run(
                1,
                lambda joules: joules * 1e6 % RAPL.rollover,
                watts=200.0,
                shows_power=False,
            )

        self.assertAlmostEqual(0.4, meter.total.kwh, delta=0.002)
        self.assertAlmostEqual(2.0, meter.total.hours, delta=0.01)

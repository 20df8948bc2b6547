# SPDX-License-Identifier: Apache-2.0

"""Tests of the choice between power sources."""

from unittest import mock

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.ipmi import preference
from energy_meter.drivers.ipmi import session as ipmi_session
from energy_meter.drivers.ipmi import sources
from energy_meter.tests.unit.drivers.ipmi import stub


class FakeSource(sources.Source):
    """Source with a settable value or completion code."""

    def __init__(self, name: str) -> None:
        super().__init__(stub.StubSession())
        self.name = name
        self.watts: float | None = None
        self.code = 0
        self.readings = 0

    def read(self) -> float | None:
        self.readings += 1
        if self.code:
            raise ipmi_session.CommandFailed(
                device='BMC', code=self.code, reason=f'{self.code:#04x}'
            )
        return self.watts


class PreferredTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.clock = self.useFixture(
            fixtures.MockPatch(
                'energy_meter.drivers.ipmi.preference.time.monotonic',
                mock.Mock(return_value=1000.0),
            )
        ).mock
        self.reset()

    def reset(self) -> None:
        self.dcmi, self.sensor = FakeSource('DCMI'), FakeSource('Pwr')
        self.power = preference.Preferred(
            stub.StubSession(), [self.dcmi, self.sensor]
        )

    def wait(self) -> None:
        self.clock.return_value += preference.COMPARISON_INTERVAL_S

    def test_healthy_reading_costs_no_extra_command(self):
        self.dcmi.watts, self.sensor.watts = 301.0, 200.0
        self.power.select()
        self.dcmi.readings = 0

        for _ in range(5):
            self.wait()
            self.assertEqual(301.0, self.power.read())

        self.assertEqual((5, 0), (self.dcmi.readings, self.sensor.readings))

    def test_fallback_compares_once_per_interval(self):
        self.sensor.watts = 200.0
        self.power.select()
        self.power.read()
        self.dcmi.readings = 0

        for _ in range(5):
            self.assertEqual(200.0, self.power.read())
        self.assertEqual(0, self.dcmi.readings)

        self.wait()
        for _ in range(5):
            self.assertEqual(200.0, self.power.read())
        self.assertEqual(1, self.dcmi.readings)

    def test_unsupported_source_is_tried_again(self):
        # The DCMI of a starting BMC may fail as invalid.
        self.dcmi.code, self.sensor.watts = 0xC1, 200.0
        self.power.select()
        self.assertEqual(200.0, self.power.read())

        self.dcmi.code, self.dcmi.watts = 0, 301.0
        self.wait()

        self.assertEqual(301.0, self.power.read())
        self.assertEqual('DCMI', self.power.name)

    def test_inactive_source_is_replaced_at_once(self):
        self.dcmi.watts, self.sensor.watts = 301.0, 200.0
        self.power.select()
        self.power.read()

        self.dcmi.watts = None

        self.assertEqual(200.0, self.power.read())

    def test_impossible_in_present_state_is_replaced_at_once(self):
        self.dcmi.watts, self.sensor.watts = 301.0, 200.0
        self.power.select()

        self.dcmi.code = 0xD5

        self.assertEqual(200.0, self.power.read())

    def test_busy_source_is_not_replaced(self):
        self.dcmi.watts, self.sensor.watts = 301.0, 200.0
        self.power.select()

        self.dcmi.code = 0xC0

        self.assertRaises(ipmi_session.CommandFailed, self.power.read)
        self.assertEqual(0, self.sensor.readings)

    def test_unsupported_current_source_raises(self):
        self.dcmi.watts, self.sensor.watts = 301.0, 200.0
        self.power.select()

        self.dcmi.code = 0xC1

        self.assertRaises(ipmi_session.CommandFailed, self.power.read)

    def test_zero_is_replaced_by_power(self):
        self.dcmi.watts, self.sensor.watts = 0.0, 200.0

        self.power.select()

        self.assertEqual('Pwr', self.power.name)
        self.assertEqual(200.0, self.power.read())

    def test_zero_is_kept_without_contradiction(self):
        for watts in (0.0, None):
            self.reset()
            self.dcmi.watts, self.sensor.watts = 0.0, watts
            self.power.select()

            self.assertEqual(0.0, self.power.read())
            self.wait()
            self.assertEqual(0.0, self.power.read())
            self.assertEqual('DCMI', self.power.name)

    def test_unsupported_sources_raise_both_reasons(self):
        self.dcmi.code, self.sensor.code = 0xC1, 0xCB

        error = self.assertRaises(exception.ProtocolError, self.power.select)

        self.assertIn('0xc1; 0xcb', str(error))

    def test_busy_source_raises_at_login(self):
        self.dcmi.code, self.sensor.watts = 0xC0, None

        error = self.assertRaises(
            ipmi_session.CommandFailed, self.power.select
        )

        self.assertTrue(error.is_busy)

    def test_all_failing_at_comparison_keeps_source(self):
        self.dcmi.watts = 301.0
        self.power.select()
        self.dcmi.code = self.sensor.code = 0xD5

        self.assertIsNone(self.power.read())

        self.dcmi.code = 0
        self.assertEqual(301.0, self.power.read())

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from((None, 0.0, 301.0)),
                strategies.sampled_from((None, 0.0, 200.0)),
                strategies.booleans(),
            ),
            min_size=1,
            max_size=20,
        )
    )
    def test_value_is_one_that_a_source_shows(self, steps):
        self.reset()
        self.dcmi.watts, self.sensor.watts, _ = steps[0]
        self.power.select()
        for dcmi, sensor, waits in steps:
            self.dcmi.watts, self.sensor.watts = dcmi, sensor
            if waits:
                self.wait()

            watts = self.power.read()

            self.assertIn(watts, (dcmi, sensor))
            if waits:
                self.assertEqual(dcmi or sensor or 0, watts or 0)

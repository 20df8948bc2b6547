# SPDX-License-Identifier: Apache-2.0


"""Outlets: which there are, and what is read of them."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.snmp import outlet
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import reader
from energy_meter.tests.unit.drivers.snmp import agent

# Columns of the made-up tables.
NAME, WATTS, ENERGY, SCALE, VALID, KIND = (
    (1, 9, number) for number in range(1, 7)
)


def table(
    index: int | None = None, row: int | None = None, **columns: profile.Column
) -> profile.Table:
    return profile.Table('outlet', index, row, columns)


def column(oid, *values, first=1):
    """Give the objects of a column whose index has one part."""
    return {
        (*oid, number): value for number, value in enumerate(values, first)
    }


class OutletTest(base.BaseTestCase):
    def find(self, shown, found_in):
        return outlet.find(agent.connect(agent.Agent(shown)), found_in)

    def read(self, shown, found_in):
        """Give the readings of all outlets, by index."""
        asked = agent.connect(agent.Agent(shown))
        found = outlet.find(asked, found_in)
        probes = {point.index: point for point in found}
        readings = reader.Reader(asked, found_in, probes, found).read()
        return {reading.probe: reading for reading in readings}


class FindTest(OutletTest):
    PLAIN = table(name=profile.Column(NAME), watts=profile.Column(WATTS))

    def test_outlets_come_by_number(self):
        shown = column(WATTS, *range(1, 13))

        self.assertEqual(
            [str(number) for number in range(1, 13)],
            [point.index for point in self.find(shown, self.PLAIN)],
        )

    def test_names_belong_to_indexes(self):
        shown = column(NAME, 'a', '', 'c\0 ') | column(WATTS, 1, 2, 3)

        self.assertEqual(
            ['a', None, 'c'],
            [point.name for point in self.find(shown, self.PLAIN)],
        )

    def test_a_row_that_is_missing_keeps_its_place(self):
        shown = column(WATTS, 1) | column(WATTS, 3, 4, first=3)

        self.assertEqual(
            [('1', True), ('2', False), ('3', True), ('4', True)],
            [
                (point.index, point.shown)
                for point in self.find(shown, self.PLAIN)
            ],
        )

    def test_a_row_that_only_its_name_shows_keeps_its_place(self):
        shown = column(NAME, 'a', 'b', 'c') | column(WATTS, 3, first=3)

        self.assertEqual(
            ['1', '2', '3'],
            [point.index for point in self.find(shown, self.PLAIN)],
        )

    def test_numbers_that_do_not_count_outlets_are_not_filled(self):
        shown = column(WATTS, 1, 2, first=1001)

        self.assertEqual(
            ['1001', '1002'],
            [point.index for point in self.find(shown, self.PLAIN)],
        )

    def test_a_lone_second_unit_is_the_first_outlet(self):
        self.assertEqual(
            ['2'],
            [
                point.index
                for point in self.find(column(WATTS, 5, first=2), self.PLAIN)
            ],
        )

    @hypothesis.given(
        strategies.integers(1, 30).flatmap(
            lambda last: strategies.tuples(
                strategies.just(last),
                strategies.sets(
                    strategies.integers(1, max(1, last - 1)),
                    max_size=(last - 1) // 2,
                ),
            )
        )
    )
    def test_places_do_not_depend_on_what_is_missing_in_between(self, case):
        last, missing = case

        found = self.find(
            {
                (*WATTS, number): 1
                for number in range(1, last + 1)
                if number not in missing
            },
            self.PLAIN,
        )

        self.assertEqual(
            [str(number) for number in range(1, last + 1)],
            [point.index for point in found],
        )

    def test_no_values_at_all(self):
        error = self.assertRaises(
            exception.ProtocolError,
            self.find,
            column(NAME, 'a', 'b'),
            self.PLAIN,
        )

        self.assertIn('1.9.2', str(error))


class ChooseTest(OutletTest):
    def setUp(self):
        super().setUp()
        self.known = self.find(
            column(NAME, 'a', 'b', 'b', '1') | column(WATTS, 1, 2, 3, 4),
            FindTest.PLAIN,
        )

    def choose(self, *wanted):
        return [point.index for point in outlet.choose(self.known, wanted)]

    def test_by_index_and_by_name(self):
        self.assertEqual(['3', '1'], self.choose('3', 'a'))

    def test_an_index_goes_before_a_name(self):
        self.assertEqual(['1'], self.choose('1'))

    def test_a_name_that_two_outlets_have(self):
        error = self.assertRaises(exception.DriverError, self.choose, 'b')

        self.assertIn(
            "several outlets are called 'b': 2 (b), 3 (b)", str(error)
        )

    def test_an_outlet_that_is_listed_twice(self):
        error = self.assertRaises(exception.DriverError, self.choose, '1', 'a')

        self.assertIn("'a' twice", str(error))

    def test_probes_are_outlets_by_place(self):
        self.assertEqual(
            {'F1': '1', 'F3': '3'},
            {
                probe: point.index
                for probe, point in outlet.assign(
                    ['F1', None, 'F3'], self.known
                ).items()
            },
        )

    def test_more_probes_than_outlets(self):
        self.assertRaises(
            exception.DriverError,
            outlet.assign,
            ['F1', None, None, None, 'F5'],
            self.known,
        )


class ReadTest(OutletTest):
    def test_units(self):
        shown = column(WATTS, 276) | column(ENERGY, 55)

        reading = self.read(
            shown,
            table(
                watts=profile.Column(WATTS, unit=10.0),
                energy=profile.Column(ENERGY, unit=3.6e5, step=5, size=1000),
            ),
        )

        self.assertEqual(
            measurement.Reading(
                '1', 2760.0, 55, measurement.Counter(3.6e5, 5, 1000)
            ),
            reading['1'],
        )

    def test_what_is_no_number_above_zero_is_no_reading(self):
        shown = column(WATTS, 0, -1, 'off', 65535) | column(
            ENERGY, -1, 7, 7, -5
        )

        readings = self.read(
            shown,
            table(
                watts=profile.Column(WATTS, invalid=frozenset([65535])),
                energy=profile.Column(ENERGY, unit=3600.0),
            ),
        )

        self.assertEqual(
            {'1': (0.0, None), '2': (None, 7), '3': (None, 7)},
            {
                probe: (reading.watts, reading.ticks)
                for probe, reading in readings.items()
            },
        )
        self.assertIsNone(readings['1'].counter)

    def test_rows_of_several_objects_are_added_up(self):
        shown = {(*WATTS, 1, phase): 100 * phase for phase in (1, 2, 3)}
        shown |= {(*ENERGY, 1, phase): 7 for phase in (1, 2, 3)}

        reading = self.read(
            shown,
            table(
                2,
                1,
                watts=profile.Column(WATTS),
                energy=profile.Column(ENERGY, unit=3.6e6, size=2**24),
            ),
        )['1']

        self.assertEqual((600.0, 21), (reading.watts, reading.ticks))

    def test_a_sum_without_one_of_its_parts_is_no_sum(self):
        shown = {(*WATTS, 1, phase): 100 for phase in (1, 2, 3)}
        shown[*WATTS, 1, 2] = -1

        self.assertEqual(
            {}, self.read(shown, table(2, 1, watts=profile.Column(WATTS)))
        )

    def test_parts_of_the_index_choose_the_objects(self):
        shown = {(*WATTS, 1, 4): 230, (*WATTS, 1, 5): 60, (*WATTS, 1, 8): 1000}

        reading = self.read(
            shown,
            table(
                2,
                1,
                watts=profile.Column(WATTS, where=((1, 5),)),
                energy=profile.Column(WATTS, unit=3600.0, where=((1, 8),)),
            ),
        )['1']

        self.assertEqual((60.0, 1000), (reading.watts, reading.ticks))

    def test_another_column_chooses_the_objects(self):
        shown = column(WATTS, 8, 9, 364) | column(KIND, 23, 23, 26)

        self.assertEqual(
            {'3': 364.0},
            {
                probe: reading.watts
                for probe, reading in self.read(
                    shown,
                    table(
                        watts=profile.Column(
                            WATTS, only=profile.Only(KIND, frozenset([26]))
                        )
                    ),
                ).items()
            },
        )

    def test_digits_and_factors(self):
        for scale, shown, watts in (
            ('digits', 0, 1505.0),
            ('digits', 1, 150.5),
            ('factor', -100, 15.05),
            ('factor', 10, 15050.0),
            ('factor', 0, 1505.0),
            ('factor', 1, 1505.0),
        ):
            reading = self.read(
                column(WATTS, 1505) | column(SCALE, shown),
                table(watts=profile.Column(WATTS, **{scale: SCALE})),
            )['1']

            self.assertAlmostEqual(watts, reading.watts, msg=scale)

    def test_an_unknown_scale_is_no_reading(self):
        shown = column(WATTS, 1505, 1505) | column(SCALE, 1, first=2)

        self.assertEqual(
            {'2'},
            set(
                self.read(
                    shown, table(watts=profile.Column(WATTS, digits=SCALE))
                )
            ),
        )

    def test_a_row_that_is_not_valid_is_no_reading(self):
        shown = column(WATTS, 1, 2, 3) | column(VALID, 1, 2)

        self.assertEqual(
            {'1'},
            set(
                self.read(
                    shown,
                    table(
                        watts=profile.Column(WATTS),
                        valid=profile.Column(VALID, good=frozenset([1])),
                    ),
                )
            ),
        )

    def test_counters_of_different_units_can_not_be_added_up(self):
        shown = {(*ENERGY, 1, phase): 7 for phase in (1, 2)}
        shown |= {(*SCALE, 1, phase): phase for phase in (1, 2)}

        self.assertRaises(
            exception.ProtocolError,
            self.read,
            shown,
            table(2, 1, energy=profile.Column(ENERGY, digits=SCALE)),
        )


class RequestTest(OutletTest):
    """How much is asked for."""

    TABLE = table(
        watts=profile.Column(WATTS), energy=profile.Column(ENERGY, unit=3600.0)
    )

    def requests(self, *wanted, version='2c', found_in=TABLE):
        device = agent.Agent(
            column(WATTS, *range(48)) | column(ENERGY, *range(48)), version
        )
        asked = agent.connect(device, version)
        known = outlet.find(asked, found_in)
        probes = {str(number): known[number - 1] for number in wanted}
        reading = reader.Reader(asked, found_in, probes, known)
        device.requests.clear()
        self.assertEqual(len(wanted), len(reading.read()))
        return [len(request) for request in device.requests]

    def test_a_whole_table_takes_one_request(self):
        self.assertEqual([2], self.requests(*range(1, 49)))

    def test_a_few_neighbours_take_one_request(self):
        self.assertEqual([2], self.requests(5, 6, 7))

    def test_outlets_far_apart_are_named(self):
        self.assertEqual([4], self.requests(1, 48))

    def test_version_1_has_to_name_them_all(self):
        self.assertEqual(
            [40, 40, 16], self.requests(*range(1, 49), version='1')
        )

    def test_no_probes_take_no_request(self):
        self.assertEqual([], self.requests())

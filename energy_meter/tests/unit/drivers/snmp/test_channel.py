# SPDX-License-Identifier: Apache-2.0


"""Tests of finding, selecting and reading channels."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.snmp import channel
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import reader
from energy_meter.drivers.snmp import restarts
from energy_meter.tests.unit.drivers.snmp import agent

# Columns of the example tables.
NAME, WATTS, ENERGY, SCALE, VALID, TYPE = (
    (1, 9, number) for number in range(1, 7)
)


def table(
    index: int | None = None, row: int | None = None, **columns: profile.Column
) -> profile.Table:
    return profile.Table('outlet', index, row, columns)


def column(oid, *values, first=1):
    """Return the objects of a column whose index has one part."""
    return {
        (*oid, number): value for number, value in enumerate(values, first)
    }


class ChannelTestCase(base.BaseTestCase):
    def find(self, objects, table):
        return channel.find(agent.connect(agent.Agent(objects)), table)

    def read(self, objects, table):
        """Return the readings of all channels, by index."""
        session = agent.connect(agent.Agent(objects))
        channels = channel.find(session, table)
        probes = {each.index: each for each in channels}
        table_reader = reader.Reader(session, table, probes, channels)
        readings = table_reader.readings(table_reader.request())
        return {reading.probe: reading for reading in readings}


class FindTest(ChannelTestCase):
    PLAIN = table(name=profile.Column(NAME), watts=profile.Column(WATTS))

    def test_channels_are_sorted_by_number(self):
        objects = column(WATTS, *range(1, 13))

        self.assertEqual(
            [str(number) for number in range(1, 13)],
            [each.index for each in self.find(objects, self.PLAIN)],
        )

    def test_names_are_assigned_by_index(self):
        objects = column(NAME, 'a', '', 'c\0 ') | column(WATTS, 1, 2, 3)

        self.assertEqual(
            ['a', None, 'c'],
            [each.name for each in self.find(objects, self.PLAIN)],
        )

    def test_missing_row_is_filled(self):
        objects = column(WATTS, 1) | column(WATTS, 3, 4, first=3)

        self.assertEqual(
            [('1', True), ('2', False), ('3', True), ('4', True)],
            [
                (each.index, each.is_present)
                for each in self.find(objects, self.PLAIN)
            ],
        )

    def test_row_with_name_only_is_kept(self):
        objects = column(NAME, 'a', 'b', 'c') | column(WATTS, 3, first=3)

        self.assertEqual(
            ['1', '2', '3'],
            [each.index for each in self.find(objects, self.PLAIN)],
        )

    def test_sparse_numbers_are_not_filled(self):
        objects = column(WATTS, 1, 2, first=1001)

        self.assertEqual(
            ['1001', '1002'],
            [each.index for each in self.find(objects, self.PLAIN)],
        )

    def test_single_row_with_number_2_is_not_filled(self):
        self.assertEqual(
            ['2'],
            [
                each.index
                for each in self.find(column(WATTS, 5, first=2), self.PLAIN)
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
    def test_positions_are_independent_of_missing_rows(self, case):
        last, missing = case

        channels = self.find(
            {
                (*WATTS, number): 1
                for number in range(1, last + 1)
                if number not in missing
            },
            self.PLAIN,
        )

        self.assertEqual(
            [str(number) for number in range(1, last + 1)],
            [each.index for each in channels],
        )

    def test_table_without_values_raises(self):
        error = self.assertRaises(
            exception.ProtocolError,
            self.find,
            column(NAME, 'a', 'b'),
            self.PLAIN,
        )

        self.assertIn('1.9.2', str(error))


class ReadTest(ChannelTestCase):
    def test_values_are_scaled_to_units(self):
        objects = column(WATTS, 276) | column(ENERGY, 55)

        reading = self.read(
            objects,
            table(
                watts=profile.Column(WATTS, unit=10.0),
                energy=profile.Column(
                    ENERGY, unit=3.6e5, step=5, rollover=1000
                ),
            ),
        )

        self.assertEqual(
            measurement.Reading(
                '1', 2760.0, 55, measurement.Counter(3.6e5, 5, 1000)
            ),
            reading['1'],
        )

    def test_negative_and_invalid_values_are_skipped(self):
        objects = column(WATTS, 0, -1, 'off', 65535) | column(
            ENERGY, -1, 7, 7, -5
        )

        readings = self.read(
            objects,
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

    def test_objects_of_a_row_are_added(self):
        objects = {(*WATTS, 1, phase): 100 * phase for phase in (1, 2, 3)}
        objects |= {(*ENERGY, 1, phase): 7 for phase in (1, 2, 3)}

        reading = self.read(
            objects,
            table(
                2,
                1,
                watts=profile.Column(WATTS),
                energy=profile.Column(ENERGY, unit=3.6e6, rollover=2**24),
            ),
        )['1']

        self.assertEqual((600.0, 21), (reading.watts, reading.ticks))

    def test_sum_with_invalid_part_is_skipped(self):
        objects = {(*WATTS, 1, phase): 100 for phase in (1, 2, 3)}
        objects[*WATTS, 1, 2] = -1

        self.assertEqual(
            {}, self.read(objects, table(2, 1, watts=profile.Column(WATTS)))
        )

    def test_where_selects_objects_by_index(self):
        objects = {
            (*WATTS, 1, 4): 230,
            (*WATTS, 1, 5): 60,
            (*WATTS, 1, 8): 1000,
        }

        reading = self.read(
            objects,
            table(
                2,
                1,
                watts=profile.Column(WATTS, where=((1, 5),)),
                energy=profile.Column(WATTS, unit=3600.0, where=((1, 8),)),
            ),
        )['1']

        self.assertEqual((60.0, 1000), (reading.watts, reading.ticks))

    def test_filter_selects_objects_by_other_column(self):
        objects = column(WATTS, 8, 9, 364) | column(TYPE, 23, 23, 26)

        self.assertEqual(
            {'3': 364.0},
            {
                probe: reading.watts
                for probe, reading in self.read(
                    objects,
                    table(
                        watts=profile.Column(
                            WATTS, filter=profile.Filter(TYPE, frozenset([26]))
                        )
                    ),
                ).items()
            },
        )

    def test_digits_and_factors_scale_values(self):
        for scale, value, watts in (
            ('digits', 0, 1505.0),
            ('digits', 1, 150.5),
            ('factor', -100, 15.05),
            ('factor', 10, 15050.0),
            ('factor', 0, 1505.0),
            ('factor', 1, 1505.0),
        ):
            reading = self.read(
                column(WATTS, 1505) | column(SCALE, value),
                table(watts=profile.Column(WATTS, **{scale: SCALE})),
            )['1']

            self.assertAlmostEqual(watts, reading.watts, msg=scale)

    def test_unknown_scale_yields_no_reading(self):
        objects = column(WATTS, 1505, 1505) | column(SCALE, 1, first=2)

        self.assertEqual(
            {'2'},
            set(
                self.read(
                    objects, table(watts=profile.Column(WATTS, digits=SCALE))
                )
            ),
        )

    def test_invalid_row_yields_no_reading(self):
        objects = column(WATTS, 1, 2, 3) | column(VALID, 1, 2)

        self.assertEqual(
            {'1'},
            set(
                self.read(
                    objects,
                    table(
                        watts=profile.Column(WATTS),
                        valid=profile.Column(
                            VALID, valid_values=frozenset([1])
                        ),
                    ),
                )
            ),
        )

    def test_counters_with_different_units_cost_only_their_probe(self):
        objects = {
            (*ENERGY, row, phase): 7 for row in (1, 2) for phase in (1, 2)
        }
        objects |= {(*SCALE, 1, phase): phase for phase in (1, 2)}
        objects |= {(*SCALE, 2, phase): 1 for phase in (1, 2)}

        readings = self.read(
            objects, table(2, 1, energy=profile.Column(ENERGY, digits=SCALE))
        )

        self.assertEqual({'2'}, set(readings))
        self.assertEqual(14, readings['2'].ticks)

    def test_impossible_number_of_digits_costs_only_its_probe(self):
        objects = column(WATTS, 1505, 1505) | column(SCALE, 2**31 - 1, 1)

        readings = self.read(
            objects, table(watts=profile.Column(WATTS, digits=SCALE))
        )

        self.assertEqual(
            {'2': 150.5},
            {probe: each.watts for probe, each in readings.items()},
        )


class RequestTest(ChannelTestCase):
    TABLE = table(
        watts=profile.Column(WATTS), energy=profile.Column(ENERGY, unit=3600.0)
    )

    def requests(self, *numbers, version='2c', table=TABLE):
        device = agent.Agent(
            column(WATTS, *range(48))
            | column(ENERGY, *range(48))
            | {restarts.UPTIME: 100},
            version,
        )
        session = agent.connect(device, version)
        channels = channel.find(session, table)
        probes = {str(number): channels[number - 1] for number in numbers}
        table_reader = reader.Reader(session, table, probes, channels)
        device.requests.clear()
        readings = table_reader.readings(table_reader.request())
        self.assertEqual(len(numbers), len(readings))
        return [len(request) for request in device.requests]

    def test_whole_table_needs_one_request(self):
        self.assertEqual([3], self.requests(*range(1, 49)))

    def test_adjacent_rows_need_one_request(self):
        self.assertEqual([3], self.requests(5, 6, 7))

    def test_distant_rows_are_requested_by_name(self):
        self.assertEqual([5], self.requests(1, 48))

    def test_version_1_requests_all_by_name(self):
        self.assertEqual(
            [41, 41, 15], self.requests(*range(1, 49), version='1')
        )

    def test_no_probes_need_no_request(self):
        self.assertEqual([], self.requests())

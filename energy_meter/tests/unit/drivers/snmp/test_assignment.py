# SPDX-License-Identifier: Apache-2.0


"""Tests of the assignment of channels to probes."""

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.snmp import assignment
from energy_meter.drivers.snmp import channel


def rows(**names: str | None) -> list[channel.Channel]:
    """Return channels by index: ``_1='a'`` is channel 1 with name a."""
    return [
        channel.Channel((int(index[1:]),), name, True, (), (), ())
        for index, name in names.items()
    ]


def indexes(assigned: dict[str, channel.Channel]) -> dict[str, str]:
    return {probe: each.index for probe, each in assigned.items()}


class NamesTest(base.BaseTestCase):
    CHANNELS = rows(_1='a', _2='b', _3='b', _4='1')

    def select(self, *names):
        return [
            each and each.index
            for each in assignment.Assignment('pdu', [], names).select(
                self.CHANNELS
            )
        ]

    def test_channels_are_selected_by_index_or_name(self):
        self.assertEqual(['3', '1'], self.select('3', 'a'))

    def test_index_takes_precedence_over_name(self):
        self.assertEqual(['1'], self.select('1'))

    def test_unknown_and_ambiguous_names_cost_only_their_probes(self):
        self.assertEqual([None, '1', None], self.select('b', 'a', 'c'))

    def test_error_names_ambiguous_channels(self):
        error = self.assertRaises(exception.DriverError, self.select, 'b')

        self.assertIn("several channels match 'b': 2 (b), 3 (b)", str(error))

    def test_error_names_available_channels(self):
        error = self.assertRaises(exception.DriverError, self.select, 'c')

        self.assertIn("'c' not found; available: 1 (a), 2 (b)", str(error))

    def test_probes_with_same_channel_are_rejected(self):
        for names in (('1', '_', 'a'), ('c', '_', 'c')):
            assigned = assignment.Assignment('pdu', ['x', None, 'y'], names)

            error = self.assertRaises(
                exception.DriverError, assigned.resolve, self.CHANNELS
            )

            self.assertIn('channels: probes x and y', str(error))

    def test_channel_may_be_listed_again_without_probe(self):
        assigned = assignment.Assignment('pdu', ['x', None], ['1', 'a'])

        self.assertEqual({'x': '1'}, indexes(assigned.resolve(self.CHANNELS)))

    def test_named_channel_is_followed(self):
        named = assignment.Assignment('pdu', ['p', 'q'], ['a', '3'])
        named.resolve(rows(_1='a', _2='b', _3='c'))

        assigned = named.resolve(rows(_1='new', _2='a', _3='b', _4='c'))

        self.assertEqual({'p': '2', 'q': '3'}, indexes(assigned))


class OrderTest(base.BaseTestCase):
    def test_channels_are_assigned_to_probes_in_order(self):
        ordered = assignment.Assignment('pdu', ['F1', None, 'F3'], [])

        assigned = ordered.resolve(rows(_1='a', _2='b', _3=None, _4=None))

        self.assertEqual({'F1': '1', 'F3': '3'}, indexes(assigned))

    def test_more_probes_than_channels_are_rejected(self):
        self.assertRaises(
            exception.DriverError,
            assignment.Assignment('pdu', ['F1', None, 'F3'], []).resolve,
            rows(_1='a', _2='b'),
        )

    def test_indexes_are_kept_when_first_channels_disappear(self):
        ordered = assignment.Assignment('pdu', ['F1', 'F2'], [])
        ordered.resolve(rows(_1='a', _2='b', _3='c'))

        assigned = ordered.resolve(rows(_2='b', _3='c'))

        self.assertEqual({'F2': '2'}, indexes(assigned))

    def test_renamed_channel_raises(self):
        # The probe may be named after the channel.
        ordered = assignment.Assignment('pdu', ['srv-1', 'srv-2'], [])
        ordered.resolve(rows(_1='srv-1', _2='srv-2'))

        error = self.assertRaises(
            exception.ProtocolError,
            ordered.resolve,
            rows(_1='new', _2='srv-1', _3='srv-2'),
        )

        self.assertIn("from 'srv-1' to 'new'", str(error))

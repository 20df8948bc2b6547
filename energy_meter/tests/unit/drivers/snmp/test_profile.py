# SPDX-License-Identifier: Apache-2.0


"""Profiles: what they may say, and the errors for what they may not."""

import pathlib

import fixtures
from oslotest import base
import yaml

from energy_meter import exception
from energy_meter.drivers.snmp import profile

NO_DIRECTORY = '/nonexistent'

GOOD = """
meter: Example PDU
source: EXAMPLE-MIB
system: [1.3.6.1.4.1.99999, .1.3.6.1.4.1.99998.2]
tables:
  outlets:
    scope: outlet
    index: unit.outlet.sensor
    row: unit.outlet
    name: {oid: 1.3.6.1.4.1.99999.1}
    watts:
      oid: 1.3.6.1.4.1.99999.2
      where: {sensor: 5}
      unit: 0.01 kW
      digits: 1.3.6.1.4.1.99999.3
      invalid: [65535]
    energy:
      oid: 1.3.6.1.4.1.99999.2
      only: {oid: 1.3.6.1.4.1.99999.4, is: [8]}
      unit: 0.1 kWh
      factor: 1.3.6.1.4.1.99999.5
      step: 10
      size: 65536
    valid:
      oid: 1.3.6.1.4.1.99999.6
      only: {oid: 1.3.6.1.4.1.99999.4, like: 'Power (\\d+)'}
      is: [1, 2]
"""

#: What to put in the place of what, and what the error then names.
MISTAKES = (
    ('meter: Example PDU', 'meter: 7', 'meter: expected text, not 7'),
    ('meter: Example PDU', 'maker: Example', 'meter: is missing'),
    ('source: EXAMPLE-MIB', 'source:', 'source: is missing'),
    ('1.3.6.1.4.1.99999,', 'enterprises.99999,', 'system: expected an obj'),
    ('  outlets:\n', '  outlets: 5\n  inlets:\n', 'tables.outlets: expected'),
    ('scope: outlet', 'scope: rack', 'tables.outlets.scope: expected one of'),
    (
        'scope: outlet',
        'scope: outlet\n    kind: x',
        'tables.outlets.kind: there is no such field',
    ),
    ('row: unit.outlet', 'row: outlet', 'tables.outlets.row: expected the'),
    (
        '.99999.2\n      where',
        '.99999.x\n      where',
        'tables.outlets.watts.oid: expected an object identifier',
    ),
    (
        'oid: 1.3.6.1.4.1.99999.2\n      where',
        'where',
        'tables.outlets.watts.oid: is missing',
    ),
    (
        '{sensor: 5}',
        '{probe: 5}',
        'tables.outlets.watts.where.probe: is no part of the index',
    ),
    (
        '{sensor: 5}',
        '{sensor: watts}',
        'tables.outlets.watts.where.sensor: expected a whole number',
    ),
    ('0.01 kW\n', '0.01 kVA\n', 'tables.outlets.watts.unit: expected one of'),
    ('0.1 kWh', '0,1 kWh', 'tables.outlets.energy.unit: expected one of'),
    ('0.1 kWh', 'W', 'tables.outlets.energy.unit: expected one of'),
    ('[65535]', '65535', 'tables.outlets.watts.invalid: expected a list'),
    ('[65535]', '[true]', 'tables.outlets.watts.invalid: expected a list'),
    ('step: 10', 'step: 0', 'tables.outlets.energy.step: expected at least'),
    ('size: 65536', 'size: 16 bits', 'tables.outlets.energy.size: expected'),
    ('is: [8]', 'are: [8]', 'tables.outlets.energy.only.is: is missing'),
    ("'Power (\\d+)'", "'Power (\\d+'", 'tables.outlets.valid.only.like: '),
    ('      is: [1, 2]\n', '', 'tables.outlets.valid.is: is missing'),
)


class ParseTest(base.BaseTestCase):
    def parse(self, text):
        return profile.parse('example.yaml', yaml.safe_load(text))

    def test_all_that_a_profile_may_say(self):
        found = self.parse(GOOD)

        table = found.tables['outlets']
        oid = (1, 3, 6, 1, 4, 1, 99999)
        self.assertEqual((oid, (*oid[:-1], 99998, 2)), found.system)
        self.assertEqual(
            ('outlet', 3, 2), (table.scope, table.index, table.row)
        )
        self.assertEqual(profile.Column((*oid, 1)), table.columns['name'])
        self.assertEqual(
            profile.Column(
                (*oid, 2),
                unit=10.0,
                where=((2, 5),),
                digits=(*oid, 3),
                invalid=frozenset([65535]),
            ),
            table.columns['watts'],
        )
        self.assertEqual(
            profile.Column(
                (*oid, 2),
                unit=360_000.0,
                factor=(*oid, 5),
                only=profile.Only((*oid, 4), frozenset([8])),
                step=10,
                size=65536,
            ),
            table.columns['energy'],
        )
        self.assertEqual(frozenset([1, 2]), table.columns['valid'].good)

    def test_each_mistake_is_named_with_file_and_field(self):
        for old, new, expected in MISTAKES:
            self.assertIn(old, GOOD)

            error = self.assertRaises(
                exception.DriverError, self.parse, GOOD.replace(old, new)
            )

            self.assertTrue(
                str(error).startswith(f'example.yaml: {expected}'),
                f'{new!r} gives: {error}',
            )

    def test_a_table_without_values(self):
        error = self.assertRaises(
            exception.DriverError,
            self.parse,
            'meter: x\nsource: x\ntables: {outlets: {scope: outlet}}',
        )

        self.assertEqual(
            'example.yaml: tables.outlets: expected watts, energy or both',
            str(error),
        )

    def test_a_profile_without_tables(self):
        for tables in ('', '{}', '[outlets]'):
            error = self.assertRaises(
                exception.DriverError,
                self.parse,
                f'meter: x\nsource: x\ntables: {tables}',
            )
            self.assertIn('example.yaml: tables: expected', str(error))

    def test_a_file_that_holds_something_else(self):
        for text in ('', 'meter', '- meter', '7'):
            error = self.assertRaises(exception.DriverError, self.parse, text)
            self.assertIn('example.yaml: expected fields', str(error))


class LoadTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def write(self, name, text):
        (self.directory / name).write_text(text)

    def load(self, name):
        return profile.load(name, str(self.directory))

    def test_the_operator_adds_a_profile(self):
        self.write('example.yaml', GOOD)

        self.assertEqual('Example PDU', self.load('example').meter)
        self.assertIn('example', profile.names(str(self.directory)))

    def test_the_operator_has_the_last_word(self):
        self.write('eaton-g3.yaml', GOOD)

        self.assertEqual('Example PDU', self.load('eaton-g3').meter)

    def test_without_the_directory_there_are_those_of_the_package(self):
        self.assertIn('eaton-g3', profile.names(NO_DIRECTORY))

    def test_an_unknown_profile(self):
        error = self.assertRaises(exception.DriverError, self.load, 'etaon')

        self.assertIn("no profile 'etaon'", str(error))
        self.assertIn('eaton-g3', str(error))

    def test_a_name_is_no_path(self):
        self.write('example.yaml', GOOD)

        self.assertRaises(
            exception.DriverError,
            self.load,
            f'../{self.directory.name}/example',
        )

    def test_a_file_that_is_no_yaml(self):
        for content in (b'meter: [', b'\xff\xfe\x00'):
            (self.directory / 'example.yaml').write_bytes(content)

            error = self.assertRaises(
                exception.DriverError, self.load, 'example'
            )

            self.assertIn('example.yaml: ', str(error))
            self.assertNotIn('\n', str(error))

    def test_a_file_that_can_not_be_read(self):
        (self.directory / 'example.yaml').mkdir()

        error = self.assertRaises(exception.DriverError, self.load, 'example')

        self.assertIn('example.yaml: ', str(error))

    def test_a_device_is_recognised_by_its_system(self):
        self.write('example.yaml', GOOD)
        for system, expected in (
            ((1, 3, 6, 1, 4, 1, 99999, 3, 1), ['example']),
            ((1, 3, 6, 1, 4, 1, 99998, 3), []),
            ((1, 3, 6, 1, 4, 1, 534, 6, 6, 7), ['eaton-g3']),
            ((1, 3, 6, 1, 4, 1, 318, 1, 3, 4, 6), ['apc-rpdu2']),
        ):
            self.assertEqual(
                expected, profile.recognise(system, str(self.directory))
            )

    def test_the_most_particular_profile_comes_first(self):
        self.write('a.yaml', GOOD)
        self.write('b.yaml', GOOD.replace('99999,', '99999.7,'))

        self.assertEqual(
            ['b', 'a'],
            profile.recognise(
                (1, 3, 6, 1, 4, 1, 99999, 7, 1), str(self.directory)
            ),
        )


class ShippedTest(base.BaseTestCase):
    def test_each_profile_names_its_source_and_its_systems(self):
        for name in profile.names(NO_DIRECTORY):
            shipped = profile.load(name, NO_DIRECTORY)

            self.assertTrue(shipped.source, name)
            self.assertTrue(shipped.system, name)

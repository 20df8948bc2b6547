# SPDX-License-Identifier: Apache-2.0


"""Tests of parsing, loading and detecting profiles."""

import pathlib

import fixtures
from oslotest import base
import yaml

from energy_meter import exception
from energy_meter.drivers.snmp import profile

NO_DIRECTORY = '/nonexistent'

VALID = """
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
      filter: {oid: 1.3.6.1.4.1.99999.4, values: [8]}
      unit: 0.1 kWh
      factor: 1.3.6.1.4.1.99999.5
      step: 10
      rollover: 65536
    valid:
      oid: 1.3.6.1.4.1.99999.6
      filter: {oid: 1.3.6.1.4.1.99999.4, matches: 'Power (\\d+)'}
      valid_values: [1, 2]
"""

#: Text to replace, replacement, and start of the expected error.
ERRORS = (
    ('meter: Example PDU', 'meter: 7', 'meter: expected text, not 7'),
    ('meter: Example PDU', 'maker: Example', 'meter: is missing'),
    ('source: EXAMPLE-MIB', 'source:', 'source: is missing'),
    ('1.3.6.1.4.1.99999,', 'enterprises.99999,', 'system: expected an obj'),
    ('  outlets:\n', '  outlets: 5\n  inlets:\n', 'tables.outlets: expected'),
    ('scope: outlet', 'scope: rack', 'tables.outlets.scope: expected one of'),
    (
        'scope: outlet',
        'scope: outlet\n    kind: x',
        'tables.outlets.kind: unknown field',
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
        'tables.outlets.watts.where.probe: is not a part of the index',
    ),
    (
        '{sensor: 5}',
        '{sensor: watts}',
        'tables.outlets.watts.where.sensor: expected an integer',
    ),
    ('0.01 kW\n', '0.01 kVA\n', 'tables.outlets.watts.unit: expected one of'),
    ('0.1 kWh', '0,1 kWh', 'tables.outlets.energy.unit: expected one of'),
    ('0.1 kWh', 'W', 'tables.outlets.energy.unit: expected one of'),
    ('[65535]', '65535', 'tables.outlets.watts.invalid: expected a list'),
    ('[65535]', '[true]', 'tables.outlets.watts.invalid: expected a list'),
    ('step: 10', 'step: 0', 'tables.outlets.energy.step: expected at least'),
    (
        'rollover: 65536',
        'rollover: 16 bits',
        'tables.outlets.energy.rollover: expected',
    ),
    (
        'values: [8]',
        'value: [8]',
        'tables.outlets.energy.filter.values: is missing',
    ),
    (
        "'Power (\\d+)'",
        "'Power (\\d+'",
        'tables.outlets.valid.filter.matches: ',
    ),
    (
        '      valid_values: [1, 2]\n',
        '',
        'tables.outlets.valid.valid_values: is missing',
    ),
)


class ParseTest(base.BaseTestCase):
    def parse(self, text):
        return profile.parse('example.yaml', yaml.safe_load(text))

    def test_all_fields_are_parsed(self):
        parsed = self.parse(VALID)

        table = parsed.tables['outlets']
        oid = (1, 3, 6, 1, 4, 1, 99999)
        self.assertEqual((oid, (*oid[:-1], 99998, 2)), parsed.system)
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
                filter=profile.Filter((*oid, 4), frozenset([8])),
                step=10,
                rollover=65536,
            ),
            table.columns['energy'],
        )
        self.assertEqual(
            frozenset([1, 2]), table.columns['valid'].valid_values
        )

    def test_error_names_file_and_field(self):
        for old, new, reason in ERRORS:
            self.assertIn(old, VALID)

            error = self.assertRaises(
                exception.DriverError, self.parse, VALID.replace(old, new)
            )

            self.assertTrue(
                str(error).startswith(f'example.yaml: {reason}'),
                f'{new!r}: {error}',
            )

    def test_table_without_measuring_column_is_rejected(self):
        error = self.assertRaises(
            exception.DriverError,
            self.parse,
            'meter: x\nsource: x\ntables: {outlets: {scope: outlet}}',
        )

        self.assertEqual(
            'example.yaml: tables.outlets: expected watts, energy or both',
            str(error),
        )

    def test_profile_without_tables_is_rejected(self):
        for tables in ('', '{}', '[outlets]'):
            error = self.assertRaises(
                exception.DriverError,
                self.parse,
                f'meter: x\nsource: x\ntables: {tables}',
            )
            self.assertIn('example.yaml: tables: expected', str(error))

    def test_document_without_fields_is_rejected(self):
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

    def test_operator_profile_is_added(self):
        self.write('example.yaml', VALID)

        self.assertEqual('Example PDU', self.load('example').meter)
        self.assertIn('example', profile.names(str(self.directory)))

    def test_operator_profile_takes_precedence(self):
        self.write('eaton-g3.yaml', VALID)

        self.assertEqual('Example PDU', self.load('eaton-g3').meter)

    def test_missing_directory_is_ignored(self):
        self.assertIn('eaton-g3', profile.names(NO_DIRECTORY))

    def test_unknown_profile_is_rejected(self):
        error = self.assertRaises(exception.DriverError, self.load, 'etaon')

        self.assertIn("profile: 'etaon' not found", str(error))
        self.assertIn('eaton-g3', str(error))

    def test_path_is_rejected_as_name(self):
        self.write('example.yaml', VALID)

        self.assertRaises(
            exception.DriverError,
            self.load,
            f'../{self.directory.name}/example',
        )

    def test_invalid_yaml_is_rejected(self):
        for content in (b'meter: [', b'\xff\xfe\x00'):
            (self.directory / 'example.yaml').write_bytes(content)

            error = self.assertRaises(
                exception.DriverError, self.load, 'example'
            )

            self.assertIn('example.yaml: ', str(error))
            self.assertNotIn('\n', str(error))

    def test_unreadable_file_is_rejected(self):
        (self.directory / 'example.yaml').mkdir()

        error = self.assertRaises(exception.DriverError, self.load, 'example')

        self.assertIn('example.yaml: ', str(error))

    def test_device_is_detected_by_system(self):
        self.write('example.yaml', VALID)
        for system, expected in (
            ((1, 3, 6, 1, 4, 1, 99999, 3, 1), ['example']),
            ((1, 3, 6, 1, 4, 1, 99998, 3), []),
            ((1, 3, 6, 1, 4, 1, 534, 6, 6, 7), ['eaton-g3']),
            ((1, 3, 6, 1, 4, 1, 318, 1, 3, 4, 6), ['apc-rpdu2']),
        ):
            self.assertEqual(
                expected, profile.detect(system, str(self.directory))
            )

    def test_most_specific_profile_is_first(self):
        self.write('a.yaml', VALID)
        self.write('b.yaml', VALID.replace('99999,', '99999.7,'))

        self.assertEqual(
            ['b', 'a'],
            profile.detect(
                (1, 3, 6, 1, 4, 1, 99999, 7, 1), str(self.directory)
            ),
        )


class IncludedProfilesTest(base.BaseTestCase):
    def test_included_profiles_have_source_and_system(self):
        for name in profile.names(NO_DIRECTORY):
            loaded = profile.load(name, NO_DIRECTORY)

            self.assertTrue(loaded.source, name)
            self.assertTrue(loaded.system, name)

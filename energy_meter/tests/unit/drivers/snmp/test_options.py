# SPDX-License-Identifier: Apache-2.0


"""What the options say together."""

import typing

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import snmp
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import options
from energy_meter.tests import drivers


def values(**given: typing.Any) -> typing.Any:
    return drivers.make(
        snmp.SNMP,
        **{
            'host': 'pdu',
            'profile': 'eaton-g3',
            'profile_path': '/nonexistent',
        }
        | given,
    ).options


class CredentialsTest(base.BaseTestCase):
    def refusal(self, **given: typing.Any) -> str:
        return str(
            self.assertRaises(
                exception.DriverError,
                options.credentials,
                values(version='3', **given),
            )
        )

    def test_a_community_is_all_that_old_versions_need(self):
        self.assertEqual(
            engine.Credentials('2c', 'public'),
            options.credentials(values(user='ignored')),
        )

    def test_passwords_make_the_level(self):
        for given, level in (
            ({}, 'noAuthNoPriv'),
            ({'auth_password': 'authpass'}, 'authNoPriv'),
            (
                {'auth_password': 'authpass', 'priv_password': 'privpass'},
                'authPriv',
            ),
        ):
            found = options.credentials(
                values(version='3', user='meter', **given)
            )
            self.assertEqual(level, found.level)

    def test_version_3_needs_a_user(self):
        self.assertIn('user', self.refusal())

    def test_encryption_needs_authentication(self):
        self.assertIn(
            'auth_password',
            self.refusal(user='meter', priv_password='privpass'),
        )

    def test_a_short_password_is_named_but_not_shown(self):
        text = self.refusal(user='meter', auth_password='gue55')

        self.assertIn('auth_password', text)
        self.assertNotIn('gue55', text)

    def test_credentials_do_not_show_their_secrets(self):
        text = repr(
            engine.Credentials(
                '3', 'c0mm', 'meter', 'sha', 'auth5', 'aes', 'priv5'
            )
        )

        for secret in ('c0mm', 'auth5', 'priv5'):
            self.assertNotIn(secret, text)


class TableTest(base.BaseTestCase):
    def test_the_first_table_is_the_default(self):
        self.assertEqual('outlet', options.table(values()).scope)
        self.assertEqual(
            'node', options.table(values(profile='dell-idrac')).scope
        )

    def test_a_table_by_its_name(self):
        self.assertEqual('inlet', options.table(values(table='inlets')).scope)

    def test_a_table_that_the_profile_does_not_have(self):
        error = self.assertRaises(
            exception.DriverError, options.table, values(table='phases')
        )

        self.assertIn("no table 'phases'; it has: outlets, inlets", str(error))

    def test_columns_by_options(self):
        table = options.table(
            values(
                profile='custom',
                watts_oid='1.3.6.1.4.1.99999.1',
                energy_oid='1.3.6.1.4.1.99999.2',
                energy_unit='kWh',
                energy_step=10,
            )
        )

        self.assertEqual({'watts', 'energy'}, set(table.columns))
        energy = table.columns['energy']
        self.assertEqual(
            (3.6e6, 10, None), (energy.unit, energy.step, energy.size)
        )

    def test_mistakes_in_the_options_are_named(self):
        for given, expected in (
            ({}, 'expected watts, energy or both'),
            ({'watts_oid': 'power'}, 'watts.oid: expected an object'),
            (
                {'watts_oid': '1.3.6', 'watts_unit': 'VA'},
                'watts.unit: expected one of W, kW',
            ),
        ):
            error = self.assertRaises(
                exception.DriverError,
                options.table,
                values(profile='custom', **given),
            )
            self.assertIn(f'profile = custom: {expected}', str(error))

# SPDX-License-Identifier: Apache-2.0


"""Tests of the SNMP driver's options."""

import typing

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import snmp
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import options
from energy_meter.tests import drivers


def make_options(**overrides: typing.Any) -> typing.Any:
    return drivers.make(
        snmp.SNMP,
        **{
            'host': 'pdu',
            'profile': 'eaton-g3',
            'profile_path': '/nonexistent',
        }
        | overrides,
    ).options


class CredentialsTest(base.BaseTestCase):
    def error(self, **overrides: typing.Any) -> str:
        return str(
            self.assertRaises(
                exception.DriverError,
                options.credentials,
                make_options(version='3', **overrides),
            )
        )

    def test_old_versions_use_community(self):
        self.assertEqual(
            engine.Credentials('2c', 'public'),
            options.credentials(make_options(user='ignored')),
        )

    def test_passwords_define_security_level(self):
        for passwords, level in (
            ({}, 'noAuthNoPriv'),
            ({'auth_password': 'authpass'}, 'authNoPriv'),
            (
                {'auth_password': 'authpass', 'priv_password': 'privpass'},
                'authPriv',
            ),
        ):
            credentials = options.credentials(
                make_options(version='3', user='meter', **passwords)
            )
            self.assertEqual(level, credentials.level)

    def test_version_3_without_user_is_rejected(self):
        self.assertIn('user', self.error())

    def test_priv_password_without_auth_password_is_rejected(self):
        self.assertIn(
            'auth_password',
            self.error(user='meter', priv_password='privpass'),
        )

    def test_short_password_is_rejected_without_quoting_it(self):
        text = self.error(user='meter', auth_password='gue55')

        self.assertIn('auth_password', text)
        self.assertNotIn('gue55', text)

    def test_credentials_repr_hides_secrets(self):
        text = repr(
            engine.Credentials(
                '3', 'c0mm', 'meter', 'sha', 'auth5', 'aes', 'priv5'
            )
        )

        for secret in ('c0mm', 'auth5', 'priv5'):
            self.assertNotIn(secret, text)


class TableTest(base.BaseTestCase):
    def test_default_is_first_table(self):
        self.assertEqual('outlet', options.table(make_options()).scope)
        self.assertEqual(
            'node', options.table(make_options(profile='dell-idrac')).scope
        )

    def test_table_is_selected_by_name(self):
        self.assertEqual(
            'inlet', options.table(make_options(table='inlets')).scope
        )

    def test_unknown_table_is_rejected(self):
        error = self.assertRaises(
            exception.DriverError, options.table, make_options(table='phases')
        )

        self.assertIn("no table 'phases'; it has: outlets, inlets", str(error))

    def test_custom_columns_are_read_from_options(self):
        table = options.table(
            make_options(
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
            (3.6e6, 10, None), (energy.unit, energy.step, energy.rollover)
        )

    def test_invalid_options_are_named(self):
        for overrides, reason in (
            ({}, 'profile: custom requires watts_oid, energy_oid or both'),
            ({'watts_oid': 'power'}, 'watts_oid: expected an object'),
            (
                {'watts_oid': '1.3.6', 'watts_unit': 'VA'},
                'watts_unit: expected one of W, kW',
            ),
        ):
            error = self.assertRaises(
                exception.InvalidOption,
                options.table,
                make_options(profile='custom', **overrides),
            )
            self.assertTrue(str(error).startswith(reason), str(error))

# SPDX-License-Identifier: Apache-2.0


"""Tests of reading each device family with its profile."""

import typing

from oslotest import base
import testscenarios

from energy_meter import measurement
from energy_meter.drivers import snmp
from energy_meter.drivers.snmp import profile
from energy_meter.tests import drivers
from energy_meter.tests.functional.drivers import snmp_devices
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import snmpd

NO_DIRECTORY = '/nonexistent'


class AllDevices(snmpd.Snmpd):
    """All devices at one address; their object identifiers are distinct."""

    def __init__(self) -> None:
        super().__init__(
            {
                oid: value
                for device in snmp_devices.DEVICES
                for oid, value in device.objects.items()
            }
        )


class ProfileTest(testscenarios.WithScenarios, base.BaseTestCase):
    scenarios: typing.ClassVar = [
        (f'{device.profile}-{device.table}', {'device': device})
        for device in snmp_devices.DEVICES
    ]
    device: snmp_devices.Device

    def setUp(self):
        super().setUp()
        self.server = services.shared(AllDevices)
        self.driver = drivers.make(
            snmp.SNMP,
            *(channel.index for channel in self.device.channels),
            host='127.0.0.1',
            port=self.server.port,
            community=snmpd.READ_COMMUNITY,
            profile=self.device.profile,
            table=self.device.table,
            profile_path=NO_DIRECTORY,
            channels=[channel.index for channel in self.device.channels],
        )
        self.addCleanup(self.driver.close)

    def test_readings_match_device(self):
        self.driver.open()

        self.assertEqual(
            [
                measurement.Reading(
                    channel.index,
                    channel.watts,
                    channel.ticks,
                    None
                    if channel.ticks is None
                    else measurement.Counter(
                        channel.joules_per_tick,
                        channel.step,
                        channel.rollover,
                    ),
                )
                for channel in self.device.channels
                if (channel.watts, channel.ticks) != (None, None)
            ],
            list(self.driver.read()),
        )

    def test_channels_and_names_are_found(self):
        self.driver.open()

        self.assertEqual(
            [
                (channel.index, channel.name)
                for channel in self.device.channels
            ],
            [
                (channel.index, channel.name)
                for channel in self.driver.channels()
            ],
        )


class AllProfilesTest(base.BaseTestCase):
    def test_all_tables_have_a_device(self):
        tables = {
            (name, table)
            for name in profile.names(NO_DIRECTORY)
            for table in profile.load(name, NO_DIRECTORY).tables
        }

        self.assertEqual(
            tables,
            {
                (device.profile, device.table)
                for device in snmp_devices.DEVICES
            },
        )

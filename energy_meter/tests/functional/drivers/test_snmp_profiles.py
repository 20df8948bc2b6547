# SPDX-License-Identifier: Apache-2.0


"""Each profile reads its device, which snmpd plays."""

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
    """All of them at one address: their objects have different names."""

    def __init__(self) -> None:
        super().__init__(
            {
                oid: value
                for device in snmp_devices.DEVICES
                for oid, value in device.objects.items()
            }
        )


class ProfileTest(testscenarios.WithScenarios, base.BaseTestCase):
    scenarios = [
        (f'{device.profile}-{device.table}', {'device': device})
        for device in snmp_devices.DEVICES
    ]
    device: snmp_devices.Device

    def setUp(self):
        super().setUp()
        self.server = services.shared(AllDevices)
        self.driver = drivers.make(
            snmp.SNMP,
            *(point.index for point in self.device.points),
            host='127.0.0.1',
            port=self.server.port,
            community=snmpd.READ_COMMUNITY,
            profile=self.device.profile,
            table=self.device.table,
            profile_path=NO_DIRECTORY,
            outlets=[point.index for point in self.device.points],
        )
        self.addCleanup(self.driver.close)

    def test_it_shows_what_the_device_shows(self):
        self.driver.open()

        self.assertEqual(
            [
                measurement.Reading(
                    point.index,
                    point.watts,
                    point.ticks,
                    None
                    if point.ticks is None
                    else measurement.Counter(point.joules, 1, point.size),
                )
                for point in self.device.points
                if (point.watts, point.ticks) != (None, None)
            ],
            list(self.driver.read()),
        )

    def test_it_finds_the_points_and_their_names(self):
        self.driver.open()

        self.assertEqual(
            [(point.index, point.name) for point in self.device.points],
            [(outlet.index, outlet.name) for outlet in self.driver.outlets()],
        )


class AllProfilesTest(base.BaseTestCase):
    def test_each_table_of_each_profile_is_tested(self):
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

# SPDX-License-Identifier: Apache-2.0

"""Tests of the Redfish driver with PDUs and power shelves.

The resources have the structure of the examples in the usage guide of OCP's
Rack PDU profile: DMTF schemas PowerEquipment, PowerDistribution,
PowerDistributionMetrics, Circuit and Outlet.
"""

import typing

from energy_meter import exception
from energy_meter.tests.functional.drivers import test_redfish
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import redfish


def measured(
    name: str, watts: float | None, kwh: float | None
) -> dict[str, typing.Any]:
    """Return an Outlet, Circuit or PowerDistributionMetrics resource."""
    return {
        'Name': name,
        'Status': {'Health': 'OK', 'State': 'Enabled'},
        'Voltage': {'Reading': 117.5},
        'CurrentAmps': {'Reading': 1.68},
        'PowerWatts': {
            'DataSourceUri': '/redfish/v1/Chassis/PDU/Sensors/W',
            'Reading': watts,
            'ApparentVA': 1000.5,
            'ReactiveVAR': 0.1,
            'PowerFactor': 0.99,
        },
        'EnergykWh': {'Reading': kwh},
    }


def pdu(top: str, **outlets: dict[str, typing.Any]) -> redfish.Resources:
    """Return the resources of a PDU with these outlets."""
    return {
        '': {
            'Name': 'Rack PDU',
            'EquipmentType': 'RackPDU',
            **{
                name: f'->/{name}'
                for name in ('Mains', 'Branches', 'Outlets', 'Metrics')
            },
        },
        '/Mains': redfish.collection(f'{top}/Mains/AC1', f'{top}/Mains/AC2'),
        '/Mains/AC1': {
            **measured('Mains AC Input', 938.5, 325_676),
            'CircuitType': 'Mains',
        },
        # Some circuits have no total.
        '/Mains/AC2': {
            'Name': 'Mains AC Input 2',
            'CircuitType': 'Mains',
            'PolyPhasePowerWatts': {
                'Line1ToLine2': {'Reading': 738.9},
                'Line1ToNeutral': {'Reading': 198.4},
            },
        },
        '/Branches': redfish.collection(f'{top}/Branches/A'),
        '/Branches/A': {
            **measured('Branch Circuit A', 937.4, 325_675),
            'CircuitType': 'Branch',
        },
        '/Metrics': measured('Summary Metrics', 6438, 56_438),
        '/Outlets': redfish.collection(
            *(f'{top}/Outlets/{name}' for name in outlets)
        ),
        **{f'/Outlets/{name}': body for name, body in outlets.items()},
    }


PDU = f'{redfish.ROOT}/PowerEquipment/RackPDUs/1'

RACK_PDU = redfish.with_equipment(
    redfish.mockup(),
    'RackPDUs',
    **{
        '1': pdu(
            PDU,
            A1=measured('Outlet A1', 197.4, 36_166),
            A2=measured('Outlet A2', 0.0, 0.125),
            A3=measured('Outlet A3', None, None),
            A4={'Name': 'Outlet A4', 'PowerState': 'On'},
        )
    },
)

#: Power shelf with the same ID as the PDU, of which the service knows, too.
SHELF_TOO = redfish.with_equipment(
    RACK_PDU,
    'PowerShelves',
    **{
        '1': {
            '': {
                'Name': 'Power Shelf',
                'EquipmentType': 'PowerShelf',
                'Metrics': '->/Metrics',
            },
            '/Metrics': measured('Summary Metrics', 12_345.5, 777.5),
        }
    },
)


class EquipmentTest(test_redfish.RedfishTest):
    def serve(self, resources: redfish.Resources) -> redfish.StaticRedfish:
        return self.useFixture(redfish.StaticRedfish(resources))

    def read(
        self, resources: redfish.Resources, *probes: str, **options: typing.Any
    ) -> list[tuple[typing.Any, ...]]:
        """Return the probe, power and energy of each reading."""
        meter = self.open(self.serve(resources).url, *probes, **options)
        return [
            (
                reading.probe,
                reading.watts,
                None
                if reading.ticks is None
                else reading.ticks * reading.counter.joules_per_tick / 3.6e6,
            )
            for reading in meter.read()
        ]

    def test_outlets_are_read(self):
        # Given a PDU with an idle outlet, one whose values are null, and one
        # without a meter, when its outlets are read,
        readings = self.read(RACK_PDU, 'a', 'b', 'c', source='outlets')

        # then null yields none.
        self.assertEqual([('a', 197.4, 36_166.0), ('b', 0.0, 0.125)], readings)

    def test_measured_outlets_are_listed_as_channels(self):
        meter = self.open(self.serve(RACK_PDU).url, None, source='outlets')

        self.assertEqual(
            ['A1', 'A2', 'A3'], [channel.name for channel in meter.channels()]
        )

    def test_outlets_are_selected_by_id_and_name(self):
        self.assertEqual(
            [('a', 0.0, 0.125), ('b', 197.4, 36_166.0)],
            self.read(
                RACK_PDU,
                'a',
                'b',
                source='outlets',
                channels=['A2', 'Outlet A1'],
            ),
        )

    def test_unknown_and_ambiguous_outlets_are_rejected(self):
        outlets = {
            name: measured('Outlet', 1, 1) for name in ('A1', 'A2', 'A3')
        }
        server = self.serve(
            redfish.with_equipment(
                redfish.mockup(), 'RackPDUs', **{'1': pdu(PDU, **outlets)}
            )
        )
        for name in ('B9', 'Outlet'):
            self.assertIn(
                f'channels: {name} not found in the equipment',
                self.open_error(
                    server.url,
                    'a',
                    'b',
                    source='outlets',
                    channels=['A1', name],
                ),
            )

    def test_probes_with_same_outlet_are_rejected(self):
        self.assertIn(
            'channels: probes a and b have the same channel',
            self.open_error(
                self.serve(RACK_PDU).url,
                'a',
                'b',
                source='outlets',
                channels=['A1', 'Outlet A1'],
            ),
        )

    def test_circuits_and_metrics_are_read(self):
        for source, watts, kwh in (
            ('mains', 938.5, 325_676.0),
            ('branches', 937.4, 325_675.0),
            ('equipment', 6438.0, 56_438.0),
        ):
            self.assertEqual(
                [('a', watts, kwh)],
                self.read(RACK_PDU, 'a', source=source),
                source,
            )

    def test_scope_is_that_of_the_source(self):
        for source, scope in (
            ('outlets', 'outlet'),
            ('branches', 'circuit'),
            ('mains', 'inlet'),
            ('equipment', 'inlet'),
            ('power-supplies', 'psu'),
            ('auto', 'node'),
        ):
            meter = test_redfish.drivers.make(
                test_redfish.driver.Redfish, url='https://pdu', source=source
            )
            self.assertEqual(scope, meter.scope_of(meter.options))

    def test_phases_are_not_added_to_a_total(self):
        # Given an input that has values for its phases only,
        self.assertIn(
            '/Mains/AC2 has no value for probe a',
            str(
                self.assertRaises(
                    exception.ProtocolError,
                    self.read,
                    RACK_PDU,
                    'a',
                    source='mains',
                    channels=['AC2'],
                )
            ),
        )

    def test_equipment_is_selected_by_id(self):
        # Given a PDU and a power shelf with the same ID,
        self.assertIn(
            'several equipment report power: set equipment to one of '
            'RackPDUs/1, PowerShelves/1',
            self.open_error(self.serve(SHELF_TOO).url, source='equipment'),
        )

        # then the collection distinguishes them,
        self.assertEqual(
            [('a', 12_345.5, 777.5)],
            self.read(
                SHELF_TOO, 'a', source='equipment', equipment='PowerShelves/1'
            ),
        )
        # and so does a source that only one of them has.
        self.assertEqual(
            2,
            len(
                self.read(
                    SHELF_TOO,
                    'a',
                    'b',
                    source='outlets',
                    equipment='1',
                )
            ),
        )

    def test_missing_equipment_is_an_error(self):
        for resources, options, text in (
            (RACK_PDU, {'equipment': '2'}, 'the service has no equipment 2'),
            (test_redfish.OLD_MODEL, {}, 'the service has no equipment'),
            (RACK_PDU, {'chassis': '1'}, 'chassis has no effect with source'),
            (
                RACK_PDU,
                {'source': 'auto', 'equipment': '1'},
                'equipment has no effect with source = auto',
            ),
            (
                RACK_PDU,
                {'source': 'equipment', 'channels': ['A1']},
                'no equipment has source = equipment for channels = A1',
            ),
        ):
            self.assertIn(
                text,
                self.open_error(
                    self.serve(resources).url,
                    **{'source': 'outlets'} | options,
                ),
            )

    def test_links_without_a_target_are_skipped(self):
        # Given a service with links to collections that do not exist,
        server = self.serve(SHELF_TOO)
        server.remove('/PowerEquipment/PowerShelves')
        server.remove('/PowerEquipment/RackPDUs/1/Branches')

        # then the equipment that exists is read.
        meter = self.open(server.url, 'a', source='outlets')
        self.assertEqual(1, len(meter.read()))
        self.assertIn(
            'no equipment has source = branches',
            self.open_error(server.url, source='branches'),
        )

    def test_removed_outlet_skips_only_its_probe(self):
        server = self.serve(RACK_PDU)
        meter = self.open(server.url, 'a', 'b', source='outlets')
        server.remove('/PowerEquipment/RackPDUs/1/Outlets/A1')

        self.assertEqual(['b'], [reading.probe for reading in meter.read()])

    def test_outlets_on_several_pages_are_read(self):
        # Given a service that pages its collections,
        path = f'{PDU}/Outlets'
        resources = {
            **RACK_PDU,
            path: {
                **redfish.collection(f'{path}/A1'),
                'Members@odata.nextLink': f'{path}/page2',
            },
            f'{path}/page2': redfish.collection(f'{path}/A2'),
        }

        # then the outlets of all pages are found.
        self.assertEqual(
            ['a', 'b'],
            [
                reading[0]
                for reading in self.read(resources, 'a', 'b', source='outlets')
            ],
        )


class FailingOutletTest(test_redfish.RedfishTest):
    def test_outlet_that_fails_at_first_keeps_its_channel(self):
        # Given an outlet that fails while the driver opens,
        authority = self.useFixture(http.Authority())
        server = self.useFixture(
            redfish.Controller(RACK_PDU, authority.issue('127.0.0.1'))
        )
        server.statuses = {f'{PDU}/Outlets/A1': 500}
        meter = self.open(
            server.url, 'a', 'b', source='outlets', ca_file=authority.file
        )

        # then the others are not metered in its place.
        self.assertEqual(
            [('b', 0.0)], [reading[:2] for reading in meter.read()]
        )
        server.statuses = {}
        self.assertEqual(
            [('a', 197.4), ('b', 0.0)],
            [reading[:2] for reading in meter.read()],
        )

# SPDX-License-Identifier: Apache-2.0

"""Tests of finding outlets and circuits in Redfish power equipment."""

import math

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.common import units
from energy_meter.drivers.redfish import equipment
from energy_meter.tests.unit.drivers.redfish import resources

#: Any JSON value, or a link to one of the resources.
VALUES = strategies.one_of(
    strategies.sampled_from(
        ['/top', '/units', '/unit', '/outlets', '/a', '/b']
    ).map(lambda path: {'@odata.id': path}),
    strategies.recursive(
        strategies.none()
        | strategies.booleans()
        | strategies.integers()
        | strategies.floats()
        | strategies.text(max_size=3),
        lambda children: (
            strategies.lists(children, max_size=3)
            | strategies.dictionaries(
                strategies.sampled_from(['@odata.id', 'Reading', 'Members']),
                children,
                max_size=3,
            )
        ),
        max_leaves=5,
    ),
)


def resource(*names):
    return strategies.fixed_dictionaries(
        {}, optional=dict.fromkeys(names, VALUES)
    )


def collection():
    return strategies.fixed_dictionaries(
        {'Members': strategies.lists(VALUES, max_size=4) | VALUES},
        optional={'Members@odata.nextLink': VALUES},
    )


def member():
    return resource('Name', 'PowerWatts', 'EnergykWh')


class ArbitraryResourcesTest(base.BaseTestCase):
    @hypothesis.settings(max_examples=400, deadline=None)
    @hypothesis.given(
        root=resource('PowerEquipment'),
        top=resource('RackPDUs', 'PowerShelves'),
        units_=collection(),
        unit=resource('Outlets', 'Mains', 'Branches', 'Metrics'),
        outlets=collection(),
        a=member(),
        b=member(),
        names=strategies.lists(
            strategies.sampled_from(['a', 'x']), max_size=2
        ),
    )
    def test_values_are_finite_numbers_and_errors_are_those_of_drivers(
        self, root, top, units_, unit, outlets, a, b, names
    ):
        # Given a service whose resources have any content,
        controller = resources.serve(
            **{'': root},
            top=top,
            units=units_,
            unit=unit,
            outlets=outlets,
            a=a,
            b=b,
        )
        scale = units.EnergyScale('kWh', 0.001)

        # when its equipment and all channels are read,
        try:
            paths = equipment.find(controller)
        except exception.DriverError:
            paths = {}
        for finder in equipment.FINDERS.values():
            for path in ['/unit', *paths.values()]:
                try:
                    channels = finder(controller, controller.get(path), names)
                    readings = [
                        scale.reading(
                            'p',
                            *(
                                source.extract(controller.get(source.path))
                                for source in channel
                            ),
                        )
                        for channel in channels.values()
                    ]
                except exception.DriverError:
                    continue

                # then readings are numbers, or there are none.
                self.assertLessEqual(
                    channels.keys(), set(names) or channels.keys()
                )
                for reading in filter(None, readings):
                    self.assertTrue(
                        reading.watts is None or math.isfinite(reading.watts)
                    )
                    self.assertTrue(
                        reading.ticks is None or reading.ticks >= 0
                    )

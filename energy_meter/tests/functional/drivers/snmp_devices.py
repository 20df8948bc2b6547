# SPDX-License-Identifier: Apache-2.0

"""SNMP devices for each profile of the driver, based on their MIBs.

The values are fictitious, except the names of Rittal's variables.
"""

import typing

from energy_meter.tests.functional.services import snmpd

Gauge = snmpd.Gauge

WH = 3600.0
KWH = 3.6e6


class Channel(typing.NamedTuple):
    """One outlet or inlet, and its expected reading.

    :ivar rollover: ticks at which the counter restarts from 0.
    :ivar step: smallest increment of the counter in ticks.
    """

    index: str
    name: str | None
    watts: float | None
    ticks: int | None = None
    joules_per_tick: float = WH
    rollover: int | None = None
    step: int = 1


class Device(typing.NamedTuple):
    """Device of one family.

    :ivar objects: values by object identifier.
    :ivar channels: expected channels.
    """

    profile: str
    table: str
    objects: dict[str, snmpd.Value]
    channels: tuple[Channel, ...]


def _objects(
    base: str,
    values: dict[str, snmpd.Value],
) -> dict[str, snmpd.Value]:
    return {
        f'1.3.6.1.4.1.{base}.{oid}': value for oid, value in values.items()
    }


DEVICES = (
    Device(
        'eaton-g3',
        'outlets',
        _objects(
            '534.6.6.7.6',
            {
                '1.1.3.0.1': 'Server A',
                '1.1.3.0.2': 'Server B',
                '1.1.3.4.1': 'Switch',
                '5.1.3.0.1': 231,
                '5.1.3.0.2': -1,
                '5.1.3.4.1': 45,
                '5.1.4.0.1': Gauge(4294967290),
                '5.1.4.0.2': Gauge(7),
                '5.1.4.4.1': Gauge(1000),
            },
        ),
        (
            Channel('0.1', 'Server A', 231.0, 4294967290, WH, 2**32),
            Channel('0.2', 'Server B', None, 7, WH, 2**32),
            Channel('4.1', 'Switch', 45.0, 1000, WH, 2**32),
        ),
    ),
    Device(
        'eaton-g3',
        'inlets',
        _objects(
            '534.6.6.7.3', {'5.1.4.0.1': 2760, '5.1.5.0.1': Gauge(123456)}
        ),
        (Channel('0.1', None, 2760.0, 123456, WH, 2**32),),
    ),
    Device(
        'raritan-px',
        'outlets',
        _objects(
            '13742.4.1.2.2.1',
            {
                '2.1': 'Outlet 1',
                '2.2': 'Outlet 2',
                '7.1': Gauge(99),
                '7.2': Gauge(0),
                '31.1': Gauge(5000),
                '31.2': Gauge(0),
            },
        ),
        (
            Channel('1', 'Outlet 1', 99.0, 5000, WH, 2**32),
            Channel('2', 'Outlet 2', 0.0, 0, WH, 2**32),
        ),
    ),
    Device(
        'raritan-px',
        'inlets',
        _objects('13742.4.1.20.2.1', {'9.1': Gauge(1234)}),
        (Channel('1', None, 1234.0),),
    ),
    # The second outlet has one decimal digit; the third is not available.
    Device(
        'raritan-pdu2',
        'outlets',
        _objects(
            '13742.6',
            {
                '3.5.3.1.3.1.1': 'Rack 1',
                '3.5.3.1.3.1.2': '',
                '3.5.3.1.3.1.3': 'Unused',
                **{
                    f'3.5.4.1.7.1.{outlet}.{sensor}': Gauge(digits)
                    for outlet, digits in ((1, 0), (2, 1), (3, 0))
                    for sensor in (1, 4, 5, 8)
                },
                **{
                    f'5.4.3.1.2.1.{outlet}.{sensor}': available
                    for outlet, available in ((1, 1), (2, 1), (3, 2))
                    for sensor in (1, 4, 5, 8)
                },
                **{
                    f'5.4.3.1.4.1.{outlet}.{sensor}': Gauge(value)
                    for outlet, power in ((1, 150), (2, 1505), (3, 0))
                    for sensor, value in (
                        (1, 652),
                        (4, 230),
                        (5, power),
                        (8, 1000 * outlet),
                    )
                },
            },
        ),
        (
            Channel('1.1', 'Rack 1', 150.0, 1000, WH, 2**32),
            Channel('1.2', None, 150.5, 2000, WH / 10, 2**32),
            Channel('1.3', 'Unused', None),
        ),
    ),
    Device(
        'raritan-pdu2',
        'inlets',
        _objects(
            '13742.6',
            {
                '3.3.3.1.3.1.1': 'I1',
                '3.3.4.1.7.1.1.5': Gauge(0),
                '3.3.4.1.7.1.1.8': Gauge(0),
                '5.2.3.1.2.1.1.5': 1,
                '5.2.3.1.2.1.1.8': 1,
                '5.2.3.1.4.1.1.5': Gauge(3100),
                '5.2.3.1.4.1.1.8': Gauge(88),
            },
        ),
        (Channel('1.1', 'I1', 3100.0, 88, WH, 2**32),),
    ),
    Device(
        'apc-rpdu2',
        'outlets',
        _objects(
            '318.1.1.26.9.4.3.1',
            {
                '3.1': 'Outlet 1',
                '3.2': 'Outlet 2',
                '7.1': 320,
                '7.2': -1,
                '11.1': 1234,
                '11.2': -1,
            },
        ),
        (
            Channel('1', 'Outlet 1', 320.0, 1234, KWH / 10),
            Channel('2', 'Outlet 2', None),
        ),
    ),
    Device(
        'apc-rpdu2',
        'inlets',
        _objects(
            '318.1.1.26.4.3.1', {'3.1': 'RackPDU', '5.1': 276, '9.1': 55555}
        ),
        (Channel('1', 'RackPDU', 2760.0, 55555, KWH / 10),),
    ),
    Device(
        'schleifenbauer',
        'outlets',
        _objects(
            '31034.12.1.1.2.7.2.1',
            {'2.1.1': 16777215, '2.1.2': 12, '11.1.1': 88, '11.1.2': 77},
        ),
        (
            Channel('1.1', None, 88.0, 16777215, KWH, 2**24),
            Channel('1.2', None, 77.0, 12, KWH, 2**24),
        ),
    ),
    Device(
        'schleifenbauer',
        'inlets',
        _objects(
            '31034.12.1.1.2',
            {
                '1.1.1.10.1': 'PDU left',
                '6.1.1.2.1.1': 100,
                '6.1.1.2.1.2': 200,
                '6.1.1.2.1.3': 300,
                '6.1.1.10.1.1': 700,
                '6.1.1.10.1.2': 800,
                '6.1.1.10.1.3': 900,
            },
        ),
        (Channel('1', 'PDU left', 2400.0, 600, KWH, 2**24),),
    ),
    Device(
        'sentry3',
        'outlets',
        _objects(
            '1718.3.2.3.1',
            {
                '3.1.1.1': 'TowerA_Outlet1',
                '3.1.1.2': 'TowerA_Outlet2',
                '14.1.1.1': 410,
                '14.1.1.2': -1,
                '18.1.1.1': 9000,
                '18.1.1.2': -1,
            },
        ),
        (
            Channel('1.1.1', 'TowerA_Outlet1', 410.0, 9000),
            Channel('1.1.2', 'TowerA_Outlet2', None),
        ),
    ),
    Device(
        'sentry3',
        'inlets',
        _objects(
            '1718.3.2.2.1',
            {'3.1.1': 'TowerA_InfeedA', '12.1.1': 4100, '16.1.1': 321},
        ),
        (Channel('1.1', 'TowerA_InfeedA', 4100.0, 321, KWH / 10),),
    ),
    Device(
        'sentry4',
        'outlets',
        _objects(
            '1718.4.1.8',
            {
                '2.1.3.1.1.1': 'Master_Outlet_1',
                '3.1.7.1.1.1': 575,
                '3.1.14.1.1.1': 120000,
            },
        ),
        (Channel('1.1.1', 'Master_Outlet_1', 575.0, 120000),),
    ),
    Device(
        'sentry4',
        'inlets',
        _objects(
            '1718.4.1.3',
            {
                '2.1.3.1.1': 'Master_Cord_A',
                '3.1.3.1.1': 5750,
                '3.1.10.1.1': 77,
            },
        ),
        (Channel('1.1', 'Master_Cord_A', 5750.0, 77, KWH / 10),),
    ),
    Device(
        'geist',
        'outlets',
        _objects(
            '21239.5.2.3.6.1',
            {'3.1': 'Node 7', '12.1': Gauge(212), '15.1': Gauge(9999000)},
        ),
        (Channel('1', 'Node 7', 212.0, 9999000),),
    ),
    # The second PDU of the chain is not connected.
    Device(
        'geist',
        'inlets',
        _objects(
            '21239.5.2.3.1.1',
            {
                '3.1': 'GU2',
                '3.2': 'GU3',
                '5.1': Gauge(1),
                '5.2': Gauge(0),
                '9.1': Gauge(1900),
                '9.2': Gauge(0),
                '12.1': Gauge(4242),
                '12.2': Gauge(0),
            },
        ),
        (Channel('1', 'GU2', 1900.0, 4242), Channel('2', 'GU3', None)),
    ),
    # The second socket has no value.
    Device(
        'rittal-cmc3',
        'outlets',
        _objects(
            '2606.7.4.2.2.1',
            {
                **{
                    f'3.3.{number}': f'Sockets.Socket {socket}.{variable}'
                    for number, (socket, variable) in enumerate(
                        (
                            ('01', 'Power.Active.DescName'),
                            ('01', 'Power.Active.Value'),
                            ('01', 'Energy.Active.Value'),
                            ('01', 'Energy.Active Custom.Value'),
                            ('02', 'Power.Active.Value'),
                            ('02', 'Energy.Active.Value'),
                        ),
                        1,
                    )
                },
                **{
                    f'7.3.{number}': factor
                    for number, factor in enumerate(
                        (0, 1, -10, -10, 10, -10), 1
                    )
                },
                **{
                    f'11.3.{number}': value
                    for number, value in enumerate(
                        (0, 167, 76365, 365, 0, 0), 1
                    )
                },
                **{
                    f'14.3.{number}': quality
                    for number, quality in enumerate((2, 3, 2, 2, 21, 21), 1)
                },
            },
        ),
        (
            Channel('3.1', None, 167.0, 76365, KWH / 10),
            Channel('3.2', None, None),
        ),
    ),
    Device(
        'rittal-cmc3',
        'inlets',
        _objects(
            '2606.7.4.2.2.1',
            {
                '3.2.12': 'Unit.Power.Active.Value',
                '7.2.12': 10,
                '11.2.12': 164,
                '14.2.12': 2,
                '3.2.20': 'Unit.Energy.Active.Value',
                '7.2.20': -10,
                '11.2.20': 76365,
                '14.2.20': 2,
            },
        ),
        (Channel('2', None, 1640.0, 76365, KWH / 10),),
    ),
    Device(
        'cyberpower',
        'outlets',
        _objects(
            '3808.1.1.3.3.5.1.1',
            {'2.1': 'Outlet1', '8.1': Gauge(394), '13.1': Gauge(21)},
        ),
        (Channel('1', 'Outlet1', 394.0, 21, KWH / 10),),
    ),
    Device(
        'cyberpower',
        'inlets',
        _objects('3808.1.1.3.2.3.1.1', {'7.1': 1040}),
        (Channel('1', None, 1040.0),),
    ),
    Device(
        'cyberpower-epdu2',
        'outlets',
        _objects('3808.1.1.6.6.2.4.1', {'7.1': Gauge(39), '11.1': Gauge(22)}),
        (Channel('1', None, 39.0, 22, KWH / 10),),
    ),
    # The first two probes are the currents of power supplies.
    Device(
        'dell-idrac',
        'servers',
        _objects(
            '674.10892.5.4.600',
            {
                '30.1.6.1.1': 8,
                '30.1.6.1.2': 9,
                '30.1.6.1.3': 364,
                '30.1.7.1.1': 23,
                '30.1.7.1.2': 23,
                '30.1.7.1.3': 26,
                '60.1.7.1.1': 3141592,
            },
        ),
        (Channel('1', None, 364.0, 3141592),),
    ),
    Device(
        'baytech',
        'inlets',
        _objects(
            '4779.1.3.5.2.1', {'2.1': 'RPC', '2.2': '', '7.1': 1150, '7.2': 0}
        ),
        (Channel('1', 'RPC', 1150.0), Channel('2', None, None)),
    ),
    Device(
        'ups',
        'outputs',
        {
            '1.3.6.1.2.1.33.1.4.4.1.4.1': 1200,
            '1.3.6.1.2.1.33.1.4.4.1.4.2': 0,
            '1.3.6.1.2.1.33.1.4.4.1.4.3': -1,
        },
        (
            Channel('1', None, 1200.0),
            Channel('2', None, None),
            Channel('3', None, None),
        ),
    ),
    Device(
        'enlogic',
        'outlets',
        _objects(
            '38446.1.5.9.1',
            {
                '3.1.1': 'OUTLET 1',
                '3.2.1': 'OUTLET 1 of the second PDU',
                '6.1.1': 231,
                '6.2.1': 87,
                '11.1.1': 4521,
                '11.2.1': 0,
            },
        ),
        (
            Channel('1.1', 'OUTLET 1', 231.0, 4521, KWH / 10),
            Channel('2.1', 'OUTLET 1 of the second PDU', 87.0, 0, KWH / 10),
        ),
    ),
    Device(
        'enlogic',
        'inlets',
        _objects(
            '38446.1.2.4.1',
            {'2.1': 'a.4bh36', '4.1': 868, '9.1': 6301, '10.1': 12},
        ),
        (Channel('1', 'a.4bh36', 868.0, 6301, KWH / 10),),
    ),
    # The second outlet is not metered.
    Device(
        'panduit',
        'outlets',
        _objects(
            '19536.10.1.5.1.1',
            {
                '2.1.1': 'OUTLET 1',
                '2.1.2': 'OUTLET 2',
                '13.1.1': 75,
                '13.1.2': -1,
                '14.1.1': 123456,
                '14.1.2': -1,
            },
        ),
        (
            Channel('1.1', 'OUTLET 1', 75.0, 123456),
            Channel('1.2', 'OUTLET 2', None),
        ),
    ),
    Device(
        'panduit',
        'inlets',
        _objects(
            '19536.10.1',
            {
                '1.2.1.2.1': 'PDU A',
                '2.1.1.5.1': 2760,
                '2.1.1.6.1': 9,
                '2.1.1.8.1': 9876,
            },
        ),
        (Channel('1', 'PDU A', 2760.0, 9876),),
    ),
    # Port A2 is not active.
    Device(
        'gude-epc8045',
        'outlets',
        _objects(
            '28507.87.1.5.5.2.1',
            {
                '2.0': 1,
                '2.1': 0,
                '3.0': Gauge(77),
                '3.1': Gauge(0),
                '4.0': 45,
                '4.1': 0,
            },
        ),
        (Channel('0', None, 45.0, 77), Channel('1', None, None)),
    ),
    Device(
        'gude-epc8045',
        'inlets',
        _objects(
            '28507.87.1.5.1.2.1', {'2.1': 1, '3.1': Gauge(5000), '4.1': 312}
        ),
        (Channel('1', None, 312.0, 5000),),
    ),
    # The second outlet is not metered.
    Device(
        'aten',
        'outlets',
        _objects(
            '21317.1.3.2.2.2.2',
            {
                '10.1.2.1': 'web-1',
                '10.1.2.2': 'n/a',
                '99.1.4.1': 101500,
                '99.1.4.2': -2000000,
                '99.1.5.1': 12345,
                '99.1.5.2': -2000000,
            },
        ),
        (
            Channel('1', 'web-1', 101.5, 12345, WH),
            Channel('2', 'n/a', None),
        ),
    ),
    Device(
        'aten',
        'outlets-text',
        _objects(
            '21317.1.3.2.2.2.2',
            {
                '10.1.2.1': 'web-1',
                '10.1.2.2': 'n/a',
                '1.1.4.1': '101.5',
                '1.1.4.2': 'not-support',
                '1.1.5.1': '12.3',
                '1.1.5.2': 'not-support',
            },
        ),
        (
            Channel('1', 'web-1', 101.5, 12300, WH, step=1000),
            Channel('2', 'n/a', None),
        ),
    ),
    Device(
        'hpe-pdu',
        'outlets',
        _objects(
            '232.165.11.5.1.1',
            {
                '2.1.1': 'CABINET A FAN DOOR',
                '2.1.2': 'OUTLET 2',
                '13.1.1': 84,
                '13.1.2': -1,
            },
        ),
        (
            Channel('1.1', 'CABINET A FAN DOOR', 84.0),
            Channel('1.2', 'OUTLET 2', None),
        ),
    ),
    Device(
        'hpe-pdu',
        'inlets',
        _objects('232.165.11.2.1.1', {'5.1': 900}),
        (Channel('1', None, 900.0),),
    ),
    Device(
        'vertiv-mph',
        'outlets',
        _objects(
            '476.1.42.3.8.50.20.1',
            {
                '10.1.1.1': 'Cascade-031',
                '10.1.2.1': 'Cascade-032',
                '65.1.1.1': Gauge(248),
                '65.1.2.1': Gauge(0),
                '85.1.1.1': Gauge(777),
                '85.1.2.1': Gauge(1),
            },
        ),
        (
            Channel('1.1.1', 'Cascade-031', 248.0, 777, KWH / 10),
            Channel('1.2.1', 'Cascade-032', 0.0, 1, KWH / 10),
        ),
    ),
    Device(
        'vertiv-mph',
        'inlets',
        _objects(
            '476.1.42.3.8.30.20.1',
            {'15.1.1': '1-1', '50.1.1': Gauge(46790), '65.1.1': Gauge(4607)},
        ),
        (Channel('1.1', '1-1', 4607.0, 46790, KWH / 10),),
    ),
    Device(
        'apc-rpdu',
        'inlets',
        _objects('318.1.1.12.1', {'16.0': 807}),
        (Channel('0', None, 807.0),),
    ),
)

# SPDX-License-Identifier: Apache-2.0

"""Test case with a bus within the process."""

import logging
import zlib

import fixtures
from oslo_log import log
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import transport
from energy_meter.tests import series

KEYRING = signing.Keyring(['current-secret'])


def make_measurement(
    probe='p', wattmeter='w', elapsed=10_000, agent='0' * 8, **changes
):
    """Return a measurement; its register id is derived from the probe."""
    return series.change(
        measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    probe, 'node', probe, wattmeter, 'dummy', 'agent'
                ),
                measurement.RegisterKey(
                    f'{agent}-0000-0000-0000-000000000000',
                    f'{zlib.crc32(probe.encode()):016x}',
                ),
                after=None,
                synced=True,
            ),
            timestamp=1_700_000_000_000,
            elapsed=elapsed,
            millijoules=1000,
            metered=elapsed,
            watts=0.1,
        ),
        **changes,
    )


def verify_and_decode(keyring, received):
    """Return the measurements of a signed envelope."""
    return [
        decoded
        for register in envelope.decode(envelope.verify(keyring, received))
        for decoded in (*register.measurements, *register.usages)
    ]


def log_reconnect():
    """Log what oslo.messaging logs after a reader has reconnected."""
    with fixtures.FakeLogger('oslo.messaging', level=logging.INFO):
        log.getLogger('oslo_messaging._drivers.impl_rabbit').info(
            '[%(connection_id)s] Reconnected to AMQP server on '
            '%(hostname)s:%(port)s via [%(transport)s] client '
            'with port %(client_port)s.',
            {
                'connection_id': 'c',
                'hostname': 'h',
                'port': 5672,
                'transport': 'amqp',
                'client_port': 1,
            },
        )


class BusTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        # The fake driver keeps its queues in a class attribute, so other
        # tests may have left messages there.
        self.useFixture(
            fixtures.MonkeyPatch(
                'oslo_messaging._drivers.impl_fake.FakeExchangeManager.'
                '_exchanges',
                {},
            )
        )
        self.conf = energy_meter_conf.load([], 'test', files=[])
        self.conf.set_override('transport_url', 'fake://')
        self.transport = transport.connect(self.conf)

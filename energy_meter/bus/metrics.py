# SPDX-License-Identifier: Apache-2.0

"""Counters of every service that reads a bus."""

from energy_meter.telemetry import counters
from energy_meter.telemetry import outages

#: Reasons to reject a message, or a probe or a host in it: the values of the
#: label ``reason``.
REJECTION_REASONS = (
    'bad_signature',
    'malformed',
    'redelivered',
    'reserved_host',
    'reserved_probe',
    'shared_secret',
    'sum_probe',
    'too_large',
    'unauthorized_host',
    'unauthorized_probe',
    'unknown_key',
    'unknown_version',
    'unreadable',
    'wrong_agent',
)

_CONSUMER = (
    counters.Definition('messages_received', 'Messages received from a bus'),
    counters.Definition(
        'measurements_received', 'Measurements in verified messages'
    ),
    counters.Definition(
        'broker_reconnects', 'Connections to a broker that were reestablished'
    ),
    counters.Definition(
        'envelopes_rejected',
        'Envelopes, or probes or hosts in them, that failed verification',
        'reason',
        REJECTION_REASONS,
    ),
)


def consumer(*peers: str) -> tuple[counters.Definition, ...]:
    """Return the counters of a service that reads the bus.

    :param peers: others whose outages the service reports.
    """
    return (*_CONSUMER, *outages.definitions('bus', *peers))

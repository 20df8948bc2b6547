# SPDX-License-Identifier: Apache-2.0

"""Counters of the agent."""

from energy_meter.telemetry import counters
from energy_meter.telemetry import outages

COUNTERS = (
    *outages.definitions('bus'),
    counters.Definition('messages_published', 'Messages published on the bus'),
    counters.Definition(
        'measurements_published', 'Measurements published on the bus'
    ),
    counters.Definition(
        'marks_announced',
        'Marks published on the bus, each announcement of a mark counts',
    ),
    counters.Definition(
        'publish_failures', 'Failed attempts to publish a message'
    ),
    counters.Definition(
        'backlog_coalesced',
        'Measurements dropped from a full backlog because a newer one of the '
        'same register was kept',
    ),
    counters.Definition(
        'clock_steps',
        'Registers ended because the wall clock stepped',
    ),
    counters.Definition(
        'restart_backoff_seconds',
        'Time that the agent waited at its start because it is restarted '
        'often',
    ),
    counters.Definition(
        'readings_rejected',
        'Readings that are invalid or out of order',
        'reason',
        (
            'empty',
            'invalid_usage',
            'negative',
            'not_finite',
            'out_of_order',
            'out_of_range',
        ),
    ),
    counters.Definition(
        'readings_unbilled',
        'Readings that bill no energy, although they are valid',
        'reason',
        (
            'no_counter',
            'no_power',
            'implausible_counter',
            'ambiguous_rollover',
        ),
    ),
    counters.Definition(
        'driver_hangs',
        'Driver threads abandoned because they hung',
        'wattmeter',
    ),
)

# SPDX-License-Identifier: Apache-2.0

"""Counters of the forwarder."""

from energy_meter.bus import metrics
from energy_meter.telemetry import counters

COUNTERS = (
    *metrics.consumer('destination'),
    counters.Definition(
        'envelopes_forwarded', 'Envelopes delivered to the destination'
    ),
    counters.Definition(
        'envelopes_filtered', 'Envelopes without a probe to forward'
    ),
    counters.Definition(
        'messages_dropped',
        'Messages that returned to this forwarder or passed too many',
        'reason',
        ('hops', 'loop'),
    ),
    counters.Definition(
        'publish_failures', 'Failed attempts to publish a message'
    ),
)

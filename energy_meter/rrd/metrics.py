# SPDX-License-Identifier: Apache-2.0

"""Counters of the RRD plugin."""

from energy_meter.bus import metrics
from energy_meter.rrd.writing import points
from energy_meter.telemetry import counters

COUNTERS = (
    *metrics.consumer('rrdcached'),
    counters.Definition('rrd_points_written', 'Points written to RRD files'),
    counters.Definition(
        'rrd_measurements_skipped',
        'Measurements not written to RRD files',
        'reason',
        tuple(points.SkipReason),
    ),
    counters.Definition(
        'rrd_corrupt_files', 'Unreadable files that were set aside'
    ),
    counters.Definition(
        'write_retries', 'Attempts to write to RRD files that failed'
    ),
)

# SPDX-License-Identifier: Apache-2.0

"""Counters of the collector."""

from energy_meter.bus import metrics
from energy_meter.collector import alarms
from energy_meter.collector import outcome
from energy_meter.telemetry import counters

COUNTERS = (
    *metrics.consumer('database'),
    counters.Definition(
        'alarms_raised',
        'Alarms of probes, of all collectors, when this one noticed them',
        'alarm',
        alarms.NAMES,
    ),
    counters.Definition(
        'attributions',
        'Versions of attributed days of hosts that this collector wrote',
    ),
    counters.Definition(
        'closings',
        'Days of probes that this collector closed, by whether no '
        'measurement was missing',
        'complete',
        ('true', 'false'),
    ),
    counters.Definition(
        'restatements',
        'New versions of closed days that this collector wrote',
    ),
    counters.Definition(
        'measurements_rejected',
        'Measurements with impossible values',
        'reason',
        ('out_of_range',),
    ),
    counters.Definition(
        'measurements_clamped',
        "Measurements dated in the future and set to the database's time",
    ),
    counters.Definition(
        'measurements_merged',
        'Registers in a batch, by outcome',
        'outcome',
        tuple(outcome.Outcome),
    ),
    counters.Definition(
        'measurements_quarantined', 'Measurements that the database rejected'
    ),
    counters.Definition(
        'probes_settled', 'Contested probes that were settled'
    ),
    counters.Definition(
        'write_retries', 'Attempts to write a batch that failed'
    ),
)

# SPDX-License-Identifier: Apache-2.0

"""Reports alarms of probes: to Prometheus and the log."""

import sqlalchemy as sa

from energy_meter import log_throttle
from energy_meter.billing import alarms
from energy_meter.billing import dates
from energy_meter.db import schema
from energy_meter.telemetry import counters

#: Names of all alarms.
NAMES = (
    alarms.CONCURRENT_AGENTS,
    alarms.COPIED_STATE,
    dates.CLOCK_AHEAD,
    dates.CLOCK_BEHIND,
    dates.CLOCK_UNSET,
)

COUNTERS = (
    counters.Definition(
        'alarms_raised',
        'Alarms that probes of any collector have had since this one started',
        'alarm',
        NAMES,
    ),
)


class Alarms:
    """Counts and logs each alarm of a probe when it is raised.

    Each collector reports those of all probes.
    """

    def __init__(
        self,
        counts: counters.Counters,
        throttled_log: log_throttle.ThrottledLogger,
    ) -> None:
        self._counters = counts
        self._throttled_log = throttled_log
        self._known: set[tuple[str, str]] = set()

    def report(self, engine: sa.Engine) -> None:
        """Report alarms that were raised since the last call."""
        table = schema.probe
        query = sa.select(table.c.id, table.c.alarms).where(
            table.c.alarms != ''
        )
        with engine.connect() as connection:
            current = {
                (probe, alarm)
                for probe, text in connection.execute(query)
                for alarm in text.split()
            }
        for name in NAMES:
            probes = sorted(
                probe
                for probe, alarm in current - self._known
                if alarm == name
            )
            if probes:
                self._counters.count('alarms_raised', len(probes), alarm=name)
                self._throttled_log.warning(
                    f'alarm {name}',
                    '%d probes have the alarm %s, among them %s; run '
                    'energy-meter-status upgrade check',
                    len(probes),
                    name,
                    probes[0],
                )
        self._known = current

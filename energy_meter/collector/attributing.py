# SPDX-License-Identifier: Apache-2.0

"""Attributes the energy of closed days to instances, and keeps the result."""

import collections.abc
import functools
import logging
import threading
import typing

from prometheus_client import metrics_core
import sqlalchemy as sa

from energy_meter import attempt
from energy_meter import log_throttle
from energy_meter.billing import idle_power
from energy_meter.db import attributed_days
from energy_meter.db import attributing
from energy_meter.db import closed_days
from energy_meter.db import due_attributions
from energy_meter.db import engine as db_engine
from energy_meter.db import host_inputs
from energy_meter.db import host_probes
from energy_meter.db import idle_powers
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)

#: Number of hosts whose day is attributed in one transaction.
_CHUNK = 20

_Hosts = collections.abc.Iterable[host_probes.Host]


class Written(typing.NamedTuple):
    """A version of a day, and the probes that it was computed from."""

    day: attributed_days.HostDay
    inputs: host_inputs.Inputs


class Attributor:
    """Attributes the days of hosts after those of their probes were closed.

    Each collector does. What another one is attributing is left for the next
    run.

    :param stopping: ends a run early when set.
    """

    def __init__(
        self,
        engine: sa.Engine,
        stopping: threading.Event,
        rules: attributing.Rules,
        counts: counters.Counters,
        throttled_log: log_throttle.ThrottledLogger,
    ) -> None:
        self._engine = engine
        self._stopping = stopping
        self._rules = rules
        self._counters = counts
        self._throttled_log = throttled_log
        self._waiting = 0
        counts.registry.register(self)

    def collect(
        self,
    ) -> collections.abc.Iterator[metrics_core.GaugeMetricFamily]:
        """Yield the metric of days that wait, for Prometheus."""
        yield metrics_core.GaugeMetricFamily(
            'energy_meter_attributions_waiting',
            'Closed days of probes whose energy is not attributed to '
            'instances, because another probe of the host is not closed or '
            'an error occurs, in the whole database',
            value=self._waiting,
        )

    def run(self) -> None:
        """Attribute all days that are due."""
        with self._engine.connect() as connection:
            days = due_attributions.days(connection)
            hosts = host_probes.load(connection) if days else {}
        total = 0
        for day, probes in days.items():
            self._discard(day, probes, hosts.values())
            due = [host for host in hosts.values() if host.probes() & probes]
            for start in range(0, len(due), _CHUNK):
                if self._stopping.is_set():
                    return
                total += self._attribute(due[start : start + _CHUNK], day)
        if days:
            with self._engine.connect() as connection:
                left = due_attributions.days(connection)
            self._waiting = sum(map(len, left.values()))
        self._counters.count('attributions', total)
        if total:
            LOG.info('Attributed %d days of hosts to their instances', total)

    def _attribute(self, hosts: list[host_probes.Host], day: int) -> int:
        """Attribute a day of some hosts; return how many were written.

        A host that a method cannot handle does not keep others waiting.
        """
        written, error = attempt.call(
            functools.partial(self._write, hosts, day), Exception
        )
        if written is not None:
            for each in written:
                self._check(each)
                self._check_devices(each.day)
            return len(written)
        assert error is not None, 'there is a result, or an error'
        if isinstance(error, db_engine.ERRORS):
            raise error
        if len(hosts) > 1:
            return sum(self._attribute([host], day) for host in hosts)
        self._throttled_log.warning(
            'attribution',
            'Cannot attribute the energy of host %s on %s (%s: %s); '
            'trying again',
            hosts[0].name,
            closed_days.iso(day),
            type(error).__name__,
            error,
            subject=hosts[0].name,
        )
        return 0

    def _write(self, hosts: list[host_probes.Host], day: int) -> list[Written]:
        with db_engine.writing(self._engine) as connection:
            return attribute(connection, hosts, day, self._rules)

    def _discard(self, day: int, probes: set[str], hosts: _Hosts) -> None:
        """Delete the marks of probes of hosts whose usage is not known."""
        others = probes.difference(*(host.probes() for host in hosts))
        if others:
            with db_engine.writing(self._engine) as connection:
                due_attributions.delete(connection, day, others)

    def _check(self, written: Written) -> None:
        """Warn of an idle power that is higher than what the host needs.

        One that was estimated is at most the lowest power in the same days.
        """
        header = written.day.header
        if header.idle_source != idle_power.Source.CONFIGURED:
            return
        with self._engine.connect() as connection:
            loads = idle_powers.loads(
                connection,
                written.inputs.energy(),
                written.day.devices,
                written.inputs.usage,
                header.day,
            )
        if idle_power.is_too_high(header.idle_watts, loads):
            self._throttled_log.warning(
                'idle power',
                'Idle power of host %s is too high: it needed less than %g W '
                'in more than 1 %% of the quarter-hours of %d days. Measure '
                'it again, and set idle_power of its wattmeter',
                header.host,
                header.idle_watts,
                idle_powers.DAYS,
                subject=header.host,
            )

    def _check_devices(self, day: attributed_days.HostDay) -> None:
        """Warn of devices whose energy no instance has."""
        for probe in sorted(day.unmetered):
            self._throttled_log.warning(
                'device',
                'Probe %s, which measures a device of host %s, does not count '
                'on %s: it must be metered, have the scope gpu or other and '
                'be one of this host, whose own energy (scope %s) must '
                'contain it. Check passthrough of the wattmeter of this host',
                probe,
                day.header.host,
                closed_days.iso(day.header.day),
                day.header.scope,
                subject=probe,
            )


def attribute(
    connection: sa.Connection,
    hosts: collections.abc.Collection[host_probes.Host],
    day: int,
    rules: attributing.Rules,
) -> list[Written]:
    """Write versions of a day of hosts that are due.

    The marks of days that wait for a probe to be closed stay.

    :param connection: in a transaction that writes.
    :returns: the versions. Hosts that another transaction has locked are
        missing, and those whose latest version has the same result.
    """
    known, marked = _lock(connection, hosts, day)
    previous = attributed_days.headers(
        connection, ((day, host.name) for host in known)
    )
    inputs = host_inputs.load(connection, known, day, rules.precedence)
    changed = [
        each
        for each in inputs
        if each.is_final
        and not _is_known(each, previous.get((day, each.host.name)))
    ]
    computed = [*attributing.attribute(connection, changed, rules, previous)]
    # What was committed since the first query may have changed the days.
    inputs = host_inputs.load(connection, known, day, rules.precedence)
    again = {each.host.name: each for each in inputs}
    db_now = db_engine.now(connection)
    written = [
        Written(
            _next_version(each, previous.get((day, each.header.host)), db_now),
            again[each.header.host],
        )
        for each in computed
        if _is_known(again.get(each.header.host), each.header)
        # A device that no instance has, for example, changes nothing.
        and not attributed_days.is_stored(connection, each)
    ]
    attributed_days.insert(connection, [each.day for each in written])
    due_attributions.delete(connection, day, marked - _waiting(inputs))
    return written


def _waiting(inputs: collections.abc.Iterable[host_inputs.Inputs]) -> set[str]:
    """Return the probes of hosts of which one is still to be closed."""
    return {
        name
        for each in inputs
        if not each.is_final
        for name in each.host.probes()
    }


def _is_known(
    inputs: host_inputs.Inputs | None, header: attributed_days.Header | None
) -> bool:
    """Return whether a version was computed from these inputs."""
    return (
        inputs is not None
        and inputs.is_final
        and header is not None
        and header.inputs == inputs.versions
    )


def _lock(
    connection: sa.Connection,
    hosts: collections.abc.Collection[host_probes.Host],
    day: int,
) -> tuple[list[host_probes.Host], set[str]]:
    """Lock the marks of hosts.

    :returns: the hosts of which all marks are locked, and their probes that
        are marked.
    """
    names = {name for host in hosts for name in host.probes()}
    found = due_attributions.find(connection, day, names)
    locked = due_attributions.find(connection, day, found, lock=True)
    known = [
        host
        for host in hosts
        if host.probes() & found and host.probes() & found <= locked
    ]
    return known, locked & {name for host in known for name in host.probes()}


def _next_version(
    day: attributed_days.HostDay,
    old: attributed_days.Header | None,
    db_now: int,
) -> attributed_days.HostDay:
    """Return a day as the version after another one.

    Versions have the order of their dates, whatever the clock does.
    """
    version, closed_at = 1, db_now
    if old is not None:
        version, closed_at = old.version + 1, max(db_now, old.closed_at + 1)
    header = day.header._replace(version=version, closed_at=closed_at)
    return day._replace(header=header)

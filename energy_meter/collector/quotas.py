# SPDX-License-Identifier: Apache-2.0

"""Quotas of agents: how many probes, registers and marks they may add.

A probe that is known keeps its quantity: registers of the other one are
rejected here, too. Only its row shows for sure which one that is;
:mod:`energy_meter.collector.extension` compares it.

Measurements of known registers cost one look into a set. The others count as
new ones: after its start, a collector so counts each register once too often.
The database is asked only about those that would exceed a quota, so a flood of
new registers costs a query each batch, and adds no rows beyond the quotas.
"""

import collections
import collections.abc
import time
import typing

from oslo_config import cfg
import sqlalchemy as sa

from energy_meter import cpu_usage
from energy_meter.collector import arrivals
from energy_meter.collector import outcome
from energy_meter.db import documents
from energy_meter.db import histories
from energy_meter.db import schema

#: Numbers of registers, and probes, that a collector keeps in memory. Beyond
#: them it drops all, and asks the database again.
_MAX_KNOWN = 500_000

#: Maximum number of new marks of a register at once; one more is accepted each
#: second. An agent that returns after four days sends 5,760 of a register, one
#: for each minute, and two for each gap. A vector counts as one mark and a
#: tenth of its instances.
_MAX_MARKS = 20_000
_INSTANCE_PRICE_S = 0.1

_HOUR_S = 3600.0
#: Stands for all agents. None has an empty name.
_SITE = ''
_NUMBER = {'number': documents.INTEGER}
_ID = {'id': documents.TEXT}

_Batch = collections.abc.Mapping[int, arrivals.Arrival]


class _Probe:
    """What a collector knows of a probe that had a new register.

    :ivar registers: number of its registers.
    :ivar quantity: what it measures; None if its row was deleted.
    :ivar due: monotonic time until which its new registers of the last hour
        are paid for, in seconds, if each costs the same part of an hour.
    """

    __slots__ = ('due', 'quantity', 'registers')

    def __init__(self, registers: int, quantity: int | None) -> None:
        self.registers = registers
        self.quantity = quantity
        self.due = 0.0


class Quotas:
    """Decides which new registers are accepted.

    Probes and registers are counted in the database, those of the last hour
    by each collector for itself.

    :param options: of section ``[collector]``.
    :param clock: returns seconds on a monotonic clock.
    """

    def __init__(
        self,
        options: cfg.ConfigOpts.GroupAttr,
        clock: collections.abc.Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_probes: int = options.max_probes
        self._max_agent_probes: int = options.max_agent_probes
        self._max_registers: int = options.max_probe_registers
        self._price_s = _HOUR_S / options.max_hourly_registers
        self._clock = clock
        # Quantity by number of the register.
        self._known: dict[int, schema.Quantity] = {}
        self._probes: dict[str, _Probe] = {}
        # Monotonic time until which the marks of a register are paid for.
        self._marks_due: dict[int, float] = {}

    def excess(
        self, connection: sa.Connection, batch: _Batch
    ) -> dict[int, outcome.Outcome]:
        """Return the registers of a batch that are beyond a quota, and which.

        The others count from now on, even if their transaction is repeated.

        :param batch: what arrived, by number of the register.
        """
        unknown = {
            number: arrival
            for number, arrival in batch.items()
            if self._known.get(number) is not arrival.quantity
        }
        if not unknown:
            return {}
        rooms = self._load(connection, unknown)
        excess = {
            number: reason
            for number, arrival in unknown.items()
            if (reason := self._charge(arrival, rooms)) is not None
        }
        if excess:
            for number in _stored(connection, excess):
                if excess[number] != outcome.Outcome.OTHER_QUANTITY:
                    del excess[number]
        self._remember(
            {
                number: arrival.quantity
                for number, arrival in unknown.items()
                if number not in excess
            }
        )
        return excess

    def discard(self, registers: collections.abc.Mapping[int, str]) -> None:
        """Discard what is known of registers, and of their probes.

        :param registers: IDs of the probes by number of the register.
        """
        for number, name in registers.items():
            self._known.pop(number, None)
            self._probes.pop(name, None)

    def accept(self, register: int, usage: cpu_usage.Usage | None) -> bool:
        """Count a new mark or vector, or return that there are too many.

        :param register: number of its register.
        """
        if len(self._marks_due) > _MAX_KNOWN:
            self._marks_due.clear()
        monotonic = self._clock()
        due = max(self._marks_due.get(register, 0.0), monotonic) + 1.0
        if usage is not None:
            due += _INSTANCE_PRICE_S * len(usage.cpu)
        if due > monotonic + _MAX_MARKS:
            return False
        self._marks_due[register] = due
        return True

    def _remember(self, known: dict[int, schema.Quantity]) -> None:
        if len(self._known) + len(known) > _MAX_KNOWN:
            self._known.clear()
        self._known.update(known)

    def _load(
        self, connection: sa.Connection, new: _Batch
    ) -> collections.Counter[str]:
        """Load what is not known of the probes of new registers.

        :returns: how many probes each agent may add, and all of them.
        """
        if len(self._probes) > _MAX_KNOWN:
            self._probes.clear()
        agents = {
            arrival.last.probe.id: arrival.last.probe.agent
            for arrival in new.values()
            if arrival.last.probe.id not in self._probes
        }
        if not agents:
            return collections.Counter()
        existing = _registers(connection, agents)
        self._probes.update(existing)
        adding = {
            agent for name, agent in agents.items() if name not in existing
        }
        if not adding:
            return collections.Counter()
        used = _probes(connection, adding)
        rooms = collections.Counter(
            {agent: self._max_agent_probes - used[agent] for agent in adding}
        )
        rooms[_SITE] = self._max_probes - _all_probes(connection)
        return rooms

    def _charge(
        self, arrival: arrivals.Arrival, rooms: collections.Counter[str]
    ) -> outcome.Outcome | None:
        """Count a new register, or return which quota it exceeds."""
        name, agent = arrival.last.probe.id, arrival.last.probe.agent
        probe = self._probes.get(name)
        if probe is None:
            if rooms[_SITE] <= 0:
                return outcome.Outcome.SITE_QUOTA
            if rooms[agent] <= 0:
                return outcome.Outcome.PROBE_QUOTA
            rooms[_SITE] -= 1
            rooms[agent] -= 1
            probe = self._probes[name] = _Probe(0, arrival.quantity)
        if probe.quantity not in (None, arrival.quantity):
            # The probe may be deleted meanwhile.
            del self._probes[name]
            return outcome.Outcome.OTHER_QUANTITY
        probe.quantity = arrival.quantity
        if probe.registers >= self._max_registers:
            return outcome.Outcome.REGISTER_QUOTA
        monotonic = self._clock()
        due = max(probe.due, monotonic) + self._price_s
        # A tolerance for the sum of many prices.
        if due > monotonic + _HOUR_S * (1 + 1e-6):
            return outcome.Outcome.REGISTER_RATE
        probe.registers += 1
        probe.due = due
        return None


def _stored(
    connection: sa.Connection, numbers: collections.abc.Iterable[int]
) -> set[int]:
    """Return those of the registers that the database has."""
    received = documents.table(connection, _NUMBER)
    number = schema.register.c.number
    query = sa.select(number).join_from(
        received, schema.register, number == received.c.number
    )
    query = documents.look_up(query, schema.register)
    rows = documents.pack((number,) for number in numbers)
    return set(connection.scalars(query, rows))


def _registers(
    connection: sa.Connection, names: collections.abc.Iterable[str]
) -> dict[str, _Probe]:
    """Return what is known of each probe that has registers."""
    received = documents.table(connection, _ID)
    probe, quantity = schema.register.c.probe, schema.probe.c.quantity
    query = (
        sa.select(probe, sa.func.count(), quantity)
        .join_from(received, schema.register, probe == received.c.id)
        .join(schema.probe, schema.probe.c.id == probe, isouter=True)
        .group_by(probe, quantity)
    )
    query = documents.look_up(query, schema.register, histories.PROBE_INDEX)
    rows = documents.pack((name,) for name in names)
    found: typing.Any = connection.execute(query, rows)
    return {name: _Probe(*known) for name, *known in found}


def _probes(
    connection: sa.Connection, agents: collections.abc.Collection[str]
) -> collections.Counter[str]:
    """Return the number of probes whose power each agent reports."""
    probe, register = schema.probe.c, schema.register.c
    query = (
        sa.select(register.agent_name, sa.func.count())
        .join_from(
            schema.probe,
            schema.register,
            register.number == sa.func.coalesce(probe.tip, probe.displayed),
        )
        .where(register.agent_name.in_(agents))
        .group_by(register.agent_name)
    )
    found: typing.Any = connection.execute(query)
    return collections.Counter({agent: count for agent, count in found})


def _all_probes(connection: sa.Connection) -> int:
    query = sa.select(sa.func.count()).select_from(schema.probe)
    return connection.scalar(query) or 0

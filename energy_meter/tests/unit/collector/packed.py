# SPDX-License-Identifier: Apache-2.0

"""Checks that what is packed stays, whatever arrives or is voided."""

from unittest import mock

from energy_meter import measurement
from energy_meter.billing import bill as billing
from energy_meter.billing import profile
from energy_meter.db import engine as db_engine
from energy_meter.db import marks
from energy_meter.tests.model import world
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.collector import deliveries
from energy_meter.tests.unit.db import curves

#: Before it, all marks are packed once a delivery has run.
MIDNIGHT = (world.BEGIN // world.DAY + 1) * world.DAY
_NOW = MIDNIGHT + marks.HORIZON_MS
_DATES = range(MIDNIGHT - world.HOUR, MIDNIGHT + 3 * world.HOUR, 500_003)
_LATE_MARKS = 5


def assert_late_changes_move_nothing(of: deliveries.Delivery) -> None:
    """Deliver marks and registers that are dated before the horizon."""
    before = _Billed(of)

    measurements = [
        late
        for probe in deliveries.PROBES
        for late in (*_marks(of, probe), *_registers(of, probe))
    ]
    of.random.shuffle(measurements)
    databases.deliver(of.engine, measurements, _NOW)
    contested = _Billed(of)
    databases.settle(of.engine, _NOW)

    assert before.edges == contested.edges
    before.assert_equal(_Billed(of))


def assert_void_is_exact(of: deliveries.Delivery) -> None:
    """Void a register of each probe.

    Nothing replaces what is packed of it, unless the others form one line:
    that needs no marks to be billed in full.
    """
    for probe in deliveries.PROBES:
        before = _Billed(of)
        known = of.arrived.known(probe)
        key = of.random.choice([each.key for each in known])

        databases.void(of.engine, probe, key, _NOW)

        of.arrived.void(key)
        after = _Billed(of)
        known = of.arrived.known(probe)
        rest = billing.bill(known, MIDNIGHT)
        overlaps = rest.overlaps | {
            (cell, register): share
            for (cell, register), share in before.tables.overlap(probe).items()
            if rest.plural and cell < MIDNIGHT and register != key
        }
        energy = sum(
            each.last.millijoules for each in known if not each.voided
        )
        energy -= sum(share[0] for share in overlaps.values())
        assert after.tables.overlap(probe) == overlaps, (probe, key)
        assert after.tables.total(probe)[0] == energy, (probe, key)
        assert after.energy(probe) == energy, (probe, key)


class _Billed:
    """What is billed of all probes, in all and by date."""

    def __init__(self, of: deliveries.Delivery) -> None:
        self.tables = deliveries.Tables(of.engine)
        self.edges: dict[str, list[profile.Edge]] = {}
        with (
            mock.patch.object(db_engine, 'now', return_value=_NOW),
            db_engine.snapshot(of.engine) as connection,
        ):
            for probe in deliveries.PROBES:
                line = curves.load(connection, probe)
                self.edges[probe] = [
                    line.edge(date) for date in (0, *_DATES, 2**62)
                ]

    def energy(self, probe: str) -> int:
        """Return the energy of all time, in mJ."""
        first, *_, last = self.edges[probe]
        return last.millijoules - first.millijoules

    def assert_equal(self, other: '_Billed') -> None:
        assert self.edges == other.edges
        for probe in deliveries.PROBES:
            assert self.tables.total(probe) == other.tables.total(probe), probe
            assert self.tables.shown(probe) == other.tables.shown(probe), probe
            assert self.tables.overlap(probe) == other.tables.overlap(probe)


def _marks(
    of: deliveries.Delivery, probe: str
) -> list[measurement.Measurement]:
    """Return marks of a register with any energy, before the horizon."""
    known = of.random.choice(of.arrived.known(probe))
    opened = of.arrived.bills()[probe].openings[known.key].opened
    own = known.first.timestamp - known.first.elapsed
    latest = min(known.last.elapsed, MIDNIGHT - 1 - max(opened, own))
    if latest <= 0:
        return []
    result = []
    for _ in range(_LATE_MARKS):
        elapsed = of.random.randint(0, latest)
        result.append(
            _measure(
                probe,
                known.key,
                known.agent_name,
                own + elapsed,
                measurement.Point(
                    elapsed,
                    of.random.randint(0, known.last.millijoules),
                    of.random.randint(0, min(elapsed, known.last.metered)),
                ),
                known.after,
                known.synced,
            )
        )
    return result


def _registers(
    of: deliveries.Delivery, probe: str
) -> list[measurement.Measurement]:
    """Return marks of a new register, of a known agent or another."""
    agent = of.random.choice([of.arrived.known(probe)[0].key.agent, 'late'])
    key = measurement.RegisterKey(agent, f'{of.random.getrandbits(64):016x}')
    end = of.random.randint(MIDNIGHT - 10 * world.HOUR, MIDNIGHT - 1)
    length = of.random.randint(1, world.HOUR)
    return [
        _measure(
            probe,
            key,
            'late',
            end - length + elapsed,
            measurement.Point(elapsed, elapsed * 1000, elapsed),
        )
        for elapsed in sorted({length, *range(0, length, 900_000)})
    ]


def _measure(
    probe: str,
    key: measurement.RegisterKey,
    agent_name: str,
    timestamp: int,
    point: measurement.Point,
    after: measurement.Predecessor | None = None,
    synced: bool = True,
) -> measurement.Measurement:
    return measurement.Measurement(
        measurement.Series(
            measurement.Probe(probe, 'node', 'host', 'w', 'dummy', agent_name),
            key,
            after,
            synced,
        ),
        timestamp,
        *point,
        is_mark=True,
    )

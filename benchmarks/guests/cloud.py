# SPDX-License-Identifier: Apache-2.0

"""Services that meter a host, and their answers."""

import json
import typing
import urllib.parse
import urllib.request

import fixtures
import sqlalchemy as sa

from benchmarks.guests import trace
from energy_meter.billing import intervals
from energy_meter.collector import administration
from energy_meter.db import attributed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.db import timelines
from energy_meter.db import usage_segments
from energy_meter.tests.faults import clock_shim
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.api import servers
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq

HOST = 'compute-1'
#: IDs of the probes of the host: its energy, and its CPU time.
POWER, CPU = f'{HOST}-power', f'{HOST}-cpu'
METER_S = 1
_STEP_S = 900
#: Collectors look each minute for days to attribute.
_ATTRIBUTED_S = 120


class Row(typing.NamedTuple):
    """What the energy of the host was used for in an interval, in mJ.

    :ivar parts: overhead, unallocated and unattributed.
    :ivar guests: by UUID.
    """

    energy: int
    instances: int
    parts: tuple[int, int, int]
    guests: dict[str, int]

    def is_exact(self) -> bool:
        """Return whether all parts add up to the energy."""
        return (
            self.energy == self.instances + sum(self.parts)
            and self.instances == sum(self.guests.values())
            and min(*self.parts, *self.guests.values(), 0) >= 0
        )


class Cloud(fixtures.Fixture):
    """Agent, collector and API, with a database and a virtual host.

    :param power: options of the wattmeter that reads the meter.
    :param cpu: options of the one that reads libvirt.
    :param clocks: those of the database, and of the collector.
    :ivar database_url: URL of the database.
    """

    def __init__(
        self,
        broker: rabbitmq.RabbitMQ,
        database: postgresql.PostgreSQL,
        power: dict[str, object],
        cpu: dict[str, object],
        clocks: clock_shim.ClockShim,
    ) -> None:
        super().__init__()
        self._broker, self._clocks = broker, clocks
        self._power, self._cpu = power, cpu
        self.database_url = database.create_database()

    def _setUp(self) -> None:
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self._configuration = configuration = commands.Configuration(
            directory,
            DEFAULT={'transport_url': self._broker.add_vhost()},
            database={'connection': self.database_url},
        )
        configuration.set('agent', profile_interval=60, clock='synced')
        configuration.set(
            'wattmeter:power',
            driver='http_json',
            probes=POWER,
            scope='node',
            metered_host=HOST,
            interval=METER_S,
            energy_path='$.joules',
            energy_unit='J',
            **self._power,
        )
        configuration.set(
            'wattmeter:cpu',
            driver='libvirt',
            probes=CPU,
            metered_host=HOST,
            idle_power=trace.IDLE_WATTS,
            **self._cpu,
        )
        configuration.run('energy-meter-manage', 'db', 'sync')
        self._engine = db_engine.connect(
            simulation.configure(self.database_url)
        )
        self.addCleanup(self._engine.dispose)
        self.collector = commands.collector(configuration)
        self.collector.env |= self._clocks.env
        self.useFixture(self.collector)
        self.agent = self.useFixture(commands.agent(configuration))
        self.api = self.useFixture(servers.Cheroot(configuration))

    def known(self, start: int, until: int) -> list[intervals.Interval]:
        """Return when energy and usage are known, between dates in ms."""
        with db_engine.snapshot(self._engine) as connection:
            lines = timelines.load(
                connection,
                {name: [(start, until)] for name in (POWER, CPU)},
                has_marks=True,
            )
            segments = usage_segments.load(
                connection, {CPU: lines[CPU]}, start, until
            )[CPU]
        usage = [(each.start, each.until) for each in segments]
        energy = [
            (each.start, each.end)
            for each in lines[POWER].billed(start, until)
        ]
        unknown = intervals.difference(usage, sorted(energy))
        return intervals.union(intervals.difference(usage, unknown), [])

    def rows(self, start: int, until: int, **parameters: object) -> list[Row]:
        """Return the answer of the API for the host, in quarter-hours."""
        document = self._get(
            f'hosts/{HOST}', start, until, step=_STEP_S, **parameters
        )
        return [
            Row(
                int(each['millijoules']),
                int(each['instances']['millijoules']),
                (
                    int(each['overhead']['millijoules']),
                    int(each['unallocated']['millijoules']),
                    int(each['unattributed']['millijoules']),
                ),
                {
                    member['instance_id']: int(member['millijoules'][number])
                    for member in document['instances']
                },
            )
            for number, each in enumerate(document['intervals'])
        ]

    def close(self) -> None:
        """Close the day before, and wait until it is attributed.

        As the agent does not run, an operator has to order it.
        """
        base.run(
            [
                commands.script('energy-meter-manage'),
                '--config-file',
                self._configuration.path,
                *('day', 'close', '--all', '--yes'),
            ],
            env=self._clocks.env,
        )
        self._wait_for_versions(1)

    def now(self) -> str:
        """Return the date of the database as a parameter of the API."""
        with self._engine.connect() as connection:
            return f'{db_engine.now(connection) / 1000:.3f}'

    def void_one(self) -> int:
        """Void a register of the meter, and wait for the new version.

        :returns: the energy of the register in mJ.
        """
        table = schema.register
        with self._engine.connect() as connection:
            agent, register = connection.execute(
                sa.select(table.c.agent, table.c.register)
                .where(table.c.probe == POWER)
                .order_by(table.c.number.desc())
            ).first() or ('', '')
        removed = administration.void(
            self._engine, POWER, agent, register, 'operator'
        )
        self._wait_for_versions(2)
        return removed

    def versions(self) -> list[attributed_days.Header]:
        """Return the versions of the days of the host."""
        table = schema.attributed_day
        query = sa.select(*attributed_days.HEADER).order_by(table.c.version)
        with self._engine.connect() as connection:
            return [
                attributed_days.Header._make(row)
                for row in connection.execute(query)
            ]

    def _wait_for_versions(self, number: int) -> None:
        base.wait_for(
            lambda: len(self.versions()) >= number,
            _ATTRIBUTED_S,
            f'{number} versions of the day of {HOST}',
        )

    def _get(
        self, path: str, start: int, until: int, **parameters: object
    ) -> dict[str, typing.Any]:
        query = urllib.parse.urlencode(
            {'start': start // 1000, 'end': until // 1000, **parameters}
        )
        url = f'http://127.0.0.1:{self.api.port}/v1/{path}/energy?{query}'
        with urllib.request.urlopen(url, timeout=60) as response:
            return dict(json.load(response))

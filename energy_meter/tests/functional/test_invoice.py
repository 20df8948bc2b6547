# SPDX-License-Identifier: Apache-2.0

"""The invoice of a month, and its correction.

doc/source/admin/intervals.rst has the same story for operators.
"""

import datetime
import logging
import random
import threading
import typing
import urllib.parse

import fixtures
import webtest

from energy_meter import conf as energy_meter_conf
from energy_meter import log_throttle
from energy_meter.api import app
from energy_meter.cmd import manage
from energy_meter.collector import closer
from energy_meter.collector import metrics
from energy_meter.db import engine as db_engine
from energy_meter.db import projects
from energy_meter.telemetry import counters
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.unit.cmd import base
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import databases

LOG = logging.getLogger(__name__)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
#: Energy of 1 kW in one hour.
KWH = 3_600_000_000

PROJECT = 'project'
MARCH = {'start': '2024-03-01T00:00:00Z', 'end': '2024-04-01T00:00:00Z'}
INVOICED = '2024-04-01T06:00:00Z'


def date(text: str) -> int:
    """Return a date in ms since the epoch."""
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


class InvoiceTest(base.CommandTest):
    """A project pays for node-41 with 1 kW and node-42 with 2 kW.

    The agent of node-41 is cut off for three weeks from 14 March, 06:00.

    :ivar date: the clock of the database.
    :ivar late: what the agent of node-41 measures meanwhile.
    """

    def setUp(self) -> None:
        self._url = services.shared(postgresql.PostgreSQL).create_database()
        super().setUp()
        self.date = date('2024-02-29T12:00:00Z')
        self.late: list[typing.Any] = []
        self.log_in(1000, ann=1000)
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.db.engine.now', lambda _: self.date
            )
        )
        self.manage('db', 'sync')
        self.connect()
        with db_engine.writing(self.engine) as connection:
            projects.configure(
                connection, {'node-41': PROJECT, 'node-42': PROJECT}
            )
        self.cut_off = agents.Agent('node-41', 'A', 1_000_000)
        self.other = agents.Agent('node-42', 'B', 2_000_000)
        generator = random.Random(1)
        for agent in (self.cut_off, self.other):
            agent.start(generator, self.date)
        self.meter('2024-03-14T06:00:00Z', self.cut_off, self.other)
        self.meter('2024-04-01T06:00:00Z', self.other)

    @property
    def url(self) -> str:
        return self._url

    def connect(self) -> None:
        self.write(
            f'[api]\nauth_strategy = noauth\n'
            f'[database]\nconnection = {self.url}\n'
        )
        conf = energy_meter_conf.load(
            ['--config-file', str(self.directory / 'test.conf')], 'test'
        )
        self.engine = db_engine.connect(conf)
        self.addCleanup(self.engine.dispose)
        self.closer = closer.Closer(
            self.engine,
            threading.Event(),
            counters.Counters(metrics.COUNTERS),
            log_throttle.ThrottledLogger(LOG),
        )
        self.api = webtest.TestApp(app.make(conf))

    def meter(self, until: str, *connected: agents.Agent) -> None:
        """Advance the clock. Collectors close days, and write changed ones."""
        while self.date < date(until):
            self.date += 6 * HOUR_MS
            for agent in (self.cut_off, self.other):
                measured = agent.measure(self.date)
                if agent in connected:
                    databases.deliver(self.engine, measured, self.date)
                else:
                    self.late += measured
            self.closer.run()

    def wait(self, minutes: int) -> None:
        """Advance the clock; nothing is measured meanwhile."""
        self.date += minutes * MINUTE_MS
        self.closer.run()

    def return_after_three_weeks(self) -> None:
        """Deliver what the agent of node-41 kept."""
        self.meter('2024-04-04T06:00:00Z', self.other)
        databases.deliver(self.engine, self.late, self.date)
        databases.settle(self.engine, self.date)
        self.wait(15)

    def void(self, agent: agents.Agent) -> None:
        """Void the register of an agent."""
        point = agent.point(self.date, is_mark=False)
        self.manage('register', 'void', '--yes', agent.probe, *point.register)
        self.wait(1)

    def get(self, status: int = 200, **parameters: str) -> typing.Any:
        query = urllib.parse.urlencode(
            {'project': PROJECT, **MARCH, **parameters}
        )
        return self.api.get(f'/v1/energy?{query}', status=status)

    def invoice(self) -> typing.Any:
        """Return the response that the invoice is made of."""
        return self.get(as_of=INVOICED, step='day')

    def correction(self, since: str) -> dict[str, list[int]]:
        """Return by how much March differs from what it was at a date.

        :returns: energies in mJ by day, by probe.
        """
        # A version that is being written may still get an earlier date.
        now = str(self.date // 1000)
        self.wait(6)
        before, after = (
            energies(self.get(as_of=as_of, step='day'))
            for as_of in (since, now)
        )
        return {
            probe: [
                new - old
                for new, old in zip(after[probe], before[probe], strict=True)
            ]
            for probe in after
        }

    def manage(self, *arguments: str) -> str:
        result = self.run_command(manage.main, *arguments)
        self.assertEqual((0, ''), (result.code, result.error))
        return result.output

    def table(self, *arguments: str) -> list[list[str]]:
        """Return the cells of the table that a command prints."""
        lines = self.manage(*arguments).splitlines()
        rows = [line for line in lines if line.startswith('|')]
        return [
            [cell.strip() for cell in row.strip('|').split('|')]
            for row in rows[1:]
        ]

    def test_month_that_is_not_closed_has_no_invoice(self):
        for as_of, day in (
            ('2024-03-31T01:00:00Z', '2024-03-30'),
            ('2024-04-01T00:30:00Z', '2024-03-31'),
        ):
            error = self.get(409, as_of=as_of).json['error']['message']

            self.assertRegex(error, f'Probe node-4[12]: the day {day} was not')

    def test_month_is_final_when_its_last_day_is_closed(self):
        response = self.get(step='day')

        self.assertEqual(MARCH['end'], response.json['final_until'])
        self.assertEqual('closed', response.json['total']['state'])
        self.assertEqual(
            {'node-41': (13 * 24 + 6) * KWH, 'node-42': 31 * 24 * 2 * KWH},
            {probe: sum(days) for probe, days in energies(response).items()},
        )

    def test_late_measurements_change_the_days_and_not_the_invoice(self):
        self.wait(10)
        invoice = self.invoice()

        self.return_after_three_weeks()

        again = self.invoice()
        self.assertEqual(invoice.body, again.body)
        self.assertEqual(invoice.headers['ETag'], again.headers['ETag'])
        days = self.table('day', 'list', 'node-41')
        self.assertEqual(
            [
                ['2024-03-14', '1', '6.000000', 'closed', '-', '-'],
                [
                    '2024-03-14',
                    '2',
                    '24.000000',
                    'late measurements',
                    '-',
                    '-',
                ],
            ],
            [row[:3] + row[6:] for row in days if row[0] == '2024-03-14'],
        )

    def test_correction_is_the_difference_of_two_answers(self):
        self.return_after_three_weeks()

        correction = self.correction(INVOICED)

        self.assertEqual([0] * 31, correction['node-42'])
        self.assertEqual(
            [0] * 13 + [18 * KWH] + [24 * KWH] * 17, correction['node-41']
        )
        for day, millijoules in enumerate(correction['node-41'], 1):
            shown = self.table('day', 'show', 'node-41', f'2024-03-{day:02}')
            differences = [float(row[-1]) for row in shown if row[-1] != '-']
            self.assertEqual(millijoules, round(sum(differences) * KWH))

    def test_void_register_is_a_credit_with_the_name_of_the_operator(self):
        self.return_after_three_weeks()
        invoice = self.invoice()
        corrected = self.date // 1000

        self.void(self.other)

        self.assertEqual(energies(invoice), energies(self.invoice()))
        credit = self.correction(str(corrected))
        self.assertEqual([0] * 31, credit['node-41'])
        self.assertEqual([-48 * KWH] * 31, credit['node-42'])
        last = self.table('day', 'list', 'node-42')[-1]
        self.assertEqual(['void', 'ann (1000)'], last[6:8])


def energies(response: typing.Any) -> dict[str, list[int]]:
    """Return the energies of all intervals in mJ, by probe."""
    return {
        probe['probe_id']: [
            int(interval['millijoules']) for interval in probe['intervals']
        ]
        for probe in response.json['probes']
    }

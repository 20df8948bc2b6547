# SPDX-License-Identifier: Apache-2.0

"""Energy of many probes."""

import json
import typing
from unittest import mock
import urllib.parse

from energy_meter.api import periods
from energy_meter.db import changed_days
from energy_meter.db import energies
from energy_meter.db import memberships
from energy_meter.db import profiles
from energy_meter.db import projects
from energy_meter.db import schema
from energy_meter.db import sums
from energy_meter.tests.unit.api import base
from energy_meter.tests.unit.api import meters

PERIOD = {'start': '2023-11-15T00:00:00Z', 'end': '2023-11-17T00:00:00Z'}


class EnergyListTestCase(base.APITestCase):
    """Base class with two probes."""

    def setUp(self):
        super().setUp()
        for probe in ('a', 'b'):
            meters.meter(self.engine, probe, watts=ord(probe))

    def energy(self, status=200, headers=None, **parameters):
        query = urllib.parse.urlencode(PERIOD | parameters)
        return self.get(f'/v1/energy?{query}', status, **headers or {})

    def ids(self, **parameters):
        document = self.energy(**parameters).json
        return [each['probe_id'] for each in document['probes']]

    def close_all(self, **values):
        for probe in ('a', 'b'):
            meters.close(self.engine, probe, watts=ord(probe), **values)

    def bill(self, project, since, until, member='a'):
        """Bill a probe to a project between two hours."""
        table = memberships._TABLE
        with self.engine.begin() as connection:
            projects.configure(connection, {member: project})
            connection.execute(
                table.update()
                .where(table.c.member == member)
                .values(
                    since=meters.MIDNIGHT + since * meters.HOUR_MS,
                    until=meters.MIDNIGHT + until * meters.HOUR_MS,
                )
            )


class EnergyListTest(EnergyListTestCase):
    def test_all_probes_add_up_to_the_total(self):
        document = self.energy(step='day').json

        first, second = document['probes']
        self.assertEqual(
            {
                'probe_id': 'a',
                'host': 'host',
                'scope': 'node',
                'project_id': None,
                'final_until': None,
                'kwh_ahead': 0.0,
            },
            {
                name: value
                for name, value in first.items()
                if name not in ('total', 'intervals')
            },
        )
        self.assertEqual(2, len(second['intervals']))
        self.assertEqual(
            (97 + 98) * 48 * 3_600_000, int(document['total']['millijoules'])
        )
        self.assertEqual(1.0, document['total']['coverage'])
        self.assertEqual(
            {
                'start',
                'end',
                'step',
                'timezone',
                'as_of',
                'probes',
                'total',
                'kwh_ahead',
                'final_until',
                'next',
            },
            document.keys(),
        )

    def test_probes_of_a_host_or_scope_are_listed(self):
        register = schema.register.c
        with self.engine.begin() as connection:
            connection.execute(
                schema.register.update()
                .where(register.probe == 'b')
                .values(host='h', scope='psu')
            )

        self.assertEqual(['b'], self.ids(host='h'))
        self.assertEqual(['b'], self.ids(scope='psu'))
        self.assertEqual(['a'], self.ids(host='host', scope='node'))
        self.assertEqual([], self.ids(host='x'))

    def test_a_project_has_the_energy_of_its_time(self):
        self.bill('p', 12, 36)

        document = self.energy(project='p', step='day').json

        [probe] = document['probes']
        self.assertEqual(('a', 'p'), (probe['probe_id'], probe['project_id']))
        self.assertEqual(
            [97 * 12 / 1000] * 2, [row['kwh'] for row in probe['intervals']]
        )
        self.assertEqual(97 * 24 / 1000, document['total']['kwh'])
        self.assertEqual([], self.ids(project='q'))

    def test_a_project_without_time_in_the_period_has_no_probe(self):
        self.bill('p', 48, 72)

        self.assertEqual([], self.ids(project='p'))

    def test_a_sum_is_listed_for_its_project_only(self):
        with self.engine.begin() as connection:
            parts = frozenset(['a', 'b'])
            sums.configure(connection, [sums.Sum('s', 'host', parts)])
            connection.execute(schema.membership.update().values(since=0))
        self.bill('p', 0, 24, member='s')

        self.assertEqual(['a', 'b'], self.ids())
        document = self.energy(project='p').json
        self.assertEqual('s', document['probes'][0]['probe_id'])
        self.assertEqual((97 + 98) * 24 / 1000, document['total']['kwh'])

    def test_rows_above_the_limit_are_in_the_next_response(self):
        with mock.patch.object(periods, 'MAX_ROWS', 48):
            first = self.energy(step=3600).json
            url = first['next'].removeprefix('http://localhost')
            second = self.get(url).json

        self.assertEqual(
            [['a'], ['b']],
            [
                [each['probe_id'] for each in document['probes']]
                for document in (first, second)
            ],
        )
        self.assertIsNone(second['next'])
        # A part of the total could be taken for all of it.
        self.assertEqual([None] * 2, [first['total'], second['total']])

    def test_too_many_rows_of_one_probe_are_rejected(self):
        error = self.energy(400, end=PERIOD['end'], start=0, step=60).json

        self.assertIn('step', error['error']['message'])

    def test_probes_are_read_together_however_long_the_period_is(self):
        self.close_all()
        load = profiles.load

        with mock.patch.object(profiles, 'load', side_effect=load) as loads:
            document = self.energy(start=0).json

        self.assertEqual(1, loads.call_count)
        self.assertEqual((97 + 98) * 48 / 1000, document['total']['kwh'])

    def test_csv_has_the_rows_of_all_probes(self):
        response = self.energy(step='day', format='csv')

        self.assertEqual(
            ['probe_id', 'a', 'a', 'b', 'b'],
            [line.partition(',')[0] for line in response.text.splitlines()],
        )

    def test_no_probes_are_an_empty_document(self):
        document = self.energy(host='x').json

        self.assertEqual([], document['probes'])
        self.assertEqual(0.0, document['total']['kwh'])


class EnergyListAsOfTest(EnergyListTestCase):
    AS_OF = (meters.MIDNIGHT + 50 * meters.HOUR_MS) // 1000

    def test_probes_that_were_not_closed_then_are_not_listed(self):
        meters.close(self.engine, 'a')
        meters.close(self.engine, 'b', closed_at=self.AS_OF * 1000 + 1)

        self.assertEqual(['a'], self.ids(as_of=self.AS_OF))

    def test_a_day_that_was_not_closed_then_is_a_conflict(self):
        self.close_all()
        with self.engine.begin() as connection:
            day = schema.closed_day.c
            connection.execute(
                schema.closed_day.update()
                .where(
                    day.probe == 'b',
                    day.day == meters.MIDNIGHT // meters.DAY_MS + 1,
                )
                .values(closed_at=self.AS_OF * 1000 + 1)
            )

        error = self.energy(409, as_of=self.AS_OF).json['error']

        self.assertIn('Probe b: the day 2023-11-16', error['message'])

    def test_a_waiting_day_after_a_closed_one_is_a_conflict(self):
        # Probe b waits for measurements of the second day, the period.
        meters.close(self.engine, 'a')
        meters.close(self.engine, 'b', days=1)

        error = self.energy(
            409, start='2023-11-16T00:00:00Z', as_of=self.AS_OF
        ).json['error']

        self.assertIn('Probe b: the day 2023-11-16', error['message'])

    def test_the_first_probes_may_be_the_ones_that_were_not_closed(self):
        meters.close(self.engine, 'b')

        with mock.patch.object(energies, '_MAX_PROBES', 1):
            self.assertEqual(['b'], self.ids(as_of=self.AS_OF))

    def test_each_response_has_probes_that_were_closed(self):
        meters.meter(self.engine, 'c')
        for probe in 'ac':
            meters.close(self.engine, probe)

        with mock.patch.object(periods, 'MAX_ROWS', 1):
            first = self.energy(as_of=self.AS_OF).json
            url = first['next'].removeprefix('http://localhost')
            second = self.get(url).json

        self.assertEqual(['c'], [e['probe_id'] for e in second['probes']])
        self.assertIsNone(second['next'])

    def test_a_date_before_all_closings_is_a_conflict(self):
        self.close_all()

        self.energy(409, as_of=0)


class StreamTest(EnergyListTestCase):
    """A response of more than 64 KiB."""

    PARAMETERS: typing.ClassVar = {'step': 900}

    def test_it_is_complete(self):
        response = self.energy(**self.PARAMETERS)

        self.assertGreater(len(response.body), 64 * 1024)
        self.assertEqual(2, len(json.loads(response.body)['probes']))

    def test_an_open_period_has_no_etag(self):
        self.assertNotIn('ETag', self.energy(**self.PARAMETERS).headers)

    def test_closed_days_have_an_etag_until_one_changes(self):
        self.close_all()
        tag = self.energy(**self.PARAMETERS).headers['ETag']
        headers = {'If-None-Match': tag}

        self.energy(304, headers, **self.PARAMETERS)
        self.close_all(version=2)
        self.energy(200, headers, **self.PARAMETERS)

    def test_the_etag_changes_with_the_next_response(self):
        self.close_all()
        with mock.patch.object(periods, 'MAX_ROWS', 2 * 192):
            tag = self.energy(**self.PARAMETERS).headers['ETag']
            meters.meter(self.engine, 'c')

            document = self.energy(
                200, {'If-None-Match': tag}, **self.PARAMETERS
            ).json

        self.assertIsNotNone(document['next'])

    def test_dates_within_quarter_hours_have_no_etag(self):
        # Late marks may move energy within a quarter-hour that stays.
        self.close_all()

        response = self.energy(step=300, start='2023-11-15T00:05:00Z')

        self.assertNotIn('ETag', response.headers)

    def test_as_of_a_date_it_is_revalidated_as_hosts_may_change(self):
        self.close_all()

        response = self.energy(
            **self.PARAMETERS, as_of=EnergyListAsOfTest.AS_OF
        )

        self.assertIn('no-cache', response.headers['Cache-Control'])
        self.assertIn('ETag', response.headers)

    def test_a_changed_day_has_no_etag(self):
        self.close_all()
        day = meters.MIDNIGHT // meters.DAY_MS
        with self.engine.begin() as connection:
            changed_days.mark(connection, [('b', day, day + 1)], 0, 'late', '')

        self.assertNotIn('ETag', self.energy(**self.PARAMETERS).headers)

    def test_an_error_in_the_middle_ends_it_early(self):
        read = energies.read

        def fail(*args):
            answers = read(*args)
            yield next(answers)
            yield next(answers)
            raise RuntimeError

        with mock.patch.object(energies, 'read', fail):
            self.assertRaises(RuntimeError, self.energy, step=300)
            # A part of a document is invalid, but a part of CSV is not.
            self.assert_error(self.energy(500, step=60, format='csv'))

    def test_an_early_error_is_an_error_response(self):
        with mock.patch.object(energies, 'read', side_effect=RuntimeError):
            self.assert_error(self.energy(500, **self.PARAMETERS))

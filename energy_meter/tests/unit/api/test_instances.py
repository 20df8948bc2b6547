# SPDX-License-Identifier: Apache-2.0

"""Energy of instances, projects and hosts."""

import dataclasses
from unittest import mock

from keystoneauth1 import fixture as ksa_fixture
from keystonemiddleware import fixture
import webtest

from energy_meter import cpu_usage
from energy_meter.api import attribution_documents
from energy_meter.api import instances
from energy_meter.db import engine as db_engine
from energy_meter.tests import usages
from energy_meter.tests.unit.api import base
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import hosts

WH = 3_600_000
CLOSED = 'start=2023-11-15T00:00:00Z&end=2023-11-16T00:00:00Z'
OPEN = 'start=2023-11-16T00:00:00Z&end=2023-11-17T00:00:00Z'
BOTH = 'start=2023-11-15T00:00:00Z&end=2023-11-17T00:00:00Z'
#: The instances of the host, of project-1 and project-0.
FIRST, SECOND = map(usages.uuid, (1, 2))
#: Idle energy of an hour that is reserved for each, in mJ: 2 of 8 CPUs, and 2
#: of 32 GiB, of 100 W.
IDLE = 100 * WH * 10 // 64


class AttributedTestCase(base.APITestCase):
    """One instance runs on a host, and a second one until noon.

    The first day is closed, six hours of the second one are metered.
    """

    guests = (
        hosts.Guest(1, 1.0),
        hosts.Guest(2, 2.0, end=hosts.START + 12 * hosts.HOUR_MS),
    )

    def setUp(self) -> None:
        super().setUp()
        self.host = hosts.Host(self.engine, guests=[*self.guests])
        self.now = hosts.START + 30 * hosts.HOUR_MS
        clock = mock.patch.object(
            db_engine, 'now', side_effect=lambda _: self.now
        )
        clock.start()
        self.addCleanup(clock.stop)
        self.meter()
        closings.close(self.engine, self.now)
        hosts.attribute(self.engine)

    def meter(self) -> None:
        """Meter the host."""
        self.host.meter(hosts.START, self.now, step=6 * hosts.HOUR_MS)


class InstancesTest(AttributedTestCase):
    def test_instance_has_its_cpu_time_and_its_share_of_idle_power(self):
        url = f'/v1/instances/{SECOND}/energy?{CLOSED}'

        document = self.get(url).json

        total = document['total']
        self.assertEqual(12 * (20 * WH + IDLE), int(total['millijoules']))
        self.assertEqual(12 * IDLE / 3.6e9, total['idle_kwh'])
        self.assertEqual('attributed', total['quality'])
        self.assertEqual(1.0, total['coverage'])
        self.assertEqual(('closed', 1), (total['state'], total['version']))
        self.assertEqual(
            ('vm-2', 'project-0', 'user', ['compute-1'], ['node']),
            tuple(
                document[name]
                for name in (
                    'name',
                    'project_id',
                    'user_id',
                    'hosts',
                    'scopes',
                )
            ),
        )

    def test_rows_add_up_to_the_total_whatever_their_step(self):
        energy = {}
        for step in (900, 3600, 86_400):
            url = f'/v1/instances/{FIRST}/energy?{BOTH}&step={step}'
            document = self.get(url).json
            energy[step] = sum(
                int(row['millijoules']) for row in document['intervals']
            )
            self.assertEqual(
                energy[step], int(document['total']['millijoules'])
            )

        self.assertEqual({30 * (10 * WH + IDLE)}, {*energy.values()})

    def test_day_that_is_not_closed_is_computed_and_open(self):
        url = f'/v1/instances/{FIRST}/energy?{BOTH}&step=day'

        closed, unclosed = self.get(url).json['intervals']

        self.assertEqual(('closed', 1), (closed['state'], closed['version']))
        self.assertEqual(
            ('open', None), (unclosed['state'], unclosed['version'])
        )
        self.assertEqual(6 * (10 * WH + IDLE), int(unclosed['millijoules']))

    def test_rows_outside_of_its_life_are_missing(self):
        url = f'/v1/instances/{SECOND}/energy?{CLOSED}&step=43200'

        morning, afternoon = self.get(url).json['intervals']

        self.assertEqual('attributed', morning['quality'])
        self.assertEqual(('missing', 0), (afternoon['quality'], 0))
        self.assertEqual('0', afternoon['millijoules'])

    def test_instance_without_energy_in_the_period_is_known(self):
        document = self.get(f'/v1/instances/{SECOND}/energy?{OPEN}').json

        self.assertEqual('vm-2', document['name'])
        self.assertEqual('missing', document['total']['quality'])

    def test_unknown_instance_is_not_found(self):
        url = f'/v1/instances/{usages.uuid(9)}/energy?{CLOSED}'

        self.assert_error(self.get(url, 404))

    def test_dates_must_be_quarter_hours(self):
        url = f'/v1/instances/{FIRST}/energy?{CLOSED}'

        for parameters in ('&step=60', '&start=1700006460', '&step=1800'):
            status = 200 if parameters == '&step=1800' else 400
            self.get(f'{url}{parameters}', status)

    def test_default_period_ends_with_the_last_day_that_is_over(self):
        document = self.get(f'/v1/instances/{FIRST}/energy').json

        self.assertEqual('2023-11-01T00:00:00Z', document['start'])
        self.assertEqual('2023-11-16T00:00:00Z', document['end'])

    def test_as_of_before_a_day_was_closed_is_a_conflict(self):
        url = f'/v1/instances/{FIRST}/energy'

        self.get(f'{url}?{CLOSED}&as_of={self.now // 1000}')
        self.get(f'{url}?{CLOSED}&as_of=1700006400', 409)
        message = self.assert_error(
            self.get(f'{url}?{BOTH}&as_of=1900000000', 409)
        )
        self.assertEqual(
            'The day 2023-11-16 was not closed by as_of.', message
        )

    def test_rows_are_continued_in_further_responses(self):
        url = f'/v1/instances/{FIRST}/energy?{CLOSED}&step=3600'
        with mock.patch('energy_meter.api.periods.MAX_ROWS', 20):
            first = self.get(url).json
            second = self.get(first['next'].replace('http://localhost', ''))

        self.assertEqual(20, len(first['intervals']))
        self.assertEqual(4, len(second.json['intervals']))
        self.assertEqual(first['total'], second.json['total'])
        self.assertIsNone(second.json['next'])

    def test_list_has_all_instances_of_the_period(self):
        document = self.get(f'/v1/instances?{CLOSED}').json

        self.assertEqual(
            [FIRST, SECOND],
            [each['instance_id'] for each in document['instances']],
        )
        self.assertEqual(
            24 * (10 * WH + IDLE) + 12 * (20 * WH + IDLE),
            int(document['total']['millijoules']),
        )

    def test_list_is_filtered_and_divided(self):
        for filter, expected in (
            ('project_id=project-0', [SECOND]),
            ('host=compute-1', [FIRST, SECOND]),
            ('host=compute-2', []),
            (f'marker={FIRST}', [SECOND]),
        ):
            document = self.get(f'/v1/instances?{CLOSED}&{filter}').json
            self.assertEqual(
                expected,
                [each['instance_id'] for each in document['instances']],
                filter,
            )
        with mock.patch.object(instances, 'MAX_MEMBERS', 1):
            document = self.get(f'/v1/instances?{BOTH}').json
        self.assertIn(f'marker={FIRST}', document['next'])
        self.assertIsNone(document['total'])

    def test_csv_has_a_line_for_each_row(self):
        url = f'/v1/instances/{FIRST}/energy?{CLOSED}&step=3600&format=csv'
        lines = self.get(url).text.splitlines()
        listed = self.get(f'/v1/instances?{CLOSED}&format=csv').text

        self.assertEqual(25, len(lines))
        self.assertTrue(lines[0].startswith('instance_id,start,end,kwh'))
        self.assertTrue(lines[1].startswith(f'{FIRST},2023-11-15T00:00:00Z'))
        self.assertIn(f'\n{SECOND},project-0,2023-11-15T00', listed)


class RestatedTest(AttributedTestCase):
    def meter(self) -> None:
        """Meter the host, without its power in the afternoon."""
        step = 6 * hosts.HOUR_MS
        self.host.meter(
            hosts.START, self.now, self.host.usage_probe, step=step
        )
        power = self.host.energy_probe
        self.host.meter(hosts.START, hosts.START + 2 * step, power, step=step)
        self.host.meter(self.now - 2 * hosts.HOUR_MS, self.now, power)

    def test_restated_day_replaces_its_version_except_as_of_before(self):
        # Given the energy of a closed day,
        url = f'/v1/instances/{FIRST}/energy?{CLOSED}'
        before = self.get(url).json['total']
        closed_at = self.now

        # when the marks that were missing arrive,
        self.host.meter(
            hosts.START + 12 * hosts.HOUR_MS,
            hosts.START + 27 * hosts.HOUR_MS,
            self.host.energy_probe,
        )
        databases.settle(self.engine, self.now)
        self.now += hosts.HOUR_MS
        closings.restate(self.engine, self.now)
        hosts.attribute(self.engine)

        # then its new version counts, and the old one as of its date.
        after = self.get(url).json['total']
        self.assertEqual((1, 2), (before['version'], after['version']))
        self.assertLess(after['uncertain_kwh'], before['uncertain_kwh'])
        as_of = f'as_of={closed_at // 1000}'
        self.assertEqual(before, self.get(f'{url}&{as_of}').json['total'])


class ProjectsTest(AttributedTestCase):
    def test_project_has_the_energy_of_its_instances(self):
        url = f'/v1/projects/project-0/energy?{CLOSED}&step=43200'

        document = self.get(url).json

        self.assertEqual(1, document['instances'])
        self.assertEqual(
            [12 * (20 * WH + IDLE), 0],
            [int(row['millijoules']) for row in document['intervals']],
        )

    def test_list_has_all_projects(self):
        document = self.get(f'/v1/projects?{BOTH}').json

        self.assertEqual(
            [
                ('project-0', 1, 12 * (20 * WH + IDLE)),
                ('project-1', 1, 30 * (10 * WH + IDLE)),
            ],
            [
                (
                    each['project_id'],
                    each['instances'],
                    int(each['total']['millijoules']),
                )
                for each in document['projects']
            ],
        )

    def test_project_without_instances_has_no_energy(self):
        document = self.get(f'/v1/projects/other/energy?{CLOSED}').json

        self.assertEqual('missing', document['total']['quality'])
        self.assertEqual('0', document['total']['millijoules'])


class HostsTest(AttributedTestCase):
    def test_hosts_are_listed(self):
        self.assertEqual({'hosts': ['compute-1']}, self.get('/v1/hosts/').json)

    def test_parts_add_up_to_the_energy_of_the_host(self):
        url = f'/v1/hosts/compute-1/energy?{BOTH}&step=3600'

        document = self.get(url).json

        for row in (document['total'], *document['intervals']):
            parts = ('instances', 'overhead', 'unallocated', 'unattributed')
            self.assertEqual(
                int(row['millijoules']),
                sum(int(row[name]['millijoules']) for name in parts),
            )
        self.assertEqual(
            self.host.millijoules(self.now),
            int(document['total']['millijoules']),
        )
        for number, row in enumerate(document['intervals']):
            self.assertEqual(
                int(row['instances']['millijoules']),
                sum(
                    int(each['millijoules'][number])
                    for each in document['instances']
                ),
            )

    def test_host_shows_what_the_division_is_based_on(self):
        document = self.get(f'/v1/hosts/compute-1/energy?{BOTH}').json

        self.assertEqual(
            (8, 32_768), (document['threads'], document['memory'])
        )
        self.assertEqual(
            [
                {
                    'since': '2023-11-15T00:00:00Z',
                    'watts': 100.0,
                    'source': 'configured',
                }
            ],
            document['idle_power'],
        )
        self.assertEqual(
            [{'name': 'reserved-and-cpu', 'version': 1}], document['methods']
        )

    def test_csv_of_a_host_names_its_parts(self):
        url = f'/v1/hosts/compute-1/energy?{CLOSED}&format=csv'

        header, line = self.get(url).text.splitlines()

        self.assertIn('overhead_kwh,unallocated_kwh', header)
        self.assertTrue(line.startswith('compute-1,2023-11-15T00:00:00Z'))

    def test_host_without_usage_is_not_found(self):
        self.assert_error(self.get(f'/v1/hosts/other/energy?{CLOSED}', 404))


class DevicesTest(AttributedTestCase):
    """A GPU of 30 W is passed through to the first instance."""

    def meter(self) -> None:
        self.host.idle_watts = 130
        gpu = dataclasses.replace(
            self.host,
            guests=[],
            overhead=0.0,
            idle_watts=30,
            scope='gpu',
            suffix='gpu0',
        )
        gpu.meter(hosts.START, self.now, gpu.energy_probe)
        self.host.devices = (cpu_usage.Device(gpu.energy_probe, FIRST),)
        super().meter()

    def test_instance_shows_the_energy_of_its_devices(self):
        url = f'/v1/instances/{FIRST}/energy?{CLOSED}'

        total = self.get(url).json['total']

        self.assertEqual(24 * 30 * WH / 3.6e9, total['device_kwh'])
        self.assertEqual(
            24 * (10 * WH + 30 * WH + IDLE), int(total['millijoules'])
        )

    def test_host_shows_the_energy_of_all_devices(self):
        document = self.get(f'/v1/hosts/compute-1/energy?{CLOSED}').json

        total = document['total']
        self.assertEqual(24 * 30 * WH, int(total['devices']['millijoules']))
        self.assertEqual(24 * 100 * WH, int(total['idle']['millijoules']))
        self.assertEqual(
            int(total['millijoules']),
            sum(
                int(total[name]['millijoules'])
                for name in ('idle', 'dynamic', 'devices', 'unattributed')
            ),
        )
        self.assertEqual(
            [24 * 30 * WH / 3.6e9, 0.0],
            [each['total']['device_kwh'] for each in document['instances']],
        )

    def test_csv_of_a_host_has_the_energy_of_devices(self):
        url = f'/v1/hosts/compute-1/energy?{CLOSED}&format=csv'

        header, line = (
            each.split(',') for each in self.get(url).text.splitlines()
        )

        self.assertEqual('0.72', line[header.index('devices_kwh')])


class ReaderTestCase(AttributedTestCase):
    """With Keystone, and tokens of project-0."""

    config = (
        '[keystone_authtoken]\n'
        'auth_type = none\n'
        'www_authenticate_uri = http://keystone.example/\n'
    )

    def setUp(self) -> None:
        super().setUp()
        self.tokens = self.useFixture(fixture.AuthTokenFixture())

    def read(
        self,
        url: str,
        status: int = 200,
        role: str = 'reader',
        project: str | None = 'project-0',
    ) -> webtest.TestResponse:
        token = ksa_fixture.V3Token(project_id=project)
        if project is None:
            token.set_system_scope()
        token.add_role(name=role)
        return self.get(
            url, status, **{'X-Auth-Token': self.tokens.add_token(token)}
        )


class AuthorizationTest(ReaderTestCase):
    def test_reader_sees_the_instances_of_the_own_project_only(self):
        document = self.read(f'/v1/instances?{CLOSED}').json

        self.assertEqual(
            [SECOND], [each['instance_id'] for each in document['instances']]
        )
        self.assertEqual(document['instances'][0]['total'], document['total'])

    def test_instance_of_another_project_is_like_an_unknown_one(self):
        messages = [
            self.assert_error(
                self.read(f'/v1/instances/{uuid}/energy?{BOTH}', 404)
            ).replace(uuid, '')
            for uuid in (FIRST, usages.uuid(9))
        ]

        self.assertEqual(1, len({*messages}))

    def test_another_project_is_forbidden_whether_it_exists_or_not(self):
        for project in ('project-1', 'other'):
            self.assert_error(
                self.read(f'/v1/projects/{project}/energy?{CLOSED}', 403)
            )
        self.read(f'/v1/projects/project-0/energy?{CLOSED}')

    def test_list_of_projects_has_the_own_one(self):
        document = self.read(f'/v1/projects?{CLOSED}').json

        self.assertEqual(
            ['project-0'],
            [each['project_id'] for each in document['projects']],
        )

    def test_answers_name_no_host_and_nothing_of_the_site(self):
        for url in (
            f'/v1/instances?{CLOSED}',
            f'/v1/instances/{SECOND}/energy?{CLOSED}',
            f'/v1/projects?{CLOSED}',
            f'/v1/projects/project-0/energy?{CLOSED}',
        ):
            text = self.read(url).text

            for word in (
                'compute-1',
                'hosts"',
                'idle',
                'device',
                'watts',
                'project-1',
            ):
                self.assertNotIn(word, text, url)
        self.assertIn(
            attribution_documents.host_id('project-0', 'compute-1'),
            self.read(f'/v1/instances?{CLOSED}').text,
        )

    def test_conflict_with_as_of_names_no_host(self):
        response = self.read(
            f'/v1/instances/{SECOND}/energy?{CLOSED}&as_of=1700006400', 409
        )

        self.assertNotIn('compute', self.assert_error(response))

    def test_reader_sees_whole_days_of_utc(self):
        url = f'/v1/instances/{SECOND}/energy'
        for parameters, status in (
            (f'{BOTH}&step=day', 200),
            (f'{BOTH}&step=43200', 400),
            (f'{BOTH}&step=day&timezone=Europe/Berlin', 400),
            ('start=2023-11-15T12:00:00Z&end=2023-11-16T00:00:00Z', 400),
            ('start=2023-11-15T00:00:00Z&end=2023-11-15T12:00:00Z', 400),
        ):
            self.read(f'{url}?{parameters}', status)

    def test_hosts_are_for_the_site(self):
        self.read('/v1/hosts/', 403)
        self.read('/v1/hosts/', role='admin')
        self.read(f'/v1/hosts/compute-1/energy?{CLOSED}', 403)
        self.read(f'/v1/hosts/unknown/energy?{CLOSED}', 403)
        self.read(f'/v1/hosts/compute-1/energy?{CLOSED}', role='admin')

    def test_filters_of_the_site_are_forbidden(self):
        self.read(f'/v1/instances?{CLOSED}&host=compute-1', 403)
        self.read(f'/v1/instances?{CLOSED}&project_id=project-1', 403)
        self.read(f'/v1/instances?{CLOSED}&project_id=project-0')

    def test_role_that_may_not_read_is_rejected(self):
        for url in (
            f'/v1/instances?{CLOSED}',
            f'/v1/instances/{SECOND}/energy?{CLOSED}',
            f'/v1/projects?{CLOSED}',
            f'/v1/projects/project-0/energy?{CLOSED}',
        ):
            self.assert_error(self.read(url, 403, role='none'))

    def test_reader_without_a_project_sees_nothing(self):
        for url in (
            f'/v1/instances?{CLOSED}',
            f'/v1/projects?{CLOSED}',
            f'/v1/projects/None/energy?{CLOSED}',
        ):
            self.assert_error(self.read(url, 403, project=None))

    def test_administrator_sees_all_projects_and_hosts(self):
        document = self.read(f'/v1/instances?{CLOSED}', role='admin').json

        self.assertEqual(
            [['compute-1'], ['compute-1']],
            [each['hosts'] for each in document['instances']],
        )


class IntervalTest(ReaderTestCase):
    config = f'{ReaderTestCase.config}[api]\ninstance_interval = 3600\n'

    def test_operator_may_let_readers_see_hours(self):
        url = f'/v1/instances/{SECOND}/energy'
        for parameters, status in (
            (f'{CLOSED}&step=3600', 200),
            (f'{CLOSED}&step=900', 400),
        ):
            self.read(f'{url}?{parameters}', status)

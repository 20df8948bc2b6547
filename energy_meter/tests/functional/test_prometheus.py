# SPDX-License-Identifier: Apache-2.0

"""Tests for metrics, rules and the dashboard with a real Prometheus."""

import json
import pathlib
import re
import subprocess
import textwrap
import urllib.request

import bcrypt
import fixtures
from oslotest import base as test_base
import prometheus_client
import yaml

import energy_meter
from energy_meter.agent import metrics as agent_metrics
from energy_meter.api import database
from energy_meter.collector import metrics as collector_metrics
from energy_meter.forwarder import metrics as forwarder_metrics
from energy_meter.rrd import metrics as rrd_metrics
from energy_meter.telemetry import counters
from energy_meter.telemetry import metrics
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import prometheus
from energy_meter.tests.functional.services import standalone

ROOT = pathlib.Path(energy_meter.__file__).parents[1]
DASHBOARD = ROOT / 'etc/grafana/energy_meter.json'
PAGES = ROOT / 'doc/source/admin'

#: Declared counters by service.
COUNTERS = {
    'agent': agent_metrics.COUNTERS,
    'api': database.COUNTERS,
    'collector': collector_metrics.COUNTERS,
    'forwarder': forwarder_metrics.COUNTERS,
    'rrd': rrd_metrics.COUNTERS,
}

#: Values of the variables of the dashboard.
VARIABLES = {'$host': '.*', '$scope': '.*', '$__rate_interval': '10s'}


def yaml_blocks(page: str) -> list[str]:
    """Return the YAML examples of a page."""
    text = (PAGES / page).read_text(encoding='utf-8')
    return [
        textwrap.dedent(block)
        for block in re.findall(
            r'\.\. code-block:: yaml\n((?:\n|   .*\n)+)', text
        )
    ]


def queries() -> list[str]:
    """Return all queries of the dashboard."""
    dashboard = json.loads(DASHBOARD.read_text(encoding='utf-8'))
    return [
        target['expr']
        for panel in dashboard['panels']
        for target in panel.get('targets', ())
    ]


def expand(query: str) -> str:
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def scrape(port: int) -> bytes:
    with urllib.request.urlopen(
        f'http://127.0.0.1:{port}/metrics', timeout=20
    ) as response:
        return response.read()


class Site(fixtures.Fixture):
    """energy-meter-standalone, and a Prometheus that scrapes it.

    The wattmeter ``desk`` meters the hosts a, b and c. Host b also has a
    probe of its processor; c has two outlets and their sum probe. The
    wattmeter ``away`` fails.
    """

    def _setUp(self) -> None:
        base.require('prometheus', 'promtool')
        directory = pathlib.Path(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        )
        digest = bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()
        (directory / 'htpasswd').write_text(f'prometheus:{digest}\n')
        (directory / 'password').write_text('secret')
        self.metrics_port = base.free_port()
        self.standalone = self.useFixture(
            standalone.Standalone(
                **{
                    'api': {'metrics_htpasswd': directory / 'htpasswd'},
                    'metrics': {'port': self.metrics_port},
                    'wattmeter:desk': {
                        'driver': 'dummy',
                        'probes': 'a, b, b-cpu, c-1, c-2',
                        'interval': 0.1,
                        'waveform': 'constant',
                    },
                    'probe:b-cpu': {'host': 'b', 'scope': 'cpu-package'},
                    'probe:c-1': {'host': 'c', 'scope': 'outlet'},
                    'probe:c-2': {'host': 'c', 'scope': 'outlet'},
                    'probe:c': {'host': 'c', 'sum': 'c-1, c-2'},
                    'wattmeter:away': {
                        'driver': 'http_json',
                        'probes': 'd',
                        'watts_path': '$.w',
                        'url': f'http://127.0.0.1:{base.free_port()}/',
                    },
                }
            )
        )
        jobs = [
            job
            for block in map(yaml.safe_load, yaml_blocks('prometheus.rst'))
            if 'scrape_configs' in block
            for job in block['scrape_configs']
        ]
        api = self.standalone.api_port
        for job, port in zip(jobs, (api, api, self.metrics_port), strict=True):
            job.pop('scrape_interval', None)
            job.pop('scrape_timeout', None)
            job['scheme'] = 'http'
            job['static_configs'] = [{'targets': [f'127.0.0.1:{port}']}]
            if 'basic_auth' in job:
                job['basic_auth']['password_file'] = str(
                    directory / 'password'
                )
        self.prometheus = self.useFixture(prometheus.Prometheus(jobs))


class PrometheusTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.site = base.shared(Site)

    def query(self, query: str) -> dict[tuple[str, ...], float]:
        """Return the values of a query, by the values of their labels."""
        return {
            tuple(sorted(row['metric'].values())): float(row['value'][1])
            for row in self.site.prometheus.query(query)
        }

    def wait_for(self, query: str, title: str) -> dict[tuple[str, ...], float]:
        return base.wait_for(lambda: self.query(query), 60, title)

    def promtool(self, *arguments: str, text: bytes = b'') -> None:
        """Check that promtool reports no problems."""
        done = subprocess.run(
            ['promtool', 'check', *arguments],
            input=text,
            capture_output=True,
            timeout=60,
        )

        self.assertEqual((0, b''), (done.returncode, done.stderr), done.stdout)

    def test_rate_of_energy_is_power(self):
        probes = ('a', 'b', 'b-cpu', 'c', 'c-1', 'c-2')

        # The extrapolation of rate() is inaccurate for the first scrapes.
        self.wait_for(
            'count(abs(rate(energy_meter_probe_energy_joules_total[10s])'
            ' / on (probe) energy_meter_probe_power_watts - 1) < 0.05)'
            f' == {len(probes)}',
            'the rate of each energy to equal its power',
        )

        power = self.query('sum by (probe) (energy_meter_probe_power_watts)')
        self.assertEqual({(probe,) for probe in probes}, set(power))
        self.assertEqual(2 * power['a',], power['c',])

    def test_included_probes_count_each_host_once(self):
        included = self.wait_for(
            'sum by (probe) (energy_meter_probe_included == 1)', 'a scrape'
        )

        self.assertEqual({('a',), ('b',), ('c',)}, set(included))

    def test_queries_of_dashboard_return_series(self):
        self.wait_for(
            'energy_meter_wattmeter_failure_start_timestamp_seconds '
            'and on () energy_meter_probe_included',
            'both scrapes',
        )
        self.wait_for(
            'rate(energy_meter_batch_duration_seconds_bucket[10s]) > 0 '
            'and on () rate(energy_meter_probe_energy_joules_total[10s]) > 0',
            'two scrapes of both jobs',
        )
        empty = []
        for query in queries():
            if not self.site.prometheus.query(expand(query)):
                empty.append(query)

        # Without stale probes and errors, these queries return nothing.
        self.assertEqual(
            [],
            [
                query
                for query in empty
                if not re.search(
                    r'(> 60\)|(failures|rejected|readings)_total.*|'
                    r'outcome="overlap".*)$',
                    query,
                )
            ],
        )

    def test_queries_of_dashboard_use_existing_labels(self):
        self.wait_for(
            'energy_meter_wattmeter_failure_start_timestamp_seconds '
            'and on () energy_meter_probe_included',
            'both scrapes',
        )
        for query in queries():
            used = set(re.findall(r'(\w+)=~?"', query))
            for names in re.findall(r'\b(?:by|on) \((.*?)\)', query):
                used.update(names.split(', '))
            for metric in re.findall(r'energy_meter_\w+', query):
                existing = self.site.prometheus.labels(metric)
                if not existing:
                    existing = self.declared_labels(metric)
                self.assertEqual(set(), used - existing, query)

    def declared_labels(self, metric: str) -> set[str]:
        """Return the labels of a counter that has no series yet."""
        name = metric.removeprefix('energy_meter_').removesuffix('_total')
        labels = {
            definition.label or ''
            for definitions in COUNTERS.values()
            for definition in definitions
            if definition.name == name
        }
        self.assertNotEqual(set(), labels, f'{metric} is not declared')
        return labels | {'service', 'instance'}

    def test_promtool_accepts_metrics_of_api(self):
        self.wait_for('energy_meter_probe_included', 'a probe')

        self.promtool('metrics', text=scrape(self.site.standalone.api_port))

    def test_promtool_accepts_metrics_of_services(self):
        self.wait_for(
            'energy_meter_wattmeter_failure_start_timestamp_seconds',
            'a failure',
        )

        self.promtool('metrics', text=scrape(self.site.metrics_port))

    def test_promtool_accepts_every_counter(self):
        services = {}
        for service, definitions in COUNTERS.items():
            services[service] = counters.Counters(definitions)
            for definition in definitions:
                labels = {definition.label: 'x'} if definition.label else {}
                services[service].count(definition.name, **labels)

        self.promtool(
            'metrics',
            text=prometheus_client.generate_latest(
                metrics.registry(services, '1')
            ),
        )

    def test_promtool_accepts_examples_of_documentation(self):
        of_month, configuration, rules = yaml_blocks('prometheus.rst')
        (more_rules,) = yaml_blocks('monitoring.rst')

        for kind, text in (
            ('config', of_month),
            ('config', configuration),
            ('rules', rules),
            ('rules', more_rules),
        ):
            self.promtool(
                kind, self.create_tempfiles([('example', text)], '.yml')[0]
            )

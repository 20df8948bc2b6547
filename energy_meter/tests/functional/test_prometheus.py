# SPDX-License-Identifier: Apache-2.0

"""Prometheus scrapes the API, and answers what the dashboard asks."""

import json
import pathlib
import re
import subprocess
import textwrap
import typing
import urllib.request

import bcrypt
import fixtures
from oslotest import base as test_base
import prometheus_client
import yaml

import energy_meter
from energy_meter import counters
from energy_meter import metrics
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import prometheus
from energy_meter.tests.functional.services import standalone

ROOT = pathlib.Path(energy_meter.__file__).parents[1]
DASHBOARD = ROOT / 'etc/grafana/energy_meter.json'
PAGES = ROOT / 'doc/source/admin'

#: What Grafana puts in the place of its variables.
VARIABLES = {'$host': '.*', '$scope': '.*', '$__rate_interval': '10s'}


def yaml_blocks(page: str) -> list[str]:
    """Give the examples of a page that are YAML."""
    text = (PAGES / page).read_text(encoding='utf-8')
    return [
        textwrap.dedent(block)
        for block in re.findall(
            r'\.\. code-block:: yaml\n((?:\n|   .*\n)+)', text
        )
    ]


def queries() -> list[str]:
    """Give all queries of the dashboard."""
    dashboard = json.loads(DASHBOARD.read_text(encoding='utf-8'))
    return [
        target['expr']
        for panel in dashboard['panels']
        for target in panel.get('targets', ())
    ]


def fill_in(query: str) -> str:
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def scrape(port: int) -> bytes:
    with urllib.request.urlopen(
        f'http://127.0.0.1:{port}/metrics', timeout=20
    ) as answer:
        return answer.read()


class Site(fixtures.Fixture):
    """Everything in one process, and a Prometheus that scrapes it.

    The wattmeter ``desk`` meters the hosts a, b and c; b by its processor as
    well; c at two sockets, which are summed. The wattmeter ``away`` fails.
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
        jobs = yaml.safe_load(yaml_blocks('prometheus.rst')[0])[
            'scrape_configs'
        ]
        for job, port in zip(
            jobs, (self.standalone.api_port, self.metrics_port), strict=True
        ):
            job.pop('scrape_interval', None)
            job['scheme'] = 'http'
            job['static_configs'] = [{'targets': [f'127.0.0.1:{port}']}]
        jobs[0]['basic_auth']['password_file'] = str(directory / 'password')
        self.prometheus = self.useFixture(prometheus.Prometheus(jobs))


class PrometheusTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.site = base.shared(Site)

    def ask(self, query: str) -> dict[tuple[str, ...], float]:
        """Give the values that a query gives, by the labels' values."""
        return {
            tuple(sorted(row['metric'].values())): float(row['value'][1])
            for row in self.site.prometheus.query(query)
        }

    def wait_for(self, query: str, what: str) -> dict[tuple[str, ...], float]:
        return base.wait_for(lambda: self.ask(query), 60, what)

    def promtool(self, *words: typing.Any, text: bytes = b'') -> None:
        """Expect that promtool has nothing to complain of."""
        done = subprocess.run(
            ['promtool', 'check', *words],
            input=text,
            capture_output=True,
            timeout=60,
        )

        self.assertEqual((0, b''), (done.returncode, done.stderr), done.stdout)

    def test_power_is_the_rate_of_energy(self):
        probes = ('a', 'b', 'b-cpu', 'c', 'c-1', 'c-2')

        # The extrapolation needs some scrapes before it comes close.
        self.wait_for(
            'count(abs(rate(energy_meter_probe_energy_joules_total[10s])'
            ' / on (probe) energy_meter_probe_power_watts - 1) < 0.05)'
            f' == {len(probes)}',
            'the rate of all energies is their power',
        )

        power = self.ask('sum by (probe) (energy_meter_probe_power_watts)')
        self.assertEqual({(probe,) for probe in probes}, set(power))
        self.assertEqual(2 * power['a',], power['c',])

    def test_nothing_is_counted_twice(self):
        counted = self.wait_for(
            'sum by (probe) (energy_meter_probe_counted == 1)', 'a scrape'
        )

        self.assertEqual({('a',), ('b',), ('c',)}, set(counted))

    def test_the_dashboard_asks_for_what_there_is(self):
        self.wait_for(
            'energy_meter_wattmeter_failing_since_seconds '
            'and on () energy_meter_probe_counted',
            'both scrapes',
        )
        self.wait_for(
            'rate(energy_meter_flush_seconds_bucket[10s]) > 0', 'two scrapes'
        )
        empty = []
        for query in queries():
            if not self.site.prometheus.query(fill_in(query)):
                empty.append(query)

        # Nothing is silent, and little went wrong.
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

    def test_the_dashboard_knows_the_labels_of_each_metric(self):
        self.wait_for(
            'energy_meter_wattmeter_failing_since_seconds '
            'and on () energy_meter_probe_counted',
            'both scrapes',
        )
        for query in queries():
            asked = set(re.findall(r'(\w+)=~?"', query))
            for names in re.findall(r'\b(?:by|on) \((.*?)\)', query):
                asked.update(names.split(', '))
            for metric in re.findall(r'energy_meter_\w+', query):
                known = self.site.prometheus.labels(metric)
                if known:
                    self.assertEqual(set(), asked - known, query)
                else:
                    self.count(metric, asked)

    def count(self, metric: str, asked: set[str]) -> None:
        """Count as services do; what they don't count is an error."""
        name = metric.removeprefix('energy_meter_').removesuffix('_total')
        counters.Counters().count(
            name, **dict.fromkeys(asked - {'service', 'instance'}, 'x')
        )

    def test_promtool_takes_the_metrics_of_the_api(self):
        self.wait_for('energy_meter_probe_counted', 'a probe')

        self.promtool('metrics', text=scrape(self.site.standalone.api_port))

    def test_promtool_takes_the_metrics_of_the_services(self):
        self.wait_for(
            'energy_meter_wattmeter_failing_since_seconds', 'a failure'
        )

        self.promtool('metrics', text=scrape(self.site.metrics_port))

    def test_promtool_takes_every_counter(self):
        counts = counters.Counters()
        for name, (_, labels) in counters._HELP.items():
            counts.count(name, **dict.fromkeys(labels, 'x'))

        self.promtool(
            'metrics',
            text=prometheus_client.generate_latest(
                metrics.registry({'agent': counts}, '1')
            ),
        )

    def test_promtool_takes_the_configuration_of_the_documentation(self):
        configuration, rules = yaml_blocks('prometheus.rst')
        (more_rules,) = yaml_blocks('monitoring.rst')

        for kind, text in (
            ('config', configuration),
            ('rules', rules),
            ('rules', more_rules),
        ):
            self.promtool(
                kind, self.create_tempfiles([('example', text)], '.yml')[0]
            )

# SPDX-License-Identifier: Apache-2.0

"""Pages of Prometheus exporters, read by http_json."""

import time

import prometheus_client

from energy_meter import exception
from energy_meter.drivers import http_json
from energy_meter.tests import drivers
from energy_meter.tests.functional.drivers import test_http_json
from energy_meter.tests.functional.services import http

#: Lines in the format of scaphandre, Kepler and ipmi_exporter; the names and
#: labels are those of their documentation.
PAGE = """\
# HELP scaph_host_power_microwatts Power measurement on the whole host
# TYPE scaph_host_power_microwatts gauge
scaph_host_power_microwatts 182500000
# TYPE scaph_host_energy_microjoules counter
scaph_host_energy_microjoules 1112345678900
scaph_process_power_consumption_microwatts{exe="a b",pid="1"} 10
# TYPE kepler_node_cpu_joules_total counter
kepler_node_cpu_joules_total{node_name="n",path="p",zone="package"} 40.25
kepler_node_cpu_joules_total{node_name="n",path="p",zone="dram"} 3.5
kepler_node_cpu_watts{node_name="n",path="p",zone="package"} 21.5
kepler_node_cpu_watts{node_name="n",path="p",zone="dram"} 2.5
ipmi_power_watts{id="90",name="Pwr Consumption"} 70
ipmi_power_watts{id="91",name="PSU1"} NaN
ipmi_dcmi_power_consumption_current_watts 71
"""


class PrometheusTest(test_http_json.HTTPTest):
    def open_page(self, *probes, page=PAGE, **options):
        server = self.serve(http.Answer(body=page.encode()))
        return self.open(
            server,
            *probes,
            **{'url': f'{server.url}/metrics', 'format': 'prometheus'}
            | options,
        )

    def test_scaphandre_reports_microwatts_and_microjoules(self):
        (reading,) = self.open_page(
            watts_path='scaph_host_power_microwatts',
            watts_unit='uW',
            energy_path='scaph_host_energy_microjoules',
            energy_unit='uJ',
            energy_step=1.0,
        ).read()

        self.assertEqual(182.5, reading.watts)
        self.assertAlmostEqual(
            1112345.6789, reading.ticks * reading.counter.joules_per_tick
        )

    def test_zones_of_kepler_are_selected_by_label(self):
        readings = self.open_page(
            'cpu',
            'memory',
            channels=['package', 'dram'],
            watts_path='kepler_node_cpu_watts{zone="{channel}"}',
            energy_path='kepler_node_cpu_joules_total{zone="{channel}"}',
        ).read()

        self.assertEqual(
            [('cpu', 21.5, 40_250), ('memory', 2.5, 3_500)],
            [reading[:3] for reading in readings],
        )
        self.assertAlmostEqual(0.001, readings[0].counter.joules_per_tick)

    def test_ipmi_exporter_reports_watts(self):
        (reading,) = self.open_page(
            watts_path='ipmi_dcmi_power_consumption_current_watts'
        ).read()

        self.assertEqual((71.0, None), reading[1:3])

    def test_nan_is_omitted(self):
        readings = self.open_page(
            'a',
            'b',
            channels=['Pwr Consumption', 'PSU1'],
            watts_path='ipmi_power_watts{name="{channel}"}',
        ).read()

        self.assertEqual([('a', 70.0)], [reading[:2] for reading in readings])

    def test_real_exporter_is_read(self):
        # Given the exporter of Prometheus' own client library,
        registry = prometheus_client.CollectorRegistry()
        energy = prometheus_client.Counter(
            'rack_joules', 'Energy', ['outlet'], registry=registry
        )
        energy.labels('A "1"').inc(1234.5)
        server, thread = prometheus_client.start_http_server(
            0, '127.0.0.1', registry
        )
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

        # when it is read, then its counter is the reading.
        meter = drivers.make(
            http_json.HTTPJSON,
            'p',
            url=f'http://127.0.0.1:{server.server_port}/metrics',
            format='prometheus',
            energy_path='rack_joules_total{outlet="A \\"1\\""}',
        )
        self.addCleanup(meter.close)
        meter.open()
        (reading,) = meter.read()

        self.assertEqual(1_234_500, reading.ticks)

    def test_timestamp_of_a_sample_is_that_of_the_reading(self):
        now = time.time()
        (reading,) = self.open_page(
            page=f'rack_watts 5 {round((now - 3) * 1000)}\n',
            watts_path='rack_watts',
        ).read()

        self.assertAlmostEqual(
            time.monotonic() - 3, reading.monotonic, delta=2
        )

    def test_stale_sample_is_an_error(self):
        now = time.time()
        meter = self.open_page(
            page=f'rack_watts 5 {round((now - 999) * 1000)}\n',
            watts_path='rack_watts',
        )

        e = self.assertRaises(exception.ProtocolError, meter.read)
        self.assertIn('measured 999 s ago', str(e))

    def test_absent_sample_costs_only_its_probe(self):
        readings = self.open_page(
            'a',
            'b',
            channels=['90', '99'],
            watts_path='ipmi_power_watts{id="{channel}"}',
        ).read()

        self.assertEqual(['a'], [reading.probe for reading in readings])

    def test_ambiguous_sample_is_an_error(self):
        meter = self.open_page(watts_path='ipmi_power_watts')

        e = self.assertRaises(exception.ProtocolError, meter.read)
        self.assertIn('matches 2 samples', str(e))

    def test_page_without_its_end_is_an_error(self):
        meter = self.open_page(page='rack_watts 12', watts_path='rack_watts')

        e = self.assertRaises(exception.ProtocolError, meter.read)
        self.assertIn("not in Prometheus' text format", str(e))

    def test_one_sample_for_several_probes_is_an_error(self):
        e = self.assertRaises(
            exception.DriverError,
            self.open_page,
            'a',
            'b',
            watts_path='ipmi_dcmi_power_consumption_current_watts',
        )

        self.assertIn('selects the same sample', str(e))

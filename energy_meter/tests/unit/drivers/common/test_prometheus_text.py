# SPDX-License-Identifier: Apache-2.0

"""Samples in Prometheus' text format."""

import math
import tracemalloc

import hypothesis
from hypothesis import strategies
from oslotest import base
import prometheus_client
from prometheus_client import exposition

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import prometheus_text

PAGE = b"""\
# HELP node_hwmon_power_average_watt Hardware monitor for power usage
# TYPE node_hwmon_power_average_watt gauge
node_hwmon_power_average_watt{chip="a",sensor="power1"} 182.5
node_hwmon_power_average_watt{chip="b",sensor="power1"} 90
node_hwmon_power_average_watt_max 900
# TYPE node_rapl_package_joules_total counter
node_rapl_package_joules_total{index="0"} 1.25e+06 1700000000500
node_rapl_package_joules_total{index="1"} NaN
"""


class SelectorTest(base.BaseTestCase):
    def find(self, selector, page=PAGE):
        return prometheus_text.Selector('watts_sample', selector).find(
            prometheus_text.Page(page), 'exporter'
        )

    def test_sample_is_selected_by_name_and_labels(self):
        for selector, value in (
            ('node_hwmon_power_average_watt_max', 900.0),
            ('node_hwmon_power_average_watt{chip="a"}', 182.5),
            (
                'node_hwmon_power_average_watt{ sensor="power1", chip="b" }',
                90.0,
            ),
            ('node_rapl_package_joules_total{index="0"}', 1_250_000.0),
        ):
            self.assertEqual(value, self.find(selector).value, selector)

    def test_timestamp_is_in_seconds(self):
        sample = self.find('node_rapl_package_joules_total{index="0"}')

        self.assertEqual(1_700_000_000.5, float(sample.timestamp))

    def test_nan_is_not_a_number(self):
        sample = self.find('node_rapl_package_joules_total{index="1"}')

        self.assertTrue(math.isnan(sample.value))

    def test_absent_sample_is_none(self):
        for selector in (
            'node_power',
            'node_hwmon_power_average_watt{chip="c"}',
            'node_hwmon_power_average_watt{chip="a",x="1"}',
        ):
            self.assertIsNone(self.find(selector), selector)

    def test_several_samples_are_an_error(self):
        e = self.assertRaises(
            exception.ProtocolError, self.find, 'node_hwmon_power_average_watt'
        )

        self.assertEqual(
            'exporter: watts_sample = node_hwmon_power_average_watt matches '
            '2 samples, expected one',
            str(e),
        )

    def test_invalid_selector_is_an_error_with_the_option(self):
        for text in ('', 'a b', 'a{b=c}', '{b="c"}', 'a{', '1a', 'a\nb', '#a'):
            e = self.assertRaises(
                exception.DriverError,
                prometheus_text.Selector,
                'watts_sample',
                text,
            )
            self.assertIn(f'watts_sample = {text} does not select', str(e))

    def test_invalid_line_costs_only_its_metric(self):
        page = b'a{x="1} 5\nb 6\n'

        self.assertRaises(exception.ProtocolError, self.find, 'a', page)
        self.assertEqual(6.0, self.find('b', page).value)


class PageTest(base.BaseTestCase):
    def test_truncated_page_is_an_error(self):
        # Given a page that ends in the middle of the value 1234,
        text = b'node_power_watts 12'

        # then it is not 12 W.
        e = self.assertRaises(ValueError, prometheus_text.Page, text)
        self.assertEqual('the last line is incomplete', str(e))

    def test_line_that_is_not_utf8_costs_only_its_metric(self):
        page = prometheus_text.Page(b'a{x="\xff"} 5\nb 6\n')

        self.assertRaises(ValueError, page.samples, 'a')
        self.assertEqual(6.0, page.samples('b')[0].value)

    def test_number_of_samples_of_a_metric_is_bounded(self):
        # Given a page with many lines of one metric,
        lines = b'a 5\n' * bounds.MAX_SAMPLES

        # then one line more is an error of this metric alone.
        page = prometheus_text.Page(lines + b'b 6\n')
        self.assertEqual(bounds.MAX_SAMPLES, len(page.samples('a')))
        page = prometheus_text.Page(lines + b'a 5\nb 6\n')
        e = self.assertRaises(ValueError, page.samples, 'a')
        self.assertEqual('more than 10000 samples', str(e))
        self.assertEqual(6.0, page.samples('b')[0].value)

    def test_length_of_a_line_is_bounded(self):
        label = b'x' * bounds.MAX_SAMPLE_BYTES
        page = prometheus_text.Page(b'a{x="%s"} 5\nb 6\n' % label)

        e = self.assertRaises(ValueError, page.samples, 'a')

        self.assertEqual('a line of more than 16384 bytes', str(e))
        self.assertEqual(6.0, page.samples('b')[0].value)

    def test_many_names_take_no_memory(self):
        # Given a page of 8 MiB with a million metrics,
        text = b''.join(b'%06x\n' % number for number in range(2**20))

        # when one is selected,
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        prometheus_text.Page(text).samples('node_power_watts')

        # then the others take no memory.
        _, peak = tracemalloc.get_traced_memory()
        self.assertLess(peak, 100_000)

    @hypothesis.given(
        strategies.floats(allow_nan=False),
        strategies.dictionaries(
            strategies.sampled_from(['chip', 'sensor', 'x']),
            strategies.text(
                strategies.characters(exclude_categories=['Cs']), max_size=8
            ),
        ),
    )
    def test_page_of_the_client_library_is_read(self, value, labels):
        registry = prometheus_client.CollectorRegistry()
        gauge = prometheus_client.Gauge(
            'power_watts', 'Power', list(labels), registry=registry
        )
        (gauge.labels(**labels) if labels else gauge).set(value)

        page = prometheus_text.Page(exposition.generate_latest(registry))

        (sample,) = page.samples('power_watts')
        self.assertEqual((value, labels), (sample.value, sample.labels))

    @hypothesis.given(
        strategies.lists(
            strategies.sampled_from('a{}",= \\#0.e+Nf\t\u00e9\u2028'),
            max_size=40,
        ).map(''.join)
    )
    def test_invalid_line_is_a_value_error_or_has_numbers(self, line):
        page = prometheus_text.Page(f'a{line}\n'.encode())

        try:
            found = page.samples('a')
        except ValueError:
            return
        for sample in found:
            self.assertIsInstance(float(sample.value), float)

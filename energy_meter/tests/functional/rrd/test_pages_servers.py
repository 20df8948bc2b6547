# SPDX-License-Identifier: Apache-2.0

"""Tests of the pages in a WSGI server, next to the writing process."""

import logging
import time

import fixtures
from oslotest import base as test_base

from energy_meter import conf as energy_meter_conf
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.rrd import metrics
from energy_meter.rrd.writing import writer
from energy_meter.telemetry import counters
from energy_meter.tests.functional.api import browser
from energy_meter.tests.functional.api import servers
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands


class UWSGITest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        configuration = commands.Configuration(directory)
        conf = energy_meter_conf.load(
            ['--config-file', str(configuration.path)], 'test'
        )
        self.writer = writer.Writer(
            conf,
            counters.Counters(metrics.COUNTERS),
            log_throttle.ThrottledLogger(logging.getLogger()),
        )
        self.addCleanup(self.writer.close)
        self.server = self.useFixture(
            servers.UWSGI(configuration, 'energy_meter.wsgi.rrd')
        )

    def write(self, probe):
        """Write measurements of 100 W over ten seconds."""
        now = int(time.time())
        self.writer.put(
            measurement.Measurement(
                measurement.Series(
                    measurement.Probe(
                        probe, 'node', 'host', 'meter', 'dummy', 'agent'
                    ),
                    measurement.RegisterKey('agent', '0' * 16),
                    None,
                    True,
                ),
                (now - 10 + second) * 1000,
                second * 1000,
                second * 100_000,
                second * 1000,
                100.0,
            )
            for second in range(11)
        )
        self.writer.flush()

    def get(self, url):
        return browser.get(self.server.port, url)

    def test_probe_of_another_process_appears(self):
        self.assertIn(b'No probes yet', self.get('/last/hour/').body)

        self.write('pdu/1')

        self.assertIn(b'pdu/1', self.get('/last/hour/').body)
        self.assertEqual(200, self.get('/probe/pdu%2F1/').status)
        self.assertEqual(404, self.get('/probe/pdu/1/').status)
        figures = self.get('/data/minute/pdu%2F1/').json['figures']
        self.assertEqual(100.0, figures['last'])
        image = self.get('/graph/minute/pdu%2F1')
        self.assertEqual(b'\x89PNG', image.body[:4])
        self.assertEqual(b'RRD', self.get('/rrd/pdu%2F1/').body[:3])

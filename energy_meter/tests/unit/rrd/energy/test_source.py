# SPDX-License-Identifier: Apache-2.0

"""Tests of access to the API: its cache, and its failures."""

import pathlib
import threading

import fixtures
from oslotest import base as test_base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.clients import usage
from energy_meter.rrd.energy import source
from energy_meter.tests.unit import api_stub
from energy_meter.tests.unit.rrd.energy import base

QUERY = usage.Query(base.START, base.START + base.HOUR, 3600, 'UTC')


class Client:
    """Fake client of the API.

    :ivar requests: ids of the requested probes; None for all.
    :ivar error: what requests raise.
    :ivar pages: pages of the energy of all probes.
    """

    def __init__(self):
        self.requests = []
        self.error = None
        self.pages = [base.page(base.energy('a', base.interval()))]

    def energy(self, probe, query):
        self.requests.append(probe)
        if self.error is not None:
            raise self.error
        yield base.page(base.energy(probe, base.interval()))

    def energies(self, query):
        self.requests.append(None)
        yield from self.pages


class SourceTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger('energy_meter'))
        self.monotonic = 0.0
        self.client = Client()
        self.source = self.make(self.client)

    def make(self, client, threads=10):
        return source.Source(client, threads, lambda: self.monotonic)

    def read(self, probe='a', query=QUERY):
        return self.source.of_probe(query, probe)

    def test_answer_is_cached_for_a_minute(self):
        first = self.read()
        self.monotonic += 59

        self.assertEqual(first, self.read())
        self.assertEqual(['a'], self.client.requests)

        self.monotonic += 1
        self.read()
        self.assertEqual(['a', 'a'], self.client.requests)

    def test_probes_and_periods_have_answers_of_their_own(self):
        self.read('a')
        self.read('b')
        self.read('a', QUERY._replace(step='day'))
        self.source.of_sum(QUERY, {'a'})

        self.assertEqual(['a', 'b', 'a', None], self.client.requests)

    def test_size_of_the_cache_is_bounded(self):
        self.read('first')
        for number in range(1000):
            self.read(str(number))
        self.client.requests.clear()

        self.read('999')
        self.read('first')

        self.assertEqual(['first'], self.client.requests)

    def test_unavailable_api_is_not_asked_again_at_once(self):
        self.client.error = exception.APIUnavailable(url='url', reason='down')
        for probe in 'abc':
            self.assertRaises(exception.APIUnavailable, self.read, probe)

        self.assertEqual(['a'], self.client.requests)
        self.assertEqual(1, self.log.output.count('show no energy'))

        self.client.error = None
        self.monotonic += 10
        self.read()
        self.assertIn('show energy again', self.log.output)

    def test_answers_in_the_cache_survive_a_failure(self):
        cached = self.read('a')
        self.client.error = exception.APIUnavailable(url='url', reason='down')
        self.assertRaises(exception.APIUnavailable, self.read, 'b')

        self.assertEqual(cached, self.read('a'))

    def test_unknown_probe_is_no_failure_of_the_api(self):
        self.client.error = exception.ProbeNotFound(probe='a')
        self.assertRaises(exception.ProbeNotFound, self.read)

        self.client.error = None
        self.read('b')
        self.assertEqual('', self.log.output)

    def test_slow_api_blocks_half_of_the_threads(self):
        client = BlockingClient()
        self.addCleanup(client.open.set)
        self.source = self.make(client, threads=6)
        readers = [
            threading.Thread(target=self.read, args=(probe,)) for probe in 'ab'
        ]
        for reader in readers:
            reader.start()
        client.entered.wait()
        self.source.of_sum(QUERY, {'a'})

        error = self.assertRaises(exception.APIUnavailable, self.read, 'c')

        self.assertIn('too many requests', str(error))
        client.open.set()
        for reader in readers:
            reader.join()
        self.read('c')

    def test_total_of_too_many_probes_is_given_up(self):
        def pages():
            for next_query in ('page=2', 'page=3', None):
                self.monotonic += 16
                yield base.page(
                    base.energy('a', base.interval()), next_query=next_query
                )

        self.client.pages = pages()

        error = self.assertRaises(
            exception.APIUnavailable, self.source.of_sum, QUERY, {'a'}
        )
        self.assertIn('more than 30 s', str(error))
        # The energy of single probes is still shown.
        self.read()
        self.client.requests.clear()
        self.monotonic += 599
        self.assertRaises(
            exception.APIUnavailable, self.source.of_sum, QUERY, {'a'}
        )
        self.assertEqual([], self.client.requests)


class BlockingClient:
    """Client whose first two requests wait for an event.

    :ivar entered: barrier of these requests and of the test.
    """

    def __init__(self):
        self.open = threading.Event()
        self.entered = threading.Barrier(3, timeout=60)

    def energy(self, probe, query):
        if not self.open.is_set():
            self.entered.wait()
            self.open.wait()
        yield base.page(base.energy(probe, base.interval()))

    def energies(self, query):
        yield base.page(base.energy('a', base.interval()))


class ConnectTest(test_base.BaseTestCase):
    def conf(self, **options):
        conf = energy_meter_conf.load([], 'test', files=[])
        for name, value in options.items():
            conf.set_override(name, value, 'energy_api')
        return conf

    def test_nothing_configured_gives_no_source(self):
        self.assertIsNone(source.connect(self.conf()))

    def test_api_without_authentication_needs_its_url(self):
        api = self.useFixture(api_stub.APIStub())
        connected = source.connect(
            self.conf(auth_type='none', endpoint_override=api.url)
        )

        error = self.assertRaises(
            exception.ProbeNotFound, connected.of_probe, QUERY, 'a/b'
        )

        self.assertIn('a/b', str(error))
        (path,) = api.requests
        self.assertTrue(path.startswith('/v1/probes/a%2Fb/energy?'), path)

    def test_credentials_can_be_those_of_another_section(self):
        file = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'conf')
        file.write_text(
            '[energy_api]\nauth_section = keystone_authtoken\n'
            '[keystone_authtoken]\nauth_type = v3token\n'
            'auth_url = http://127.0.0.1:1/v3\ntoken = secret\n'
        )

        conf = energy_meter_conf.load(['--config-file', str(file)], 'test')

        self.assertIsNotNone(source.connect(conf))

    def test_invalid_section_is_rejected(self):
        # The latter lacks auth_url.
        for auth_type in ('mistaken', 'password'):
            error = self.assertRaises(
                exception.ConfigurationError,
                source.connect,
                self.conf(auth_type=auth_type),
            )

            self.assertIn('[energy_api] auth_type', str(error))

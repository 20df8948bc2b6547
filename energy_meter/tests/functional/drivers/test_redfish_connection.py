# SPDX-License-Identifier: Apache-2.0

"""The connection of the Redfish driver: sessions, and hostile services."""

import collections.abc
import threading
import typing

import fixtures

from energy_meter import exception
from energy_meter.tests.functional.drivers import test_redfish
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import redfish

METRICS = f'{redfish.ROOT}{test_redfish.SYSTEM}/EnvironmentMetrics'

SESSIONS = f'{redfish.ROOT}/SessionService/Sessions'


class ConnectionTest(test_redfish.RedfishTest):
    def setUp(self):
        super().setUp()
        self.authority = self.useFixture(http.Authority())
        self.certificate = self.authority.issue('127.0.0.1')
        self.server = self.useFixture(
            redfish.Controller(test_redfish.BOTH_MODELS, self.certificate)
        )
        self.answer = self.server.answer

    def connect(
        self, *probes: str, **options: typing.Any
    ) -> test_redfish.driver.Redfish:
        return self.open(
            self.server.url,
            *probes,
            **{'ca_file': self.authority.file} | options,
        )

    def replace(
        self,
        path: str,
        answer: collections.abc.Callable[[http.Request], http.Answer],
    ) -> None:
        """Replace the answer to requests of one path."""
        self.server.answer = lambda request: (
            answer(request) if request.path == path else self.answer(request)
        )

    def drop_known(self, request: http.Request) -> http.Answer:
        """Answer only the requests on a connection of their own."""
        connections = [other.connection for other in self.server.requests]
        if connections.count(request.connection) > 1:
            return http.Answer(raw=[])
        return self.answer(request)

    def paths(self) -> list[str]:
        return [request.path for request in self.server.requests]


class TransportTest(ConnectionTest):
    def test_readings_share_one_connection(self):
        # Given an HTTPS service with a session,
        meter = self.connect()

        # when it is read 200 times,
        for _ in range(200):
            self.assertEqual(1, len(meter.read()))

        # then there was one TCP and one TLS handshake in all.
        connections = {request.connection for request in self.server.requests}
        self.assertEqual((1, 1), (len(connections), self.server.handshakes))

    def test_dripping_body_is_an_error_after_the_timeout(self):
        # Given a resource whose body arrives byte by byte, and never ends,
        done = threading.Event()
        self.addCleanup(done.set)

        def dripping() -> collections.abc.Iterator[bytes]:
            while not done.wait(0.05):
                yield b' '

        meter = self.connect(timeout=test_redfish.SHORT_TIMEOUT_S)
        self.replace(METRICS, lambda _: http.Answer(body=dripping()))

        # when it is read, then the timeout is that of the whole response.
        e = self.assertRaises(exception.DeviceUnreachable, meter.read)
        self.assertIn('not complete within 2 s', str(e))

    def test_large_body_is_rejected(self):
        # Given a resource of 400 MB,
        part = b' ' * 65536
        sent = []

        def huge() -> collections.abc.Iterator[bytes]:
            for _ in range(400 * 1024 * 1024 // len(part)):
                sent.append(len(part))
                yield part

        meter = self.connect()
        self.replace(METRICS, lambda _: http.Answer(body=huge()))

        # when it is read,
        e = self.assertRaises(exception.ProtocolError, meter.read)

        # then most of it is never transferred.
        self.assertIn('more than 1048576 bytes', str(e))
        self.assertLess(sum(sent), 50 * 1024 * 1024)

    def test_redirect_to_another_host_gets_no_token(self):
        # Given a resource that redirects to another host,
        other = self.useFixture(
            http.HTTPServer(
                lambda _: http.page({'PowerWatts': {'Reading': 999}}),
                self.certificate,
            )
        )
        meter = self.connect()
        self.replace(
            METRICS,
            lambda _: http.Answer(
                302, headers={'Location': f'{other.url}/steal'}
            ),
        )

        # when it is read, then the redirect is not followed.
        e = self.assertRaises(exception.ProtocolError, meter.read)
        self.assertIn('which is not followed', str(e))
        self.assertEqual([], other.requests)

    def test_links_to_another_host_get_no_token(self):
        # Given a chassis, or a page of chassis, of another host,
        other = self.useFixture(
            http.HTTPServer(lambda _: http.page({}), self.certificate)
        )
        for property_name, value in (
            ('Members', [{'@odata.id': f'{other.url}/chassis'}]),
            ('Members@odata.nextLink', f'{other.url}/page'),
        ):
            self.server.resources = {
                **test_redfish.BOTH_MODELS,
                f'{redfish.ROOT}/Chassis': {
                    **test_redfish.BOTH_MODELS[f'{redfish.ROOT}/Chassis'],
                    property_name: value,
                },
            }

            # then it is not fetched.
            self.assertRaises(exception.ProtocolError, self.connect)
            self.assertEqual([], other.requests)

    def test_proxies_of_the_environment_are_ignored(self):
        proxy = self.useFixture(http.HTTPServer(lambda _: http.page({})))
        for name in ('HTTP_PROXY', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY'):
            self.useFixture(fixtures.EnvironmentVariable(name, proxy.url))
        for name in ('no_proxy', 'NO_PROXY'):
            self.useFixture(fixtures.EnvironmentVariable(name))

        self.assertEqual(1, len(self.connect().read()))
        self.assertEqual([], proxy.requests)

    def test_silently_closed_idle_connections_lose_no_reading(self):
        # Given a service that closes each connection after its answer,
        # without a header that says so, and ends sessions early,
        self.server.answer = lambda request: self.answer(request)._replace(
            closes=True
        )
        meter = self.connect()

        # when it is read repeatedly, then there are always readings.
        for _ in range(10):
            self.assertEqual(1, len(meter.read()))
            self.server.sessions.clear()

    def test_connection_closed_during_a_request_loses_no_reading(self):
        # Given a service that closes an idle connection just as a request
        # arrives on it,
        meter = self.connect()
        self.replace(METRICS, self.drop_known)

        # then the request is sent on a new connection.
        self.assertEqual(1, len(meter.read()))

    def test_connection_closed_during_a_login_loses_no_reading(self):
        # Given a service that ended the session, and closes an idle
        # connection just as a login arrives on it,
        meter = self.connect()
        self.server.sessions.clear()
        self.replace(SESSIONS, self.drop_known)

        # then the login is sent on a new connection.
        self.assertEqual(1, len(meter.read()))
        self.assertEqual(2, self.server.logins)

    def test_connection_closed_during_a_logout_leaves_no_session(self):
        # Given a service that closes an idle connection just as a logout
        # arrives on it,
        meter = self.connect()
        (session,) = self.server.sessions
        self.replace(f'{SESSIONS}/{session}', self.drop_known)

        # when the driver is closed, then the logout is sent on a new one.
        meter.close()
        self.assertEqual(set(), self.server.sessions)


class LoginTest(ConnectionTest):
    def test_service_without_sessions_gets_basic_authentication(self):
        self.server.has_sessions = False
        meter = self.connect()

        self.assertEqual(1, len(meter.read()))
        self.assertEqual(0, self.server.logins)

    def test_service_without_a_link_to_sessions_gets_basic_authentication(
        self,
    ):
        root = dict(test_redfish.BOTH_MODELS[redfish.ROOT])
        del root['Links']
        self.server.resources = {
            **test_redfish.BOTH_MODELS,
            redfish.ROOT: root,
        }

        self.assertEqual(1, len(self.connect().read()))
        self.assertNotIn('POST', {r.method for r in self.server.requests})

    def test_basic_authentication_can_be_chosen(self):
        meter = self.connect(authentication='basic')

        self.assertEqual(1, len(meter.read()))
        self.assertEqual(0, self.server.logins)

    def test_missing_sessions_are_an_error_if_required(self):
        self.server.has_sessions = False

        e = self.assertRaises(
            exception.ProtocolError, self.connect, authentication='session'
        )

        self.assertIn('authentication = basic', str(e))

    def test_wrong_password_is_sent_once(self):
        # Controllers lock accounts after a few wrong passwords.
        self.assertRaises(
            exception.AuthenticationFailed, self.connect, password='wr0ng'
        )

        logins = [path for path in self.paths() if 'Sessions' in path]
        self.assertEqual(1, len(logins))
        self.assertFalse(
            any('Authorization' in r.headers for r in self.server.requests)
        )

    def test_rejected_basic_authentication_is_sent_once(self):
        self.server.has_sessions = False

        self.assertRaises(
            exception.AuthenticationFailed, self.connect, password='wr0ng'
        )

        self.assertEqual(
            1,
            sum('Authorization' in r.headers for r in self.server.requests),
        )

    def test_session_that_is_rejected_again_is_renewed_once(self):
        meter = self.connect()
        self.replace(METRICS, lambda _: http.Answer(401, b'{}'))

        self.assertRaises(exception.AuthenticationFailed, meter.read)

        self.assertEqual(2, self.server.logins)

    def test_session_with_an_internal_url_is_closed_on_this_host(self):
        # Given a controller behind NAT, which returns its internal address,
        other = self.useFixture(http.HTTPServer(lambda _: http.page({})))

        def log_in(request: http.Request) -> http.Answer:
            answer = self.answer(request)
            location = answer.headers['Location']
            return answer._replace(
                headers={**answer.headers, 'Location': other.url + location}
            )

        self.replace(SESSIONS, log_in)
        meter = self.connect()

        meter.close()

        self.assertEqual(set(), self.server.sessions)
        self.assertEqual([], other.requests)

    def test_failed_open_closes_the_session(self):
        # Given a service whose chassis have no power,
        self.server.resources = redfish.mockup(**{'1': {'': {}}})
        meter = test_redfish.drivers.make(
            test_redfish.driver.Redfish,
            'node',
            url=self.server.url,
            username='meter',
            password='s3cret',
            ca_file=self.authority.file,
        )
        self.assertRaises(exception.ProtocolError, meter.open)

        meter.close()

        self.assertEqual(
            (1, set()), (self.server.logins, self.server.sessions)
        )

    def test_without_a_user_there_is_no_login(self):
        e = self.assertRaises(
            exception.AuthenticationFailed, self.connect, username=''
        )

        self.assertIn('user (none)', str(e))
        self.assertEqual({'GET'}, {r.method for r in self.server.requests})

    def test_password_in_the_url_is_not_sent(self):
        url = self.server.url.replace('//', '//other:t0psecret@')

        self.open(url, ca_file=self.authority.file).read()

        self.assertFalse(
            any('Authorization' in r.headers for r in self.server.requests)
        )


class FailingResourceTest(ConnectionTest):
    def setUp(self):
        super().setUp()
        self.server.resources = test_redfish.SENSORS
        self.supplies = f'{redfish.ROOT}{test_redfish.SUPPLIES}'

    def read(self, meter: test_redfish.driver.Redfish) -> list[str]:
        return [reading.probe for reading in meter.read()]

    def test_failing_resource_costs_only_its_probe(self):
        meter = self.connect('a', 'b', source='power-supplies')
        for status in (500, 503, 403, 404, 400):
            self.server.statuses = {f'{self.supplies}/PSU1/Metrics': status}
            self.assertEqual(['b'], self.read(meter), status)
        self.server.statuses = {}

        self.assertEqual(['a', 'b'], self.read(meter))

    def test_hanging_resource_costs_only_its_probe(self):
        meter = self.connect(
            'a',
            'b',
            source='power-supplies',
            timeout=test_redfish.SHORT_TIMEOUT_S,
        )
        done = threading.Event()
        self.addCleanup(done.set)

        def hang(_request: http.Request) -> http.Answer:
            done.wait()
            return http.Answer(raw=[])

        self.replace(f'{self.supplies}/PSU1/Metrics', hang)

        self.assertEqual(['b'], self.read(meter))

    def test_resource_that_fails_at_first_keeps_its_channel(self):
        # Given a power supply that fails while the driver opens,
        for status in (404, 500):
            self.server.statuses = {f'{self.supplies}/PSU1': status}
            meter = self.connect('a', 'b', source='power-supplies')

            # then the other supply is not metered in its place.
            self.server.statuses = {}
            self.assertEqual(
                [('a', 91.0), ('b', 92.0)],
                [reading[:2] for reading in meter.read()],
            )

    def test_service_that_hangs_costs_two_timeouts(self):
        # Given four probes, of a service that does not answer any more,
        top = self.supplies
        resources = dict(test_redfish.SENSORS)
        for n in (3, 4):
            resources[f'{top}/PSU{n}'] = {
                'Metrics': {'@odata.id': f'{top}/PSU{n}/Metrics'}
            }
        resources[top] = redfish.collection(
            *(f'{top}/PSU{n}' for n in range(1, 5))
        )
        self.server.resources = resources
        meter = self.connect(
            *'abcd',
            source='power-supplies',
            timeout=test_redfish.SHORT_TIMEOUT_S,
        )
        done = threading.Event()
        self.addCleanup(done.set)
        before = len(self.server.requests)

        def hang(_request: http.Request) -> http.Answer:
            done.wait()
            return http.Answer(raw=[])

        self.server.answer = hang

        # when it is read,
        self.assertRaises(exception.DeviceUnreachable, meter.read)

        # then requests end after the second.
        self.assertEqual(2, len(self.server.requests) - before)

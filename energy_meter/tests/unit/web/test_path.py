# SPDX-License-Identifier: Apache-2.0

"""The path: slashes that separate and slashes that belong to a probe."""

import re
import urllib.parse

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.web import path


def as_uwsgi(uri, script=''):
    """Give what uWSGI, Apache and wsgiref say of a request line."""
    decoded = urllib.parse.unquote(uri.partition('?')[0], 'latin-1')
    return {
        'REQUEST_URI': uri,
        'SCRIPT_NAME': script,
        'PATH_INFO': decoded.removeprefix(script),
    }


def as_cheroot(uri):
    """Give what cheroot says: it leaves encoded slashes."""
    parts = re.split('(?i)%2f', uri.partition('?')[0])
    return {
        'REQUEST_URI': uri,
        'SCRIPT_NAME': '',
        'PATH_INFO': '%2F'.join(
            urllib.parse.unquote(part, 'latin-1') for part in parts
        ),
    }


class SplitTest(base.BaseTestCase):
    def test_the_root_has_no_segments(self):
        for uri in ('/', '', '//', '/?x'):
            self.assertEqual((), path.split(as_uwsgi(uri)))

    def test_a_trailing_slash_makes_no_difference(self):
        for uri in ('/v1/probes', '/v1/probes/', '/v1/probes/?x=/y'):
            self.assertEqual(('v1', 'probes'), path.split(as_uwsgi(uri)))

    def test_an_empty_segment_stays(self):
        self.assertEqual(
            ('', 'v1', '', 'probes'), path.split(as_uwsgi('//v1//probes'))
        )

    @hypothesis.given(
        strategies.lists(strategies.text(min_size=1), min_size=1)
    )
    def test_whatever_a_client_quotes_arrives(self, segments):
        uri = ''.join(
            '/' + urllib.parse.quote(segment, safe='') for segment in segments
        )

        for environ in (
            as_uwsgi(uri),
            as_cheroot(uri),
            as_uwsgi('/energy' + uri, '/energy'),
        ):
            self.assertEqual(tuple(segments), path.split(environ))

    def test_a_quoted_quotation_is_not_unquoted_twice(self):
        for make in (as_uwsgi, as_cheroot):
            self.assertEqual(('a%2Fb',), path.split(make('/a%252Fb')))

    def test_a_server_that_gives_no_request_line(self):
        self.assertEqual(
            ('v1', 'probes', 'höst'),
            path.split(
                {
                    'SCRIPT_NAME': '',
                    'PATH_INFO': '/v1/probes/höst'.encode().decode('latin-1'),
                }
            ),
        )

    def test_a_proxy_that_maps_paths_is_believed(self):
        environ = as_uwsgi('/v1/probes') | {'REQUEST_URI': '/metering/v1/x'}

        self.assertEqual(('v1', 'probes'), path.split(environ))

    def test_bytes_that_are_no_text_do_no_harm(self):
        self.assertEqual(('\ufffd',), path.split(as_uwsgi('/%ff')))


class PathTest(base.BaseTestCase):
    def test_applications_find_segments_and_parameters(self):
        seen = {}
        environ = as_uwsgi('/a%2Fb/') | {
            'QUERY_STRING': 'x=1%202&y=&x=3&z&%ff=%ff&;='
        }

        path.Path(lambda given, _start: seen.update(given))(environ, None)

        self.assertEqual(('a/b',), seen[path.SEGMENTS])
        self.assertEqual(
            {'x': '3', 'y': '', 'z': '', '\ufffd': '\ufffd', ';': ''},
            seen[path.PARAMETERS],
        )

    def test_there_may_be_no_parameters(self):
        seen = {}

        path.Path(lambda given, _start: seen.update(given))(
            as_uwsgi('/'), None
        )

        self.assertEqual({}, seen[path.PARAMETERS])

    def test_the_slash_after_the_root_belongs_to_the_path(self):
        seen = {}

        path.Path(lambda given, _start: seen.update(given))(
            as_uwsgi('/energy/', '/energy/'), None
        )

        self.assertEqual(
            ('/energy', '/', ()),
            (seen['SCRIPT_NAME'], seen['PATH_INFO'], seen[path.SEGMENTS]),
        )

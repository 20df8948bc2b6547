# SPDX-License-Identifier: Apache-2.0

"""Tests for splitting paths, with slashes in segments."""

import re
import urllib.parse

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.web import path


def as_uwsgi(uri, script=''):
    """Return the environment of uWSGI, Apache and wsgiref for a URI."""
    decoded = urllib.parse.unquote(uri.partition('?')[0], 'latin-1')
    return {
        'REQUEST_URI': uri,
        'SCRIPT_NAME': script,
        'PATH_INFO': decoded.removeprefix(script),
    }


def as_cheroot(uri):
    """Return the environment of cheroot, with encoded slashes."""
    parts = re.split('(?i)%2f', uri.partition('?')[0])
    return {
        'REQUEST_URI': uri,
        'SCRIPT_NAME': '',
        'PATH_INFO': '%2F'.join(
            urllib.parse.unquote(part, 'latin-1') for part in parts
        ),
    }


class SplitTest(base.BaseTestCase):
    def test_root_has_no_segments(self):
        for uri in ('/', '', '//', '/?x'):
            self.assertEqual((), path.split(as_uwsgi(uri)))

    def test_trailing_slash_is_ignored(self):
        for uri in ('/v1/probes', '/v1/probes/', '/v1/probes/?x=/y'):
            self.assertEqual(('v1', 'probes'), path.split(as_uwsgi(uri)))

    def test_empty_segment_is_kept(self):
        self.assertEqual(
            ('', 'v1', '', 'probes'), path.split(as_uwsgi('//v1//probes'))
        )

    @hypothesis.given(
        strategies.lists(strategies.text(min_size=1), min_size=1)
    )
    def test_encoded_segments_are_decoded(self, segments):
        uri = ''.join(
            '/' + urllib.parse.quote(segment, safe='') for segment in segments
        )

        for environ in (
            as_uwsgi(uri),
            as_cheroot(uri),
            as_uwsgi('/energy' + uri, '/energy'),
        ):
            self.assertEqual(tuple(segments), path.split(environ))

    def test_encoded_percent_sign_is_decoded_once(self):
        for make in (as_uwsgi, as_cheroot):
            self.assertEqual(('a%2Fb',), path.split(make('/a%252Fb')))

    def test_missing_request_line_falls_back_to_path_info(self):
        self.assertEqual(
            ('v1', 'probes', 'höst'),
            path.split(
                {
                    'SCRIPT_NAME': '',
                    'PATH_INFO': '/v1/probes/höst'.encode().decode('latin-1'),
                }
            ),
        )

    def test_path_info_of_mapped_path_takes_precedence(self):
        environ = as_uwsgi('/v1/probes') | {'REQUEST_URI': '/metering/v1/x'}

        self.assertEqual(('v1', 'probes'), path.split(environ))

    def test_invalid_utf8_is_replaced(self):
        self.assertEqual(('\ufffd',), path.split(as_uwsgi('/%ff')))


class PathTest(base.BaseTestCase):
    def test_segments_and_parameters_are_in_environment(self):
        seen = {}
        environ = as_uwsgi('/a%2Fb/') | {
            'QUERY_STRING': 'x=1%202&y=&x=3&z&%ff=%ff&;='
        }

        path.Path(lambda inner, _start: seen.update(inner))(environ, None)

        self.assertEqual(('a/b',), seen[path.SEGMENTS])
        self.assertEqual(
            {'x': '3', 'y': '', 'z': '', '\ufffd': '\ufffd', ';': ''},
            seen[path.PARAMETERS],
        )

    def test_missing_query_string_means_no_parameters(self):
        seen = {}

        path.Path(lambda inner, _start: seen.update(inner))(
            as_uwsgi('/'), None
        )

        self.assertEqual({}, seen[path.PARAMETERS])

    def test_slash_after_script_name_belongs_to_path(self):
        seen = {}

        path.Path(lambda inner, _start: seen.update(inner))(
            as_uwsgi('/energy/', '/energy/'), None
        )

        self.assertEqual(
            ('/energy', '/', ()),
            (seen['SCRIPT_NAME'], seen['PATH_INFO'], seen[path.SEGMENTS]),
        )

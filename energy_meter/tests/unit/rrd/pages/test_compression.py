# SPDX-License-Identifier: Apache-2.0

"""Tests of compressed responses."""

import webob

from energy_meter.tests.unit.rrd.pages import base

PAGE = '/last/hour/'


class CompressionTest(base.PagesTestCase):
    def setUp(self):
        super().setUp()
        self.archive.add('a')

    def browse(self, url, accepted='gzip, deflate, br', **headers):
        """Return a response as it is sent. WebTest would decompress it."""
        request = webob.Request.blank(
            url, headers={'Accept-Encoding': accepted, **headers}
        )
        request.environ['REQUEST_URI'] = url
        return request.get_response(self.pages.app)

    def encoding(self, url, accepted='gzip, deflate, br'):
        return self.browse(url, accepted).content_encoding

    def test_page_is_compressed_for_browsers(self):
        plain = self.get(PAGE)

        response = self.browse(PAGE)

        self.assertEqual('gzip', response.content_encoding)
        self.assertEqual(len(response.body), response.content_length)
        self.assertLess(response.content_length, len(plain.body) / 2)
        response.decode_content()
        self.assertEqual(plain.body, response.body)

    def test_style_sheet_is_compressed(self):
        self.assertEqual('gzip', self.encoding('/static/pages.css'))

    def test_page_is_not_compressed_for_other_clients(self):
        self.assertNotIn('Content-Encoding', self.get(PAGE).headers)
        for accepted in ('br', 'identity', 'gzip;q=0'):
            self.assertIsNone(self.encoding(PAGE, accepted), accepted)

    def test_image_and_short_responses_are_not_compressed(self):
        for url in ('/graph/hour/?format=png', '/data/hour/a/?format=csv'):
            self.assertIsNone(self.encoding(url), url)

    def test_caches_keep_both_encodings(self):
        for url in (PAGE, '/graph/hour/', '/static/pages.css'):
            self.assertIn('Accept-Encoding', self.get(url).vary)

    def test_tag_is_valid_for_both_encodings(self):
        # Data, because links of pages contain the host.
        url = '/data/hour/'
        tag = self.get(url).headers['ETag']

        response = self.browse(url, **{'If-None-Match': tag})

        self.assertTrue(tag.startswith('W/'), tag)
        self.assertEqual(304, response.status_code)
        self.assertIn('Accept-Encoding', response.vary)
        self.assertEqual(b'', response.body)

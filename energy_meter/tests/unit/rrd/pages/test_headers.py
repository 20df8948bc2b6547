# SPDX-License-Identifier: Apache-2.0

"""Tests of the security headers and of caching."""

from energy_meter.tests.unit.rrd.pages import base


class HeadersTest(base.PagesTestCase):
    def setUp(self):
        super().setUp()
        self.archive.add('a')

    def policy(self, url, status=200):
        headers = self.get(url, status).headers
        self.assertEqual('nosniff', headers['X-Content-Type-Options'])
        return headers['Content-Security-Policy']

    def test_policy_of_pages_allows_only_same_origin(self):
        for url, status in (
            ('/last/hour/', 200),
            ('/probe/a/', 200),
            ('/nothing', 404),
            ('/data/hour/', 200),
        ):
            policy = self.policy(url, status)

            self.assertIn("default-src 'none'", policy)
            self.assertIn("script-src 'self'", policy)
            self.assertNotIn('unsafe', policy)

    def test_pages_have_no_inline_code(self):
        for url in ('/last/hour/', '/probe/a/'):
            page = base.Outline(self.get(url).text)

            for tag, attributes in page.elements:
                self.assertNotEqual('style', tag)
                self.assertNotIn('style', attributes)
                self.assertEqual(
                    tag == 'script'
                    or (tag == 'img' and 'data-graph' not in attributes),
                    'src' in attributes,
                )
                self.assertFalse(
                    [name for name in attributes if name.startswith('on')]
                )

    def test_policy_of_images_forbids_scripts(self):
        policy = self.policy('/graph/hour/a/?format=svg')

        self.assertIn("default-src 'none'", policy)
        self.assertNotIn('script-src', policy)


class FilesTest(base.PagesTestCase):
    def test_static_files_are_immutable(self):
        page = base.Outline(self.get('/last/hour/').text)
        files = {
            link
            for link in page.values('href') + page.values('src')
            if link.startswith('/static/')
        }

        content_types = {}
        for file in files:
            response = self.get(file)
            self.assertIn('immutable', response.headers['Cache-Control'])
            content_types[file.partition('?')[0]] = response.content_type

        self.assertEqual(
            {
                '/static/pages.css': 'text/css',
                '/static/icon.svg': 'image/svg+xml',
                '/static/theme.js': 'text/javascript',
                '/static/probes.js': 'text/javascript',
                '/static/live.js': 'text/javascript',
                '/static/cursor.js': 'text/javascript',
            },
            content_types,
        )

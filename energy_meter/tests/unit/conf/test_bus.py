# SPDX-License-Identifier: Apache-2.0

"""Lists of URLs, in which a comma separates URLs or hosts of a cluster."""

from oslotest import base

from energy_meter.conf import bus


class URLsTest(base.BaseTestCase):
    def test_commas_separate_urls_but_not_hosts_of_a_cluster(self):
        self.assertEqual(
            ['rabbit://u:p@a:1,u:p@b:2/v', 'rabbit://c/', 'kafka+x://d'],
            bus.URLs()(
                'rabbit://u:p@a:1,u:p@b:2/v , rabbit://c/,\nkafka+x://d'
            ),
        )

    def test_blank_text_is_an_empty_list(self):
        self.assertEqual([], bus.URLs()(' '))

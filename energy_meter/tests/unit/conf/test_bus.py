# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Lists of URLs, in which commas part two things."""

from oslotest import base

from energy_meter.conf import bus


class URLsTest(base.BaseTestCase):
    def test_commas_part_urls_but_not_hosts_of_a_cluster(self):
        self.assertEqual(
            ['rabbit://u:p@a:1,u:p@b:2/v', 'rabbit://c/', 'kafka+x://d'],
            bus.URLs()(
                'rabbit://u:p@a:1,u:p@b:2/v , rabbit://c/,\nkafka+x://d'
            ),
        )

    def test_nothing_is_no_url(self):
        self.assertEqual([], bus.URLs()(' '))

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

"""What shellcheck says of the walk through the documentation."""

import sys

from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import stack


class WalkTest(test_base.BaseTestCase):
    def test_shellcheck_has_no_complaints(self):
        walk = base.run(
            [
                sys.executable,
                stack.CHECKOUT / 'tools/walk.py',
                stack.CHECKOUT / 'doc/source/install/walk.rst',
            ]
        )
        script = self.create_tempfiles([('walk', walk)], ext='.sh')[0]

        base.run(['shellcheck', script])

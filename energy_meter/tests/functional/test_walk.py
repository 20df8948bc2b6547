# SPDX-License-Identifier: Apache-2.0

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

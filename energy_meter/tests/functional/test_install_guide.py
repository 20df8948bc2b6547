# SPDX-License-Identifier: Apache-2.0

"""The script of the installation guide passes shellcheck."""

import sys

from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import stack


class InstallGuideTest(test_base.BaseTestCase):
    def test_script_passes_shellcheck(self):
        text = base.run(
            [
                sys.executable,
                stack.CHECKOUT / 'tools/install_guide.py',
                stack.CHECKOUT / 'doc/source/install/guide.rst',
            ]
        )
        script = self.create_tempfiles([('install-guide', text)], ext='.sh')[0]

        base.run(['shellcheck', script])

# SPDX-License-Identifier: Apache-2.0

"""The documentation builds without warnings or broken references."""

import pathlib
import sys

import fixtures
from oslotest import base as test_base

import energy_meter
from energy_meter.tests.functional.services import base

CHECKOUT = pathlib.Path(energy_meter.__file__).parents[1]


class DocumentationTest(test_base.BaseTestCase):
    def build(self, source: str) -> pathlib.Path:
        """Build one tree of pages and fail on any warning."""
        base.require('dot')
        target = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        base.run(
            [
                sys.executable,
                '-m',
                'sphinx',
                '-W',
                '--keep-going',
                '-q',
                '-b',
                'html',
                CHECKOUT / source / 'source',
                target,
            ],
            timeout=300,
        )
        return target

    def test_documentation(self):
        pages = self.build('doc')

        self.assertTrue((pages / 'index.html').exists())

    def test_reference_of_the_api(self):
        self.build('api-ref')

    def test_release_notes(self):
        self.build('releasenotes')

# SPDX-License-Identifier: Apache-2.0

"""Tests of the counters of services that read a bus."""

import ast
import pathlib

from oslotest import base

import energy_meter
from energy_meter.bus import metrics

PACKAGE = pathlib.Path(energy_meter.__file__).parent

#: Callables that take the reason of a rejection.
_CALLABLES = {'RejectedMessage', 'Names', '_rejected'}


def reasons(tree):
    """Return the reasons that a module passes when it rejects a message."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, 'attr', getattr(node.func, 'id', None))
        if name not in _CALLABLES:
            continue
        values = [
            keyword.value
            for keyword in node.keywords
            if keyword.arg == 'reason'
        ]
        for value in values or node.args[:1]:
            if isinstance(value, ast.Constant):
                yield value.value


class RejectionReasonsTest(base.BaseTestCase):
    def test_list_contains_exactly_the_reasons_in_the_code(self):
        raised = {
            reason
            for path in PACKAGE.rglob('*.py')
            if 'tests' not in path.relative_to(PACKAGE).parts
            for reason in reasons(ast.parse(path.read_text('utf-8')))
        }

        self.assertEqual(set(metrics.REJECTION_REASONS), raised)

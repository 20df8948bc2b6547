# SPDX-License-Identifier: Apache-2.0

"""Many open files, as in an agent with many wattmeters."""

import contextlib
import os
import resource
import unittest

from energy_meter.tests.functional.services import base

#: Number of files to open. ``select.select`` rejects descriptors above 1,023.
COUNT = 1100


class Descriptors(base.Service):
    """Open files, so that every new descriptor is above 1,023."""

    def _setUp(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 2 * COUNT:
            raise unittest.SkipTest(
                f'the limit of open files is {hard}, expected {2 * COUNT}'
            )
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (max(soft, 2 * COUNT), hard)
        )
        self.addCleanup(
            resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard)
        )
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        for _ in range(COUNT):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))

# SPDX-License-Identifier: Apache-2.0

"""Selects threads instead of eventlet. Import before any OpenStack library.

oslo.service loads eventlet unless its threading backend is selected first, and
several libraries import eventlet wherever it is installed.
"""

import collections.abc
import importlib.abc
import sys

from oslo_service import backend


class _NoEventlet(importlib.abc.MetaPathFinder):
    """Import hook that makes eventlet appear not to be installed."""

    def find_spec(
        self,
        fullname: str,
        path: collections.abc.Sequence[str] | None,
        target: object = None,
    ) -> None:
        if fullname == 'eventlet':
            raise ModuleNotFoundError(
                'eventlet is disabled in energy_meter', name=fullname
            )


sys.meta_path.insert(0, _NoEventlet())
backend.init_backend(backend.BackendType.THREADING)

# SPDX-License-Identifier: Apache-2.0

"""Threads instead of eventlet; import this before anything of OpenStack's.

oslo.service loads eventlet unless its threading backend is chosen first, and
several libraries import it wherever it happens to be installed.
"""

import collections.abc
import importlib.abc
import sys

from oslo_service import backend


class _NoEventlet(importlib.abc.MetaPathFinder):
    """Makes eventlet look as if it weren't installed."""

    def find_spec(
        self,
        fullname: str,
        path: collections.abc.Sequence[str] | None,
        target: object = None,
    ) -> None:
        if fullname == 'eventlet':
            raise ModuleNotFoundError(
                'eventlet is not used here', name=fullname
            )


sys.meta_path.insert(0, _NoEventlet())
backend.init_backend(backend.BackendType.THREADING)

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

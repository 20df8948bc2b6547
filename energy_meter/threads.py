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

Three libraries would bring eventlet in by themselves: oslo.service unless its
threading backend is chosen first, and futurist and oslo.utils, which import it
wherever it is installed.
"""

import sys

sys.modules['eventlet'] = None  # type: ignore[assignment]
import futurist  # noqa: E402, F401
from oslo_service import backend  # noqa: E402
from oslo_utils import eventletutils  # noqa: E402, F401

del sys.modules['eventlet']
backend.init_backend(backend.BackendType.THREADING)

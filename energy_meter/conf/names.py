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

"""Names that travel in messages."""

from oslo_config import types


class Name(types.String):
    """Reads a name that every reader of the bus accepts."""

    def __init__(self) -> None:
        super().__init__(max_length=190, type_name='name')

    def __call__(self, value: object) -> str:
        text: str = super().__call__(value)
        if not text.isprintable():
            raise ValueError(f'{text!r} has characters that are not printable')
        return text

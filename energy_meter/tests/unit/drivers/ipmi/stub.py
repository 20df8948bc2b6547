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

"""A session without a BMC behind it."""

from energy_meter.drivers.ipmi import session as ipmi_session

INVALID_COMMAND = 0xC1


class StubSession:
    """Answers the requests that it is given answers for.

    An answer is the data, or the completion code of a refusal. All other
    commands are invalid.
    """

    device = 'BMC bmc port 623'

    def __init__(self) -> None:
        self.answers: dict[tuple[int, int, bytes], bytes | int] = {}

    def open(self) -> None:
        """Log in."""

    def close(self) -> None:
        """Log out."""

    def request(
        self, netfn: int, command: int, data: bytes = b'', lun: int = 0
    ) -> bytes:
        answer = self.answers.get((netfn, command, data), INVALID_COMMAND)
        if isinstance(answer, int):
            raise ipmi_session.CommandRefused(
                device=self.device, code=answer, reason=f'{answer:#04x}'
            )
        return answer

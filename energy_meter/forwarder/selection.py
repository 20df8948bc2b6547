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

"""What is forwarded, and in which envelope."""

import collections.abc
import fnmatch
import re

from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope


class Selection:
    """Verifies envelopes and keeps those that are wanted.

    :param keyring: verifies, and signs anew; without one nothing is
        verified, and everything is wanted.
    :param wattmeters: patterns of those that are wanted.
    :param probes: patterns of those that are wanted.
    :param resign: sign wanted probes anew, instead of keeping whole
        envelopes that have any.
    """

    def __init__(self, keyring: signing.Keyring | None,
                 wattmeters: collections.abc.Iterable[str],
                 probes: collections.abc.Iterable[str], resign: bool) -> None:
        self._keyring = keyring
        self._wattmeters = _compile(wattmeters)
        self._probes = _compile(probes)
        self._resign = resign

    def select(self, item: object) -> dict[str, object] | None:
        """Give the envelope to send on; None if nothing in it is wanted.

        :raises RejectedMessage: when it is not to be believed.
        """
        if self._keyring is None:
            return envelope.check(item)
        words = [word for word in envelope.unseal(self._keyring, item)
                 if self._wants(word.probe)]
        if not words:
            return None
        if self._resign:
            return envelope.seal(self._keyring, words)
        return envelope.check(item)

    def _wants(self, probe: measurement.Probe) -> bool:
        return (self._wattmeters.match(probe.wattmeter) is not None
                and self._probes.match(probe.id) is not None)


def _compile(patterns: collections.abc.Iterable[str]) -> re.Pattern[str]:
    return re.compile('|'.join(map(fnmatch.translate, patterns)))

# SPDX-License-Identifier: Apache-2.0

"""What is forwarded, and in which envelope."""

import collections.abc

from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import patterns
from energy_meter.bus import trust as bus_trust


class Selection:
    """Verifies envelopes and keeps those that are wanted.

    :param trust: verifies; without it nothing is verified, and everything is
        wanted.
    :param signer: signs wanted probes anew; without one whole envelopes pass
        that have any.
    :param wattmeters: patterns of those that are wanted.
    :param probes: patterns of those that are wanted.
    """

    def __init__(
        self,
        trust: bus_trust.Trust | None,
        signer: signing.Keyring | None,
        wattmeters: collections.abc.Iterable[str],
        probes: collections.abc.Iterable[str],
    ) -> None:
        self._trust = trust
        self._signer = signer
        self._wattmeters = patterns.compile(wattmeters)
        self._probes = patterns.compile(probes)

    def select(
        self, item: object, refuse: bus_trust.Refuse
    ) -> dict[str, object] | None:
        """Give the envelope to send on; None if nothing in it is wanted.

        :param refuse: told of what in it is not to be believed. Of an
            envelope that passes as it is, the next reader leaves it out.
        :raises RejectedMessage: when nothing in it is to be believed.
        """
        if self._trust is None:
            return envelope.check(item)
        words = [
            word
            for word in self._trust.open(item, refuse)
            if self._wants(word.probe)
        ]
        if not words:
            return None
        if self._signer is not None:
            return envelope.seal(self._signer, words)
        return envelope.check(item)

    def _wants(self, probe: measurement.Probe) -> bool:
        return (
            self._wattmeters.match(probe.wattmeter) is not None
            and self._probes.match(probe.id) is not None
        )

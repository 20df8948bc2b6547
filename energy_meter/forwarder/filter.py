# SPDX-License-Identifier: Apache-2.0

"""Filter that selects the envelopes to forward."""

import collections.abc

from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import authorization
from energy_meter.bus import envelope
from energy_meter.bus import patterns
from energy_meter.bus import principal
from energy_meter.bus import turns


class EnvelopeFilter:
    """Verifies envelopes and selects those with wattmeters and probes to keep.

    :param verifier: verifies envelopes. If None, every envelope with a valid
        header passes.
    :param signer: re-signs the selected probes. If None, an envelope passes
        unchanged if any of its probes is selected.
    :param wattmeters: patterns of the wattmeters to forward.
    :param probes: patterns of the probes to forward.
    """

    def __init__(
        self,
        verifier: authorization.Verifier | None,
        signer: signing.Keyring | None,
        wattmeters: collections.abc.Iterable[str],
        probes: collections.abc.Iterable[str],
    ) -> None:
        self._verifier = verifier
        self._signer = signer
        self._wattmeters = patterns.compile(wattmeters)
        self._probes = patterns.compile(probes)

    def apply(
        self, received: object, on_reject: principal.OnReject
    ) -> envelope.Envelope | None:
        """Return the envelope to forward; None if no probe is selected.

        :param on_reject: called when some of its probes are not authorized.
            They stay in an envelope that passes unchanged; its next reader
            drops them.
        :raises RejectedMessage: if the envelope as a whole is rejected.
        """
        header = envelope.validate_header(received)
        if self._verifier is None:
            return header
        selected = [
            register
            for register in self._verifier.verify(header, on_reject)
            if self._matches(register.probe)
        ]
        if not selected:
            return None
        if self._signer is not None:
            return envelope.re_sign(self._signer, header, selected)
        return header

    def sender(self, received: object) -> turns.Sender:
        """Return who sent an envelope, if envelopes are verified."""
        if self._verifier is None:
            return turns.UNVERIFIED
        return self._verifier.sender(received)

    def _matches(self, probe: measurement.Probe) -> bool:
        return (
            self._wattmeters.match(probe.wattmeter) is not None
            and self._probes.match(probe.id) is not None
        )

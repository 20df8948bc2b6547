# SPDX-License-Identifier: Apache-2.0

"""Eaton G3 ePDU, over the command line on its serial port.

The ePDU echoes a command ``get PDU.OutletSystem.Outlet[x].ActivePower``. After
a BEL character it sends the values of all outlets, separated by ``|``, and
then the prompt. Sources: public programs that use this command line. None
states the unit, so the scale is an option.
"""

import collections.abc
import logging
import math
import re
import time
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import serial
from energy_meter.drivers.common import units

LOG = logging.getLogger(__name__)

BAUDRATE = 9600

LOGIN = re.compile(rb'(?i)login *: *\Z')
PASSWORD = re.compile(rb'(?i)password *: *\Z')

#: Placeholders of an unavailable value.
UNAVAILABLE = ('', '-', 'N/A')


class EatonSerial(base.Driver):
    """Reads the power of the outlets, or the inlet, of one ePDU.

    :cvar timeout_s: maximum time to wait for a response, in seconds. 48
        outlets take half a second.
    """

    opts = (
        serial.PORT,
        cfg.StrOpt('username', default='admin', help='User name.'),
        cfg.StrOpt(
            'password', default='', secret=True, help='Password of the user.'
        ),
        cfg.StrOpt(
            'prompt',
            default='pdu#0>',
            help='Prompt of the command line.',
        ),
        cfg.StrOpt(
            'object',
            default='PDU.OutletSystem.Outlet[x].ActivePower',
            help='Object to read. PDU.Input[1].ActivePower is the inlet.',
        ),
        cfg.FloatOpt(
            'scale',
            default=1.0,
            help='Watts per unit of the values. To verify it, compare the '
            'readings with a known load.',
        ),
    )
    scope = 'outlet'

    timeout_s: typing.ClassVar[float] = 5.0

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._port = serial.Port(options.port, BAUDRATE)
        self._probe_reader = base.ProbeReader(LOG)
        self._prompt = re.compile(
            re.escape(options.prompt.encode()) + rb' *\Z'
        )

    def open(self) -> None:
        self._port.open()
        self._reach_prompt()

    def close(self) -> None:
        self._port.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        # The ePDU logs out an idle user.
        self._reach_prompt()
        values = self._get(self.options.object)
        if len(values) < len(self.probes):
            raise self._error(
                f'{len(values)} values, but probes has '
                f'places for {len(self.probes)}'
            )
        return self._probe_reader.read(
            per_probe.assign('outlets', values, self.probes), self._reading
        )

    def _reach_prompt(self) -> None:
        """Log in, unless the user is still logged in."""
        options = self.options
        credentials = {LOGIN: options.username, PASSWORD: options.password}
        self._port.discard_input()
        prompt, _ = self._exchange('')
        while prompt is not self._prompt:
            if prompt not in credentials:
                raise exception.AuthenticationFailed(
                    device=options.port, user=options.username
                )
            prompt, _ = self._exchange(credentials.pop(prompt))

    def _get(self, name: str) -> list[str]:
        _, response = self._exchange(f'get {name}')
        text = self._prompt.sub(b'', response).decode('ascii', 'replace')
        _, echo, values = text.partition(name)
        if not echo:
            raise self._error(f'the command is not in {text[:80]!r}')
        return ''.join(filter(str.isprintable, values)).split('|')

    def _reading(self, probe: str, value: str) -> measurement.Reading | None:
        if value.strip() in UNAVAILABLE:
            return None
        try:
            watts = units.parse(value) * self.options.scale
        except ValueError:
            raise self._error(f'{value[:80]!r} is not a number')
        if not 0 <= watts < math.inf:
            return None
        return measurement.Reading(probe, watts)

    def _exchange(self, line: str) -> tuple[re.Pattern[bytes], bytes]:
        """Send a line and wait for the next prompt.

        :returns: the prompt (of the command line, :data:`LOGIN` or
            :data:`PASSWORD`), and all bytes received.
        """
        self._port.write(line.encode() + b'\r')
        deadline = time.monotonic() + self.timeout_s
        response = b''
        while time.monotonic() < deadline:
            response += self._port.read()
            if len(response) > bounds.MAX_EATON_BYTES:
                raise self._error(
                    f'more than {bounds.MAX_EATON_BYTES} bytes without a '
                    'prompt'
                )
            for prompt in (self._prompt, LOGIN, PASSWORD):
                if prompt.search(response):
                    return prompt, response
        # Do not show the response: it may contain the echo of a password.
        raise exception.DeviceUnreachable(
            device=self.options.port,
            reason=f'neither a login nor the prompt {self.options.prompt} '
            f'came in {self.timeout_s:g} s',
        )

    def _error(self, reason: str) -> exception.ProtocolError:
        return exception.ProtocolError(
            device=self.options.port, reason=f'{self.options.object}: {reason}'
        )

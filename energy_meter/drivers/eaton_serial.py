# SPDX-License-Identifier: Apache-2.0

"""Eaton G3 ePDU, through the command line on its serial port.

A command ``get PDU.OutletSystem.Outlet[x].ActivePower`` is echoed; the values
of all outlets follow after a BEL character, with ``|`` between them, and then
the prompt. Sources: public programs that use this command line; none says
what the unit is, so the scale is an option.
"""

import collections.abc
import math
import re
import time
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import _serial
from energy_meter.drivers import base

BAUDRATE = 9600

LOGIN = re.compile(rb'(?i)login *: *\Z')
PASSWORD = re.compile(rb'(?i)password *: *\Z')

#: What stands in place of a value that there isn't.
UNAVAILABLE = ('', '-', 'N/A')


class EatonSerial(base.PolledDriver):
    """Reads the power of the outlets, or the inlet, of one ePDU.

    :cvar timeout: longest wait for an answer, in seconds; 48 outlets take
        half a second.
    """

    opts = (
        _serial.PORT,
        cfg.StrOpt('username', default='admin', help='User that logs in.'),
        cfg.StrOpt(
            'password', default='', secret=True, help='Password of that user.'
        ),
        cfg.StrOpt(
            'prompt',
            default='pdu#0>',
            help='What the command line shows when it waits for a command.',
        ),
        cfg.StrOpt(
            'object',
            default='PDU.OutletSystem.Outlet[x].ActivePower',
            help='What to ask for. PDU.Input[1].ActivePower is the inlet.',
        ),
        cfg.FloatOpt(
            'scale',
            default=1.0,
            help='Watts of one unit of the values. Compare a known '
            'load with what energy_meter shows.',
        ),
    )
    scope = 'outlet'

    timeout: typing.ClassVar = 5.0

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._port = _serial.Port(options.port, BAUDRATE)
        self._prompt = re.compile(
            re.escape(options.prompt.encode()) + rb' *\Z'
        )

    def open(self) -> None:
        self._port.open()
        self._reach_prompt()

    def close(self) -> None:
        self._port.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        # An idle user is logged out.
        self._reach_prompt()
        values = self._get(self.options.object)
        if len(values) < len(self.probes):
            raise self._nonsense(
                f'{len(values)} values, but probes has '
                f'places for {len(self.probes)}'
            )
        for probe, value in zip(self.probes, values, strict=False):
            watts = self._watts(value)
            if probe is not None and watts is not None:
                yield measurement.Reading(probe, watts)

    def _reach_prompt(self) -> None:
        """Log in, unless that was done before."""
        options = self.options
        answers = {LOGIN: options.username, PASSWORD: options.password}
        self._port.discard_input()
        asked, _ = self._exchange('')
        while asked is not self._prompt:
            if asked not in answers:
                raise exception.AuthenticationFailed(
                    device=options.port, user=options.username
                )
            asked, _ = self._exchange(answers.pop(asked))

    def _get(self, name: str) -> list[str]:
        _, heard = self._exchange(f'get {name}')
        text = self._prompt.sub(b'', heard).decode('ascii', 'replace')
        _, echo, shown = text.partition(name)
        if not echo:
            raise self._nonsense(f'the command is not in {text[:80]!r}')
        return ''.join(filter(str.isprintable, shown)).split('|')

    def _watts(self, value: str) -> float | None:
        if value.strip() in UNAVAILABLE:
            return None
        try:
            watts = float(value) * self.options.scale
        except ValueError:
            raise self._nonsense(f'{value[:80]!r} is not a number')
        return watts if 0 <= watts < math.inf else None

    def _exchange(self, line: str) -> tuple[re.Pattern[bytes], bytes]:
        """Say something and wait for what is asked next.

        :returns: what is asked, the prompt, :data:`LOGIN` or
            :data:`PASSWORD`, and all that was heard.
        """
        self._port.write(line.encode() + b'\r')
        deadline = time.monotonic() + self.timeout
        heard = b''
        while time.monotonic() < deadline:
            heard += self._port.read()
            for question in (self._prompt, LOGIN, PASSWORD):
                if question.search(heard):
                    return question, heard
        # What was heard may hold the echo of a password.
        raise exception.DeviceUnreachable(
            device=self.options.port,
            reason=f'neither a login nor the prompt {self.options.prompt} '
            f'came in {self.timeout:g} s',
        )

    def _nonsense(self, reason: str) -> exception.ProtocolError:
        return exception.ProtocolError(
            device=self.options.port, reason=f'{self.options.object}: {reason}'
        )

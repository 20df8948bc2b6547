# SPDX-License-Identifier: Apache-2.0

"""Layout of RRD files: their resolutions and round-robin archives (RRAs)."""

import collections.abc
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.conf import rrd as rrd_conf
from energy_meter.rrd.files import librrd

_DAY_S = 86_400

#: Timestamps may be slightly ahead of this machine's clock. Without spare
#: rows, the first rows of a period would be overwritten before it ends.
_SPARE_ROWS = 10

#: xff of an RRA: a row is known if at least half of it is.
_MAX_UNKNOWN_SHARE = '0.5'

#: Output of ``rrdtool info`` for a file.
Info = collections.abc.Mapping[str, typing.Any]


class _RRA(typing.NamedTuple):
    function: str
    step: int
    rows: int


class Layout:
    """Layout that the configuration asks for.

    :param options: the section ``[rrd]``.
    :ivar step: seconds of one row at the finest resolution.
    :raises ConfigurationError: if no file can have this layout.
    """

    def __init__(self, options: cfg.ConfigOpts.GroupAttr) -> None:
        self.step = options.step
        self._heartbeat = int(options.max_gap)
        self._resolutions: list[rrd_conf.Resolution] = sorted(options.archives)
        steps = [resolution.step for resolution in self._resolutions]
        for step in steps:
            if step % self.step:
                raise _invalid(
                    f'rows of {step} s are not a multiple of step '
                    f'({self.step} s)'
                )
        if len(set(steps)) != len(steps):
            raise _invalid('two archives have rows of the same length')

    def create_arguments(self) -> list[str]:
        """Return the arguments of ``rrdtool create``."""
        return [
            '--step',
            str(self.step),
            f'DS:{librrd.SOURCE}:GAUGE:{self._heartbeat}:0:U',
            *map(self._definition, self._rras()),
        ]

    def resolution(self, seconds: int) -> rrd_conf.Resolution:
        """Return the finest resolution that covers a period.

        :returns: the resolution with the longest span if none covers it.
        """
        for resolution in self._resolutions:
            if resolution.span >= seconds:
                return resolution
        return max(self._resolutions, key=lambda resolution: resolution.span)

    def tune_arguments(self, info: Info) -> list[str]:
        """Return the ``rrdtool tune`` arguments that apply this layout.

        RRAs that are no longer configured stay in the file.

        :param info: of a file with the same step.
        :returns: an empty list if the file has this layout already.
        """
        existing = {
            (
                info[f'rra[{number}].cf'],
                info[f'rra[{number}].pdp_per_row'] * self.step,
            ): (number, info[f'rra[{number}].rows'])
            for number in range(_count_rras(info))
        }
        arguments = []
        if info[f'ds[{librrd.SOURCE}].minimal_heartbeat'] != self._heartbeat:
            arguments += [
                '--heartbeat',
                f'{librrd.SOURCE}:{self._heartbeat}',
            ]
        for rra in self._rras():
            number, rows = existing.get((rra.function, rra.step), (None, 0))
            if number is None:
                arguments.append(self._definition(rra))
            elif rows != rra.rows:
                arguments.append(f'RRA#{number}:={rra.rows}')
        return arguments

    def fits(self, info: Info) -> bool:
        """Return whether a file has this layout."""
        return info['step'] == self.step and not self.tune_arguments(info)

    def _definition(self, rra: _RRA) -> str:
        return (
            f'RRA:{rra.function}:{_MAX_UNKNOWN_SHARE}:'
            f'{rra.step // self.step}:{rra.rows}'
        )

    def _rras(self) -> collections.abc.Iterator[_RRA]:
        for resolution in self._resolutions:
            rows = resolution.span // resolution.step + _SPARE_ROWS
            yield _RRA(librrd.AVERAGE, resolution.step, rows)
            if has_extremes(resolution):
                yield _RRA(librrd.MINIMUM, resolution.step, rows)
                yield _RRA(librrd.MAXIMUM, resolution.step, rows)


def _invalid(reason: str) -> exception.ConfigurationError:
    return exception.ConfigurationError(
        file='configuration',
        section=rrd_conf.GROUP,
        option='archives',
        reason=reason,
    )


def has_extremes(resolution: rrd_conf.Resolution) -> bool:
    """Return whether minima and maxima are kept, so that peaks survive."""
    return resolution.span >= _DAY_S


def _count_rras(info: Info) -> int:
    number = 0
    while f'rra[{number}].cf' in info:
        number += 1
    return number

# SPDX-License-Identifier: Apache-2.0


"""How an RRD file is made: its resolutions, and what it keeps of each."""

import collections.abc
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.conf import rrd as rrd_conf
from energy_meter.rrd import librrd

_DAY = 86_400

#: Readings may be a little ahead of this machine's clock: without some rows
#: more, the first ones of a period would be gone before it is over.
_SPARE_ROWS = 10

#: A row is known if at least half of it is.
_UNKNOWN_SHARE = '0.5'

#: What ``rrdtool info`` tells of a file.
Info = collections.abc.Mapping[str, typing.Any]


class _Archive(typing.NamedTuple):
    function: str
    step: int
    rows: int


class Layout:
    """How files are made.

    :ivar step: seconds of the finest rows.
    :param options: the section ``[rrd]``.
    :raises ConfigurationError: when no file could be made so.
    """

    def __init__(self, options: cfg.ConfigOpts.GroupAttr) -> None:
        self.step = options.step
        self._heartbeat = int(options.max_gap)
        self._resolutions = sorted(options.archives)
        steps = [resolution.step for resolution in self._resolutions]
        for step in steps:
            if step % self.step:
                raise _invalid(
                    f'rows of {step} s can not be made of steps '
                    f'of {self.step} s'
                )
        if len(set(steps)) != len(steps):
            raise _invalid('there are two with rows of the same length')

    def create_arguments(self) -> list[str]:
        """Give the arguments of ``rrdtool create``."""
        return [
            '--step',
            str(self.step),
            f'DS:{librrd.SOURCE}:GAUGE:{self._heartbeat}:0:U',
            *map(self._specify, self._archives()),
        ]

    def resolution(self, seconds: int) -> rrd_conf.Resolution:
        """Choose the finest resolution that covers a period."""
        for resolution in self._resolutions:
            if resolution.span >= seconds:
                return resolution
        return max(self._resolutions, key=lambda item: item.span)

    def tune_arguments(self, info: Info) -> list[str]:
        """Give the arguments of ``rrdtool tune`` that make a file like this.

        Archives that are not wanted any longer stay.

        :param info: of a file with the same step.
        :returns: none if there is nothing to do.
        """
        found = {
            (
                info[f'rra[{number}].cf'],
                info[f'rra[{number}].pdp_per_row'] * self.step,
            ): (number, info[f'rra[{number}].rows'])
            for number in range(_count(info))
        }
        words = []
        if info[f'ds[{librrd.SOURCE}].minimal_heartbeat'] != self._heartbeat:
            words += ['--heartbeat', f'{librrd.SOURCE}:{self._heartbeat}']
        for archive in self._archives():
            number, rows = found.get(archive[:2], (None, 0))
            if number is None:
                words.append(self._specify(archive))
            elif rows != archive.rows:
                words.append(f'RRA#{number}:={archive.rows}')
        return words

    def fits(self, info: Info) -> bool:
        """Tell whether a file is made like this."""
        return info['step'] == self.step and not self.tune_arguments(info)

    def _specify(self, archive: _Archive) -> str:
        return (
            f'RRA:{archive.function}:{_UNKNOWN_SHARE}:'
            f'{archive.step // self.step}:{archive.rows}'
        )

    def _archives(self) -> collections.abc.Iterator[_Archive]:
        for resolution in self._resolutions:
            rows = resolution.span // resolution.step + _SPARE_ROWS
            yield _Archive(librrd.AVERAGE, resolution.step, rows)
            if has_extremes(resolution):
                yield _Archive(librrd.MINIMUM, resolution.step, rows)
                yield _Archive(librrd.MAXIMUM, resolution.step, rows)


def _invalid(reason: str) -> exception.ConfigurationError:
    return exception.ConfigurationError(
        file='configuration',
        section=rrd_conf.GROUP,
        option='archives',
        reason=reason,
    )


def has_extremes(resolution: rrd_conf.Resolution) -> bool:
    """Tell whether rows keep extremes, too, so that peaks survive."""
    return resolution.span >= _DAY


def _count(info: Info) -> int:
    number = 0
    while f'rra[{number}].cf' in info:
        number += 1
    return number

# SPDX-License-Identifier: Apache-2.0

"""What an agent has saved in its state directory, read while it runs."""

import collections.abc
import json
import pathlib

from energy_meter import measurement
from energy_meter.agent import mark_file


def saved(
    directory: pathlib.Path,
) -> dict[measurement.RegisterKey, measurement.Measurement]:
    """Return the newest measurement of each register.

    Those of open registers are in the checkpoint, those of others are marks.
    """
    newest: dict[measurement.RegisterKey, measurement.Measurement] = {}
    for each in (*open_registers(directory), *_marks(directory)):
        previous = newest.setdefault(each.register, each)
        if each.elapsed > previous.elapsed:
            newest[each.register] = each
    return newest


def open_registers(
    directory: pathlib.Path,
) -> list[measurement.Measurement]:
    """Return the measurements in the checkpoint; none without one."""
    try:
        content = json.loads((directory / 'checkpoint.json').read_text())
    except FileNotFoundError:
        return []
    return [measurement.parse_measurement(row) for row, _ in content['open']]


def _marks(
    directory: pathlib.Path,
) -> collections.abc.Iterator[measurement.Measurement]:
    for path in sorted((directory / 'marks').glob('[0-9]' * 8)):
        reader = mark_file.Reader(path)
        while marks := reader.read():
            yield from marks
        reader.close()

# SPDX-License-Identifier: Apache-2.0

"""What the registers of an agent show, according to its state directory."""

import json
import pathlib

from energy_meter import measurement
from energy_meter.agent import checkpoint
from energy_meter.agent import mark_file


def read_registers(
    directory: pathlib.Path,
) -> dict[measurement.RegisterKey, measurement.Measurement]:
    """Return the newest mark or saved measurement of each register.

    The agent may run.
    """
    newest: dict[measurement.RegisterKey, measurement.Measurement] = {}
    for mark in [*_read_marks(directory / 'marks'), *_read_saved(directory)]:
        previous = newest.get(mark.register)
        if previous is None or mark.elapsed >= previous.elapsed:
            newest[mark.register] = mark
    return newest


def _read_marks(directory: pathlib.Path) -> list[measurement.Measurement]:
    marks = []
    for path in sorted(directory.glob('[0-9]*')):
        try:
            reader = mark_file.Reader(path)
        except FileNotFoundError:
            continue
        while line := reader.read():
            marks += line
        reader.close()
    return marks


def _read_saved(directory: pathlib.Path) -> list[measurement.Measurement]:
    try:
        content = json.loads((directory / 'checkpoint.json').read_text())
    except FileNotFoundError:
        return []
    _, saved = checkpoint.parse(content)
    return saved.marks

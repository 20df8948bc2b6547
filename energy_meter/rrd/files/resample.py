# SPDX-License-Identifier: Apache-2.0

"""Conversion of an existing RRD file to another step.

rrdtool itself can only create a new file from an old one, and then fills gaps
from coarser rows, with energy that was never metered. This module edits the
XML of ``rrdtool dump`` instead and keeps all rows as they are.
"""

import pathlib
import xml.etree.ElementTree as etree

from energy_meter.rrd.files import librrd


def convert(source: pathlib.Path, target: pathlib.Path, step: int) -> None:
    """Create a copy of a file with another step.

    It keeps all archives whose rows are a multiple of the step.

    :param step: in seconds.
    :raises RRDError: if the copy cannot be created.
    :raises OSError: if the intermediate XML file cannot be written.
    """
    xml_path = target.with_name(f'{target.name}.xml')
    try:
        librrd.dump(str(source), str(xml_path))
        document = etree.parse(xml_path)  # noqa: S314
        _convert(document.getroot(), step)
        document.write(xml_path)
        librrd.restore(str(xml_path), str(target))
    finally:
        xml_path.unlink(missing_ok=True)


def _convert(file: etree.Element, step: int) -> None:
    old_step = int(_get(file, 'step'))
    last_update = int(_get(file, 'lastupdate'))
    _set(file, 'step', step)
    for archive in file.findall('rra'):
        row = old_step * int(_get(archive, 'pdp_per_row'))
        if row % step:
            file.remove(archive)
            continue
        _set(archive, 'pdp_per_row', row // step)
        elapsed = last_update % row
        _convert_open_row(archive, elapsed // old_step, elapsed // step)
    # The open step has had the power of the last point so far.
    watts = float(_get(file, 'ds/last_ds').replace('U', 'nan'))
    elapsed = last_update % step
    _set(file, 'ds/value', watts * elapsed)
    _set(file, 'ds/unknown_sec', elapsed if watts != watts else 0)


def _convert_open_row(
    archive: etree.Element, old_steps: int, new_steps: int
) -> None:
    """Convert the row that is not complete yet.

    :param old_steps: number of old steps in the row so far.
    :param new_steps: number of new steps in the row so far.
    """
    prepared = 'cdp_prep/ds/'
    unknown = int(_get(archive, prepared + 'unknown_datapoints'))
    new_unknown = round(unknown * new_steps / old_steps) if old_steps else 0
    _set(archive, prepared + 'unknown_datapoints', new_unknown)
    if _get(archive, 'cf') == librrd.AVERAGE and unknown < old_steps:
        # For averages the value is the sum over all known steps.
        value = float(_get(archive, prepared + 'value'))
        _set(
            archive,
            prepared + 'value',
            value * (new_steps - new_unknown) / (old_steps - unknown),
        )


def _get(element: etree.Element, path: str) -> str:
    text = element.findtext(path)
    assert text is not None, path
    return text.strip()


def _set(element: etree.Element, path: str, value: float) -> None:
    child = element.find(path)
    assert child is not None, path
    child.text = 'NaN' if value != value else str(value)

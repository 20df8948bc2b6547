# SPDX-License-Identifier: Apache-2.0


"""Another step for an RRD file that is there already.

rrdtool itself can only make a new file from an old one, and then fills gaps
from coarser rows: energy that nobody metered. So the file is taken apart and
put together with the same rows. Format: ``rrdtool dump``.
"""

import pathlib
import xml.etree.ElementTree as etree  # noqa: S405 - rrdtool wrote it.

from energy_meter.rrd import librrd


def rewrite(path: pathlib.Path, fresh: pathlib.Path, step: int) -> None:
    """Make a file with another step and all rows that are possible with it.

    :param fresh: the file to make.
    :param step: seconds.
    :raises RRDError: when it can't be made.
    :raises OSError: when its text can't be written.
    """
    text = fresh.with_name(f'{fresh.name}.xml')
    try:
        librrd.dump(str(path), str(text))
        document = etree.parse(text)  # noqa: S314
        _change(document.getroot(), step)
        document.write(text)
        librrd.restore(str(text), str(fresh))
    finally:
        text.unlink(missing_ok=True)


def _change(file: etree.Element, step: int) -> None:
    before = int(_get(file, 'step'))
    last = int(_get(file, 'lastupdate'))
    _set(file, 'step', step)
    for archive in file.findall('rra'):
        seconds = before * int(_get(archive, 'pdp_per_row'))
        if seconds % step:
            file.remove(archive)
            continue
        _set(archive, 'pdp_per_row', seconds // step)
        _convert_row(archive, last % seconds // before, last % seconds // step)
    # Since the newest row began, power was that of the last point.
    watts = float(_get(file, 'ds/last_ds').replace('U', 'nan'))
    _set(file, 'ds/value', watts * (last % step))
    _set(file, 'ds/unknown_sec', last % step if watts != watts else 0)


def _convert_row(archive: etree.Element, before: int, after: int) -> None:
    """Convert the row that is not over yet.

    :param before: old steps that it has had.
    :param after: new steps that it has had.
    """
    prepared = 'cdp_prep/ds/'
    unknown = int(_get(archive, prepared + 'unknown_datapoints'))
    unknown_after = round(unknown * after / before) if before else 0
    _set(archive, prepared + 'unknown_datapoints', unknown_after)
    if _get(archive, 'cf') == librrd.AVERAGE and unknown < before:
        # It is the sum of the steps that are known.
        value = float(_get(archive, prepared + 'value'))
        _set(
            archive,
            prepared + 'value',
            value * (after - unknown_after) / (before - unknown),
        )


def _get(element: etree.Element, path: str) -> str:
    found = element.findtext(path)
    assert found is not None, path
    return found.strip()


def _set(element: etree.Element, path: str, value: float) -> None:
    found = element.find(path)
    assert found is not None, path
    found.text = 'NaN' if value != value else str(value)

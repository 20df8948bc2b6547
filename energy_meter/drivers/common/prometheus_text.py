# SPDX-License-Identifier: Apache-2.0

"""Samples in Prometheus' text format, selected by name and labels.

Source: Prometheus' documentation of exposition formats, text format 0.0.4.
"""

import collections
import re

from prometheus_client import parser
from prometheus_client import samples

from energy_meter import exception

_NAME = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*')


class Page:
    """Text of an exporter, of which only the selected lines are parsed.

    An exporter shows thousands of samples, and a driver needs a few: parsing
    all of them takes 25 ms for each 1000.

    :raises ValueError: if the text is not UTF-8, or does not end with a line
        feed: its last number may be incomplete.
    """

    def __init__(self, text: bytes) -> None:
        if text and not text.endswith(b'\n'):
            raise ValueError('the last line is incomplete')
        self._lines: dict[str, list[str]] = collections.defaultdict(list)
        # Not splitlines(): a label may contain other line separators.
        for line in text.decode().split('\n'):
            line = line.strip()
            if match := _NAME.match(line):
                self._lines[match[0]].append(line)

    def samples(self, name: str) -> list[samples.Sample]:
        """Return the samples with a name.

        :raises ValueError: if one of them is invalid.
        """
        return _parse('\n'.join(self._lines.get(name, ())))


class Selector:
    """Selects one sample: ``NAME`` or ``NAME{LABEL="VALUE", ...}``.

    A sample may have more labels than the selector.

    :param option: name of the option that contains the selector.
    :param text: the selector.
    :raises DriverError: if it is invalid.
    """

    def __init__(self, option: str, text: str) -> None:
        self._name = f'{option} = {text}'
        try:
            (self._wanted,) = _parse(f'{text.strip()} 0')
        except ValueError:
            raise exception.DriverError(
                reason=f'{self._name} does not select a sample: expected '
                'NAME or NAME{LABEL="VALUE"}'
            )

    def find(self, page: Page, device: str) -> samples.Sample | None:
        """Return the sample in a page, or None if it has none.

        The timestamp of the sample, if it has one, is in seconds since the
        epoch.

        :param device: name of the device for error texts.
        :raises ProtocolError: if several samples match, or one of this name
            is invalid.
        """
        wanted = self._wanted.labels.items()
        try:
            found = [
                sample
                for sample in page.samples(self._wanted.name)
                if wanted <= sample.labels.items()
            ]
        except ValueError as e:
            raise exception.ProtocolError(
                device=device, reason=f'{self._name}: {e}'
            )
        if len(found) > 1:
            raise exception.ProtocolError(
                device=device,
                reason=f'{self._name} matches {len(found)} samples, '
                'expected one',
            )
        return found[0] if found else None


def _parse(text: str) -> list[samples.Sample]:
    try:
        return [
            sample
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples
        ]
    except IndexError:
        # The parser runs beyond the end of some invalid lines.
        raise ValueError('not in the text format of Prometheus')

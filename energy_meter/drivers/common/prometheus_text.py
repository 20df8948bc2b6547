# SPDX-License-Identifier: Apache-2.0

"""Samples in Prometheus' text format, selected by name and labels.

Source: Prometheus' documentation of exposition formats, text format 0.0.4.
"""

import collections.abc
import re

from prometheus_client import parser
from prometheus_client import samples

from energy_meter import exception
from energy_meter.drivers.common import bounds


class Page:
    """Text of an exporter, of which only the selected lines are parsed.

    An exporter shows thousands of samples, and a driver needs a few: parsing
    all of them takes 25 ms for each 1000.

    :raises ValueError: if the text does not end with a line feed: its last
        number may be incomplete.
    """

    def __init__(self, text: bytes) -> None:
        if text and not text.endswith(b'\n'):
            raise ValueError('the last line is incomplete')
        self._text = text
        self._samples: dict[str, list[samples.Sample]] = {}

    def samples(self, name: str) -> list[samples.Sample]:
        """Return the samples with a name.

        :raises ValueError: if one of them is invalid or not UTF-8, or if
            there are too many.
        """
        if name not in self._samples:
            self._samples[name] = _parse('\n'.join(self._lines(name)))
        return self._samples[name]

    def _lines(self, name: str) -> collections.abc.Iterator[str]:
        # Only line feeds end a line: a label may contain other separators.
        pattern = rb'^[^\S\n]*(%s(?![a-zA-Z0-9_:])[^\n]*)' % (
            re.escape(name.encode())
        )
        for number, match in enumerate(
            re.finditer(pattern, self._text, re.MULTILINE), 1
        ):
            if number > bounds.MAX_SAMPLES:
                raise ValueError(f'more than {bounds.MAX_SAMPLES} samples')
            if match.end() - match.start() > bounds.MAX_SAMPLE_BYTES:
                raise ValueError(
                    f'a line of more than {bounds.MAX_SAMPLE_BYTES} bytes'
                )
            yield match[1].decode().strip()


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

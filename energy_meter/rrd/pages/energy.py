# SPDX-License-Identifier: Apache-2.0

"""Responses with the energy of a period."""

import csv
import datetime
import io
import time

import orjson
import webob
from wsme import exc as wsme_exc

from energy_meter import exception
from energy_meter.clients import usage
from energy_meter.rrd.energy import chart
from energy_meter.rrd.energy import intervals
from energy_meter.rrd.energy import profile
from energy_meter.rrd.energy import source as energy_source
from energy_meter.rrd.pages import view
from energy_meter.rrd.reading import archive as rrd_archive
from energy_meter.rrd.reading import periods
from energy_meter.web import conditional

#: The first is the default.
FORMATS = ('html', 'json', 'csv')

_COLUMNS = (
    'start',
    'end',
    'kwh',
    'millijoules',
    'coverage',
    'uncertain_kwh',
    'quality',
    'clock',
    'state',
    'version',
)


class Energy:
    """Energy of probes, as pages and as data."""

    def __init__(
        self,
        source: energy_source.Source,
        archive: rrd_archive.Archive,
        renderer: view.Renderer,
    ) -> None:
        self._source = source
        self._archive = archive
        self._renderer = renderer

    def response(
        self, period_name: str, probe: str | None, document_format: str
    ) -> webob.Response:
        """Return the response with the energy of a period.

        :param probe: None for the probes in the sum of all probes.
        :raises ClientSideError: if the API is unavailable, or knows nothing.
        """
        period = periods.parse(period_name)
        zone = periods.local_zone()
        try:
            query = intervals.query(period, time.time(), zone)
            shown = self._read(query, period, probe)
        except exception.APIError:
            raise wsme_exc.ClientSideError(
                'Energy is unavailable right now.', 503
            )
        except (exception.ProbeNotFound, exception.PeriodNotFound):
            raise wsme_exc.ClientSideError(
                'No energy is known for this period.', 404
            )
        if document_format == 'html':
            html = self._renderer.energy(
                period, probe, chart.draw(shown, query.step, zone)
            )
            return conditional.answer(html, 'text/html', html.encode)
        content_type, content = (
            ('text/csv', _as_csv(shown))
            if document_format == 'csv'
            else ('application/json', _as_json(period, probe, query, shown))
        )
        return conditional.answer(content, content_type, lambda: content)

    def _read(
        self, query: usage.Query, period: periods.Period, probe: str | None
    ) -> profile.Profile:
        if probe is not None:
            return self._source.of_probe(query, probe)
        members = self._archive.query(period.name, None).entries
        return self._source.of_sum(query, members)


def _row(interval: usage.Interval) -> dict[str, object]:
    return {
        **interval._asdict(),
        'start': iso(interval.start),
        'end': iso(interval.end),
        # A string, because JSON's numbers are exact up to 2**53 only.
        'millijoules': str(interval.millijoules),
    }


def iso(value: datetime.datetime) -> str:
    """Return a date in UTC as text."""
    return f'{value:%Y-%m-%dT%H:%M:%SZ}'


def _as_json(
    period: periods.Period,
    probe: str | None,
    query: usage.Query,
    shown: profile.Profile,
) -> bytes:
    final = shown.final_until
    return orjson.dumps(
        {
            'period': period.name,
            'probe': probe,
            'step': query.step,
            'timezone': query.timezone,
            'final_until': None if final is None else iso(final),
            'total': _row(shown.total),
            'intervals': [_row(interval) for interval in shown.intervals],
        }
    )


def _as_csv(shown: profile.Profile) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    for interval in shown.intervals:
        writer.writerow({**_row(interval), 'clock': ' '.join(interval.clock)})
    return text.getvalue().encode()

# SPDX-License-Identifier: Apache-2.0

"""Concurrent discovery of several sources."""

import collections.abc
import concurrent.futures
import threading
import typing

from energy_meter import exception
from energy_meter.discover import finding


class Source(typing.NamedTuple):
    """A kind of device on this machine, or a device on the network.

    :ivar name: name of the source for messages.
    :ivar discover: function that yields findings.
    :ivar max_seconds: time after which the findings so far are used; None
        for a function that limits its time itself.
    :ivar address: address of the device; empty for this machine.
    """

    name: str
    discover: collections.abc.Callable[
        [], collections.abc.Iterable[finding.Finding]
    ]
    max_seconds: float | None = None
    address: str = ''


def search(
    sources: collections.abc.Sequence[Source],
    progress: collections.abc.Callable[[int, int, str], None],
    workers: int,
) -> list[finding.Finding]:
    """Run discovery for all sources.

    :param progress: called with the number of finished sources, the number of
        power meters found so far, and the name of the last source.
    :param workers: maximum number of sources that are searched at the same
        time.
    :returns: findings in the order of the sources.
    """
    progress(0, 0, 'starting')
    # No "with" statement: it would wait for the slowest source after Ctrl-C.
    pool = concurrent.futures.ThreadPoolExecutor(workers)
    futures = {pool.submit(_discover, source): source for source in sources}
    finished = concurrent.futures.as_completed(futures)
    meters = 0
    for count, future in enumerate(finished, 1):
        meters += sum(each.section is not None for each in future.result())
        progress(count, meters, futures[future].name)
    pool.shutdown()
    return [each for future in futures for each in future.result()]


def _discover(source: Source) -> list[finding.Finding]:
    findings: list[finding.Finding] = []
    # A thread of its own, which does not delay the others if it hangs.
    thread = threading.Thread(
        target=_collect, args=(source, findings), daemon=True
    )
    thread.start()
    thread.join(source.max_seconds)
    if not thread.is_alive():
        return findings
    return [
        *findings,
        finding.Finding(
            source.name,
            (
                f'the search did not end within {source.max_seconds:g} s; '
                'the results may be incomplete',
            ),
        ),
    ]


def _collect(source: Source, findings: list[finding.Finding]) -> None:
    try:
        for each in source.discover():
            findings.append(_checked(each)._replace(address=source.address))
    except exception.EnergyMeterError as error:
        findings.append(
            finding.Finding(source.name, (str(error),), address=source.address)
        )
    except (Exception, SystemExit) as error:
        # An unexpected error of one source must not hide the other findings.
        findings.append(
            finding.Finding(
                source.name,
                (f'{type(error).__name__}: {error}',),
                address=source.address,
            )
        )


def _checked(each: finding.Finding) -> finding.Finding:
    """Return a finding that can be written to a file and a terminal.

    The names in it come from devices.
    """
    remarks = each.remarks
    section = each.section
    if section is not None:
        try:
            section.text(secrets=True)
        except exception.ConfigurationError as error:
            section, remarks = None, (str(error), *remarks)
    return each._replace(
        device=_printable(each.device),
        remarks=tuple(map(_printable, remarks)),
        section=section,
        results=each.results if section else (),
    )


def _printable(text: str) -> str:
    return ''.join(each if each.isprintable() else ' ' for each in text)

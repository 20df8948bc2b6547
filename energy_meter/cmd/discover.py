# SPDX-License-Identifier: Apache-2.0

"""Entry point of energy-meter-discover, which finds power meters."""

import functools
import logging
import os
import pathlib
import signal
import sys

from energy_meter import exception
from energy_meter.cmd import output
from energy_meter.discover import generated_file
from energy_meter.discover import options
from energy_meter.discover import report
from energy_meter.discover import search
from energy_meter.discover import sources

#: First part of the names of templates that are only printed.
_PREFIX = 'discovered'


def main() -> None:
    """Run the command."""
    output.ignore_closed_pipe()
    # The findings contain all errors.
    logging.disable()
    parser = options.parser()
    arguments = parser.parse_args()
    path = arguments.output
    if arguments.dry_run and not path:
        parser.error('--dry-run requires --output')
    before: generated_file.Sections = {}
    try:
        if path and not arguments.force:
            before = generated_file.load(path)
    except exception.ConfigurationError as error:
        parser.error(str(error))
    selected = sources.from_arguments(arguments)
    shared = sources.numerous(arguments)
    try:
        findings = search.search(
            selected,
            functools.partial(_progress, len(selected)),
            arguments.workers,
        )
    except KeyboardInterrupt:
        os._exit(128 + signal.SIGINT)
    print(
        report.as_json(findings)
        if arguments.json
        else _text(findings, shared, path is None)
    )
    is_metered = any(each.section for each in findings)
    if path and is_metered:
        _update(
            path,
            before,
            report.sections(findings, True, path.stem, shared),
            arguments.dry_run,
        )
    # Do not wait for the threads of drivers that hang.
    sys.stdout.flush()
    os._exit(0 if is_metered else 1)


def _progress(total: int, finished: int, meters: int, name: str) -> None:
    if sys.stderr.isatty():
        print(
            f'\r\033[K{finished} of {total} searched, {meters} power meters '
            f'found: {name}',
            end='',
            file=sys.stderr,
            flush=True,
        )


def _text(
    findings: report.Findings, shared: set[str], with_sections: bool
) -> str:
    if sys.stderr.isatty():
        print('\r\033[K', end='', file=sys.stderr)
    is_metered = any(each.section for each in findings)
    parts = [
        report.table(findings) if is_metered else 'No power meters found.'
    ]
    if unmeterable := report.unmeterable(findings):
        parts.append(f'Not meterable:\n\n{unmeterable}')
    if is_metered and with_sections:
        found = report.sections(findings, False, _PREFIX, shared)
        parts.append(report.as_text(found))
    parts.append(report.summary(findings))
    return '\n\n'.join(parts)


def _update(
    path: pathlib.Path,
    before: generated_file.Sections,
    found: generated_file.Sections,
    dry_run: bool,
) -> None:
    # A device that does not respond now may only be switched off.
    after = generated_file.without_unused_templates({**before, **found})
    try:
        print(
            generated_file.update(path, before, after, dry_run),
            file=sys.stderr,
        )
    except OSError as error:
        sys.exit(f'{options.PROG}: {path}: {error.strerror}')
    missing = after.keys() - found.keys()
    if missing:
        print(
            f'{len(missing)} sections of devices that were not found stay',
            file=sys.stderr,
        )

# SPDX-License-Identifier: Apache-2.0

"""Entry point of energy-meter-discover, which finds power meters."""

import functools
import logging
import os
import pathlib
import signal
import sys
import tempfile

from energy_meter.cmd import output
from energy_meter.discover import options
from energy_meter.discover import report
from energy_meter.discover import search
from energy_meter.discover import sources


def main() -> None:
    """Run the command."""
    output.ignore_closed_pipe()
    # The findings contain all errors.
    logging.disable()
    parser = options.parser()
    arguments = parser.parse_args()
    if (
        arguments.output
        and not arguments.force
        and os.path.lexists(arguments.output)
    ):
        parser.error(f'{arguments.output} exists; use --force to overwrite it')
    selected = sources.from_arguments(arguments)
    try:
        findings = search.search(
            selected, functools.partial(_progress, len(selected))
        )
    except KeyboardInterrupt:
        os._exit(128 + signal.SIGINT)
    print(
        report.as_json(findings)
        if arguments.json
        else _text(findings, arguments.output is None)
    )
    is_metered = any(each.section for each in findings)
    if arguments.output and is_metered:
        _write(pathlib.Path(arguments.output), findings)
    # Do not wait for the threads of drivers that hang.
    sys.stdout.flush()
    os._exit(0 if is_metered else 1)


def _progress(total: int, finished: int, name: str) -> None:
    if sys.stderr.isatty():
        print(
            f'\r\033[K{finished} of {total} finished: {name}',
            end='',
            file=sys.stderr,
            flush=True,
        )


def _text(findings: report.Findings, with_sections: bool) -> str:
    if sys.stderr.isatty():
        print('\r\033[K', end='', file=sys.stderr)
    is_metered = any(each.section for each in findings)
    parts = [
        report.table(findings) if is_metered else 'No power meters found.'
    ]
    if unmeterable := report.unmeterable(findings):
        parts.append(f'Not meterable:\n\n{unmeterable}')
    if is_metered and with_sections:
        parts.append(report.sections(findings, secrets=False))
    return '\n\n'.join(parts)


def _write(path: pathlib.Path, findings: report.Findings) -> None:
    """Write the sections to a file that only the current user can read."""
    try:
        with tempfile.NamedTemporaryFile(
            'w', dir=path.parent, delete=False
        ) as stream:
            stream.write(report.sections(findings, secrets=True))
        os.replace(stream.name, path)
    except OSError as error:
        sys.exit(f'{options.PROG}: {path}: {error.strerror}')
    print(f'Wrote the configuration sections to {path}', file=sys.stderr)

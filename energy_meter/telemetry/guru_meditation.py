# SPDX-License-Identifier: Apache-2.0

"""Guru meditation report: state of a process, printed on SIGUSR2."""

from oslo_config import cfg
from oslo_reports import guru_meditation_report
from oslo_reports.generators import conf as conf_generator
import prometheus_client


class _Report(guru_meditation_report.TextGuruMeditation):
    """Report class of this package.

    Sections are attributes of the class at which they are registered. At the
    base class, they would be part of every other report, too.
    """


class _Version:
    """Name and version of the program in the report."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    def vendor_string(self) -> str:
        return 'energy_meter'

    def product_string(self) -> str:
        return str(self._conf.prog)

    def version_string_with_package(self) -> str:
        return str(self._conf.version)


def install(
    conf: cfg.ConfigOpts, registry: prometheus_client.CollectorRegistry
) -> None:
    """Install a SIGUSR2 handler that prints a report without secrets.

    The report goes to standard error, or to a file in ``[oslo_reports]
    log_dir``. Call this in the main thread.

    :param registry: metrics of this process.
    """
    _Report.register_section('Metrics', lambda: _metrics(registry))
    _Report.register_section(
        'Effective configuration', lambda: _configuration(conf)
    )
    _Report.setup_autorun(_Version(conf), conf.prog, conf=conf)


def _metrics(registry: prometheus_client.CollectorRegistry) -> str:
    return prometheus_client.generate_latest(registry).decode()


def _configuration(conf: cfg.ConfigOpts) -> object:
    try:
        return conf_generator.ConfigReportGenerator(conf)()
    except (cfg.Error, ValueError) as error:
        # The text of the error may contain the value of a secret option.
        return f'unavailable: {type(error).__name__}'

# SPDX-License-Identifier: Apache-2.0

"""The guru meditation report: all about a process, when SIGUSR2 asks."""

from oslo_config import cfg
from oslo_reports import guru_meditation_report
from oslo_reports.generators import conf as conf_generator
import prometheus_client


class _Report(guru_meditation_report.TextGuruMeditation):
    """Has sections of its own, where the base would share its."""


class _Version:
    """What a report calls the program."""

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
    """Let SIGUSR2 print a report to standard error, or to a file.

    Secrets are left out. To be called in the main thread.

    :param registry: the metrics of this process.
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
        # Its text may show the value, which may be a secret.
        return f'can not be shown: {type(error).__name__}'

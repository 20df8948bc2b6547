# SPDX-License-Identifier: Apache-2.0

"""Options of the metrics server of each service."""

from oslo_config import cfg

GROUP = 'metrics'

OPTS: list[cfg.Opt] = [
    cfg.HostAddressOpt(
        'bind_host',
        default='127.0.0.1',
        help='IP address or host name on which the service serves its '
        'metrics. There is no authentication.',
    ),
    cfg.PortOpt(
        'port',
        help='TCP port on which the service serves its metrics, at '
        '/metrics, in the text format of Prometheus. Each service needs '
        'its own port. By default, no metrics are served. With 0, the '
        'service selects a free port and logs it.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register these options."""
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return these options by section."""
    return [(GROUP, OPTS)]

# SPDX-License-Identifier: Apache-2.0

"""Options of what a service tells about itself."""

from oslo_config import cfg

GROUP = 'metrics'

OPTS: list[cfg.Opt] = [
    cfg.HostAddressOpt(
        'host',
        default='127.0.0.1',
        help='Address on which the service shows its metrics, '
        'to everybody who can reach it.',
    ),
    cfg.PortOpt(
        'port',
        help='Port on which the service shows its metrics, at '
        '/metrics, in the text format of Prometheus. Each '
        'service needs one of its own. By default none is '
        'opened; 0 is any free one, which the log tells.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP, OPTS)]

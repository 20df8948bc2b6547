# SPDX-License-Identifier: Apache-2.0

"""Options of the whole installation."""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'state_path',
        default='/var/lib/energy_meter',
        help='Directory in which a service keeps what must outlast '
        'its process: the agent its identity and its journal. '
        'One agent per directory.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [('DEFAULT', OPTS)]

# SPDX-License-Identifier: Apache-2.0

"""Options of the whole installation."""

from oslo_config import cfg

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'state_path',
        default='/var/lib/energy_meter',
        help='Directory for the persistent state of a service. An agent '
        'stores its identity, the checkpoint of its registers and their '
        'marks of four days there. '
        'Two agents cannot share a directory.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register these options."""
    conf.register_opts(OPTS)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return these options by section."""
    return [('DEFAULT', OPTS)]

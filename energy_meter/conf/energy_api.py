# SPDX-License-Identifier: Apache-2.0

"""Options of the pages' client of the API: those of keystoneauth."""

from keystoneauth1 import loading
from oslo_config import cfg

GROUP = 'energy_api'

#: Options of an adapter that the client uses.
_ADAPTER = (
    'service_type',
    'region_name',
    'valid_interfaces',
    'endpoint_override',
)

OPTS: list[cfg.Opt] = [
    *loading.get_auth_common_conf_options(),
    *loading.get_session_conf_options(),
    *(
        opt
        for opt in loading.get_adapter_conf_options(include_deprecated=False)
        if opt.dest in _ADAPTER
    ),
]
# By default, keystoneauth waits forever.
cfg.set_defaults(OPTS, timeout=10, service_type='energy')


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options of this module by their section."""
    return [(GROUP, OPTS)]


def list_auth_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options of ``auth_type = password``, for the sample file.

    keystoneauth registers those of the ``auth_type`` that is configured.
    """
    return [(GROUP, loading.get_auth_plugin_conf_options('password'))]

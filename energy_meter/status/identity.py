# SPDX-License-Identifier: Apache-2.0

"""Checks of Keystone and of the API endpoints in its catalog."""

from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1 import loading
from keystoneauth1 import session as keystone_session
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from energy_meter import exception
from energy_meter.clients import api

_GROUP = 'keystone_authtoken'
_INTERFACES = ('public', 'internal')
_TIMEOUT_S = 10


def check(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Check that the API can log in, and that its endpoints respond."""
    if conf.api.auth_strategy == 'noauth':
        return upgradecheck.Result(
            upgradecheck.Code.SUCCESS,
            'Skipped, [api] auth_strategy is noauth.',
        )
    loading.register_auth_conf_options(conf, _GROUP)
    loading.register_session_conf_options(conf, _GROUP)
    try:
        auth = loading.load_auth_from_conf_options(conf, _GROUP)
        if auth is None:
            return upgradecheck.Result(
                upgradecheck.Code.SUCCESS,
                f'Not configured here. The API requires [{_GROUP}].',
            )
        session = loading.load_session_from_conf_options(
            conf, _GROUP, auth=auth, timeout=_TIMEOUT_S
        )
        return _check_endpoints(session)
    except (
        keystone_exceptions.ClientException,
        cfg.Error,
        OSError,
        ValueError,
    ) as error:
        return upgradecheck.Result(
            upgradecheck.Code.FAILURE,
            f'Cannot log in to Keystone ({type(error).__name__}). Check '
            f'auth_url, password and cafile in [{_GROUP}].',
        )


def _check_endpoints(
    session: keystone_session.Session,
) -> upgradecheck.Result:
    for interface in _INTERFACES:
        url = session.get_endpoint(
            service_type=api.SERVICE_TYPE, interface=interface
        )
        if not url:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE,
                f'Keystone has no {interface} endpoint of type '
                f'{api.SERVICE_TYPE}. Run: energy-meter-manage keystone '
                'register --url URL',
            )
        try:
            api.Client(session, url, timeout=_TIMEOUT_S).version()
        except exception.APIError as error:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE,
                f'The {interface} endpoint does not respond as the API does: '
                f'{error}. Check that energy-meter-api runs there.',
            )
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)

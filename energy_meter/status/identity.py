# SPDX-License-Identifier: Apache-2.0

"""Checks of Keystone: can we log in, and is the API in its catalog?"""

from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1 import loading
from keystoneauth1 import session as keystone_session
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from energy_meter import client
from energy_meter import exception

_GROUP = 'keystone_authtoken'
_INTERFACES = ('public', 'internal')
_TIMEOUT = 10


def check(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Log in as the API does and ask every endpoint that is registered."""
    if conf.api.auth_strategy == 'noauth':
        return upgradecheck.Result(
            upgradecheck.Code.SUCCESS,
            'Not used here: [api] auth_strategy is noauth.',
        )
    loading.register_auth_conf_options(conf, _GROUP)
    loading.register_session_conf_options(conf, _GROUP)
    try:
        auth = loading.load_auth_from_conf_options(conf, _GROUP)
        if auth is None:
            return upgradecheck.Result(
                upgradecheck.Code.SUCCESS,
                f'None is configured here; the API needs [{_GROUP}].',
            )
        session = loading.load_session_from_conf_options(
            conf, _GROUP, auth=auth, timeout=_TIMEOUT
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
            f'Keystone does not let us in ({type(error).__name__}): see '
            f'[{_GROUP}], its auth_url, password and cafile.',
        )


def _check_endpoints(
    session: keystone_session.Session,
) -> upgradecheck.Result:
    for interface in _INTERFACES:
        url = session.get_endpoint(
            service_type=client.SERVICE_TYPE, interface=interface
        )
        if not url:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE,
                f'Keystone has no {interface} endpoint of type '
                f'{client.SERVICE_TYPE}: run energy-meter-manage keystone '
                'register --url URL',
            )
        try:
            client.Client(session, url, timeout=_TIMEOUT).version()
        except exception.APIError as error:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE,
                f'The {interface} endpoint does not answer as the API does: '
                f'{error} Does energy-meter-api run there?',
            )
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)

# SPDX-License-Identifier: Apache-2.0

"""Checks of Keystone and of the API endpoints in its catalog."""

import collections.abc

from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1 import loading
from keystoneauth1 import session as keystone_session
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from energy_meter import exception
from energy_meter.clients import api
from energy_meter.conf import api as api_conf

_GROUP = 'keystone_authtoken'
_INTERFACES = ('public', 'internal')
_TIMEOUT_S = 10

_Use = collections.abc.Callable[
    [keystone_session.Session], upgradecheck.Result
]


def check(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Check that the API can log in, and that its endpoints respond."""
    return _with_session(conf, api_conf.GROUP, _check_endpoints)


def login(
    conf: cfg.ConfigOpts, section: str = api_conf.GROUP
) -> upgradecheck.Result:
    """Check that a service can log in to validate tokens.

    :param section: the section with its ``auth_strategy``.
    """
    return _with_session(conf, section, _check_login)


def _with_session(
    conf: cfg.ConfigOpts, section: str, use: _Use
) -> upgradecheck.Result:
    strategy = conf[section].auth_strategy
    if strategy != 'keystone':
        return upgradecheck.Result(
            upgradecheck.Code.SUCCESS,
            f'Skipped, [{section}] auth_strategy is {strategy}.',
        )
    loading.register_auth_conf_options(conf, _GROUP)
    for opt in loading.get_session_conf_options():
        # The middleware registers some of them with other help texts.
        if opt.dest not in conf[_GROUP]:
            conf.register_opt(opt, _GROUP)
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
        return use(session)
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


def _check_login(session: keystone_session.Session) -> upgradecheck.Result:
    session.get_token()
    return upgradecheck.Result(upgradecheck.Code.SUCCESS, 'Logged in.')


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

# SPDX-License-Identifier: Apache-2.0

"""Who is let in, and who may do what."""

import collections.abc
import typing

from keystoneauth1 import exceptions as keystoneauth_exceptions
from keystonemiddleware import auth_token
from oslo_config import cfg
from oslo_context import context
from oslo_policy import policy
from wsme import exc as wsme_exc

from energy_meter import exception
from energy_meter import policies
from energy_meter.web import basic_auth

#: Given the request's environment and the name of a rule, refuses.
Authorize = collections.abc.Callable[[dict[str, typing.Any], str], None]

_GROUP = 'keystone_authtoken'

# A Keystone that hangs must not hold all threads for long.
_KEYSTONE_DEFAULTS = {
    'http_connect_timeout': 5,
    'http_request_max_retries': 1,
    'service_type': 'energy',
}


def guard(
    application: typing.Any, conf: cfg.ConfigOpts, section: str
) -> typing.Any:
    """Let only those requests through that the configuration lets in.

    :param section: has ``auth_strategy``.
    :raises ConfigurationError: when nobody could be let in.
    """
    match conf[section].auth_strategy:
        case 'keystone':
            return _ask_keystone(application, conf, section)
        case 'http_basic':
            return basic_auth.BasicAuth(
                application, conf[section].htpasswd, section
            )
    return application


def authorizer(conf: cfg.ConfigOpts, section: str) -> Authorize:
    """Give what refuses those that were let in, but may not do everything.

    :param section: has ``auth_strategy``. Only Keystone knows of roles.
    """
    return (
        _by_policy(conf)
        if conf[section].auth_strategy == 'keystone'
        else _everybody
    )


def _ask_keystone(
    application: typing.Any, conf: cfg.ConfigOpts, section: str
) -> auth_token.AuthProtocol:
    for group, options in auth_token.list_opts():
        conf.register_opts(options, group)
    for name, value in _KEYSTONE_DEFAULTS.items():
        conf.set_default(name, value, _GROUP)
    if not (conf[_GROUP].auth_type or conf[_GROUP].auth_section):
        raise exception.ConfigurationError(
            file='configuration',
            section=_GROUP,
            option='auth_type',
            reason='not set, so Keystone can not be asked about tokens; '
            f'without Keystone, set [{section}] auth_strategy = '
            'noauth',
        )
    try:
        return auth_token.AuthProtocol(
            application, {'oslo_config_config': conf}
        )
    except keystoneauth_exceptions.ClientException as error:
        # It names options, but not their values.
        raise exception.ConfigurationError(
            file='configuration',
            section=_GROUP,
            option='auth_type',
            reason=error,
        ) from None


def _by_policy(conf: cfg.ConfigOpts) -> Authorize:
    """Ask the policy about the owner of the request's token."""
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(policies.list_rules())
    try:
        enforcer.load_rules()
    except (cfg.Error, OSError, ValueError) as error:
        raise exception.ConfigurationError(
            file='configuration',
            section='oslo_policy',
            option='policy_file',
            reason=f'{conf.oslo_policy.policy_file} can not be used: '
            f'{" ".join(str(error).split())}',
        ) from None

    def authorize(environ: dict[str, typing.Any], rule: str) -> None:
        # Whoever is in the file of passwords has no roles, and needs none.
        if basic_auth.NAME in environ:
            return
        owner = context.RequestContext.from_environ(environ)
        if not enforcer.authorize(rule, {}, owner):
            raise wsme_exc.ClientSideError(
                f'The policy {rule} does not let you do this.', 403
            )

    return authorize


def _everybody(_environ: dict[str, typing.Any], _rule: str) -> None:
    """Let everybody do everything."""

# SPDX-License-Identifier: Apache-2.0

"""Authentication and authorization of requests."""

import collections.abc
import typing
from wsgiref import types

from keystoneauth1 import exceptions as keystoneauth_exceptions
from keystonemiddleware import auth_token
from oslo_config import cfg
from oslo_context import context
from oslo_policy import policy
from wsme import exc as wsme_exc

from energy_meter import exception
from energy_meter import policies
from energy_meter.web import basic_auth

#: What a rule is about, such as the project that owns it.
Target = collections.abc.Mapping[str, str]

_GROUP = 'keystone_authtoken'

# Short, because a Keystone that hangs blocks a worker thread per request.
_KEYSTONE_DEFAULTS = {
    'http_connect_timeout': 5,
    'http_request_max_retries': 1,
    'service_type': 'energy',
}


class Authorize(typing.Protocol):
    """Authorizes a request."""

    def __call__(
        self,
        environ: types.WSGIEnvironment,
        rule: str,
        target: Target | None = None,
    ) -> None:
        """Check that a policy rule is fulfilled.

        :param environ: the request's environment.
        :param rule: its name.
        :raises ClientSideError: with code 403 if it is not.
        """


def authenticate(
    application: types.WSGIApplication, conf: cfg.ConfigOpts, section: str
) -> types.WSGIApplication:
    """Return an application that rejects unauthenticated requests.

    :param section: the section with ``auth_strategy``.
    :raises ConfigurationError: if the strategy is not fully configured.
    """
    match conf[section].auth_strategy:
        case 'keystone':
            return _keystone_auth(application, conf, section)
        case 'http_basic':
            return basic_auth.BasicAuth(
                application, conf[section].htpasswd, section
            )
    return application


def authorizer(conf: cfg.ConfigOpts, section: str) -> Authorize:
    """Return the function that authorizes authenticated requests.

    :param section: the section with ``auth_strategy``. Only Keystone's users
        have roles, so all others are authorized.
    """
    return (
        _policy_authorizer(conf)
        if conf[section].auth_strategy == 'keystone'
        else _allow
    )


def project(environ: types.WSGIEnvironment) -> str | None:
    """Return the ID of the project of a request's token."""
    found: str | None = context.RequestContext.from_environ(environ).project_id
    return found


def _keystone_auth(
    application: types.WSGIApplication, conf: cfg.ConfigOpts, section: str
) -> types.WSGIApplication:
    for group, options in auth_token.list_opts():
        conf.register_opts(options, group)
    for name, value in _KEYSTONE_DEFAULTS.items():
        conf.set_default(name, value, _GROUP)
    if not (conf[_GROUP].auth_type or conf[_GROUP].auth_section):
        raise exception.ConfigurationError(
            file='configuration',
            section=_GROUP,
            option='auth_type',
            reason='required to validate tokens with Keystone; '
            f'without Keystone, set [{section}] auth_strategy = '
            'noauth',
        )
    try:
        middleware: types.WSGIApplication = auth_token.AuthProtocol(
            application, {'oslo_config_config': conf}
        )
    except keystoneauth_exceptions.ClientException as error:
        # Its text contains names of options, but not their values.
        raise exception.ConfigurationError(
            file='configuration',
            section=_GROUP,
            option='auth_type',
            reason=error,
        ) from None
    return middleware


def _policy_authorizer(conf: cfg.ConfigOpts) -> Authorize:
    """Return the function that checks the roles of a request's token.

    :raises ConfigurationError: if the policy file is invalid.
    """
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(policies.list_rules())
    try:
        enforcer.load_rules()
    except (cfg.Error, OSError, ValueError) as error:
        raise _policy_error(conf, ' '.join(str(error).split())) from None
    # Without the file the library would apply its defaults, which may allow
    # more than the operator wants.
    found = conf.get_location('policy_file', 'oslo_policy')
    is_named = found is not None and found.location.is_user_controlled
    if is_named and enforcer.policy_path is None:
        raise _policy_error(conf, 'there is no such file')

    def authorize(
        environ: types.WSGIEnvironment,
        rule: str,
        target: Target | None = None,
    ) -> None:
        # Users of an htpasswd file have no roles, and need none.
        if basic_auth.USERNAME in environ:
            return
        credentials = context.RequestContext.from_environ(environ)
        if not enforcer.authorize(rule, target or {}, credentials):
            raise wsme_exc.ClientSideError(
                f'Policy does not allow {rule} to be performed.', 403
            )

    return authorize


def _allow(
    environ: types.WSGIEnvironment,
    rule: str,
    target: Target | None = None,
) -> None:
    """Authorize every request."""


def _policy_error(
    conf: cfg.ConfigOpts, reason: str
) -> exception.ConfigurationError:
    return exception.ConfigurationError(
        file='configuration',
        section='oslo_policy',
        option='policy_file',
        reason=f'cannot load {conf.oslo_policy.policy_file}: {reason}',
    )

# SPDX-License-Identifier: Apache-2.0

"""Decides which agent may report which probes.

Agents share the secrets of ``[bus] secrets``, unless a section
``[agent:<name>]`` gives an agent its own. Messages of such an agent are
accepted only under its own secrets, and only for the probes that the section
reserves. Agents whose sections do not name these probes cannot report them.
"""

import collections.abc
import logging
import re
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import signing
from energy_meter.bus import body
from energy_meter.bus import envelope
from energy_meter.bus import fields
from energy_meter.bus import patterns
from energy_meter.bus import transport as bus_transport
from energy_meter.conf import agent_secrets
from energy_meter.conf import section as conf_section
from energy_meter.conf import sections
from energy_meter.conf import unread
from energy_meter.conf import wattmeter

LOG = logging.getLogger(__name__)

#: Number of probes for which a principal caches the decision. Beyond it the
#: cache is cleared, so that a flood of invented probes cannot fill memory.
_MAX_CACHED_PROBES = 100_000

#: Called with the reason when some registers of an envelope are dropped.
OnReject = collections.abc.Callable[[exception.RejectedMessage], None]


class Agent(typing.NamedTuple):
    """An agent with its own secrets.

    :ivar probes: patterns of the probes that are reserved for it.
    """

    name: str
    secrets: collections.abc.Sequence[str]
    probes: collections.abc.Sequence[str]


class _Principal:
    """The holder of a set of secrets, and the probes that it may report.

    :param secrets: any of them authenticates the principal.
    :param pattern: of probes.
    :param allow_matching: whether the principal may report the probes that
        match, or all others.
    :param reason: why a message about another probe is rejected.
    """

    def __init__(
        self,
        secrets: collections.abc.Iterable[str],
        pattern: re.Pattern[str],
        allow_matching: bool,
        reason: str,
    ) -> None:
        self.key_ids = frozenset(map(signing.key_id, secrets))
        self.reason = reason
        self._pattern = pattern
        self._allow_matching = allow_matching
        self._authorized: set[str] = set()

    def unauthorized(self, probes: set[str]) -> set[str]:
        """Return the probes that this principal may not report."""
        uncached = probes - self._authorized
        authorized = {
            probe
            for probe in uncached
            if self._allow_matching is (self._pattern.match(probe) is not None)
        }
        if len(self._authorized) + len(authorized) > _MAX_CACHED_PROBES:
            self._authorized.clear()
        self._authorized |= authorized
        return uncached - authorized


class Verifier:
    """Verifies envelopes and drops registers of unauthorized probes.

    :param shared: secrets of all agents that have none of their own.
    :param agents: agents with their own secrets.
    :raises MissingSecrets: if there is no secret at all.
    """

    def __init__(
        self,
        shared: collections.abc.Sequence[str],
        agents: collections.abc.Sequence[Agent] = (),
    ) -> None:
        self._keyring = signing.Keyring(
            [
                *shared,
                *(secret for agent in agents for secret in agent.secrets),
            ]
        )
        self._shared = _Principal(
            shared,
            patterns.compile(
                pattern for agent in agents for pattern in agent.probes
            ),
            allow_matching=False,
            reason='reserved_probe',
        )
        self._agents = {
            agent.name: _Principal(
                agent.secrets,
                patterns.compile(agent.probes),
                allow_matching=True,
                reason='unauthorized_probe',
            )
            for agent in agents
        }

    def verify(
        self, received: object, on_reject: OnReject
    ) -> list[body.Register]:
        """Verify an envelope and return its authorized registers.

        Unauthorized probes are dropped, the others of the envelope are kept.
        Rejecting the whole envelope would protect nothing, because its sender
        could have sent the other probes separately. It would also stop the
        billing of a whole PDU when a pattern does not match one outlet.

        :param on_reject: called at most once, if registers were dropped.
        :raises RejectedMessage: if the envelope as a whole is rejected.
        """
        verified = envelope.verify(self._keyring, received)
        if not self._agents:
            return envelope.decode(verified)
        name = verified['agent_name']
        principal = self._agents.get(name, self._shared)
        if verified['key_id'] not in principal.key_ids:
            raise self._wrong_secret(name, verified['key_id'])
        registers = envelope.decode(verified)
        unauthorized = principal.unauthorized(
            {register.probe.id for register in registers}
        )
        if not unauthorized:
            return registers
        on_reject(
            exception.RejectedMessage(
                reason=principal.reason,
                detail=(
                    f'agent {name:.60} is not authorized to report probe '
                    f'{min(unauthorized):.60}'
                ),
            )
        )
        return [
            register
            for register in registers
            if register.probe.id not in unauthorized
        ]

    def _wrong_secret(
        self, name: str, key_id: str
    ) -> exception.RejectedMessage:
        if key_id in self._shared.key_ids:
            return exception.RejectedMessage(
                reason='shared_secret',
                detail=(
                    f'agent {name:.60} has its own secrets, but the message '
                    'is signed with the shared one'
                ),
            )
        return exception.RejectedMessage(
            reason='wrong_agent',
            detail=(
                f'message of agent {name:.60} is signed with the secret of '
                f'another agent, key id {key_id}'
            ),
        )


def load(conf: cfg.ConfigOpts) -> Verifier:
    """Load the shared secrets and those of single agents.

    An invalid ``[agent:<name>]`` section is an error, because without its
    section the agent would be accepted under the shared secret.

    :raises MissingSecrets: if there are none.
    :raises ConfigurationError: if a secret or a section is invalid.
    """
    shared = bus_transport.secrets(conf)
    valid, errors = sections.find(conf)
    for error in errors + unread.unknown_agents(conf):
        if not str(error.values['section']).startswith(
            (
                wattmeter.PREFIX,
                wattmeter.TEMPLATE_PREFIX,
                wattmeter.PROBE_PREFIX,
            )
        ):
            raise error
    agents = [
        _load_agent(conf, section, shared)
        for section in valid.values()
        if section.name.startswith(agent_secrets.PREFIX)
    ]
    verifier = Verifier(shared, agents)
    LOG.info(
        'Verifying with secrets that have the key ids %s; agents with their '
        'own secrets: %d',
        ', '.join(map(signing.key_id, shared)) or '-',
        len(agents),
    )
    return verifier


def _load_agent(
    conf: cfg.ConfigOpts,
    section: conf_section.Section,
    shared: collections.abc.Container[str],
) -> Agent:
    values = section.values(conf, agent_secrets.OPTS)
    if not fields.is_id(section.subject):
        raise section.error(
            '(name)',
            'expected the name of an agent: 1 to 190 printable characters',
        )
    for name in ('secrets', 'probes'):
        values[name] = list(filter(None, values[name]))
        if not values[name]:
            raise section.error(name, 'expected at least one value')
    if any(secret in shared for secret in values['secrets']):
        raise section.error(
            'secrets',
            'one of them is also in [bus] secrets; expected secrets that '
            'only this agent has',
        )
    return Agent(section.subject, values['secrets'], values['probes'])
